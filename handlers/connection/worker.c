#include "handlers/connection/worker.h"

#include "deeplink/v1/connection.pb-c.h"
#include "fcgi/rpc.h"
#include "handlers/common/page_cache.h"
#include "handlers/connection/store.h"
#include "handlers/services.h"

static enum code repair(struct ctx *ctx, const struct event *events, size_t n) {
    int64_t *viewers = arena_many(ctx->arena, int64_t, 2 * n);
    struct page_purge purge;
    size_t k = 0;

    page_purge_init(&purge, ctx);
    for (size_t i = 0; i < n; i++) {
        const Pb__EdgeChanged *e = (const Pb__EdgeChanged *)rpc_unpack(ctx, &pb__edge_changed__descriptor,
                                                                       events[i].body, events[i].n);

        viewers[k++] = events[i].key;
        page_purge_add(&purge, 'u', events[i].key);
        if (e != NULL && e->target_id != 0) {
            viewers[k++] = e->target_id;
            page_purge_add(&purge, 'u', e->target_id);
        }
    }
    connection_store_forget(ctx, viewers, k);
    page_purge_run(&purge);
    return OK;
}

static const char *const topics[] = {"graph.v1", NULL};
static const char *const erase_topics[] = {"erase.v1", "erase.connection.v1", NULL};

const struct consumer connection_consumers[] = {
    {.name = "relations", .service = SVC_CONNECTION, .topics = topics, .batch = 100, .handle = repair},
    {.name = "erase-edges",
     .service = SVC_CONNECTION,
     .topics = erase_topics,
     .batch = 1,
     .handle = connection_erase_events},
    {0},
};
