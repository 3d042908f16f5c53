/* What an operator does with the store of files. Progress goes to standard error, the result to standard
 * output: as words, or with --json as one line for programs. */
#include "handlers/media/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/command.h"
#include "fcgi/config.h"
#include "fcgi/env.h"
#include "gen/stubs.h"
#include "handlers/media/service_operate.h"

#define CURSOR_MAX 128

/* Says what was wrong; exit status. */
static int failed(struct ctx *ctx) {
    fprintf(stderr, "%s\n", ctx->error.text);
    if (ctx->error.detail != NULL)
        fprintf(stderr, "(%s)\n", ctx->error.detail);
    return ctx->error.code == UNAVAILABLE ? COMMAND_UNAVAILABLE : COMMAND_FAILED;
}

/* Between two batches: nothing of the last one is needed. */
static void settle(struct ctx *ctx) {
    env_settle(ctx->env);
    arena_reset(ctx->arena);
}

static void progress(const char *doing, int64_t n) {
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%s %" PRId64 " …", doing, n);
}

static void end_progress(void) {
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

/* ---- sweep ---- */

struct swept {
    int64_t media, blobs, files, bytes;
};

/* All steps, to the end of the store. */
static enum code sweep(struct ctx *ctx, bool dry, const char *from, struct swept *ret) {
    char after[CURSOR_MAX];
    bool done = false;

    snprintf(after, sizeof after, "%s", from);
    while (!done) {
        Pb__SweepMediaRequest req = PB__SWEEP_MEDIA_REQUEST__INIT;
        const Pb__SweepMediaReply *reply;
        enum code c;
        req.dry_run = dry;
        req.limit = 1000;
        req.after = after;
        if ((c = media_sweep_media(ctx, &req, &reply)) != OK)
            return c;
        ret->media += reply->media;
        ret->blobs += reply->blobs;
        ret->files += reply->files;
        ret->bytes += reply->bytes;
        done = reply->done;
        snprintf(after, sizeof after, "%s", reply->next);
        settle(ctx);
        progress("Found", ret->media + ret->blobs + ret->files);
    }
    end_progress();
    return OK;
}

int media_command_sweep(struct ctx *ctx, int argc, char **argv) {
    bool dry = command_flag(argc, argv, "dry-run");
    struct swept s = {0};

    if (sweep(ctx, dry, "", &s) != OK)
        return failed(ctx);
    if (command_flag(argc, argv, "json"))
        printf("{\"dry_run\":%s,\"media\":%" PRId64 ",\"blobs\":%" PRId64 ",\"files\":%" PRId64
               ",\"bytes\":%" PRId64 "}\n",
               dry ? "true" : "false", s.media, s.blobs, s.files, s.bytes);
    else
        printf("%s: %" PRId64 " media that are used for nothing, %" PRId64
               " files of the store that nothing needs, %" PRId64 " leftovers of uploads; %.1f MB.\n",
               dry ? "Would be removed" : "Removed", s.media, s.blobs, s.files, (double)s.bytes / 1e6);
    return COMMAND_OK;
}

/* ---- verify ---- */

static void tell(const char *key, const char *words) {
    end_progress();
    fprintf(stderr, "%s: %s\n", key, words);
}

static void say_verified(const struct media_walk *w, const struct swept *strays, bool repair, bool json) {
    if (json) {
        printf("{\"blobs\":%" PRId64 ",\"bytes\":%" PRId64 ",\"missing\":%" PRId64 ",\"damaged\":%" PRId64
               ",\"shown_wrong\":%" PRId64 ",\"unknown\":%" PRId64 ",\"remade\":%" PRId64 ",\"lost\":%" PRId64
               ",\"repaired\":%s}\n",
               w->blobs, w->bytes, w->missing, w->damaged, w->shown_wrong, strays->blobs, w->remade, w->lost,
               repair ? "true" : "false");
        return;
    }
    printf("%" PRId64 " files, %.1f MB: %" PRId64 " missing, %" PRId64 " damaged, %" PRId64
           " not shown as they should be, %" PRId64 " that no row knows of.\n",
           w->blobs, (double)w->bytes / 1e6, w->missing, w->damaged, w->shown_wrong, strays->blobs);
    if (w->remade > 0)
        printf("%" PRId64 " media %s made anew of their originals.\n", w->remade,
               repair ? "are being" : "can be");
    if (w->lost > 0)
        printf("%" PRId64 " media can not be made anew: bring the files named above back from a backup.\n",
               w->lost);
}

int media_command_verify(struct ctx *ctx, int argc, char **argv) {
    bool repair = command_flag(argc, argv, "repair");
    struct media_walk w = {.tell = tell};
    struct swept strays = {0};

    if (media_operate_here(ctx) != OK)
        return failed(ctx);
    while (!w.done) {
        if (media_verify_some(ctx, &w, repair) != OK)
            return failed(ctx);
        settle(ctx);
        progress("Verified", w.blobs);
    }
    if (sweep(ctx, !repair, "store:", &strays) != OK)
        return failed(ctx);
    end_progress();
    say_verified(&w, &strays, repair, command_flag(argc, argv, "json"));
    return w.missing + w.damaged + w.shown_wrong + strays.blobs == 0 || (repair && w.lost == 0)
               ? COMMAND_OK
               : COMMAND_FAILED;
}

/* ---- move ---- */

static int say_moved(const struct media_walk *w, const char *to, bool json) {
    bool all = w->missing + w->damaged == 0;

    if (json)
        printf("{\"blobs\":%" PRId64 ",\"bytes\":%" PRId64 ",\"copied\":%" PRId64 ",\"copied_bytes\":%" PRId64
               ",\"missing\":%" PRId64 ",\"damaged\":%" PRId64 "}\n",
               w->blobs, w->bytes, w->copied, w->copied_bytes, w->missing, w->damaged);
    else
        printf("%" PRId64 " of %" PRId64 " files were copied, %.1f MB; the others were there.\n", w->copied,
               w->blobs, (double)w->copied_bytes / 1e6);
    if (!json && !all)
        printf("%" PRId64
               " could not be: they are missing or damaged here. `deeplink media verify` says more.\n",
               w->missing + w->damaged);
    if (!json)
        printf("Now set\n\n    media = %s\n\nand restart; then run this once more with --from, for what came "
               "meanwhile. What was copied is still in the old place: remove it when all is well.\n",
               to);
    return all ? COMMAND_OK : COMMAND_FAILED;
}

int media_command_move(struct ctx *ctx, int argc, char **argv) {
    const char *to = command_option(argc, argv, "to"), *problem = NULL;
    struct media_walk w = {.tell = tell};
    struct blob_store *target;
    enum code c;

    if (to == NULL) {
        fputs("usage: deeplink media move --to SETTING [--from SETTING]\n", stderr);
        return COMMAND_USAGE;
    }
    if (media_operate_here(ctx) != OK || media_operate_from(ctx, command_option(argc, argv, "from")) != OK)
        return failed(ctx);
    target = blob_open(ctx->env->config, to, &problem);
    if (target == NULL) {
        fprintf(stderr, "--to %s: %s\n", to, problem);
        return COMMAND_USAGE;
    }
    c = blob_ping(ctx, target);
    while (c == OK && !w.done) {
        c = media_move_some(ctx, &w, target);
        settle(ctx);
        progress("Looked at", w.blobs);
    }
    end_progress();
    blob_close(target);
    return c == OK ? say_moved(&w, to, command_flag(argc, argv, "json")) : failed(ctx);
}

/* ---- rederive ---- */

static int kind_of(const char *name) {
    static const char *const names[] = {"", "image", "gifv", "video", "audio", "document"};

    for (int i = 1; i < 6; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

int media_command_rederive(struct ctx *ctx, int argc, char **argv) {
    const char *word = command_word(argc, argv, "kind", 0), *kind = command_option(argc, argv, "kind");
    int64_t id = 0, at = 0, n = 0, all = 0;
    int of = kind != NULL ? kind_of(kind) : 0;

    if ((word != NULL && !id_parse(word, &id)) || of < 0 || (id != 0 && of != 0) ||
        (id == 0 && of == 0 && !command_flag(argc, argv, "all"))) {
        fputs("usage: deeplink media rederive ID | --kind image|gifv|video|audio|document | --all\n", stderr);
        return COMMAND_USAGE;
    }
    if (media_operate_here(ctx) != OK)
        return failed(ctx);
    do {
        if (media_rederive_some(ctx, id, of, &at, &n) != OK)
            return failed(ctx);
        all += n;
        settle(ctx);
        progress("Asked for", all);
    } while (n > 0 && id == 0);
    end_progress();
    if (command_flag(argc, argv, "json"))
        printf("{\"media\":%" PRId64 "}\n", all);
    else
        printf("Files of %" PRId64 " media are being made anew.\n", all);
    return id != 0 && all == 0 ? COMMAND_FAILED : COMMAND_OK;
}
