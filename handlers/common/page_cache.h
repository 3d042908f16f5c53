/* Pages for readers who are not signed in, kept as files that nginx serves by itself and removed the moment
 * anything they show changes.
 *
 * A page depends on tags: "p<post id>" a post shown, "u<user id>" a member shown, "a<user id>" the list of a
 * member's posts, "h<root id>" a thread, "t<tag>" a tag's list, "local", "directory". Redis keeps which page
 * depends on what, with a log so that a page built from what has changed meanwhile is never kept. Without
 * Redis nothing is kept and a change empties the whole folder. */
#ifndef DEEPLINK_COMMON_PAGE_CACHE_H
#define DEEPLINK_COMMON_PAGE_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "fcgi/request.h"

/* Before anything is read for a cacheable page: remembers where the log ends. No-op unless route->cacheable,
 * anonymous, GET and without query. */
void page_cache_begin(struct request *req);

/* What the page shows; any number, any order, repeats are fine. No-ops when begin did nothing. */
void page_cache_on(struct ctx *ctx, char kind, int64_t id); /* 'p', 'u', 'a', 'h' */
void page_cache_on_name(struct ctx *ctx, const char *tag);  /* "local", "directory", "t<folded tag>" */

/* The page has one address, this one: under another spelling of it nothing is kept, so that strangers cannot
 * fill the folder by spelling a name in a thousand ways. */
void page_cache_only_as(struct request *req, const char *path);

/* The answer is whole: keeps it (200 only), called by the dispatcher's finish hook. */
void page_cache_keep(struct request *req);

/* Something changed: collects tags, then removes every page that depends on one. Call after the commit (and
 * again from the event's consumer, which repairs what a killed worker left undone). */
struct page_purge {
    struct ctx *ctx;
    const char **tags;
    size_t n, room;
};
void page_purge_init(struct page_purge *p, struct ctx *ctx);
void page_purge_add(struct page_purge *p, char kind, int64_t id);
void page_purge_add_name(struct page_purge *p, const char *tag);
void page_purge_run(struct page_purge *p);

/* The two halves of it, so that the command travels with others: sent behind what is queued, its reply
 * fetched after theirs. Until it is settled no tag may be added. */
void page_purge_send(struct page_purge *p);
void page_purge_settle(struct page_purge *p);

/* Removes every page, for the rare change after which pages are wrong that depend on nothing of it: a member
 * who comes back belongs on pages that were made without them. */
void page_purge_everything(struct ctx *ctx);

/* When a worker starts: pages that name another style sheet, script or site than this program does are
 * removed. UNAVAILABLE without Redis; then it is tried again. */
enum code page_cache_start(struct ctx *ctx);

/* Removes pages that were kept long ago: the record of what they show is about to expire, and no change would
 * find them afterwards. Called about once an hour. */
void page_cache_tidy(struct ctx *ctx);

#endif
