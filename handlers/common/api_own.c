#include "handlers/common/api_own.h"

#include <inttypes.h>
#include <string.h>

#include "fcgi/base/crypto.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/i18n.h"
#include "fcgi/json.h"
#include "fcgi/router.h"

#define JSON_TYPE "application/json"
#define MAC_BYTES 16
#define URL_MAX 8192
#define BACK '^' /* before the place in a cursor that leads to the page before it */

enum code api_own_reply(struct request *req, const struct shape *shape, const void *view) {
    int status = req->route->status != 0 ? req->route->status : 200;
    struct json j;

    json_init(&j, respond(req, status, JSON_TYPE));
    shape_write(&j, shape, view);
    respond_etag_strong(req);
    return OK;
}

enum code api_own_done(struct request *req) {
    respond(req, 204, JSON_TYPE);
    return OK;
}

uint32_t api_own_limit(const struct request *req) {
    int64_t asked = field_int(req, "limit");

    return asked == 0 ? API_OWN_LIMIT : (uint32_t)asked;
}

/* ---- Cursors: base64url of a MAC and what it vouches for. The list's address is part of what is signed, so
 * that a cursor of one list leads nowhere in another. ---- */

static void sign(struct request *req, const char *path, const char *at, unsigned char out[MAC_BYTES]) {
    unsigned char mac[CRYPTO_HASH_BYTES];
    const char *text = arena_printf(req->ctx.arena, "cursor:%s:%s", path, at);

    crypto_mac(mac, config_secret(req->ctx.env->config), text, strlen(text));
    memcpy(out, mac, MAC_BYTES);
}

static const char *cursor_of(struct request *req, const char *path, const char *at) {
    size_t n = strlen(at);
    unsigned char *bytes = arena_alloc(req->ctx.arena, MAC_BYTES + n);

    sign(req, path, at, bytes);
    memcpy(bytes + MAC_BYTES, at, n);
    return text_base64url(req->ctx.arena, bytes, MAC_BYTES + n);
}

/* What the cursor that was sent says; "" without one. */
static enum code read_cursor(struct request *req, const char **ret_at) {
    const char *cursor = field_text(req, "cursor");
    unsigned char mac[MAC_BYTES], *bytes;
    size_t n;

    *ret_at = "";
    if (*cursor == '\0')
        return OK;
    if (text_base64url_decode(req->ctx.arena, cursor, &bytes, &n) && n >= MAC_BYTES) {
        const char *at = arena_strndup(req->ctx.arena, (const char *)bytes + MAC_BYTES, n - MAC_BYTES);

        sign(req, req->path, at, mac);
        if (crypto_equal(mac, bytes, MAC_BYTES)) {
            *ret_at = at;
            return OK;
        }
    }
    return fail_http(&req->ctx, 400, INVALID,
                     tr_mark("This cursor is none of this list. Begin without one."));
}

enum code api_own_cursor(struct request *req, const char **ret_behind, const char **ret_before) {
    const char *at;
    enum code c = read_cursor(req, &at);

    *ret_behind = *at == BACK ? "" : at;
    *ret_before = *at == BACK ? at + 1 : "";
    return c;
}

enum code api_own_cursor_id(struct request *req, int64_t *ret_behind, int64_t *ret_before) {
    const char *behind, *before;
    enum code c = api_own_cursor(req, &behind, &before);

    *ret_behind = *ret_before = 0;
    if (*behind != '\0')
        id_parse(behind, ret_behind); /* signed, so it is one */
    if (*before != '\0')
        id_parse(before, ret_before);
    return c;
}

const char *api_own_at(struct ctx *ctx, int64_t id) {
    return id == 0 ? NULL : arena_printf(ctx->arena, "%" PRId64, id);
}

const char *api_own_url(struct request *req, const char *path, const char *at) {
    const char *base = req->ctx.env->config->base_url;

    return at == NULL ? arena_printf(req->ctx.arena, "%s%s", base, path)
                      : arena_printf(req->ctx.arena, "%s%s?cursor=%s", base, path, cursor_of(req, path, at));
}

/* ---- Lists ---- */

/* This list's address with another cursor. */
static void add_link(struct request *req, struct buf *out, const char *cursor, const char *rel) {
    if (cursor == NULL)
        return;
    buf_printf(out, "%s<%s%s?", out->n > 0 ? ", " : "", req->ctx.env->config->base_url, req->path);
    for (size_t i = 0; i < req->query.n; i++) {
        const struct param *p = &req->query.items[i];

        if (strcmp(p->name, "cursor") == 0 || strcmp(p->name, "access_token") == 0)
            continue;
        buf_url(out, p->name, strlen(p->name));
        buf_putc(out, '=');
        buf_url(out, p->value, p->n);
        buf_putc(out, '&');
    }
    buf_printf(out, "cursor=%s>; rel=\"%s\"", cursor, rel);
}

enum code api_own_list(struct request *req, const struct api_own_page *page) {
    const char *next = text_is_empty(page->next) ? NULL : cursor_of(req, req->path, page->next);
    const char *back =
        text_is_empty(page->prev) ? NULL : arena_printf(req->ctx.arena, "%c%s", BACK, page->prev);
    const char *prev = back == NULL ? NULL : cursor_of(req, req->path, back);
    struct buf links;
    struct json j;

    json_init(&j, respond(req, 200, JSON_TYPE));
    json_open_object(&j);
    json_key(&j, "items");
    shape_write_list(&j, page->shape, page->items, page->n);
    json_put_str(&j, "next", next);
    json_put_str(&j, "prev", prev);
    json_close_object(&j);
    buf_init(&links, req->ctx.arena, URL_MAX);
    add_link(req, &links, next, "next");
    add_link(req, &links, prev, "prev");
    if (links.n > 0 && !buf_overflowed(&links))
        respond_header(req, "Link", buf_str(&links));
    respond_etag(req);
    return OK;
}

/* ---- Preconditions ---- */

enum code api_own_if_match(struct request *req, const struct shape *shape, const void *now) {
    const char *asked = request_header(req, "If-Match");
    struct buf body;
    struct json j;

    if (asked == NULL)
        return fail_http(&req->ctx, 428, PRECONDITION,
                         tr_mark("Say by If-Match which state you mean: the ETag of what you have read."));
    buf_init(&body, req->ctx.arena, RESPONSE_MAX);
    json_init(&j, &body);
    shape_write(&j, shape, now);
    if (respond_etag_matches(asked, respond_tag(req->ctx.arena, &body)))
        return OK;
    return fail_http(&req->ctx, 412, PRECONDITION,
                     tr_mark("This has been changed meanwhile. Read it again, then change it."));
}

enum code api_own_id(struct request *req, const char *otherwise, int64_t *ret_id) {
    return id_parse(req->args[0], ret_id) ? OK : fail(&req->ctx, NOT_FOUND, otherwise);
}
