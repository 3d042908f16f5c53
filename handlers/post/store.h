/* What the post service keeps: rows in PostgreSQL (schema posts), read models in Redis, views in the worker.
 *
 * Redis keys; all can vanish at any moment and are built again by whoever misses them:
 *
 * post:view:<id>: packed PostView without counters; its version is the post's revision. A tombstone has no
 * created_ms.
 *
 * post:stat:<id, 19 digits>: "<revision> <n> <likes> <reposts> <comments>". n orders the counters, the
 * revision the view; an older one never overwrites a newer one. -1 where only the other half is known.
 *
 * post:mine:<uid>: hash. _: "<floor>.<mark>": the reader's reactions are here for posts from that id on; the
 * mark moves with every change ("b…": being built). <post id>: "bits:n:n:n", ACT_… bits and, for each kind,
 * the n of the post's counters at its last change.
 *
 * post:home:<uid>: sorted set in lexical order: candidates of the home timeline, each "<id><author>", of a
 * repost "<id><author><original><its author>", all in 19 digits; and as its lowest member "!<build>", the
 * build that it came from.
 *
 * post:mark:<uid>: how far that reaches: "<e|f|b> <floor, 19 digits> <build> <token> <fingerprint>". e: to
 * the very end, f: to the floor, b: being built; the token of conn:rel:<uid> that it was built by, and a
 * fingerprint of whom the member followed then.
 *
 * post:tree:<root id>: another number after every comment in that thread.
 *
 * post:author:<uid>: the beginning of an author's own timeline (store_author.c); dropped with every change.
 *
 * post:muted:<uid>: conversations that a member has muted (store_mute.c); dropped with every change.
 *
 * In the worker: unpacked views by post id, right as long as their revision is Redis'; what was read of
 * readers' relations and reactions, right as long as the marks of their hashes are Redis'; the rows that
 * pages showed last, a guess at what to ask for; skeletons of threads, right as long as post:tree is the
 * same. */
#ifndef DEEPLINK_POST_STORE_H
#define DEEPLINK_POST_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deeplink/v1/post.pb-c.h"
#include "fcgi/ctx.h"
#include "handlers/common/markdown.h"

struct request;

/* ---- Reading (store_look.c) */

/* A row of a timeline before it is read. */
struct post_row {
    int64_t cursor;     /* what max_id and min_id mean: the post's id, or that of the like or bookmark */
    int64_t id, author; /* 0: no such post */
    int64_t inner, inner_author; /* the original of a repost and who wrote it; 0: no repost */
};

/* A row as one reader (0: nobody) finds it. Views are the worker's, with the counters of this moment; they
 * live until the request ends. */
struct post_read {
    struct post_row row;
    const Pb__PostView *post;    /* NULL: there never was one; a tombstone has created_ms 0 */
    const Pb__PostView *inner;   /* of a repost */
    uint32_t edges, inner_edges; /* reader to author, to the original's author */
    uint32_t mine;               /* ACT_…, to the original where there is one */
};

/* At most n posts with an id above `after` that are not deleted, in the order of ids, out of SQL. */
enum code post_store_after(struct ctx *ctx, int64_t after, unsigned n, Pb__PostView ***ret, size_t *ret_n);

/* Reads rows for a viewer: one Redis round when all views are in the worker (none when it was asked ahead),
 * SQL only for what Redis has lost. ret has room for n. */
enum code post_store_read(struct ctx *ctx, int64_t viewer, const struct post_row *rows, size_t n,
                          struct post_read *ret);

/* The rows that a page showed last, by whose it is: a guess at what it shows now, which a prefetch asks for.
 */
enum post_rows { POST_ROWS_HOME, POST_ROWS_AUTHOR, POST_ROWS_REPLIES, POST_ROWS_ABOVE, POST_ROWS_BELOW };
void post_rows_remember(int64_t whose, enum post_rows kind, const struct post_row *rows, size_t n);
void post_rows_ahead(struct ctx *ctx, int64_t viewer, int64_t whose, enum post_rows kind);

/* The same of rows that a viewer each is to see: rows[i] for viewers[i], which are not 0; as few rounds. */
enum code post_store_read_for(struct ctx *ctx, const int64_t *viewers, const struct post_row *rows, size_t n,
                              struct post_read *ret);

/* Rows for ids, whatever they are; id 0 where there is no such post. ret has room for n. */
enum code post_store_rows(struct ctx *ctx, const int64_t *ids, size_t n, struct post_row *ret);

