/* A member as Mastodon's clients know one: the entity Account. Every JSON answer that shows a member takes it
 * from here. */
#ifndef DEEPLINK_COMMON_API_ACCOUNT_H
#define DEEPLINK_COMMON_API_ACCOUNT_H

#include "deeplink/v1/user.pb-c.h"
#include "fcgi/ctx.h"
#include "fcgi/shape.h"

struct api_account_field {
    const char *name, *value; /* value: HTML */
    int64_t verified_ms;      /* 0: not */
};

struct api_account {
    int64_t id;
    const char *username, *display_name;
    const char *url;                         /* of the profile; also its uri */
    const char *note;                        /* the bio as HTML */
    const char *avatar;                      /* absolute URL; also avatar_static */
    const char *header;                      /* absolute URL; also header_static */
    const char *avatar_words, *header_words; /* descriptions */
    bool locked, discoverable, noindex, indexable, hide_collections, suspended;
    bool no;                /* what no account is here: a bot, a group */
    int64_t created_ms;     /* midnight of the day */
    int64_t last_status_ms; /* 0: none */
    int64_t followers, following, posts;
    const char *headline;     /* ours */
    struct shape_list fields; /* struct api_account_field */
};

extern const struct shape api_account_shape;       /* "Account" */
extern const struct shape api_account_field_shape; /* "Field" */

/* The members of these ids, in order; NULL where there is none (any more). A suspended one is shown without
 * what it says of itself. Read in a few rounds, whatever n. Counts may be up to a minute old: lists show them
 * beside many posts. Counts of followers are 0 to others where the member keeps those lists to itself. They
 * live until the request ends. */
enum code api_accounts_get(struct ctx *ctx, const int64_t *ids, size_t n, const struct api_account **ret);

/* The same as JSON that is ready (for SHAPE_RAW of api_account_shape): kept by this worker and made anew only
 * when card or counts are. n == 0 where there is none. It lives until the request ends. */
enum code api_accounts_json(struct ctx *ctx, const int64_t *ids, size_t n, struct shape_json *ret);

/* The same for one, NOT_FOUND when there is none, with the counts of this moment. */
enum code api_account_get(struct ctx *ctx, int64_t id, const struct api_account **ret);

/* The profile's own fields as the entity shows them: values as HTML, addresses as links. */
struct shape_list api_account_fields(struct ctx *ctx, Pb__ProfileField *const *fields, size_t n);

#endif
