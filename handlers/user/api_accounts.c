/* Accounts of members: one, several, by name, by words, the directory. */
#include "handlers/user/api_accounts.h"

#include <string.h>
#include <strings.h>

#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/api.h"
#include "handlers/common/api_account.h"
#include "handlers/common/api_members.h"
#include "handlers/common/api_search.h"
#include "handlers/common/edge.h"
#include "handlers/common/models.h"

#define LIST_LIMIT 40
#define LIST_MOST 80

static enum code answer(struct request *req, int64_t id) {
    const struct api_account *account;
    enum code c = api_account_get(&req->ctx, id, &account);

    return c != OK ? c : api_reply(req, &api_account_shape, account);
}

enum code user_api_account(struct request *req) {
    const Pb__UserCard *card;
    enum code c = api_member_shown(req, &card);

    return c != OK ? c : answer(req, card->id);
}

enum code user_api_accounts(struct request *req) {
    const struct field_value *asked = field_get(req, "id");
    int64_t *ids = arena_memdup(req->ctx.arena, asked->ids, asked->n_ids * sizeof *asked->ids);
    size_t n = asked->n_ids;
    enum code c = api_members_visible(&req->ctx, ids, &n);

    return c != OK ? c : api_reply_members(req, ids, n);
}

enum code user_api_lookup(struct request *req) {
    struct ctx *ctx = &req->ctx;
    const char *handle = api_search_handle(ctx, field_text(req, "acct"));
    const Pb__UserCard *card;
    uint32_t edges;
    enum code c;

    if (handle == NULL)
        return fail(ctx, NOT_FOUND, tr_mark("There is no member of this name. Check the spelling."));
    if ((c = card_by_handle(ctx, handle, &card)) != OK ||
        (c = edges_get(ctx, ctx->viewer_id, &card->id, 1, &edges)) != OK)
        return c;
    if (card->state != PB__ACCOUNT_STATE__STATE_ACTIVE || (edges & EDGE_BLOCKED_BY) != 0)
        return fail(ctx, NOT_FOUND, tr_mark("There is no member of this name. Check the spelling."));
    return answer(req, card->id);
}

enum code user_api_search(struct request *req) {
    int64_t *ids;
    size_t n;
    enum code c = api_search_members(&req->ctx,
                                     &(struct api_search){.q = field_text(req, "q"),
                                                          .following = field_bool(req, "following"),
                                                          .offset = (uint32_t)field_int(req, "offset"),
                                                          .limit = api_limit(req, LIST_LIMIT, LIST_MOST)},
                                     &ids, &n);

    return c != OK ? c : api_reply_members(req, ids, n);
}

enum code user_api_directory(struct request *req) {
    Pb__DirectoryRequest ask = PB__DIRECTORY_REQUEST__INIT;
    const Pb__UsersPage *found;
    int64_t *ids;
    size_t n;
    enum code c;

    ask.order = field_text(req, "order");
    ask.offset = (uint32_t)field_int(req, "offset");
    ask.limit = api_limit(req, LIST_LIMIT, LIST_MOST);
    if ((c = user_list_directory(&req->ctx, &ask, &found)) != OK)
        return c;
    n = found->n_users;
    ids = api_card_ids(&req->ctx, found->users, n);
    if ((c = api_members_visible(&req->ctx, ids, &n)) != OK)
        return c;
    return api_reply_members(req, ids, n);
}

/* What no member has here, such as featured tags: but only of members that there are. */
enum code user_api_none_of_member(struct request *req) {
    const Pb__UserCard *card;
    enum code c = api_member_shown(req, &card);

    return c != OK ? c : api_reply_none(req);
}
