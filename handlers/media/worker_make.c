/* Takes an upload that is due, has its files made by a child that is locked in, and says how it went. */
#include "handlers/media/worker_make.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/config.h"
#include "fcgi/log.h"
#include "fcgi/pool.h"
#include "handlers/media/worker.h"

#define ATTEMPTS 3
#define LISTEN_MS 250
#define BEAT_US INT64_C(5000000)
#define AGAIN_S 5 /* when what we need is down */
#define MB (INT64_C(1) << 20)
#define TRIES 5

const char *media_derive_program;
int media_look_ms = 2000;

/* ---- the child ---- */

enum watched { CHILD_ENDED, CHILD_STOPPED, CHILD_LOST };

/* A beat that does not arrive is no reason to stop: the end asks again whose it is. */
static bool is_ours(struct media_job *job, int progress) {
    bool ours = true;
    if (media_work_beat(job->ctx, job->row.id, job->lease, MEDIA_LEASE_S, progress, &ours) != OK) {
        fail_clear(job->ctx);
        return true;
    }
    return ours;
}

static enum watched watch(struct media_job *job, struct sandbox_child *child, struct sandbox_end *end) {
    unsigned char percent = 0;
    int64_t beaten_us = clock_mono_us();
    while (sandbox_watch(child, LISTEN_MS, &percent, end) == SANDBOX_RUNS) {
        bool lost = false;
        if (clock_mono_us() - beaten_us > BEAT_US) {
            lost = !is_ours(job, percent > 94 ? 94 : percent);
            beaten_us = clock_mono_us();
        }
        if (!pool_stopping() && !lost)
            continue;
        sandbox_kill(child);
        return lost ? CHILD_LOST : CHILD_STOPPED;
    }
    return CHILD_ENDED;
}

static const char *program(struct ctx *ctx) {
    return media_derive_program != NULL ? media_derive_program
                                        : sandbox_program(ctx->arena, "deeplink-derive");
}

/* Once a process: what this machine does not allow. */
static void say_locks(struct ctx *ctx) {
    static bool said;
    if (!said)
        sandbox_say(ctx, program(ctx));
    said = true;
}

static enum code start(struct media_job *job, struct sandbox_child *ret) {
    const struct config *config = job->ctx->env->config;
    struct arena *a = job->ctx->arena;
    struct sandbox_bounds bounds = {.memory_bytes = config->media_memory_mb * MB,
                                    .file_bytes = (config->media_video_mb * 4 + 256) * MB,
                                    .seconds = config->media_timeout_s};
    long threads = sysconf(_SC_NPROCESSORS_ONLN) / config->media_workers;
    json_object *doc;
    enum code c = media_store_doc(job->ctx, &job->row, &doc);
    const char *argv[] = {program(job->ctx),
                          job->folder,
                          job->source,
                          job->row.purpose,
                          NULL,
                          NULL,
                          arena_printf(a, "%ld",
                                       threads < 1   ? 1
                                       : threads > 4 ? 4
                                                     : threads),
                          arena_printf(a, "%d", config->media_timeout_s),
                          NULL};
    if (c != OK)
        return c;
    argv[4] = arena_printf(a, "%.4f", docs_real(doc, MEDIA_DOC_FOCUS_X));
    argv[5] = arena_printf(a, "%.4f", docs_real(doc, MEDIA_DOC_FOCUS_Y));
    return sandbox_start(job->ctx, argv, job->folder, -1, &bounds, ret);
}

/* ---- how it went ---- */

/* What ends a program that stumbles over its input, again and again. */
static bool is_crash(int signal) {
    return signal == SIGSEGV || signal == SIGBUS || signal == SIGABRT || signal == SIGTRAP ||
           signal == SIGILL || signal == SIGFPE || signal == SIGSYS;
}

/* The child's own words, or what its end says. */
static void judge(struct media_job *job, const struct sandbox_end *end) {
    struct ctx *ctx = job->ctx;
    struct derive_result *r = &job->result;
    if (end->status == 0 && end->in_time && derive_read(ctx, job->folder, r) == OK)
        return;
    const char *why = ctx->error.detail != NULL ? ctx->error.detail : "";
    fail_clear(ctx);
    *r = (struct derive_result){.fault = !end->in_time           ? DERIVE_TIME
                                         : is_crash(end->signal) ? DERIVE_BROKEN
                                                                 : DERIVE_INTERNAL};
    r->detail = arena_printf(ctx->arena, "status %d, signal %d, %" PRId64 " MB: %s", end->status, end->signal,
                             end->memory_bytes / MB, why);
}

static enum code fail_once(struct media_job *job, bool *ret_ours, bool *ret_ok) {
    struct ctx *ctx = job->ctx;
    struct media_row row;
    Pb__MediaView *view;
    json_object *words = docs_new(ctx);
    enum code c = media_work_row(ctx, job->row.id, job->lease, &row, ret_ours);
    if (c != OK || !*ret_ours)
        return c;
    if (row.state == PB__MEDIA_STATE__MEDIA_READY) {
        *ret_ok = true;
        return media_work_kept(ctx, row.id, job->lease, job->result.detail);
    }
    json_object_object_add(words, MEDIA_DOC_ERROR, json_object_new_string(derive_words(job->result.fault)));
    row.state = PB__MEDIA_STATE__MEDIA_FAILED;
    if ((c = media_store_doc_set(ctx, &row, words)) != OK || (c = media_store_view(ctx, &row, &view)) != OK)
        return c;
    view->version++;
    return media_work_failed(ctx, &row, job->lease, job->result.detail, view, ret_ok);
}