/* One post by both. NOT_FOUND when there never was one. */
enum code post_store_read_one(struct ctx *ctx, int64_t viewer, int64_t id, struct post_read *ret);

/* For a route's prefetch: what post_store_read_one() will ask, when the worker knows the post. */
void post_store_one_ahead(struct ctx *ctx, int64_t viewer, int64_t id);

/* Makes the worker's caches; the start hook. */
enum code post_store_start(struct ctx *ctx);

/* ---- Home (store_home.c) */

enum home_state {
    HOME_READY,   /* reads are the rows asked for, as far as the cache reaches */
    HOME_MISSING, /* nothing cached: build */
    HOME_BUILDING /* somebody builds it now: read from SQL */
};

struct home_page {
    enum home_state state;
    struct post_read *reads;
    size_t n;
    bool complete;                  /* the cache reaches the timeline's very end */
    int64_t floor;                  /* else: it is right down to this id */
    bool checked;                   /* relations are those that it was built by */
    uint64_t fingerprint;           /* of the followees it was built for */
    const char *mark, *build, *rel; /* for post_store_home_confirm() */
};

/* For a route's prefetch: asks ahead for a home page, and for the posts that it had last. */
void post_store_home_prefetch(struct ctx *ctx, int64_t viewer, int64_t max_id, unsigned limit);

/* The newest `limit` candidates under max_id (0: all). */
enum code post_store_home(struct ctx *ctx, int64_t viewer, int64_t max_id, unsigned limit,
                          struct home_page *ret);

/* Relations changed since, but whom the member follows did not: notes that. */
void post_store_home_confirm(struct ctx *ctx, int64_t viewer, const struct home_page *page);

/* Building: begin before anything is read from SQL; pushes go into what is being built, too. false: somebody
 * else is at it. finish stores the rows (newest first; complete: to the very end) if nothing has come
 * between. */
struct home_build {
    const char *build, *mark, *rel;
};
bool post_store_home_begin(struct ctx *ctx, int64_t viewer, struct home_build *ret);
void post_store_home_finish(struct ctx *ctx, int64_t viewer, const struct home_build *build,
                            uint64_t fingerprint, const struct post_row *rows, size_t n, bool complete);

/* Rows that go into the home timelines of members where those are cached (store_push.c): gathered, so that
 * what goes to the same member goes together; then queued behind other commands, and waited for in their
 * turn. Adding very many sends and waits by itself. */
struct home_push {
    struct ctx *ctx;
    const char **lines; /* the rows as they stand in Redis */
    struct home_pair {
        int64_t member;
        uint32_t line;
    } * pairs;
    size_t n_lines, room_lines, n, room;
    bool trims;       /* timelines that have grown long are cut */
    unsigned pushing; /* scripts queued and not waited for */
};
void home_push_init(struct home_push *p, struct ctx *ctx);
enum code home_push_add(struct home_push *p, const int64_t *members, size_t n, const struct post_row *row);
void home_push_send(struct home_push *p);
enum code home_push_wait(struct home_push *p);

/* Drops cached home timelines. */
enum code post_store_home_forget(struct ctx *ctx, const int64_t *members, size_t n);

#define HOME_BUILD 400 /* rows that a build reads; pushes let it grow to HOME_MAX */
#define HOME_MAX 800

/* ---- An author's own timeline (store_author.c) */

struct author_row {
    struct post_row row;
    bool is_reply; /* a comment for somebody else */
};

/* Pins, the one pinned last first; then all else that is not pinned, newest first, whoever may see it. */
struct author_head {
    struct author_row *pins, *rows;
    size_t n_pins, n;
    bool complete; /* rows reach the timeline's very end */
    bool counted;
    Pb__PostCounts counts; /* when counted */
};
enum code post_store_author_head(struct ctx *ctx, int64_t author, struct author_head *ret);
/* How many posts an author has and when the last one came, out of the same string. */
enum code post_store_author_count(struct ctx *ctx, int64_t author, Pb__PostCounts *ret);
/* For a route's prefetch, or the beginning of a call: what the first page of a profile asks, unless this
 * request has asked already. */
void post_store_author_ahead(struct ctx *ctx, int64_t viewer, int64_t author, bool with_replies);

/* ---- Publishing (store_view.c): queued, and waited for by post_store_published() */

struct post_counters {
    int64_t version, likes, reposts, comments;
};

