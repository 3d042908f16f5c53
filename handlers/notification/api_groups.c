/* Notifications in groups, as Mastodon's clients know them: what groups share, accounts and posts, stands
 * once beside them. */
#include <string.h>

#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/api_account.h"
#include "handlers/common/api_members.h"
#include "handlers/common/api_status.h"
#include "handlers/notification/api_shared.h"
#include "handlers/notification/kinds.h"

#define COUNT_LIMIT 100
#define COUNT_MAX 1000
#define ACCOUNTS_LIMIT 40
#define ACCOUNTS_MAX 80

/* ---- The entities */

struct group_view {
    const char *group_key, *type;
    int64_t count, newest_id, page_min_id, page_max_id, latest_ms, status_id;
    struct shape_list sample_ids;
};

#define AT(label, what, member) .name = (label), .kind = (what), .at = offsetof(struct group_view, member)
static const struct shape_field group_fields[] = {
    {AT("group_key", SHAPE_STR, group_key)},
    {AT("notifications_count", SHAPE_INT, count)},
    {AT("type", SHAPE_STR, type)},
    {AT("most_recent_notification_id", SHAPE_ID, newest_id)},
    {AT("page_min_id", SHAPE_ID, page_min_id), .optional = true},
    {AT("page_max_id", SHAPE_ID, page_max_id), .optional = true},
    {AT("latest_page_notification_at", SHAPE_TIME, latest_ms), .optional = true},
    {AT("sample_account_ids", SHAPE_IDS, sample_ids)},
    {AT("status_id", SHAPE_ID, status_id), .optional = true},
    {0},
};
#undef AT
static const struct shape group_shape = {"NotificationGroup", sizeof(struct group_view), group_fields,
                                         "Notifications that belong together."};

struct partial_view {
    int64_t id;
    const char *acct, *url, *avatar;
    bool locked, bot;
};
#define AT(label, what, member) .name = (label), .kind = (what), .at = offsetof(struct partial_view, member)
static const struct shape_field partial_fields[] = {
    {AT("id", SHAPE_ID, id)},
    {AT("acct", SHAPE_STR, acct)},
    {AT("locked", SHAPE_BOOL, locked)},
    {AT("bot", SHAPE_BOOL, bot)},
    {AT("url", SHAPE_URL, url)},
    {AT("avatar", SHAPE_URL, avatar)},
    {AT("avatar_static", SHAPE_URL, avatar)},
    {0},
};
#undef AT
static const struct shape partial_shape = {"PartialAccountWithAvatar", sizeof(struct partial_view),
                                           partial_fields, "As much of an account as its picture needs."};

struct groups_view {
    struct shape_json accounts, statuses;
    struct shape_list partial, groups;
};
#define AT(label, what, member) .name = (label), .kind = (what), .at = offsetof(struct groups_view, member)
static const struct shape_field groups_fields[] = {
    {AT("accounts", SHAPE_RAWS, accounts), .of = &api_account_shape},
    {AT("partial_accounts", SHAPE_LIST, partial), .of = &partial_shape, .optional = true,
     .words = "with expand_accounts=partial_avatars: those who are not in `accounts`"},
    {AT("statuses", SHAPE_RAWS, statuses), .of = &api_status_shape},
    {AT("notification_groups", SHAPE_LIST, groups), .of = &group_shape},
    {0},
};
#undef AT
const struct shape notification_api_groups_shape = {"GroupedNotifications", sizeof(struct groups_view),
                                                    groups_fields, "Groups, and what they are about."};

/* ---- Filling them */

struct ids {
    int64_t *all;
    size_t n;
};

static void add_id(struct ids *ids, int64_t id) {
    for (size_t i = 0; i < ids->n; i++)
        if (ids->all[i] == id)
            return;
    ids->all[ids->n++] = id;
}

static bool is_grouped(const char *kind, const char *const *grouped, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(grouped[i], kind) == 0)
            return true;
    return false;
}

/* Which kinds are grouped, by our names: those of grouped_types[] that can be; all that can, when it is not
 * said. */
static size_t grouped_kinds(struct request *req, const char ***ret) {
    const struct field_value *types = field_get(req, "grouped_types");
    int64_t can[KIND_END], said[KIND_END];
    size_t n_can = notification_grouped_kinds(can), n_said, n = 0;

    *ret = arena_many(req->ctx.arena, const char *, KIND_END);
    notification_kinds_named(types->texts, types->n_texts, said, &n_said);
    for (size_t i = 0; i < n_can; i++) {
        bool is_said = types->n_texts == 0;

        for (size_t k = 0; k < n_said; k++)
            is_said = is_said || said[k] == can[i];
        if (is_said)
            (*ret)[n++] = notification_kind(can[i])->name;
    }
    return n;
}

