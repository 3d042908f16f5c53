#include "handlers/common/page_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fcgi/base/crypto.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/drivers/redis.h"
#include "fcgi/log.h"
#include "fcgi/router.h"
#include "gen/static.h"
#include "handlers/common/models.h"

/* Redis keys: page:log is a stream of changes, each entry the tags that changed; page:of:<tag> are the pages
 * that show it, "<pid of the builder> <path>", by their number among all that were ever registered, which
 * page:built counts. All of them may be lost together: then page:log is missing, and whoever finds that
 * empties the folder. */
#define TAGS_MAX 160
#define KEEP_S "86400"
#define OLD_S (12 * 3600)  /* a file goes well before the record of what it shows does */
#define REMEMBERED "10000" /* changes in the log */
#define LOOKED_AT "1000"   /* of them; a page that takes longer to build is not kept */
#define PURGE_TAGS 1000    /* in one command */

/* The page being built. One request at a time runs in a worker, and page_cache_begin() starts afresh. */
static struct {
    const struct ctx *ctx; /* whose page it is; NULL: nothing is to be kept */
    char since[48];        /* the last entry of the log before anything was read */
    size_t n;
    const char *tags[TAGS_MAX];
} building;

/* ARGV: entry at begin, builder and path, tags… → 1 when nothing has changed since; then the page is
 * registered. An entry that is no longer in the log was too long ago, or was lost. */
static struct redis_script keep = {
    .src = "local log = redis.call('XRANGE', 'page:log', ARGV[1], '+', 'COUNT', " LOOKED_AT ")\n"
           "if #log == 0 or log[1][1] ~= ARGV[1] or #log == " LOOKED_AT " then return 0 end\n"
           "local shown = {all = true}\n"
           "for i = 3, #ARGV do shown[ARGV[i]] = true end\n"
           "for i = 2, #log do\n"
           "  for j = 1, #log[i][2], 2 do\n"
           "    if shown[log[i][2][j]] then return 0 end\n"
           "  end\n"
           "end\n"
           "local number = redis.call('INCR', 'page:built')\n"
           "for i = 3, #ARGV do\n"
           "  redis.call('ZADD', 'page:of:' .. ARGV[i], number, ARGV[2])\n"
           "  redis.call('EXPIRE', 'page:of:' .. ARGV[i], " KEEP_S ")\n"
           "end\n"
           "return 1",
};

static const char *folder(const struct ctx *ctx) {
    const char *dir = ctx->env->config->pages_dir;

    return text_is_empty(dir) ? NULL : dir;
}

/* The page's file, or NULL when the path could not stand for itself in a folder, or nginx would never look
 * for it there: its own rule (nginx/deeplink.conf) takes the same letters. */
static const char *file_of(struct ctx *ctx, const char *path) {
    static const char letters[] = "/@~-._0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

    if (strlen(path) > 200 || strstr(path, "/.") != NULL || strstr(path, "//") != NULL ||
        path[strspn(path, letters)] != '\0')
        return NULL;
    return arena_printf(ctx->arena, "%s%s%sindex.html", folder(ctx), path, path[1] == '\0' ? "" : "/");
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw) {
    (void)st;
    (void)kind;
    if (ftw->level > 0)
        remove(path);
    return 0;
}

/* The first pass leaves nothing that could still be put in place; what was while it looked, the second finds.
 */
static void empty_folder(struct ctx *ctx) {
    nftw(folder(ctx), remove_one, 16, FTW_DEPTH | FTW_PHYS);
    nftw(folder(ctx), remove_one, 16, FTW_DEPTH | FTW_PHYS);
    log_info(ctx, "kept pages dropped", "folder=%s", folder(ctx));
}

/* A lost log means lost records: it begins anew, and what was kept goes. *ret: the entry. */
static bool begin_log(struct ctx *ctx, const char **ret) {
    const redisReply *r = redis_do(ctx, ctx->env->redis, "XADD page:log * begun 1");

    empty_folder(ctx);
    if (r == NULL || r->type != REDIS_REPLY_STRING)
        return false;
    *ret = r->str;
    return true;
}

