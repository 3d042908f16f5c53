#include "fcgi/base/id.h"

#include <stdatomic.h>
#include <stddef.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/clock.h"

#define SEQ_BITS 12
#define NODE_BITS 10
#define TIME_MAX ((INT64_C(1) << 41) - 1)

/* Milliseconds since the epoch and sequence of the newest id, in one number that only grows. */
static _Atomic int64_t newest;
static _Atomic unsigned own_node;

void id_set_node(unsigned node) {
    atomic_store(&own_node, node & ((1u << NODE_BITS) - 1));
    /* A smaller node within the same millisecond would make a smaller id: go on in the next one. */
    int64_t last = atomic_load(&newest);
    while (!atomic_compare_exchange_weak(&newest, &last, ((last >> SEQ_BITS) + 1) << SEQ_BITS))
        ;
}

int64_t id_next(void) {
    int64_t ms = clock_now_ms() - ID_EPOCH_MS;
    int64_t now = (ms < 0 ? 0 : ms > TIME_MAX ? TIME_MAX : ms) << SEQ_BITS;
    int64_t last = atomic_load(&newest);
    int64_t next;
    /* More than 4,096 in a millisecond borrow from the next one; so does a clock that stepped back. */
    do {
        next = now > last ? now : last + 1;
    } while (!atomic_compare_exchange_weak(&newest, &last, next));
    int64_t seq = next & ((1 << SEQ_BITS) - 1);
    return (next >> SEQ_BITS) << (NODE_BITS + SEQ_BITS) | (int64_t)atomic_load(&own_node) << SEQ_BITS | seq;
}

int64_t id_at(int64_t unix_ms) {
    static _Atomic unsigned turn;
    int64_t seq = atomic_fetch_add(&turn, 1) & ((1u << SEQ_BITS) - 1);
    return id_floor_at(unix_ms) | (int64_t)atomic_load(&own_node) << SEQ_BITS | seq;
}

int64_t id_floor_at(int64_t unix_ms) {
    if (unix_ms <= ID_EPOCH_MS)
        return 0;
    int64_t ms = unix_ms - ID_EPOCH_MS;
    return ms > TIME_MAX ? INT64_MAX : ms << (NODE_BITS + SEQ_BITS);
}

int64_t id_time_ms(int64_t id) { return (id >> (NODE_BITS + SEQ_BITS)) + ID_EPOCH_MS; }

bool id_parse(const char *s, int64_t *ret_id) {
    if (s == NULL)
        return false;
    uint64_t v = 0; /* 19 digits fit */
    int n = 0;
    for (; s[n] >= '0' && s[n] <= '9'; n++) {
        if (n == ID_STR_MAX - 1)
            return false;
        v = v * 10 + (uint64_t)(s[n] - '0');
    }
    if (n == 0 || s[n] != '\0' || v == 0 || v > INT64_MAX)
        return false;
    *ret_id = (int64_t)v;
    return true;
}

int id_format(int64_t id, char out[ID_STR_MAX]) {
    char digits[ID_STR_MAX];
    int n = 0;
    uint64_t v = id < 0 ? 0 : (uint64_t)id; /* ids are positive; 0 stands for none */
    do {
        digits[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    for (int i = 0; i < n; i++)
        out[i] = digits[n - 1 - i];
    out[n] = '\0';
    return n;
}

char *id_str(struct arena *a, int64_t id) {
    char out[ID_STR_MAX];
    int n = id_format(id, out);
    return arena_memdup(a, out, (size_t)n + 1);
}

bool id_among(int64_t id, const int64_t *ids, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (ids[i] == id)
            return true;
    return false;
}
