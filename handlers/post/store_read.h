/* Inside the post service's store: how rows become reads. store_look.c asks Redis, store_view.c knows views,
 * store_mine.c what a reader did. */
#ifndef DEEPLINK_POST_STORE_READ_H
#define DEEPLINK_POST_STORE_READ_H

#include "fcgi/drivers/redis.h"
#include "handlers/post/store.h"

#define POST_TTL_S "604800" /* 7 days */
#define POST_NONE (-1)      /* no number where Redis knows none */

/* A look at Redis that failed is no failure of the work: somebody else knows. Says whether there is a reply
 * that is no error. */
bool post_answered(struct ctx *ctx, const redisReply *r);

/* ---- Looking (store_look.c) */

/* The Lua function look(out, rows, uid, rel, rel_mark, rel_known, mine, mine_known): adds to out, a line
 * each, for rows of post:home's form,
 *   - how many they are; then the rows themselves, a line each
 *   - post:stat of each row, and of its original behind it, with ',' between; "-" is nil
 *   - conn:rel of the authors, in the same order
 *   - post:mine of the posts (the originals of reposts)
 * A hash's line is "-" where there is none, "k" where its mark is the one that the worker knows,
 * "a <field> <value> …" for all of a small hash when more than a few fields are asked for, else
 * "s <mark> <value> …" for those asked for. */
#define POST_LUA_LOOK                                                                                   \
    "local call, sub = redis.call, string.sub\n"                                                        \
    "local function words(t) for i = 1, #t do t[i] = t[i] or '-' end return table.concat(t, ' ') end\n" \
    "local function number(row, at) return string.match(sub(row, at, at + 18), '^0*(%d+)') end\n"       \
    "local function authors(row, add)\n"                                                                \
    "  add[#add + 1] = number(row, 20)\n"                                                               \
    "  if #row > 38 then add[#add + 1] = number(row, 58) end\n"                                         \
    "end\n"                                                                                             \
    "local function targets(row, add) add[#add + 1] = number(row, #row > 38 and 39 or 1) end\n"         \
    "local function some(key, mark, known, rows, fields)\n"                                             \
    "  if not mark then return '-' end\n"                                                               \
    "  if mark == known then return 'k' end\n"                                                          \
    "  if #rows > 4 and call('HLEN', key) <= 128 then return 'a ' .. words(call('HGETALL', key)) end\n" \
    "  local query = {'HMGET', key}\n"                                                                  \
    "  for i = 1, #rows do fields(rows[i], query) end\n"                                                \
    "  return 's ' .. mark .. ' ' .. words(call(unpack(query)))\n"                                      \
    "end\n"                                                                                             \
    "local function look(out, rows, uid, rel, rel_mark, rel_known, mine, mine_known)\n"                 \
    "  local stats = {'MGET'}\n"                                                                        \
    "  out[#out + 1] = #rows\n"                                                                         \
    "  if #rows == 0 then return end\n"                                                                 \
    "  for i = 1, #rows do\n"                                                                           \
    "    local row = rows[i]\n"                                                                         \
    "    stats[#stats + 1] = 'post:stat:' .. sub(row, 1, 19)\n"                                         \
    "    if #row > 38 then stats[#stats + 1] = 'post:stat:' .. sub(row, 39, 57) end\n"                  \
    "  end\n"                                                                                           \
    "  out[#out + 1] = table.concat(rows, '\\n')\n"                                                     \
    "  stats = call(unpack(stats))\n"                                                                   \
    "  for i = 1, #stats do stats[i] = stats[i] or '-' end\n"                                           \
    "  out[#out + 1] = table.concat(stats, ',')\n"                                                      \
    "  if uid ~= '0' then\n"                                                                            \
    "    out[#out + 1] = some(rel, rel_mark, rel_known, rows, authors)\n"                               \
    "    out[#out + 1] = some(mine, call('HGET', mine, '_'), mine_known, rows, targets)\n"              \
    "  end\n"                                                                                           \
    "end\n"

/* Marks of the reader's hashes as this worker knows them; "" where it does not. */
const char *post_known_rel(struct ctx *ctx, int64_t viewer);
const char *post_known_mine(struct ctx *ctx, int64_t viewer);

/* What look() said, from `at` on. Then views, relations and reactions that are missing are fetched or asked
 * for. */
enum code post_read_look(struct ctx *ctx, int64_t viewer, const char *at, struct post_read **ret,
                         size_t *ret_n);

/* A row in Redis: its id, its author, and of a repost the original and who wrote that, each in 19 digits. */
const char *post_row_format(struct ctx *ctx, const struct post_row *row);
void post_row_parse(const char **at, struct post_row *ret); /* *at moves behind it */

/* ---- Views (store_view.c) */

/* What is known of one post while it is being read. */
struct known {
    int64_t id;                    /* 0: not wanted */
    int64_t revision;              /* POST_NONE: Redis does not say */
    struct post_counters counters; /* version POST_NONE: Redis has none */
    Pb__PostView *view;
};

/* Completes views: the worker's where the revision is right, then Redis', then SQL's; NULL stays where there
 * is no such post. Counters go into the views. */
enum code post_known_fill(struct ctx *ctx, struct known *known, size_t n);

/* Views of whatever revision: for what never changes. */
enum code post_views_any(struct ctx *ctx, const int64_t *ids, size_t n, Pb__PostView **ret);

/* ---- Reactions (store_mine.c) */

/* What a read's reactions are about: the original of a repost. */
static inline int64_t post_target(const struct post_row *row) {
    return row->inner != 0 ? row->inner : row->id;
}

/* Sets `mine` of those reads that are wanted, by SQL. */
enum code post_mine_ask(struct ctx *ctx, int64_t viewer, struct post_read *reads, size_t n,
                        const bool *wanted);

/* Has Redis know the reader's reactions, unless somebody is at it. */
enum code post_mine_build(struct ctx *ctx, int64_t viewer);

/* ---- Strings in Redis that are dropped with every change and built by who misses them (store_author.c) */

/* Marks the key before SQL is read: a change in between drops the mark, and what was read is not kept. NULL:
 * somebody else is at it. */
const char *post_build_begin(struct ctx *ctx, const char *key);
void post_build_finish(struct ctx *ctx, const char *key, const char *token, const char *text);

#endif
