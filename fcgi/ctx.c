#include "fcgi/ctx.h"

#include <stdarg.h>
#include <stddef.h>

/* The failure of this call becomes the context's, unless an earlier one is there already. */
static bool record(struct ctx *ctx, enum code code, const char *text) {
    if (ctx->error.code != OK)
        return false;
    ctx->error.code = code;
    ctx->error.text = text;
    return true;
}

enum code fail(struct ctx *ctx, enum code code, const char *text) {
    record(ctx, code, text);
    return code;
}

enum code fail_detail(struct ctx *ctx, enum code code, const char *text, const char *detail_fmt, ...) {
    if (record(ctx, code, text)) {
        va_list ap;
        va_start(ap, detail_fmt);
        ctx->error.detail = arena_vprintf(ctx->arena, detail_fmt, ap);
        va_end(ap);
    }
    return code;
}

enum code fail_field(struct ctx *ctx, const char *field, const char *text) {
    return fail_field_as(ctx, field, FIELD_INVALID, text);
}

enum code fail_field_as(struct ctx *ctx, const char *field, const char *kind, const char *text) {
    error_add_field(ctx->arena, &ctx->error, field, kind, text);
    return fail(ctx, INVALID, "Please check the marked fields.");
}

enum code fail_http(struct ctx *ctx, int http, enum code code, const char *text) {
    if (record(ctx, code, text))
        ctx->error.http = http;
    return code;
}

enum code fail_retry(struct ctx *ctx, enum code code, int seconds, const char *text) {
    if (record(ctx, code, text))
        ctx->error.retry_after = seconds;
    return code;
}

void fail_clear(struct ctx *ctx) { ctx->error = (struct error){0}; }

bool fail_spared(struct ctx *ctx, enum code code) {
    if (code != UNAVAILABLE && code != DEADLINE)
        return false;
    fail_clear(ctx);
    return true;
}

bool ctx_failed(const struct ctx *ctx) { return ctx->error.code != OK; }