void post_store_publish(struct ctx *ctx, const Pb__PostView *view, int64_t revision,
                        const struct post_counters *counters);
/* A post that has just been made, revision 1. */
void post_store_publish_new(struct ctx *ctx, const Pb__PostView *view);
void post_store_publish_counters(struct ctx *ctx, int64_t id, const struct post_counters *counters);
/* Counters, and what readers did to bring them about. */
struct post_reacted {
    int64_t viewer, id;
    uint32_t bit; /* one of ACT_… */
    bool on;
    struct post_counters counters;
};
void post_store_publish_reactions(struct ctx *ctx, const struct post_reacted *reactions, size_t n);
/* Reactions of a while ago, of which only the counters' version is given: those that Redis does not have are
 * read from SQL and published as they are now (store_react.c). */
enum code post_store_repair_reactions(struct ctx *ctx, const struct post_reacted *reactions, size_t n);
/* A post of this author came, went, or was pinned: the beginning of its timeline is to be read anew, and what
 * stands beside the author's pages counted. */
void post_store_author_forget(struct ctx *ctx, int64_t author);
/* A comment came into the thread of this post: what is known of the thread is to be read anew. */
void post_store_tree_moved(struct ctx *ctx, int64_t root);
/* Waits; UNAVAILABLE is recorded when Redis did not take them. */
enum code post_store_published(struct ctx *ctx);

/* Reads posts from SQL and publishes them as they are: repairs. */
enum code post_store_republish(struct ctx *ctx, const int64_t *ids, size_t n);
/* The same for counters alone. */
enum code post_store_republish_counters(struct ctx *ctx, const int64_t *ids, size_t n);

/* ---- Writing (store.c) */

/* A post to be: view carries ids, audience, texts, times; no counters. */
struct post_draft {
    Pb__PostView view;
    const char *source;
    const struct text_result *text;
    bool counted;    /* among the parent's comments */
    bool has_media;  /* an edit: the view's media take the place of what it had */
    const char *key; /* the client's; NULL: none */
};

/* *ret_made false: the key was used before (then *ret_id is what it made) or the parent is gone (then 0).
 * *ret_parent: the parent's counters, version 0 without a counted parent. */
enum code post_store_create(struct ctx *ctx, const struct post_draft *draft, bool *ret_made, int64_t *ret_id,
                            struct post_counters *ret_parent);

/* What the draft's key made before; *ret_id 0: nothing. */
enum code post_store_made_before(struct ctx *ctx, const struct post_draft *draft, int64_t *ret_id);

/* The draft's id, author, texts and edited_ms; its media where it says so. *ret_revision 0: there is no such
 * post of this author. */
enum code post_store_edit(struct ctx *ctx, const struct post_draft *draft, int64_t *ret_revision);

struct post_gone {
    int64_t revision, parent; /* parent 0: none whose counters changed */
    struct post_counters counters;
    Pb__SourceReply source;
    const char **tags;
    size_t n_tags;
};
/* NOT_FOUND when it is gone already. */
enum code post_store_delete(struct ctx *ctx, const Pb__PostView *post, struct post_gone *ret);
enum code post_store_forget(struct ctx *ctx, int64_t id);

enum code post_store_source(struct ctx *ctx, int64_t id, Pb__SourceReply *ret);
enum code post_store_revisions(struct ctx *ctx, int64_t id, Pb__Revision ***ret, size_t *ret_n);

/* Erases up to `limit` posts of a member, or if there are none likes, or bookmarks; *ret_n 0: nothing is left
 * of those (store_erase.c). */
enum code post_store_erase(struct ctx *ctx, int64_t user, size_t limit, size_t *ret_n);
/* Then: keys, counters and read models that were theirs alone. */
enum code post_store_erase_rest(struct ctx *ctx, int64_t user);
/* Asks for another batch by an event. */
enum code post_store_erase_on(struct ctx *ctx, int64_t user);

/* Reactions. *ret_changed false: it was so already. */
struct post_change {
    bool changed;
    struct post_counters counters;
    int64_t repost, repost_revision; /* of a repost made or undone */
};
enum code post_store_like(struct ctx *ctx, int64_t viewer, const Pb__PostView *post, bool on,
                          struct post_change *ret);
enum code post_store_bookmark(struct ctx *ctx, int64_t viewer, const Pb__PostView *post, bool on,
                              struct post_change *ret);
enum code post_store_repost(struct ctx *ctx, int64_t viewer, const Pb__PostView *post, Pb__Audience audience,
                            struct post_change *ret);
