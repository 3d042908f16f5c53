/* What posts show of the pages that they link to. The media service looks at pages and says what it found;
 * the consumer `timelines` hears of the change and does the rest: read models, kept pages, streams. */
#include "fcgi/drivers/bus.h"
#include "gen/stubs.h"
#include "handlers/common/limit.h"
#include "handlers/post/rules.h"
#include "handlers/post/store_card.h"
#include "handlers/services.h"

enum code post_service_set_card(struct ctx *ctx, const Pb__SetCardRequest *req, Pb__Empty *reply) {
    struct post_read read;
    bool changed;
    enum code c;

    (void)reply;
    if ((c = limit_to_workers(ctx)) != OK || (c = post_store_read_one(ctx, 0, req->post_id, &read)) != OK)
        return c;
    if (post_is_gone(read.post))
        return fail(ctx, NOT_FOUND, "There is no such post.");
    if ((c = post_store_set_card(ctx, read.post, req->card, &changed)) == OK && changed)
        bus_wake(ctx, ctx->env->pg[SVC_POST]);
    return c;
}
