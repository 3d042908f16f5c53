/* What members show of themselves: cards, profiles, the directory. */
#include <string.h>

#include "fcgi/base/text.h"
#include "fcgi/i18n.h"
#include "fcgi/rpc.h"
#include "gen/stubs.h"
#include "handlers/common/limit.h"
#include "handlers/common/markdown.h"
#include "handlers/common/page_cache.h"
#include "handlers/user/rules.h"
#include "handlers/user/service.h"
#include "handlers/user/service_shared.h"

#define BATCH_MAX 10000
#define FILL_MAX \
    500 /* cards put back into Redis by one call: enough for any page, and an import does not fill it */
#define PAGE_MAX 100

static enum code too_many(struct ctx *ctx) {
    return fail(ctx, INVALID, "Ask for at most 10,000 members at once.");
}

enum code user_service_get_users(struct ctx *ctx, const Pb__GetUsersRequest *req, Pb__GetUsersReply *reply) {
    enum code c;

    if (req->n_ids > BATCH_MAX)
        return too_many(ctx);
    if (req->n_ids == 0)
        return OK;
    if ((c = user_store_cards(ctx, req->ids, req->n_ids, &reply->users, &reply->n_users)) != OK)
        return c;
    user_store_cards_fill(ctx, reply->users, reply->n_users < FILL_MAX ? reply->n_users : FILL_MAX);
    return OK;
}

enum code user_service_stream_users(struct ctx *ctx, Pb__SinceRequest *req, Pb__UsersPage *reply,
                                    bool *ret_more) {
    unsigned limit = limit_of(req->limit, BATCH_MAX, BATCH_MAX);
    enum code c = user_store_cards_after(ctx, req->after, limit, &reply->users, &reply->n_users);

    *ret_more = c == OK && reply->n_users == limit;
    if (*ret_more)
        reply->next = req->after = reply->users[limit - 1]->id;
    return c;
}