/* A member's card may have changed between the guard's look at the epoch and the log: then the worker's own
 * copy is older than the log says, and a page made from it would stay wrong. */
static bool take_log(struct ctx *ctx) {
    const redisReply *last = redis_next(ctx, ctx->env->redis), *epoch = redis_next(ctx, ctx->env->redis);
    const char *entry = NULL;

    if (last == NULL || last->type != REDIS_REPLY_ARRAY || epoch == NULL ||
        (last->elements == 0 && !begin_log(ctx, &entry))) {
        fail_clear(ctx);
        return false;
    }
    if (entry == NULL)
        entry = last->element[0]->element[0]->str;
    snprintf(building.since, sizeof building.since, "%s", entry);
    cards_epoch(epoch->type == REDIS_REPLY_STRING ? strtoll(epoch->str, NULL, 10) : 0);
    return true;
}

void page_cache_begin(struct request *req) {
    struct ctx *ctx = &req->ctx;

    building.ctx = NULL;
    if (!req->route->cacheable || ctx->viewer_id != 0 || folder(ctx) == NULL ||
        req->query_string[0] != '\0' || ctx->env->config->intranet ||
        (req->method & (METHOD_GET | METHOD_HEAD)) == 0 || request_cookie(req, "note") != NULL ||
        file_of(ctx, req->path) == NULL || ctx->lang != 0)
        return;
    redis_add(ctx->env->redis, "XREVRANGE page:log + - COUNT 1");
    redis_add(ctx->env->redis, "GET user:epoch");
    if (!take_log(ctx))
        return;
    building.n = 0;
    building.ctx = ctx;
}

void page_cache_only_as(struct request *req, const char *path) {
    if (strcmp(req->path, path) != 0)
        building.ctx = NULL;
}

void page_cache_on_name(struct ctx *ctx, const char *tag) {
    if (building.ctx != ctx)
        return;
    if (building.n == TAGS_MAX) {
        building.ctx = NULL; /* shows too much to be kept track of */
        return;
    }
    building.tags[building.n++] = arena_strdup(ctx->arena, tag);
}

void page_cache_on(struct ctx *ctx, char kind, int64_t id) {
    char tag[ID_STR_MAX + 2];

    if (building.ctx != ctx)
        return;
    tag[0] = kind;
    id_format(id, tag + 1);
    page_cache_on_name(ctx, tag);
}

static bool make_folders(char *file) {
    for (char *slash = strchr(file + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(file, 0755) != 0 && errno != EEXIST) {
            *slash = '/';
            return false;
        }
        *slash = '/';
    }
    return true;
}

/* nginx makes the ETag out of a file's time and size. A time in seconds would be the same for two versions of
 * a second, so the time is made from the content: as a date it means nothing, and nginx does not show it
 * (nginx/snippets/pages.conf). */
static bool stamp(int fd, const struct buf *body) {
    unsigned char digest[CRYPTO_HASH_BYTES];
    uint32_t n;

    crypto_digest(digest, body->p, body->n);
    memcpy(&n, digest, sizeof n);
    const struct timespec times[2] = {{.tv_sec = n >> 1}, {.tv_sec = n >> 1}};
    return futimens(fd, times) == 0;
}

static bool write_whole(const char *file, const struct buf *body) {
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    bool ok;

    if (fd < 0)
        return false;
    ok = write(fd, body->p, body->n) == (ssize_t)body->n && stamp(fd, body);
    ok = close(fd) == 0 && ok;
    if (!ok)
        unlink(file);
    return ok;
}

/* Registers the page with its tags, unless one of them has changed since it was begun. */
static bool register_page(struct ctx *ctx, const char *path) {
    const char **argv = arena_many(ctx->arena, const char *, building.n + 2);
    int argc = 0;
    const redisReply *r;

    argv[argc++] = building.since;
    argv[argc++] = arena_printf(ctx->arena, "%d %s", (int)getpid(), path);
    for (size_t i = 0; i < building.n; i++)
        argv[argc++] = building.tags[i];
    redis_add_script(ctx, ctx->env->redis, &keep, 0, argc, argv, NULL);
    r = redis_next_script(ctx, ctx->env->redis);
    fail_clear(ctx);
    return r != NULL && r->type == REDIS_REPLY_INTEGER && r->integer == 1;
}

