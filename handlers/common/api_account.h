/* A member as Mastodon's clients know one: the entity Account. Every JSON answer that shows a member takes it
 * from here. */
#ifndef DEEPLINK_COMMON_API_ACCOUNT_H
#define DEEPLINK_COMMON_API_ACCOUNT_H

#include "fcgi/ctx.h"
#include "fcgi/shape.h"

struct api_account_field {
    const char *name, *value; /* value: HTML */
};

struct api_account {
    int64_t id;
    const char *username, *display_name;
    const char *url;    /* of the profile; also its uri */
    const char *note;   /* the bio as HTML */
    const char *avatar; /* absolute URL; also avatar_static */
    const char *header; /* absolute URL; also header_static */
    bool locked, discoverable, noindex, hide_collections, suspended;
    int64_t created_ms;     /* midnight of the day */
    int64_t last_status_ms; /* 0: none */
    int64_t followers, following, posts;
    const char *headline;     /* ours */
    struct shape_list fields; /* struct api_account_field */
};

extern const struct shape api_account_shape;       /* "Account" */
extern const struct shape api_account_field_shape; /* "Field" */

/* The members of these ids, in order; NULL where there is none (any more). Read in a few rounds, whatever n.
 * Counts may be up to a minute old: lists show them beside many posts. */
enum code api_accounts_get(struct ctx *ctx, const int64_t *ids, size_t n, const struct api_account **ret);

/* The same for one, NOT_FOUND when there is none, with the counts of this moment. */
enum code api_account_get(struct ctx *ctx, int64_t id, const struct api_account **ret);

#endif
