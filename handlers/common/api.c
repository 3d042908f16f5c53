#include "handlers/common/api.h"

#include <inttypes.h>
#include <string.h>

#include "fcgi/config.h"
#include "fcgi/json.h"

#define JSON_TYPE "application/json"

enum code api_reply(struct request *req, const struct shape *shape, const void *view) {
    struct json j;

    json_init(&j, respond(req, 200, JSON_TYPE));
    shape_write(&j, shape, view);
    respond_etag(req);
    return OK;
}

enum code api_reply_list(struct request *req, const struct shape *shape, const void *items, size_t n) {
    struct json j;

    json_init(&j, respond(req, 200, JSON_TYPE));
    shape_write_list(&j, shape, items, n);
    respond_etag(req);
    return OK;
}

enum code api_reply_empty(struct request *req) {
    buf_puts(respond(req, 200, JSON_TYPE), "{}");
    return OK;
}

enum code api_reply_none(struct request *req) {
    buf_puts(respond(req, 200, JSON_TYPE), "[]");
    return OK;
}

uint32_t api_limit(const struct request *req, uint32_t otherwise, uint32_t most) {
    int64_t asked = field_int(req, "limit");

    return asked == 0 ? otherwise : asked > (int64_t)most ? most : (uint32_t)asked;
}

const char *api_url(struct ctx *ctx, const char *path) {
    return arena_printf(ctx->arena, "%s%s", ctx->env->config->base_url, path);
}

static bool is_bound(const char *name) {
    return strcmp(name, "max_id") == 0 || strcmp(name, "min_id") == 0 || strcmp(name, "since_id") == 0;
}

/* This request's address with one bound in place of its own. */
static void add_link(struct request *req, struct buf *out, const char *bound, int64_t id, const char *rel) {
    if (id == 0)
        return;
    buf_printf(out, "%s<%s%s?", out->n > 0 ? ", " : "", req->ctx.env->config->base_url, req->path);
    for (size_t i = 0; i < req->query.n; i++) {
        const struct param *p = &req->query.items[i];

        if (is_bound(p->name) || strcmp(p->name, "access_token") == 0)
            continue;
        buf_url(out, p->name, strlen(p->name));
        buf_putc(out, '=');
        buf_url(out, p->value, p->n);
        buf_putc(out, '&');
    }
    buf_printf(out, "%s=%" PRId64 ">; rel=\"%s\"", bound, id, rel);
}

void api_link(struct request *req, int64_t next_max_id, int64_t prev_min_id) {
    struct buf out;

    buf_init(&out, req->ctx.arena, 8192);
    add_link(req, &out, "max_id", next_max_id, "next");
    add_link(req, &out, "min_id", prev_min_id, "prev");
    if (out.n > 0 && !buf_overflowed(&out))
        respond_header(req, "Link", buf_str(&out));
}