/* Where a worker writes a page before it takes its place. */
static const char *fresh_of(struct ctx *ctx, const char *file, int pid) {
    return arena_printf(ctx->arena, "%s.%d", file, pid);
}

/* The page is written beside its place, registered, and put there by rename(). Whoever changes what it shows
 * finds the registration and removes both files, first the one beside: so either the rename came before, and
 * its result is removed too, or it fails because there is nothing left to rename. The registration goes last:
 * until the files are gone every other change finds it too and removes them itself, whatever becomes of the
 * first one. So when a change is answered, the old page is gone for good. */
void page_cache_keep(struct request *req) {
    struct ctx *ctx = &req->ctx;
    const char *file, *fresh;

    if (building.ctx != ctx)
        return;
    building.ctx = NULL; /* whatever happens: the next request is not this page */
    if (req->res.status != 200 || ctx_failed(ctx))
        return;
    file = file_of(ctx, req->path);
    fresh = fresh_of(ctx, file, (int)getpid());
    if (!make_folders(arena_strdup(ctx->arena, file)) || !write_whole(fresh, &req->res.body))
        return;
    if (!register_page(ctx, req->path) || rename(fresh, file) != 0)
        unlink(fresh);
}

void page_purge_init(struct page_purge *p, struct ctx *ctx) { *p = (struct page_purge){.ctx = ctx}; }

void page_purge_add_name(struct page_purge *p, const char *tag) {
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->tags[i], tag) == 0)
            return;
    if (p->n == p->room) {
        const char **more = arena_many(p->ctx->arena, const char *, p->room * 2 + 16);

        if (p->n > 0)
            memcpy(more, p->tags, p->n * sizeof *more);
        p->tags = more;
        p->room = p->room * 2 + 16;
    }
    p->tags[p->n++] = arena_strdup(p->ctx->arena, tag);
}

void page_purge_add(struct page_purge *p, char kind, int64_t id) {
    char tag[ID_STR_MAX + 2];

    if (id == 0)
        return;
    tag[0] = kind;
    id_format(id, tag + 1);
    page_purge_add_name(p, tag);
}

/* How many of the tags from `at` on go into one command. */
static size_t share(const struct page_purge *p, size_t at) {
    return p->n - at < PURGE_TAGS ? p->n - at : PURGE_TAGS;
}

/* Notes the change of some tags, which does nothing where the log is lost; then asks which pages show them. A
 * page that is registered behind the note has looked for it. The pages stay registered: whoever removes them,
 * or is killed over it, is not the only one who may have to know. */
static void send_some(struct ctx *ctx, const char *const *tags, size_t n) {
    const char **note = arena_many(ctx->arena, const char *, 7 + 2 * n),
               **of = arena_many(ctx->arena, const char *, 5 + n);
    static const char *const words[] = {"XADD", "page:log", "NOMKSTREAM", "MAXLEN", "~", REMEMBERED, "*"};

    memcpy(note, words, sizeof words);
    of[0] = "ZUNION";
    of[1] = arena_printf(ctx->arena, "%zu", n);
    for (size_t i = 0; i < n; i++) {
        note[7 + 2 * i] = tags[i];
        note[8 + 2 * i] = "1";
        of[2 + i] = arena_printf(ctx->arena, "page:of:%s", tags[i]);
    }
    of[2 + n] = "AGGREGATE";
    of[3 + n] = "MAX";
    of[4 + n] = "WITHSCORES";
    redis_add_argv(ctx->env->redis, 7 + 2 * (int)n, note, NULL);
    redis_add_argv(ctx->env->redis, 5 + (int)n, of, NULL);
}

void page_purge_send(struct page_purge *p) {
    struct ctx *ctx = p->ctx;

    if (folder(ctx) == NULL)
        p->n = 0;
    for (size_t at = 0; at < p->n; at += PURGE_TAGS)
        send_some(ctx, p->tags + at, share(p, at));
}

