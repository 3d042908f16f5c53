#include "fcgi/rpc_circuit.h"

bool rpc_circuit_allows(struct rpc_circuit *c, int64_t now_us) {
    if (c->open_us == 0)
        return true;
    if (now_us < c->until_us)
        return false;
    c->until_us = now_us + c->open_us;
    return true;
}

int rpc_circuit_note(struct rpc_circuit *c, bool well, int64_t now_us) {
    bool was_open = c->open_us != 0;
    if (well) {
        *c = (struct rpc_circuit){0};
        return was_open ? -1 : 0;
    }
    if (++c->failures < RPC_CIRCUIT_FAILURES)
        return 0;
    c->open_us = c->open_us == 0 ? RPC_CIRCUIT_MIN_US : c->open_us * 2;
    if (c->open_us > RPC_CIRCUIT_MAX_US)
        c->open_us = RPC_CIRCUIT_MAX_US;
    c->until_us = now_us + c->open_us;
    return was_open ? 0 : 1;
}

int rpc_circuit_wait_s(const struct rpc_circuit *c, int64_t now_us) {
    int64_t us = c->until_us - now_us;
    return us <= 1000000 ? 1 : (int)((us + 999999) / 1000000);
}
