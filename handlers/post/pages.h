/* The post service's pages, one function an endpoint; addresses stand in routes.c. */
#ifndef DEEPLINK_POST_PAGES_H
#define DEEPLINK_POST_PAGES_H

#include "fcgi/request.h"

/* ---- Timelines (pages_timelines.c) */

/* Queue what the home page and its fragment read behind the session's look-up; claimed_user 0: drop it. */
void post_page_front_prefetch(struct request *req, int64_t claimed_user);
void post_page_fragment_home_prefetch(struct request *req, int64_t claimed_user);

enum code post_page_front(struct request *req);
enum code post_page_local(struct request *req);
enum code post_page_tags(struct request *req);
enum code post_page_tag(struct request *req);
enum code post_page_follow_tag(struct request *req);
enum code post_page_unfollow_tag(struct request *req);
enum code post_page_bookmarks(struct request *req);
enum code post_page_likes(struct request *req);
enum code post_page_list(struct request *req);
enum code post_page_fragment_list(struct request *req);
enum code post_page_fragment_home(struct request *req);
enum code post_page_fragment_local(struct request *req);
enum code post_page_fragment_tag(struct request *req);
enum code post_page_fragment_user(struct request *req);

/* ---- Feeds (pages_feeds.c) */

enum code post_page_user_feed(struct request *req);
enum code post_page_tag_feed(struct request *req);

/* ---- Profiles (pages_profile.c) */

enum code post_page_profile(struct request *req);
void post_page_profile_prefetch(struct request *req, int64_t claimed_user);
enum code post_page_replies(struct request *req);
void post_page_replies_prefetch(struct request *req, int64_t claimed_user);

/* ---- One post (pages_thread.c) */

enum code post_page_thread(struct request *req);
void post_page_thread_prefetch(struct request *req, int64_t claimed_user);
enum code post_page_history(struct request *req);
enum code post_page_media(struct request *req); /* pages_media.c */
enum code post_page_who_liked(struct request *req);
enum code post_page_who_reposted(struct request *req);

/* ---- Writing (pages_write.c) */

enum code post_page_compose(struct request *req);
enum code post_page_create(struct request *req);
enum code post_page_create_again(struct request *req); /* with what was typed and what is wrong */
enum code post_page_edit_form(struct request *req);
enum code post_page_edit(struct request *req);
enum code post_page_edit_again(struct request *req);
enum code post_page_delete_ask(struct request *req);
enum code post_page_delete(struct request *req);

/* ---- Reactions (pages_react.c) */

/* Of every change to the post in the address, by pages and by programs. */
void post_page_target_prefetch(struct request *req, int64_t claimed_user);
enum code post_page_like(struct request *req);
enum code post_page_unlike(struct request *req);
enum code post_page_repost(struct request *req);
enum code post_page_unrepost(struct request *req);
enum code post_page_bookmark(struct request *req);
enum code post_page_unbookmark(struct request *req);
enum code post_page_pin(struct request *req);
enum code post_page_unpin(struct request *req);

#endif