/* Handles are ASCII: what is not cannot be anybody's. */
static const char *folded_handle(struct ctx *ctx, const char *handle) {
    char *s;

    if (!text_is_handle(handle))
        return NULL;
    s = arena_strdup(ctx->arena, handle);
    for (char *p = s; *p != '\0'; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    return s;
}

enum code user_service_resolve_handles(struct ctx *ctx, const Pb__ResolveHandlesRequest *req,
                                       Pb__ResolveHandlesReply *reply) {
    const char **folded = arena_many(ctx->arena, const char *, req->n_handles);
    size_t n = 0;

    if (req->n_handles > BATCH_MAX)
        return too_many(ctx);
    for (size_t i = 0; i < req->n_handles; i++)
        if ((folded[n] = folded_handle(ctx, req->handles[i])) != NULL)
            n++;
    if (n == 0)
        return OK;
    return user_store_cards_by_handle(ctx, folded, n, &reply->users, &reply->n_users);
}

enum code user_service_get_profile(struct ctx *ctx, const Pb__GetProfileRequest *req, Pb__Profile *reply) {
    Pb__Profile *p = NULL;
    enum code c = OK;

    if (req->id != 0 || text_is_handle(req->handle))
        c = user_store_profile(ctx, req->id, req->handle, &p);
    if (c != OK)
        return c;
    if (p == NULL)
        return fail(ctx, NOT_FOUND, tr_mark("There is no member of this name. Check the spelling."));
    *reply = *p;
    return OK;
}

void user_service_get_profiles_ahead(struct ctx *ctx, const Pb__GetProfilesRequest *req) {
    if (req->n_ids > 0 && req->n_ids <= BATCH_MAX)
        user_store_profiles_ahead(ctx, req->ids, req->n_ids);
}

enum code user_service_get_profiles(struct ctx *ctx, const Pb__GetProfilesRequest *req,
                                    Pb__ProfilesReply *reply) {
    if (req->n_ids > BATCH_MAX)
        return too_many(ctx);
    if (req->n_ids == 0)
        return OK;
    return user_store_profiles(ctx, req->ids, req->n_ids, &reply->profiles, &reply->n_profiles);
}

/* Fields as they are kept: cleaned, without empty ones, each with a name. */
static enum code clean_fields(struct ctx *ctx, const Pb__UpdateProfileRequest *req,
                              struct profile_words *ret) {
    const char **names = arena_many(ctx->arena, const char *, RULES_FIELDS_MAX);
    const char **values = arena_many(ctx->arena, const char *, RULES_FIELDS_MAX);
    const char *name, *value;

    if (req->n_fields > RULES_FIELDS_MAX)
        return fail_field(ctx, "fields", tr_mark("A profile has room for four fields."));
    for (size_t i = 0; i < req->n_fields; i++) {
        const char *name_field = arena_printf(ctx->arena, "field_name_%zu", i + 1);
        const char *value_field = arena_printf(ctx->arena, "field_value_%zu", i + 1);

        if (user_line(ctx, name_field, req->fields[i]->name, RULES_FIELD_NAME_MAX, &name) != OK ||
            user_line(ctx, value_field, req->fields[i]->value, RULES_FIELD_VALUE_MAX, &value) != OK)
            continue;
        if (text_is_empty(name) && !text_is_empty(value))
            fail_field(ctx, name_field, tr_mark("Give this field a name, such as “Website”."));
        if (text_is_empty(value))
            continue;
        names[ret->n_fields] = name;
        values[ret->n_fields++] = value;
    }
    ret->field_names = names;
    ret->field_values = values;
    return ctx_failed(ctx) ? ctx->error.code : OK;
}

static enum code clean_profile(struct ctx *ctx, const Pb__UpdateProfileRequest *req,
                               struct profile_words *ret) {
    struct safe_html html = {"", 0};
    enum code c;

    *ret = (struct profile_words){0};
    user_line(ctx, "name", req->name, RULES_NAME_MAX, &ret->name);
    user_line(ctx, "headline", req->headline, RULES_HEADLINE_MAX, &ret->headline);
    user_text(ctx, "bio", req->bio, RULES_BIO_MAX, &ret->bio);
    if ((c = clean_fields(ctx, req, ret)) != OK)
        return c;
    if (!text_is_empty(ret->bio) && (c = markdown_render(ctx, ret->bio, &html)) != OK)
        return c;
    ret->bio_html = arena_strndup(ctx->arena, html.p, html.n);
    return OK;
}

enum code user_service_update_profile(struct ctx *ctx, const Pb__UpdateProfileRequest *req,
                                      Pb__Profile *reply) {
    Pb__GetProfileRequest get = PB__GET_PROFILE_REQUEST__INIT;
    struct profile_words words;
    struct person *p;
    const char **found_by;
    bool ok;
    enum code c;

    if ((c = user_person(ctx, req->user_id, &p)) != OK || (c = clean_profile(ctx, req, &words)) != OK)
        return c;
    words.n_words = user_words(ctx, p->card->handle, words.name, words.headline, &found_by);
    words.words = found_by;
    words.if_version = req->if_version;
    c = user_store_profile_set(ctx, req->user_id, &words, &ok);
    if ((c = user_changed_or_stale(ctx, c, &ok, req->if_version)) != OK)
        return c;
    user_publish(ctx, req->user_id);
    get.id = req->user_id;
    return user_service_get_profile(ctx, &get, reply);
}

enum code user_service_list_directory(struct ctx *ctx, const Pb__DirectoryRequest *req,
                                      Pb__UsersPage *reply) {
    size_t limit = limit_of(req->limit, 40, PAGE_MAX);
    const char *query = text_is_empty(req->query) ? NULL : rules_tsquery(ctx->arena, req->query);

    if (!text_is_empty(req->query) && query == NULL)
        return OK; /* only signs, no word: nobody */
    return user_store_directory(ctx, strcmp(req->order, "new") != 0, query, req->before, req->offset, limit,
                                &reply->users, &reply->n_users, &reply->next);
}

enum code user_service_search_users(struct ctx *ctx, const Pb__SearchUsersRequest *req,
                                    Pb__UsersPage *reply) {
    const char *handle = req->query[0] == '@' ? req->query + 1 : req->query;
    struct member_search search = {
        .tsquery = rules_tsquery(ctx->arena, req->query),
        .handle = text_is_handle(handle) ? handle : "",
        .known = req->known_ids,
        .n_known = req->n_known_ids,
        .known_only = req->known_only,
        .offset = req->offset,
        .limit = limit_of(req->limit, 40, PAGE_MAX),
    };

    if (req->n_known_ids > BATCH_MAX)
        return too_many(ctx);
    if (search.tsquery == NULL)
        return OK; /* only signs, no word: nobody */
    return user_store_search(ctx, &search, &reply->users, &reply->n_users);
}
