/* Runs calls that came by gRPC: their context out of the metadata, the rules, the reply. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/app.h"
#include "fcgi/base/arena.h"
#include "fcgi/base/clock.h"
#include "fcgi/config.h"
#include "fcgi/env.h"
#include "fcgi/log.h"
#include "fcgi/pool.h"
#include "fcgi/rpc.h"
#include "fcgi/rpc_server.h"
#include "fcgi/rpc_session.h"
#include "fcgi/rpc_wire.h"

#define ARENA_MAX_BYTES ((size_t)64 << 20)
#define WRONG "Something went wrong on our side."

static void on_exhausted(void *arg) { longjmp(*(jmp_buf *)((struct rpc_host *)arg)->jump, 1); }

struct rpc_host *rpc_host_new(struct env *env) {
    struct rpc_host *h = calloc(1, sizeof *h);
    if (h == NULL)
        return NULL;
    h->jump = calloc(1, sizeof(jmp_buf));
    h->env = env;
    h->arena = arena_new(ARENA_MAX_BYTES);
    return h;
}

void rpc_host_free(struct rpc_host *h) {
    if (h == NULL)
        return;
    arena_free(h->arena);
    free(h->jump);
    free(h);
}

enum code rpc_refuse(struct ctx *ctx, enum code code, const char *words) { return fail(ctx, code, words); }

/* Only a service of ours says in whose name it calls. */
static struct ctx context(const struct rpc_stream *stream) {
    struct rpc_host *h = stream->session->host;
    const struct rpc_meta *m = &stream->meta;
    bool ours = stream->peer == RPC_SERVICE;
    int64_t last = clock_mono_us() + (int64_t)h->env->config->request_timeout_ms * 1000;
    struct ctx ctx = {
        .arena = h->arena,
        .env = h->env,
        .request_id = ours ? m->request_id : "grpc",
        .ip = ours ? m->ip : "",
        .user_agent = ours ? rpc_percent_decode(h->arena, m->agent) : "grpc",
        .depth = ours && m->depth > 0 ? m->depth : 1,
        .lang = m->lang,
        .deadline_us = stream->deadline_us != 0 && stream->deadline_us < last ? stream->deadline_us : last};
    if (ours) {
        ctx.viewer_id = m->viewer;
        ctx.permissions = m->viewer != 0 ? m->permissions : 0;
        ctx.session_id = m->session;
        ctx.token_id = m->token;
        ctx.app_id = m->app;
    }
    return ctx;
}

/* Takes the next message off what has come; *ret_p is inside of stream->in. */
static enum code next_message(struct ctx *ctx, struct rpc_stream *stream, const unsigned char **ret_p,
                              size_t *ret_n) {
    enum rpc_framing f = rpc_message_find((const unsigned char *)stream->in.p + stream->in_at,
                                          stream->in.n - stream->in_at, ret_p, ret_n);
    switch (f) {
    case RPC_WHOLE:
        stream->in_at += RPC_HEAD + *ret_n;
        return OK;
    case RPC_TOO_LARGE:
        return rpc_refuse(ctx, EXHAUSTED, "A message may have at most 4 MiB.");
    case RPC_COMPRESSED:
        return rpc_refuse(ctx, UNIMPLEMENTED, "Messages are taken uncompressed only.");
    default:
        return rpc_refuse(ctx, INTERNAL, "The request has no whole message.");
    }
}

static enum code only_message(struct ctx *ctx, struct rpc_stream *stream, const unsigned char **ret_p,
                              size_t *ret_n) {
    enum code code = next_message(ctx, stream, ret_p, ret_n);
    if (code == OK && stream->in_at < stream->in.n)
        return rpc_refuse(ctx, INTERNAL, "The request has more than one message.");
    return code;
}

static enum code send(struct ctx *ctx, struct rpc_stream *stream, const void *p, size_t n) {
    return rpc_stream_send(stream, p, n)
               ? OK
               : rpc_refuse(ctx, EXHAUSTED, "The answer is too large. Ask for less at once.");
}

/* ---- the services ---- */

/* Callers from outside act for the member of their token, or for nobody, whatever their message says. What it
 * leaves out is filled in. */
static enum code check_claims(struct ctx *ctx, const struct rpc_stream *stream, ProtobufCMessage *m) {
    const char *claims[] = {"viewer_id", "actor_id", stream->door != NULL ? stream->door->actor : NULL};
    for (size_t i = 0; stream->peer != RPC_SERVICE && i < sizeof claims / sizeof claims[0]; i++) {
        const ProtobufCFieldDescriptor *f =
            claims[i] != NULL ? protobuf_c_message_descriptor_get_field_by_name(m->descriptor, claims[i])
                              : NULL;
        if (f == NULL || f->type != PROTOBUF_C_TYPE_INT64 || f->label == PROTOBUF_C_LABEL_REPEATED)
            continue;
        int64_t *who = (int64_t *)(void *)((char *)m + f->offset);
        if (*who != 0 && *who != ctx->viewer_id)
            return rpc_refuse(ctx, DENIED,
                              arena_printf(ctx->arena,
                                           "%s: nobody from outside acts for others; leave it out.",
                                           claims[i]));
        *who = ctx->viewer_id;
    }
    return OK;
}