static enum code fail_for_good(struct media_job *job) {
    bool ours = true, ok = false;
    enum code c = OK;
    if (job->result.detail == NULL)
        job->result.detail = "";
    log_info(job->ctx, "no files were made of an upload", "medium=%" PRId64 " fault=%d cause=%s", job->row.id,
             (int)job->result.fault, job->result.detail);
    for (int i = 0; i < TRIES && c == OK && ours && !ok; i++)
        c = fail_once(job, &ours, &ok);
    return c;
}

/* What may go better next time is tried again, some time later. */
static enum code not_made(struct media_job *job) {
    struct derive_result *r = &job->result;
    bool again = r->fault == DERIVE_INTERNAL || strncmp(r->detail, "status", 6) == 0;
    if (!again || r->fault == DERIVE_TIME || job->row.attempts >= ATTEMPTS)
        return fail_for_good(job);
    log_warn(job->ctx, "making files of an upload is tried again", "medium=%" PRId64 " cause=%s", job->row.id,
             r->detail);
    return media_work_back(job->ctx, job->row.id, job->lease, job->row.attempts * job->row.attempts * AGAIN_S,
                           true, r->detail);
}

static enum code made(struct media_job *job) {
    bool ours;
    enum code c = media_files_keep(job, &ours);
    if (c == OK || c == UNAVAILABLE || c == DEADLINE || c == EXHAUSTED)
        return c;
    job->result.fault = DERIVE_INTERNAL;
    job->result.detail = job->ctx->error.detail != NULL ? job->ctx->error.detail : "";
    fail_clear(job->ctx);
    return not_made(job);
}

/* ---- one of them ---- */

static enum code make(struct media_job *job) {
    struct sandbox_child child;
    struct sandbox_end end;
    enum code c = media_folder_make(job);
    if (c == NOT_FOUND) {
        job->result = (struct derive_result){.fault = DERIVE_BROKEN, .detail = "its source is lost"};
        fail_clear(job->ctx);
        return fail_for_good(job);
    }
    if (c != OK || (c = start(job, &child)) != OK)
        return c;
    switch (watch(job, &child, &end)) {
    case CHILD_STOPPED:
        return media_work_back(job->ctx, job->row.id, job->lease, 0, false, "");
    case CHILD_LOST:
        return OK;
    case CHILD_ENDED:
        break;
    }
    judge(job, &end);
    log_debug(job->ctx, "a child has ended", "medium=%" PRId64 " cpu_ms=%" PRId64 " memory_mb=%" PRId64,
              job->row.id, end.cpu_ms, end.memory_bytes / MB);
    return job->result.fault == DERIVE_FINE ? made(job) : not_made(job);
}

/* The attempt whose end the database could not be told; id 0: there is none. Its lease may be one of those
 * that last long. */
static struct { int64_t id, lease; } owed;

/* What we need is down: whoever comes next tries again, and it was no attempt. Where the database is what is
 * down, it is told as soon as it is back. */
static enum code put_off(struct media_job *job, enum code c) {
    struct error why = job->ctx->error;
    const char *detail = why.detail != NULL ? why.detail : "";
    fail_clear(job->ctx);
    if (media_work_back(job->ctx, job->row.id, job->lease, AGAIN_S, false, detail) != OK) {
        owed.id = job->row.id;
        owed.lease = job->lease;
    }
    job->ctx->error = why;
    return c;
}

static enum code give_owed(struct ctx *ctx) {
    enum code c = owed.id == 0 ? OK : media_work_back(ctx, owed.id, owed.lease, 0, false, "");
    if (c == OK)
        owed.id = 0;
    return c;
}

enum code media_make_listen(struct ctx *ctx) { return media_work_listen(ctx); }

enum code media_make_run(struct ctx *ctx, int64_t *ret_wait_ms) {
    struct media_job job = {.ctx = ctx, .lease = id_next()};
    bool found = false;
    say_locks(ctx);
    enum code c = give_owed(ctx);
    if (c == OK)
        c = media_work_take(ctx, job.lease, &job.row, &found);
    *ret_wait_ms = found ? 0 : media_look_ms;
    if (c != OK || !found) {
        media_folders_tidy(ctx);
        return c;
    }
    if (job.row.attempts > ATTEMPTS) { /* it has taken its workers with it */
        job.result = (struct derive_result){.fault = DERIVE_BROKEN, .detail = "workers did not survive it"};
        return fail_for_good(&job);
    }
    c = make(&job);
    if (job.folder != NULL)
        media_folder_remove(ctx, job.folder);
    return c == OK ? OK : put_off(&job, c);
}