static struct shape_list sample_of(struct ctx *ctx, const struct notification_seen *seen) {
    int64_t *ids = arena_many(ctx->arena, int64_t, seen->n_sample + 1);

    for (size_t i = 0; i < seen->n_sample; i++)
        ids[i] = seen->sample[i]->id;
    if (seen->n_sample > 0)
        return (struct shape_list){ids, seen->n_sample};
    ids[0] = ctx->viewer_id; /* of the site: as the entity Notification has it */
    return (struct shape_list){ids, 1};
}

/* What a client that does not group a kind knows each of it by. */
static const char *key_of(struct ctx *ctx, const Pb__NotificationItem *item, const char *const *grouped,
                          size_t n) {
    bool can = notification_kind(notification_kind_named(item->kind))->grouped;

    return can && !is_grouped(item->kind, grouped, n)
               ? arena_printf(ctx->arena, "ungrouped-%lld", (long long)item->id)
               : item->group_key;
}

static struct group_view group_of(struct ctx *ctx, const struct notification_seen *seen) {
    const Pb__NotificationItem *item = seen->item;

    return (struct group_view){.group_key = item->group_key,
                               .type = notification_type(item->kind),
                               .count = item->count,
                               .newest_id = item->id,
                               .status_id = seen->post != NULL ? item->post_id : 0,
                               .sample_ids = sample_of(ctx, seen)};
}

static enum code add_statuses(struct ctx *ctx, const struct notification_seen *seen, size_t n,
                              struct groups_view *v) {
    Pb__PostItem **posts = arena_many(ctx->arena, Pb__PostItem *, n);
    struct ids ids = {arena_many(ctx->arena, int64_t, n), 0};
    size_t k = 0;

    for (size_t i = 0; i < n; i++) {
        size_t before = ids.n;

        if (seen[i].post == NULL)
            continue;
        add_id(&ids, seen[i].item->post_id);
        if (ids.n > before)
            posts[k++] = (Pb__PostItem *)(uintptr_t)seen[i].post;
    }
    return k > 0 ? api_statuses_ready(ctx, posts, k, &v->statuses) : OK;
}

static enum code add_partial(struct ctx *ctx, const struct ids *rest, struct groups_view *v) {
    const struct api_account **accounts = arena_many(ctx->arena, const struct api_account *, rest->n);
    struct partial_view *partial = arena_many(ctx->arena, struct partial_view, rest->n + 1);
    size_t n = 0;
    enum code c = rest->n > 0 ? api_accounts_get(ctx, rest->all, rest->n, accounts) : OK;

    for (size_t i = 0; i < rest->n && c == OK; i++)
        if (accounts[i] != NULL)
            partial[n++] = (struct partial_view){.id = accounts[i]->id,
                                                 .acct = accounts[i]->username,
                                                 .url = accounts[i]->url,
                                                 .avatar = accounts[i]->avatar,
                                                 .locked = accounts[i]->locked};
    v->partial = (struct shape_list){partial, n};
    return c;
}

/* Whole accounts; with `is_partial` only the latest one of each group, and the others by their pictures. */
static enum code add_accounts(struct ctx *ctx, const struct group_view *groups, size_t n, bool is_partial,
                              struct groups_view *v) {
    size_t room = 1;
    struct ids whole, rest;
    enum code c;

    for (size_t i = 0; i < n; i++)
        room += groups[i].sample_ids.n;
    whole = (struct ids){arena_many(ctx->arena, int64_t, room), 0};
    rest = (struct ids){arena_many(ctx->arena, int64_t, room), 0};
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < (is_partial ? 1 : groups[i].sample_ids.n); k++)
            add_id(&whole, ((const int64_t *)groups[i].sample_ids.items)[k]);
    if (whole.n > 0 && (c = api_members_ready(ctx, whole.all, whole.n, &v->accounts)) != OK)
        return c;
    if (!is_partial)
        return OK;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 1; k < groups[i].sample_ids.n; k++) {
            int64_t id = ((const int64_t *)groups[i].sample_ids.items)[k];
            bool is_whole = false;

            for (size_t j = 0; j < whole.n; j++)
                is_whole = is_whole || whole.all[j] == id;
            if (!is_whole)
                add_id(&rest, id);
        }
    return add_partial(ctx, &rest, v);
}

static enum code answer(struct request *req, const struct notification_seen *seen,
                        const struct group_view *groups, size_t n, bool is_partial) {
    struct groups_view v = {.groups = {groups, n}};
    enum code c;

    if ((c = add_accounts(&req->ctx, groups, n, is_partial, &v)) != OK ||
        (c = add_statuses(&req->ctx, seen, n, &v)) != OK)
        return c;
    return api_reply(req, &notification_api_groups_shape, &v);
}

