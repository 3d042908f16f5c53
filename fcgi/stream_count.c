/* How many streams a member and an address have, over all hubs of the machine, and what hubs count. Each hub
 * has a row of its own in shared memory, so that one that was killed leaves nothing behind: its successor
 * empties the row. Members and addresses are counted by a hash; two that share one share a limit. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "fcgi/config.h"
#include "fcgi/metrics.h"
#include "fcgi/stream_hub.h"

#define HUBS 16
#define CELLS 65536

struct row {
    _Atomic uint16_t members[CELLS], addresses[CELLS];
};

static struct row *rows;
static int numbers[STREAM_NUMBERS], open_streams[HUBS];

void stream_count_init(int hubs) {
    static const struct {
        const char *name, *help;
    } all[STREAM_NUMBERS] = {
        [STREAM_N_EVENTS] = {"deeplink_stream_events_total", "Events that came from Redis."},
        [STREAM_N_DELIVERED] = {"deeplink_stream_deliveries_total", "Messages written to streams."},
        [STREAM_N_SLOW] = {"deeplink_stream_slow_total", "Streams dropped since their reader was too slow."},
        [STREAM_N_MISSED] = {"deeplink_stream_missed_total",
                             "Streams that were told that they missed more than is kept."},
        [STREAM_N_REFUSED] = {"deeplink_stream_refused_total", "Streams refused, by ticket or limit."},
        [STREAM_N_ENDED] = {"deeplink_stream_ended_total",
                            "Streams closed since their session or token has ended."},
    };
    void *p = mmap(NULL, HUBS * sizeof *rows, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    rows = p != MAP_FAILED ? p : NULL;
    metrics_init();
    for (int i = 0; i < STREAM_NUMBERS; i++)
        numbers[i] = metrics_register(METRIC_COUNTER, all[i].name, "", all[i].help);
    for (int i = 0; i < hubs && i < HUBS; i++) {
        char label[32];

        snprintf(label, sizeof label, "hub=\"%d\"", i);
        open_streams[i] = metrics_register(METRIC_GAUGE, "deeplink_streams", label, "Open streams.");
    }
}

void stream_count_reset(int slot) {
    if (rows != NULL && slot < HUBS)
        memset(&rows[slot], 0, sizeof rows[slot]);
    stream_open_set(slot, 0);
}

static unsigned cell_of(const void *p, size_t n) {
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */

    for (const unsigned char *at = p; n > 0; n--, at++)
        hash = (hash ^ *at) * UINT64_C(1099511628211);
    return (unsigned)((hash ^ hash >> 32) % CELLS);
}

static int total(size_t which, unsigned cell) {
    int n = 0;

    for (int i = 0; i < HUBS; i++)
        n += which == 0 ? rows[i].members[cell] : rows[i].addresses[cell];
    return n;
}

bool stream_count_add(int slot, const struct config *config, int64_t member_id, const char *ip) {
    unsigned member = cell_of(&member_id, sizeof member_id), address = cell_of(ip, strlen(ip));

    if (rows == NULL || slot >= HUBS)
        return true;
    if (config->rate_limits &&
        (total(0, member) >= config->stream_member_max || total(1, address) >= config->stream_address_max))
        return false;
    rows[slot].members[member]++;
    rows[slot].addresses[address]++;
    return true;
}

void stream_count_remove(int slot, int64_t member_id, const char *ip) {
    unsigned member = cell_of(&member_id, sizeof member_id), address = cell_of(ip, strlen(ip));

    if (rows == NULL || slot >= HUBS)
        return;
    rows[slot].members[member]--;
    rows[slot].addresses[address]--;
}

void stream_number(enum stream_number which, uint64_t n) { metrics_add(numbers[which], n); }

void stream_open_set(int slot, size_t n) {
    if (slot < HUBS)
        metrics_set(open_streams[slot], (int64_t)n);
}