enum code post_store_unrepost(struct ctx *ctx, int64_t viewer, const Pb__PostView *post,
                              struct post_change *ret);
/* *ret_revision 0: it was so already, or there are `most` pins. */
enum code post_store_pin(struct ctx *ctx, const Pb__PostView *post, int most, int64_t *ret_revision);
enum code post_store_unpin(struct ctx *ctx, const Pb__PostView *post, int64_t *ret_revision);

/* ---- Timelines from SQL (store_rows.c) */

/* Which posts, from where, how many. Downwards (newest first, under max and above since) or, with up, oldest
 * first above min. */
struct post_range {
    int64_t max, since, min;
    bool up;
    size_t limit;
};

enum code post_store_home_rows(struct ctx *ctx, int64_t viewer, const int64_t *authors, size_t n_authors,
                               const struct post_range *range, struct post_row **ret, size_t *ret_n);
/* Posts by some, and their comments on those of others. */
struct list_query {
    int64_t *members, *answered;
    size_t n_members, n_answered;
};
enum code post_store_list_rows(struct ctx *ctx, int64_t viewer, const struct list_query *query,
                               const struct post_range *range, struct post_row **ret, size_t *ret_n);
enum code post_store_local_rows(struct ctx *ctx, bool only_media, const struct post_range *range,
                                struct post_row **ret, size_t *ret_n);
enum code post_store_tag_rows(struct ctx *ctx, const char *folded, const struct post_range *range,
                              struct post_row **ret, size_t *ret_n);

/* Folded names: posts have one of the first, all of the second, none of the third. */
struct tags_query {
    const char **any, **all, **none;
    size_t n_any, n_all, n_none;
    bool only_media;
};
enum code post_store_tags_rows(struct ctx *ctx, const struct tags_query *query,
                               const struct post_range *range, struct post_row **ret, size_t *ret_n);

/* Who reacted: pairs of the reaction's id and the member, as a range says. */
struct post_reaction {
    int64_t id, user;
};
enum code post_store_likers(struct ctx *ctx, int64_t id, const struct post_range *range,
                            struct post_reaction **ret, size_t *ret_n);
enum code post_store_reposters(struct ctx *ctx, int64_t id, const struct post_range *range,
                               struct post_reaction **ret, size_t *ret_n);
/* *ret_id 0: the member did not repost it. */
enum code post_store_own_repost(struct ctx *ctx, int64_t member, int64_t post, int64_t *ret_id);

struct author_query {
    int64_t author, reader;
    int widest; /* audience number that the reader may see without being mentioned; -1: none */
    bool with_replies, with_reposts, with_pins, only_media;
    const char *tag; /* folded; "": whatever it has */
};
enum code post_store_author_rows(struct ctx *ctx, const struct author_query *query,
                                 const struct post_range *range, struct post_row **ret, size_t *ret_n);
enum code post_store_like_rows(struct ctx *ctx, int64_t reader, const struct post_range *range,
                               struct post_row **ret, size_t *ret_n);
enum code post_store_bookmark_rows(struct ctx *ctx, int64_t reader, const struct post_range *range,
                                   struct post_row **ret, size_t *ret_n);

/* A thread's skeleton; tombstones are in it (store_thread.c). */
struct thread_row {
    int64_t id, author, parent;
};
enum code post_store_ancestors(struct ctx *ctx, const Pb__PostView *post, int most, struct thread_row **ret,
                               size_t *ret_n); /* nearest first */
/* What one page of a thread is made of: direct comments on a post or comment, and some on each of those. */
struct thread_bounds {
    int64_t on;
    size_t all, top, width; /* comments at most: in all, direct ones, on each of those and so on */
};
/* Of the thread of that root: level by level, oldest first; direct ones after a cursor (0: from the first).
 */
enum code post_store_descendants(struct ctx *ctx, int64_t root, const struct thread_bounds *bounds,
                                 int64_t after, int levels, struct thread_row **ret, size_t *ret_n);
/* The direct comments before one of them, the newest first. */
enum code post_store_comments_before(struct ctx *ctx, int64_t on, int64_t before, size_t limit, int64_t **ret,
                                     size_t *ret_n);
/* Those of n posts that have comments after the last one known of each (0: none) for readers like this. */
enum code post_store_answered_after(struct ctx *ctx, int64_t viewer, const int64_t *posts,
                                    const int64_t *last, size_t n, int64_t **ret, size_t *ret_n);
