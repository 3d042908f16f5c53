#include "handlers/common/api_search.h"

#include <string.h>
#include <strings.h>

#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "gen/stubs.h"
#include "handlers/common/api_members.h"

/* The site's host, and its port where it has one of its own. */
static const char *host_of(struct ctx *ctx) {
    const char *base = ctx->env->config->base_url, *at = strstr(base, "://");

    at = at != NULL ? at + 3 : base;
    return arena_strndup(ctx->arena, at, strcspn(at, "/"));
}

static bool is_here(struct ctx *ctx, const char *domain) {
    const char *host = host_of(ctx);
    size_t n = strcspn(host, ":");

    return strcasecmp(domain, host) == 0 || (strlen(domain) == n && strncasecmp(domain, host, n) == 0);
}

const char *api_search_handle(struct ctx *ctx, const char *text) {
    const char *base = ctx->env->config->base_url, *at;
    size_t n = strlen(base);

    if (strncasecmp(text, base, n) == 0 && text_starts(text + n, "/@"))
        text += n + 2;
    else if (*text == '@')
        text++;
    at = strchr(text, '@');
    if (at != NULL && !is_here(ctx, at + 1))
        return NULL;
    if (at != NULL)
        text = arena_strndup(ctx->arena, text, (size_t)(at - text));
    return text_is_handle(text) ? text : NULL;
}

static enum code followed(struct ctx *ctx, const Pb__IdsReply **ret) {
    Pb__IdsRequest ask = PB__IDS_REQUEST__INIT;

    ask.user_id = ctx->viewer_id;
    return connection_followee_ids(ctx, &ask, ret);
}

/* Whether the text names somebody of another site, who cannot be found here. */
static bool is_elsewhere(struct ctx *ctx, const char *q) {
    const char *at = strchr(*q == '@' ? q + 1 : q, '@');

    return at != NULL && strchr(q, ' ') == NULL && api_search_handle(ctx, q) == NULL;
}

enum code api_search_members(struct ctx *ctx, const struct api_search *s, int64_t **ret_ids, size_t *ret_n) {
    static const Pb__IdsReply nobody = PB__IDS_REPLY__INIT;
    Pb__SearchUsersRequest ask = PB__SEARCH_USERS_REQUEST__INIT;
    const char *handle = api_search_handle(ctx, s->q);
    const Pb__IdsReply *known = &nobody;
    const Pb__UsersPage *found;
    enum code c;

    *ret_n = 0;
    if (is_elsewhere(ctx, s->q))
        return OK;
    if (ctx->viewer_id != 0 && (c = followed(ctx, &known)) != OK)
        return c;
    ask.query = handle != NULL ? handle : s->q;
    ask.known_ids = known->ids;
    ask.n_known_ids = known->n_ids;
    ask.known_only = s->following;
    ask.offset = s->offset;
    ask.limit = s->limit;
    if ((c = user_search_users(ctx, &ask, &found)) != OK)
        return c;
    *ret_n = found->n_users;
    *ret_ids = api_card_ids(ctx, found->users, found->n_users);
    return api_members_visible(ctx, *ret_ids, ret_n);
}