/* ---- Endpoints */

enum code notification_api_groups(struct request *req) {
    struct ctx *ctx = &req->ctx;
    Pb__ListNotificationsRequest ask;
    static const Pb__NotificationsPage none = PB__NOTIFICATIONS_PAGE__INIT;
    const Pb__NotificationsPage *page = &none;
    struct notification_seen *seen;
    struct group_view *groups;
    const char **grouped;
    size_t n;
    enum code c;

    notification_api_ask(req, &ask);
    ask.n_grouped_kinds = grouped_kinds(req, &grouped);
    ask.grouped_kinds = grouped;
    ask.grouped = ask.n_grouped_kinds > 0;
    if ((ask.n_kinds > 0 && (c = notification_list_notifications(ctx, &ask, &page)) != OK) ||
        (c = notification_see(ctx, ctx->viewer_id, page->items, page->n_items, true, &seen, &n)) != OK)
        return c;
    groups = arena_many(ctx->arena, struct group_view, n + 1);
    for (size_t i = 0; i < n; i++) {
        groups[i] = group_of(ctx, &seen[i]);
        groups[i].group_key = key_of(ctx, seen[i].item, grouped, ask.n_grouped_kinds);
        groups[i].page_min_id = seen[i].item->oldest_id;
        groups[i].page_max_id = seen[i].item->id;
        groups[i].latest_ms = seen[i].item->created_ms;
    }
    api_link(req, page->next_max_id, page->first_id);
    return answer(req, seen, groups, n, strcmp(field_text(req, "expand_accounts"), "partial_avatars") == 0);
}

static enum code no_group(struct ctx *ctx) {
    return fail(ctx, NOT_FOUND, tr_mark("There is no such notification."));
}

enum code notification_api_group(struct request *req) {
    struct ctx *ctx = &req->ctx;
    Pb__ListNotificationsRequest ask = PB__LIST_NOTIFICATIONS_REQUEST__INIT;
    const Pb__NotificationsPage *page;
    struct notification_seen *seen;
    struct group_view group;
    size_t n;
    enum code c;

    ask.user_id = ctx->viewer_id;
    ask.group_key = req->args[0];
    if ((c = notification_list_notifications(ctx, &ask, &page)) != OK ||
        (c = notification_see(ctx, ctx->viewer_id, page->items, page->n_items, true, &seen, &n)) != OK)
        return c;
    if (n == 0)
        return no_group(ctx);
    group = group_of(ctx, &seen[0]);
    group.group_key = req->args[0];
    return answer(req, seen, &group, 1, false);
}

enum code notification_api_group_accounts(struct request *req) {
    struct ctx *ctx = &req->ctx;
    Pb__GroupActorsRequest ask = PB__GROUP_ACTORS_REQUEST__INIT;
    const Pb__GroupActorsReply *found;
    int64_t *ids;
    size_t n;
    enum code c;

    ask.user_id = ctx->viewer_id;
    ask.group_key = req->args[0];
    ask.before = field_int(req, "max_id");
    ask.limit = api_limit(req, ACCOUNTS_LIMIT, ACCOUNTS_MAX);
    if ((c = notification_list_group_actors(ctx, &ask, &found)) != OK)
        return c;
    if (found->n_ids == 0 && ask.before == 0)
        return no_group(ctx);
    n = found->n_ids;
    ids = arena_memdup(ctx->arena, found->ids, n * sizeof *ids);
    if ((c = api_members_visible(ctx, ids, &n)) != OK)
        return c;
    api_link(req, found->next, 0);
    return api_reply_members(req, ids, n);
}

enum code notification_api_group_count(struct request *req) {
    Pb__CountUnreadRequest ask = PB__COUNT_UNREAD_REQUEST__INIT;
    const char **grouped;

    ask.user_id = req->ctx.viewer_id;
    ask.limit = api_limit(req, COUNT_LIMIT, COUNT_MAX);
    ask.actor_id = field_int(req, "account_id");
    ask.n_kinds = notification_api_kinds(req, (const char ***)&ask.kinds);
    ask.n_grouped_kinds = grouped_kinds(req, &grouped);
    ask.grouped_kinds = grouped;
    ask.grouped = ask.n_grouped_kinds > 0;
    if (ask.n_kinds == 0)
        return api_reply(req, &notification_api_count_shape, &(int64_t){0});
    return notification_api_reply_count(req, &ask);
}

enum code notification_api_group_dismiss(struct request *req) {
    Pb__DismissRequest ask = PB__DISMISS_REQUEST__INIT;
    enum code c;

    ask.user_id = req->ctx.viewer_id;
    ask.group_key = req->args[0];
    return (c = notification_dismiss(&req->ctx, &ask, NULL)) != OK ? c : api_reply_empty(req);
}