/* A registered page, "<pid of its builder> <path>". */
static void remove_page(struct ctx *ctx, const char *page) {
    char *path;
    long pid = strtol(page, &path, 10);
    const char *file = *path == ' ' ? file_of(ctx, path + 1) : NULL;

    if (file == NULL)
        return;
    unlink(fresh_of(ctx, file, (int)pid));
    unlink(file);
}

/* Whether Redis has noted the change and told which pages to remove; if so, they are, and *ret_built is the
 * number of the one registered last, "" when there was nothing to remove. */
static bool remove_pages(struct ctx *ctx, const char **ret_built) {
    const redisReply *noted = redis_next(ctx, ctx->env->redis), *pages = redis_next(ctx, ctx->env->redis);

    *ret_built = "";
    if (noted == NULL || noted->type != REDIS_REPLY_STRING || pages == NULL ||
        pages->type != REDIS_REPLY_ARRAY)
        return false;
    for (size_t i = 0; i + 1 < pages->elements; i += 2)
        remove_page(ctx, pages->element[i]->str);
    if (pages->elements > 0) /* by their numbers, the last one last */
        *ret_built = pages->element[pages->elements - 1]->str;
    return true;
}

/* Takes registrations off for what has been removed; what was registered since stays. */
static void unregister(struct ctx *ctx, const char *const *tags, size_t n, const char *built) {
    if (*built == '\0')
        return;
    for (size_t i = 0; i < n; i++)
        redis_add(ctx->env->redis, "ZREMRANGEBYSCORE page:of:%s -inf %s", tags[i], built);
    for (size_t i = 0; i < n; i++)
        if (redis_next(ctx, ctx->env->redis) == NULL)
            fail_clear(ctx); /* the next change of it removes nothing once more */
}

void page_purge_settle(struct page_purge *p) {
    struct ctx *ctx = p->ctx;
    size_t parts = (p->n + PURGE_TAGS - 1) / PURGE_TAGS;
    const char **built = arena_many(ctx->arena, const char *, parts), *entry;
    bool whole = true;

    for (size_t i = 0; i < parts; i++)
        whole = remove_pages(ctx, &built[i]) && whole;
    if (!whole) {
        fail_clear(ctx);
        if (!begin_log(ctx, &entry))
            fail_clear(ctx);
    }
    for (size_t i = 0; i < parts; i++)
        unregister(ctx, p->tags + i * PURGE_TAGS, share(p, i * PURGE_TAGS), built[i]);
    p->n = 0;
}

void page_purge_run(struct page_purge *p) {
    page_purge_send(p);
    page_purge_settle(p);
}

void page_purge_everything(struct ctx *ctx) {
    struct page_purge purge;

    if (folder(ctx) == NULL)
        return;
    page_purge_init(&purge, ctx);
    page_purge_add_name(&purge, "all"); /* what is being built now is not kept either */
    page_purge_run(&purge);
    empty_folder(ctx);
}

/* ---- Another program */

enum code page_cache_start(struct ctx *ctx) {
    const struct config *c = ctx->env->config;
    /* 3: how pages are registered */
    const char *now = arena_printf(ctx->arena, "3 %s %s %s %s", STATIC_URL_APP_CSS, STATIC_URL_APP_JS,
                                   c->base_url, c->site_name);
    const redisReply *r;

    if (folder(ctx) == NULL)
        return OK;
    redis_add(ctx->env->redis, "SET page:made-by %s GET", now);
    r = redis_next(ctx, ctx->env->redis);
    if (r == NULL)
        return ctx->error.code;
    if (r->type != REDIS_REPLY_STRING || strcmp(r->str, now) != 0)
        page_purge_everything(ctx);
    return OK;
}

/* ---- Tidying */

static time_t old_before;

static int remove_old(const char *path, const struct stat *st, int kind, struct FTW *ftw) {
    if (ftw->level == 0)
        return 0;
    if (kind == FTW_DP)
        rmdir(path); /* only when it is empty */
    else if (st->st_ctime < old_before)
        unlink(path);
    return 0;
}

void page_cache_tidy(struct ctx *ctx) {
    if (folder(ctx) == NULL)
        return;
    old_before = time(NULL) - OLD_S;
    nftw(folder(ctx), remove_old, 16, FTW_DEPTH | FTW_PHYS);
}
