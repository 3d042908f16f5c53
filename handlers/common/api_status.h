/* A post as Mastodon's clients know one: the entity Status. Every JSON answer that shows a post takes it from
 * here. What is the same for all readers (words, author) is made once and kept in the worker as ready bytes;
 * only counts and what the reader did are written each time. */
#ifndef DEEPLINK_COMMON_API_STATUS_H
#define DEEPLINK_COMMON_API_STATUS_H

#include "deeplink/v1/post.pb-c.h"
#include "fcgi/request.h"
#include "fcgi/shape.h"

extern const struct shape api_status_shape; /* "Status" */
extern const struct shape api_status_tag_shape, api_mention_shape;

/* Answers with one post as the reader of this request sees it. text: what its author typed, for an answer to
 * a deletion; else NULL. */
enum code api_status_reply(struct request *req, const Pb__PostItem *item, const char *text);

/* Answers with a list of posts; ETag and 304 by cheap facts, before any of it is written. */
enum code api_statuses_reply(struct request *req, Pb__PostItem *const *items, size_t n);

/* A list "[…]" or one "{…}" as ready JSON, to stand in another entity (SHAPE_RAWS, SHAPE_RAW). In the
 * request's arena. */
enum code api_statuses_ready(struct ctx *ctx, Pb__PostItem *const *items, size_t n, struct shape_json *ret);
/* Each by itself, in a few rounds for all: ret[i] is "{…}" of items[i], n == 0 where its author is gone. */
enum code api_statuses_each(struct ctx *ctx, Pb__PostItem *const *items, size_t n, struct shape_json *ret);
/* The same of what their reader was just told of, so that none of the conversations is muted. */
enum code api_statuses_heard(struct ctx *ctx, Pb__PostItem *const *items, size_t n, struct shape_json *ret);
enum code api_status_ready(struct ctx *ctx, const Pb__PostItem *item, struct shape_json *ret);

/* One "{…}" as streams tell it to all readers alike: without what a reader did, as Mastodon leaves it out. */
enum code api_status_for_streams(struct ctx *ctx, const Pb__PostItem *item, struct shape_json *ret);

/* The address of a member's post; in the request's arena. */
const char *api_status_url(struct ctx *ctx, const char *handle, int64_t id);

/* public, unlisted, private, direct; and back (anything else: direct). */
const char *api_visibility(Pb__Audience audience);
Pb__Audience api_audience(const char *visibility);

#endif