/* Nor may they say by which app something is made: that is for who has looked at the token. */
static void drop_app(const struct rpc_stream *stream, ProtobufCMessage *m) {
    static const char *const names[] = {"app_name", "app_website"};
    for (size_t i = 0; stream->peer != RPC_SERVICE && i < sizeof names / sizeof names[0]; i++) {
        const ProtobufCFieldDescriptor *f =
            protobuf_c_message_descriptor_get_field_by_name(m->descriptor, names[i]);
        if (f != NULL && f->type == PROTOBUF_C_TYPE_STRING && f->label != PROTOBUF_C_LABEL_REPEATED)
            *(const char **)(void *)((char *)m + f->offset) = "";
    }
}

static enum code unpack(struct ctx *ctx, struct rpc_stream *stream, ProtobufCAllocator *allocator,
                        ProtobufCMessage **ret) {
    const ProtobufCServiceDescriptor *d = stream->service->descriptor;
    const unsigned char *p;
    size_t n;
    enum code code = only_message(ctx, stream, &p, &n);
    if (code != OK)
        return code;
    *ret = protobuf_c_message_unpack(d->methods[stream->method].input, allocator, n, p);
    if (*ret == NULL)
        return rpc_refuse(ctx, INVALID, "The message is malformed.");
    if (allocator != NULL) /* of the arena: what was there needs no free() */
        drop_app(stream, *ret);
    return check_claims(ctx, stream, *ret);
}

static enum code invoke(struct ctx *ctx, struct rpc_stream *stream, const ProtobufCMessage *request,
                        struct rpc_call *call) {
    ProtobufCService *table = stream->service->table;
    const unsigned char *p;
    size_t n;
    table->invoke(table, stream->method, request, rpc_done, call);
    if (call->code != OK)
        return call->code;
    rpc_pack(ctx, call->reply, &p, &n);
    return send(ctx, stream, p, n);
}

/* One message after another: the request moves on, and stands by malloc meanwhile. */
static enum code run_stream(struct ctx *ctx, struct rpc_stream *stream, bool *ret_more) {
    struct rpc_call call = {.ctx = ctx, .code = UNKNOWN};
    enum code code = stream->request != NULL ? OK : unpack(ctx, stream, NULL, &stream->request);
    if (code == OK)
        code = invoke(ctx, stream, stream->request, &call);
    *ret_more = code == OK && call.more;
    return code;
}

static enum code run_call(struct ctx *ctx, struct rpc_stream *stream) {
    struct rpc_call call = {.ctx = ctx, .code = UNKNOWN};
    ProtobufCMessage *request;
    enum code code = unpack(ctx, stream, rpc_allocator(ctx), &request);
    return code == OK ? invoke(ctx, stream, request, &call) : code;
}

/* ---- health and reflection ---- */

static enum code answer(struct ctx *ctx, struct rpc_stream *stream, const unsigned char *p, size_t n,
                        struct buf *out) {
    buf_init(out, ctx->arena, RPC_MESSAGE_MAX);
    return stream->builtin->answer(ctx, p, n, out);
}

static enum code run_each(struct ctx *ctx, struct rpc_stream *stream, bool *ret_more) {
    const unsigned char *p;
    struct buf out;
    size_t n;
    enum code code = OK;
    while (code == OK && stream->in.n > stream->in_at) {
        if (!stream->in_ended && rpc_message_find((const unsigned char *)stream->in.p + stream->in_at,
                                                  stream->in.n - stream->in_at, &p, &n) == RPC_PART)
            break;
        if ((code = next_message(ctx, stream, &p, &n)) == OK &&
            (code = answer(ctx, stream, p, n, &out)) == OK)
            code = send(ctx, stream, out.p, out.n);
    }
    *ret_more = code == OK && !stream->in_ended;
    return code;
}

