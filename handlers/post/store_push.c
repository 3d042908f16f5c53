/* New rows on their way into home timelines in Redis. What goes to the same member goes together, and members
 * who get the same rows cost one decision about them. */
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/id.h"
#include "handlers/post/store_read.h"

#define PUSH_KEYS 500    /* members in one script */
#define PUSH_ROWS 250    /* rows in one script: a byte says which */
#define PUSH_PAIRS 2000  /* rows for members in one script: Redis does nothing else meanwhile */
#define GATHERED 20000   /* pairs that are held before they are sent */
#define HOME_SLACK "900" /* trimmed to HOME_MAX when it has grown past this */
#define HOME_LOW "-801"  /* the highest rank that goes then */

/* KEYS: marks of members' timelines. ARGV: 1 to trim (every few pushes will do), how many rows, the rows, for
 * each member a byte for each row that is for it. Timelines without a mark are left alone; a row below what a
 * timeline reaches down to is not for it. */
static struct redis_script push_home = {
    .src = "local call, sub, trim, n = redis.call, string.sub, ARGV[1] == '1', tonumber(ARGV[2]) + 2\n"
           "local marks, adds, lows = call('MGET', unpack(KEYS)), {}, {}\n"
           "local function prepare(which)\n"
           "  local add, low = {'ZADD', ''}, nil\n"
           "  for i = 1, #which do\n"
           "    local row = ARGV[string.byte(which, i) + 2]\n"
           "    add[2 * i + 1], add[2 * i + 2] = '0', row\n"
           "    if not low or row < low then low = row end\n"
           "  end\n"
           "  adds[which], lows[which] = add, low\n"
           "end\n"
           "for i = 1, #KEYS do\n"
           "  local mark, which = marks[i], ARGV[i + n]\n"
           "  if mark then\n"
           "    local kind, home = sub(mark, 1, 1), 'post:home' .. sub(KEYS[i], 10)\n"
           "    if not adds[which] then prepare(which) end\n"
           "    local add = adds[which]\n"
           "    if kind ~= 'f' or lows[which] > sub(mark, 3, 21) then\n"
           "      add[2] = home\n"
           "      call(unpack(add))\n"
           "    else\n"
           "      for k = 4, #add, 2 do\n"
           "        if add[k] > sub(mark, 3, 21) then call('ZADD', home, '0', add[k]) end\n"
           "      end\n"
           "    end\n"
           "    if trim and kind ~= 'b' and call('ZCARD', home) > " HOME_SLACK " then\n"
           "      call('ZREMRANGEBYRANK', home, '1', '" HOME_LOW "')\n"
           "      local low = call('ZRANGE', home, 1, 1)[1]\n"
           "      call('SET', KEYS[i], 'f ' .. sub(low, 1, 19) .. sub(mark, 22), 'KEEPTTL')\n"
           "    end\n"
           "  end\n"
           "end\n"
           "return 1",
};

/* ---- Gathering */

void home_push_init(struct home_push *p, struct ctx *ctx) { *p = (struct home_push){.ctx = ctx}; }

static uint32_t add_line(struct home_push *p, const struct post_row *row) {
    if (p->n_lines == p->room_lines) {
        size_t room = p->room_lines * 2 + 4;
        const char **more = arena_many(p->ctx->arena, const char *, room);

        if (p->n_lines > 0)
            memcpy(more, p->lines, p->n_lines * sizeof *more);
        p->lines = more;
        p->room_lines = room;
    }
    p->lines[p->n_lines] = post_row_format(p->ctx, row);
    p->trims = p->trims || id_time_ms(row->id) % 8 == 0;
    return (uint32_t)p->n_lines++;
}

static void make_room(struct home_push *p, size_t n) {
    struct home_pair *more;
    size_t room = p->room * 2 > p->n + n ? p->room * 2 : p->n + n;

    if (p->room >= p->n + n)
        return;
    more = arena_many(p->ctx->arena, struct home_pair, room);
    if (p->n > 0)
        memcpy(more, p->pairs, p->n * sizeof *more);
    p->pairs = more;
    p->room = room;
}

enum code home_push_add(struct home_push *p, const int64_t *members, size_t n, const struct post_row *row) {
    uint32_t line = add_line(p, row);

