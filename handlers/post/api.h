/* The post service's JSON endpoints as Mastodon's clients know them, one function an endpoint; addresses
 * stand in routes_api.c. */
#ifndef DEEPLINK_POST_API_H
#define DEEPLINK_POST_API_H

#include "fcgi/request.h"
#include "fcgi/shape.h"

extern const struct shape post_api_source_shape;  /* "StatusSource" */
extern const struct shape post_api_edit_shape;    /* "StatusEdit" */
extern const struct shape post_api_context_shape; /* "Context" */
extern const struct shape post_api_tag_shape;     /* "Tag" */

/* ---- One status (api.c) */

enum code post_api_create(struct request *req);
enum code post_api_get(struct request *req);
enum code post_api_get_many(struct request *req);
enum code post_api_edit(struct request *req);
enum code post_api_delete(struct request *req);
enum code post_api_source(struct request *req);
enum code post_api_history(struct request *req);
enum code post_api_card(struct request *req);
enum code post_api_translate(struct request *req);

/* ---- Around it (api_react.c) */

enum code post_api_context(struct request *req);
enum code post_api_favourited_by(struct request *req);
enum code post_api_reblogged_by(struct request *req);
enum code post_api_favourite(struct request *req);
enum code post_api_unfavourite(struct request *req);
enum code post_api_reblog(struct request *req);
enum code post_api_unreblog(struct request *req);
enum code post_api_bookmark(struct request *req);
enum code post_api_unbookmark(struct request *req);
enum code post_api_pin(struct request *req);
enum code post_api_unpin(struct request *req);
enum code post_api_mute(struct request *req);
enum code post_api_unmute(struct request *req);

/* ---- Streams (api_streams.c) */

enum code post_api_streaming(struct request *req);
enum code post_api_stream(struct request *req);
enum code post_api_stream_of(struct request *req);
enum code post_page_live(struct request *req); /* of our own pages */

/* ---- Timelines (api_timelines.c) */

/* Queues what the home timeline reads behind the session's look-up; claimed_user 0: drop it. */
void post_api_home_prefetch(struct request *req, int64_t claimed_user);

enum code post_api_home(struct request *req);
enum code post_api_public(struct request *req);
enum code post_api_tag_timeline(struct request *req);
enum code post_api_list(struct request *req);
enum code post_api_link(struct request *req);
enum code post_api_favourites(struct request *req);
enum code post_api_bookmarks(struct request *req);
enum code post_api_account_statuses(struct request *req);
enum code post_api_trending_statuses(struct request *req);

/* ---- Tags (api_tags.c) */

enum code post_api_tag(struct request *req);
enum code post_api_follow_tag(struct request *req);
enum code post_api_unfollow_tag(struct request *req);
enum code post_api_followed_tags(struct request *req);
enum code post_api_trending_tags(struct request *req);

/* Searching (api_search.c). */
extern const struct shape post_api_search_shape;    /* "Search" */
extern const struct shape post_api_search_v1_shape; /* "SearchV1" */
enum code post_api_search(struct request *req);
enum code post_api_search_v1(struct request *req);

#endif