/* What was answered last is in stream->message, which nothing else needs before the end. */
static enum code run_watch(struct ctx *ctx, struct rpc_stream *stream, bool *ret_more) {
    const unsigned char *p = NULL;
    struct buf out;
    size_t n = 0;
    size_t at = stream->in_at;
    stream->in_at = 0; /* the same question each time */
    enum code code = next_message(ctx, stream, &p, &n);
    if (code == OK)
        code = answer(ctx, stream, p, n, &out);
    if (code != OK)
        return code;
    *ret_more = true;
    char *packed = rpc_base64(ctx->arena, out.p, out.n);
    if (at > 0 && stream->message != NULL && strcmp(packed, stream->message) == 0)
        return OK;
    free(stream->message);
    stream->message = strdup(packed);
    return send(ctx, stream, out.p, out.n);
}

static enum code run_builtin(struct ctx *ctx, struct rpc_stream *stream, bool *ret_more) {
    const unsigned char *p;
    struct buf out;
    size_t n;
    enum code code;
    if (stream->builtin->kind == RPC_EACH)
        return run_each(ctx, stream, ret_more);
    if (stream->builtin->kind == RPC_WATCH)
        return run_watch(ctx, stream, ret_more);
    if ((code = only_message(ctx, stream, &p, &n)) == OK && (code = answer(ctx, stream, p, n, &out)) == OK)
        code = send(ctx, stream, out.p, out.n);
    return code;
}

/* ---- running ---- */

/* Whom the caller's token is of. A built-in service takes any token that opens something. */
static enum code let_in(struct ctx *ctx, struct rpc_stream *stream) {
    static const struct rpc_door any = {.least = RPC_OUTSIDE};
    const struct app *app = ctx->env->app;
    if (stream->peer != RPC_MEMBER || (stream->builtin != NULL && stream->builtin->least == RPC_NOBODY))
        return OK;
    if (app->let_in == NULL)
        return rpc_refuse(ctx, UNAUTHENTICATED, "No token opens anything here.");
    enum code code = app->let_in(ctx, stream->meta.bearer, stream->door != NULL ? stream->door : &any);
    if (code == OK)
        stream->session->known = true;
    return code;
}

static enum code run(struct ctx *ctx, struct rpc_stream *stream, bool *ret_more) {
    *ret_more = false;
    enum code code = let_in(ctx, stream);
    if (code != OK)
        return code;
    if (stream->deadline_us != 0 && clock_mono_us() > stream->deadline_us)
        return fail(ctx, DEADLINE, "This took too long.");
    if (stream->builtin != NULL)
        return run_builtin(ctx, stream, ret_more);
    return (stream->marks & RPC_STREAM) != 0 ? run_stream(ctx, stream, ret_more) : run_call(ctx, stream);
}

static void log_end(const struct ctx *ctx, const struct rpc_stream *stream, int64_t us) {
    const struct error *e = &ctx->error;
    int http = e->code == OK ? 200 : error_http_status(e);
    rpc_server_count(e->code, us);
    if (http >= 500)
        log_error(ctx, "call failed", "code=%s path=%s text=%s cause=%s", code_name(e->code),
                  stream->meta.path, e->text, e->detail != NULL ? e->detail : "");
    if (log_wants(LOG_INFO))
        log_access(ctx, "GRPC", stream->meta.path, http, stream->out.n, us);
}

static void finish(struct ctx *ctx, struct rpc_stream *stream, enum code code, bool more, int64_t begin_us) {
    if (code != OK && !ctx_failed(ctx))
        fail_detail(ctx, code, WRONG, "%s failed without words", stream->meta.path);
    if (code == OK)
        fail_clear(ctx);
    if (more)
        return;
    if (stream->builtin != NULL && stream->builtin->kind == RPC_WATCH) {
        free(stream->message);
        stream->message = NULL;
    }
    rpc_stream_end(stream, &ctx->error);
    log_end(ctx, stream, clock_mono_us() - begin_us);
}

void rpc_run(struct rpc_stream *stream) {
    struct rpc_host *h = stream->session->host;
    int64_t begin_us = clock_mono_us();
    struct ctx ctx;
    bool more = false;
    pool_busy(true);
    rpc_stream_unqueue(stream); /* one that has more to say comes again when that is asked for */
    arena_reset(h->arena);
    arena_on_exhausted(h->arena, on_exhausted, h);
    ctx = context(stream);
    if (setjmp(*(jmp_buf *)h->jump) == 0) {
        enum code code = run(&ctx, stream, &more);
        finish(&ctx, stream, code, more, begin_us);
    } else {
        arena_reset(h->arena);
        ctx.error = (struct error){0};
        ctx.request_id = ctx.ip = ctx.user_agent = "";
        rpc_refuse(&ctx, EXHAUSTED, "This needs more memory than there is.");
        finish(&ctx, stream, EXHAUSTED, false, begin_us);
    }
    h->calls++;
    env_settle(h->env);
    if (h->env->app->settle != NULL)
        h->env->app->settle();
    env_tick(h->env);
    arena_reset(h->arena);
    pool_busy(false);
}