    for (size_t at = 0; at < n;) {
        size_t some = n - at < GATHERED ? n - at : GATHERED;
        enum code c;

        make_room(p, some);
        for (size_t i = 0; i < some; i++)
            p->pairs[p->n++] = (struct home_pair){members[at + i], line};
        at += some;
        if (p->n < GATHERED)
            continue;
        home_push_send(p);
        if ((c = home_push_wait(p)) != OK)
            return c;
        line = at < n ? add_line(p, row) : 0;
    }
    return OK;
}

/* ---- Sending */

static int by_member(const void *a, const void *b) {
    const struct home_pair *x = a, *y = b;

    if (x->member != y->member)
        return x->member < y->member ? -1 : 1;
    return x->line < y->line ? -1 : x->line > y->line;
}

static const char *mark_key(struct ctx *ctx, int64_t member) {
    static const char name[] = "post:mark:";
    char *key = arena_alloc(ctx->arena, sizeof name + ID_STR_MAX);

    memcpy(key, name, sizeof name - 1);
    id_format(member, key + sizeof name - 1);
    return key;
}

/* One script being put together. */
struct call {
    const char *keys[PUSH_KEYS], *lines[PUSH_ROWS], *which[PUSH_KEYS];
    int n_keys, n_lines;
    size_t n_pairs;
    unsigned char *number; /* of each line of the push, from 1; 0: not in this script */
};

static void call_send(struct home_push *p, struct call *call) {
    const char **argv = arena_many(p->ctx->arena, const char *, 2 * call->n_keys + call->n_lines + 2);
    int argc = 0;

    if (call->n_keys == 0)
        return;
    for (int i = 0; i < call->n_keys; i++)
        argv[argc++] = call->keys[i];
    argv[argc++] = p->trims ? "1" : "0";
    argv[argc++] = arena_printf(p->ctx->arena, "%d", call->n_lines);
    for (int i = 0; i < call->n_lines; i++)
        argv[argc++] = call->lines[i];
    for (int i = 0; i < call->n_keys; i++)
        argv[argc++] = call->which[i];
    redis_add_script(p->ctx, p->ctx->env->redis, &push_home, call->n_keys, argc, argv, NULL);
    p->pushing++;
    memset(call->number, 0, p->n_lines);
    call->n_keys = call->n_lines = 0;
    call->n_pairs = 0;
}

static unsigned char number_of(const struct home_push *p, struct call *call, uint32_t line) {
    if (call->number[line] == 0) {
        call->lines[call->n_lines++] = p->lines[line];
        call->number[line] = (unsigned char)call->n_lines;
    }
    return call->number[line];
}

/* Adds what one member gets: the pairs from `at` on that are the same member's, as many as one script takes.
 * Returns how many. */
static size_t call_add(struct home_push *p, struct call *call, size_t at) {
    char *which, *to;
    size_t n = 1;

    while (n < PUSH_ROWS && at + n < p->n && p->pairs[at + n].member == p->pairs[at].member)
        n++;
    if (call->n_keys == PUSH_KEYS || call->n_pairs + n > PUSH_PAIRS || (size_t)call->n_lines + n > PUSH_ROWS)
        call_send(p, call);
    which = to = arena_alloc(p->ctx->arena, n + 1);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || p->pairs[at + i].line != p->pairs[at + i - 1].line)
            *to++ = (char)number_of(p, call, p->pairs[at + i].line);
    *to = '\0';
    call->keys[call->n_keys] = mark_key(p->ctx, p->pairs[at].member);
    call->which[call->n_keys++] = which;
    call->n_pairs += n;
    return n;
}

void home_push_send(struct home_push *p) {
    struct call *call;

    if (p->n == 0)
        return;
    call = arena_one(p->ctx->arena, struct call);
    call->number = arena_many(p->ctx->arena, unsigned char, p->n_lines);
    qsort(p->pairs, p->n, sizeof *p->pairs, by_member);
    for (size_t at = 0; at < p->n;)
        at += call_add(p, call, at);
    call_send(p, call);
    p->n = p->n_lines = 0;
}

enum code home_push_wait(struct home_push *p) {
    enum code c = OK;

    for (; p->pushing > 0; p->pushing--) {
        const redisReply *r = redis_next_script(p->ctx, p->ctx->env->redis);

        if (r == NULL)
            c = UNAVAILABLE;
        else if (r->type == REDIS_REPLY_ERROR)
            c = fail_detail(p->ctx, INTERNAL, "Something went wrong on our side.", "redis: %s", r->str);
    }
    return c;
}