/* For a route's prefetch: what GetThread reads, as far as the worker knows the thread. */
void post_store_thread_ahead(struct ctx *ctx, int64_t viewer, int64_t id);

enum code post_store_counts(struct ctx *ctx, const int64_t *users, size_t n, Pb__PostCounts ***ret,
                            size_t *ret_n);
void post_store_counts_ahead(struct ctx *ctx, const int64_t *users, size_t n); /* see pg_ahead() */
/* Posts and comments of n weeks, this one first. */
enum code post_store_weeks(struct ctx *ctx, int64_t *ret, size_t n);
/* Tags used since an id (0 with a prefix: ever); prefix is folded, "" for all. */
enum code post_store_tags(struct ctx *ctx, const char *prefix, int64_t since, size_t limit,
                          Pb__TagInfo ***ret, size_t *ret_n);
enum code post_store_tag_counts(struct ctx *ctx, const char *folded, int64_t *ret_posts, int64_t *ret_people);
/* Gives each of n tags its last days, today first. */
enum code post_store_tag_days(struct ctx *ctx, Pb__TagInfo *const *tags, size_t n, size_t days);
/* Public posts after an id that others liked and reposted, the most of that first. */
enum code post_store_popular_rows(struct ctx *ctx, int64_t since, size_t limit, struct post_row **ret,
                                  size_t *ret_n);

/* ---- Muted conversations (store_mute.c): in PostgreSQL, and in Redis as post:muted:<uid>, the roots with
 * spaces between them, "-" for none */

#define MUTED_MAX 1000 /* of one member */

/* Queues the look-up behind the session's. viewer 0: fetches and drops it. */
void post_store_muted_prefetch(struct ctx *ctx, int64_t viewer);
/* Fetches what was queued, for post_store_muted(); nothing when nothing was. */
void post_store_muted_take(struct ctx *ctx);
/* Roots, ascending. */
enum code post_store_muted(struct ctx *ctx, int64_t viewer, int64_t **ret, size_t *ret_n);
enum code post_store_mute(struct ctx *ctx, int64_t viewer, int64_t root, bool on);

/* ---- Followed tags (store_tags.c): in PostgreSQL, and in Redis as post:tags:<uid>, folded names with spaces
 * between them, "-" for none */

#define TAGS_FOLLOWED_MAX 100 /* by one member */

/* All of a member, folded. */
enum code post_store_tags_of(struct ctx *ctx, int64_t viewer, const char ***ret, size_t *ret_n);
/* *ret_ok: it is followed, or not, as was asked; false: there are as many as may be. */
enum code post_store_follow_tag(struct ctx *ctx, int64_t viewer, const char *folded, bool on, bool *ret_ok);
/* After a change: whoever misses it reads it anew, and builds the home timeline anew. */
enum code post_store_tags_forget(struct ctx *ctx, const int64_t *viewers, size_t n);
/* A page of them, as a range says, in its order; ids[i] orders ret[i]. */
enum code post_store_tags_followed(struct ctx *ctx, int64_t viewer, const struct post_range *range,
                                   Pb__TagInfo ***ret, int64_t **ret_ids, size_t *ret_n);
/* Who follows some tags: pairs by tag and member, at most `limit`, behind the pair (*after_tag, *after),
 * which move on; begin with "" and 0. */
struct tag_follower {
    const char *tag;
    int64_t user;
};
enum code post_store_tag_followers(struct ctx *ctx, const char *const *tags, size_t n, size_t limit,
                                   struct tag_follower *after, struct tag_follower **ret, size_t *ret_n);

/* ---- Searching (store_search.c) */

/* Ids of posts and comments with these words, newest first between the two ids (0: no bound); author 0:
 * anybody's. Nobody has judged yet who may see them. */
struct post_search {
    const char *words;
    int64_t below, above, author;
    size_t limit;
};
enum code post_store_search(struct ctx *ctx, const struct post_search *s, int64_t **ret, size_t *ret_n);

/* Posts and comments of the whole site, deleted ones not; an estimate where there are many. */
enum code post_store_total(struct ctx *ctx, int64_t *ret);

/* ACT_… bits of each triple of the request, which has as many of all three. */
enum code post_store_acts(struct ctx *ctx, const Pb__ActsRequest *req, uint32_t *ret);
void post_store_acts_ahead(struct ctx *ctx, const Pb__ActsRequest *req); /* see pg_ahead() */

#endif
