/* What administrators see, on pages and by programs. */
#include "fcgi/base/clock.h"
#include "fcgi/config.h"
#include "handlers/common/models.h"
#include "handlers/user/audit.h"
#include "handlers/user/view.h"

enum code user_view_audit(struct ctx *ctx, const struct audit_page *found, const struct audit_row **ret) {
    struct audit_row *rows = arena_many(ctx->arena, struct audit_row, found->n);
    int64_t *ids = arena_many(ctx->arena, int64_t, 2 * found->n);
    const Pb__UserCard **cards = arena_many(ctx->arena, const Pb__UserCard *, 2 * found->n);
    enum code c;

    for (size_t i = 0; i < found->n; i++) {
        ids[2 * i] = found->items[i].actor_id;
        ids[2 * i + 1] = found->items[i].target_id;
    }
    if ((c = cards_get(ctx, ids, 2 * found->n, cards)) != OK)
        return c;
    for (size_t i = 0; i < found->n; i++) {
        const struct audit_item *e = &found->items[i];

        rows[i] = (struct audit_row){.at_ms = e->at_ms,
                                     .actor = cards[2 * i],
                                     .target = cards[2 * i + 1],
                                     .what = user_view_kind(ctx->lang, e->kind),
                                     .note = e->detail,
                                     .ip = e->ip};
    }
    *ret = rows;
    return OK;
}

struct invite_row user_view_invite(struct ctx *ctx, const Pb__Invite *invite) {
    bool used_up = invite->max_uses > 0 && invite->uses >= invite->max_uses;
    bool over = invite->expires_ms > 0 && invite->expires_ms <= clock_now_ms();

    return (struct invite_row){
        .invite = invite,
        .url = arena_printf(ctx->arena, "%s/invite/%s", ctx->env->config->base_url, invite->code),
        .spent = used_up || over};
}
