#include "fcgi/response.h"

#include <errno.h>
#include <fastcgi.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/cookie.h"
#include "fcgi/log.h"
#include "fcgi/origins.h"
#include "fcgi/router.h"

#define HEAD_MAX ((size_t)32 * 1024)
#define BODY_USUAL ((size_t)32 * 1024) /* a page fits without growing */
#define RECORD_MAX ((size_t)65528)     /* content of one record; 16 bits, and a multiple of 8 */
#define IOV_ROOM 64

/* Nothing may be loaded but from this site itself, and pictures, video and sound from where they are kept;
 * nothing inline. */
#define CSP_BEGIN                                                                        \
    "Content-Security-Policy: default-src 'none'; style-src 'self'; script-src 'self'; " \
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; media-src 'self'"
#define CSP_PICTURES "; img-src 'self' data:"
#define CSP_FORMS "; form-action 'self'"
#define CSP_END "; base-uri 'none'; frame-ancestors 'none'\r\n"
#define SAFETY                            \
    "X-Content-Type-Options: nosniff\r\n" \
    "Referrer-Policy: same-origin\r\n"    \
    "Cross-Origin-Opener-Policy: same-origin\r\n"
/* Unless the answer says itself who may embed it. */
#define WHO_EMBEDS "Cross-Origin-Resource-Policy"

static const char html[] = "text/html; charset=utf-8";

void response_init(struct request *req) {
    struct response *res = &req->res;
    *res = (struct response){.status = 200, .type = html};
    buf_init(&res->body, req->ctx.arena, RESPONSE_MAX);
}

void response_restart(struct request *req) {
    struct header *h = req->res.headers, *kept = NULL, **end = &kept;
    for (; h != NULL; h = h->next)
        if (h->always || strcmp(h->name, "Set-Cookie") == 0 || strcmp(h->name, "Allow") == 0) {
            *end = h;
            end = &h->next;
        }
    *end = NULL;
    response_init(req);
    req->res.headers = kept;
}

struct buf *respond(struct request *req, int status, const char *type) {
    struct response *res = &req->res;
    res->status = status;
    res->type = type != NULL ? type : html;
    res->done = true;
    res->body.n = 0;
    res->body.overflowed = false;
    buf_reserve(&res->body, BODY_USUAL);
    return &res->body;
}

/* ---- headers ---- */

static bool is_token(const char *s) {
    for (const char *p = s; *p != '\0'; p++)
        if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f ||
            strchr("()<>@,;:\\\"/[]?={}", *p) != NULL)
            return false;
    return *s != '\0';
}

/* Whether it may stand in a header: no line ends or other control characters. */
static bool is_header_value(const char *s) {
    for (; *s != '\0'; s++)
        if (((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7f)
            return false;
    return true;
}

static struct header **find_header(struct request *req, const char *name) {
    struct header **at = &req->res.headers;
    while (*at != NULL && strcasecmp((*at)->name, name) != 0)
        at = &(*at)->next;
    return at;
}

static void append_header(struct request *req, const char *name, const char *value) {
    struct header **at = &req->res.headers;
    while (*at != NULL)
        at = &(*at)->next;
    *at = arena_one(req->ctx.arena, struct header);
    (*at)->name = name;
    (*at)->value = value;
}

/* Only these may be there more than once. */
static bool repeats(const char *name) {
    return strcasecmp(name, "Set-Cookie") == 0 || strcasecmp(name, "Link") == 0;
}

void respond_header(struct request *req, const char *name, const char *value) {
    if (value == NULL || !is_token(name) || !is_header_value(value)) {
        log_error(&req->ctx, "a header was left out: its value may not stand in one", "name=%s", name);
        return;
    }
    struct header **at = find_header(req, name);
    if (*at != NULL && !repeats(name))
        (*at)->value = value;
    else
        append_header(req, name, value);
}

void respond_header_always(struct request *req, const char *name, const char *value) {
    struct header *h;
    respond_header(req, name, value);
    h = *find_header(req, name);
    if (h != NULL)
        h->always = true;
}

/* A path for Location: bytes that may not stand in a URL are percent-encoded, what is encoded already stays.
 */
static const char *location(struct request *req, const char *path) {
    struct buf b;
    buf_init(&b, req->ctx.arena, HEAD_MAX / 4);
    for (const char *p = path; *p != '\0'; p++)
        if ((unsigned char)*p > ' ' && (unsigned char)*p < 0x7f && strchr("\"<>\\^`{|}", *p) == NULL)
            buf_putc(&b, *p);
        else
            buf_url(&b, p, 1);
    return buf_overflowed(&b) ? "/" : buf_str(&b);
}

enum code respond_redirect(struct request *req, const char *local_path) {
    const char *path = local_path != NULL && text_is_local_path(local_path) ? local_path : "/";
    respond(req, 303, "text/plain; charset=utf-8");
    respond_header(req, "Location", location(req, path));
    return OK;
}

/* ---- cookies ---- */

static const char *cookie_name(const struct request *req, const char *name) {
    return req->https ? arena_printf(req->ctx.arena, "__Host-%s", name) : name;
}

void respond_cookie(struct request *req, const char *name, const char *value, int max_age) {
    struct cookie c = {
        .name = cookie_name(req, name), .value = value, .max_age = max_age, .insecure = !req->https};
    const char *line = cookie_build(req->ctx.arena, &c);
    if (line == NULL)
        log_error(&req->ctx, "a cookie was left out: its value may not stand in one", "name=%s", name);
    else
        respond_header(req, "Set-Cookie", line);
}

const char *request_cookie(const struct request *req, const char *name) {
    return params_get(&req->cookies, cookie_name(req, name));
}

/* ---- ETag ---- */

/* One step of a 64-bit hash by 128-bit multiplication: two words in, all bits mixed. */
static uint64_t mix(uint64_t a, uint64_t b) {
    unsigned __int128 m = (unsigned __int128)a * b;
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static uint64_t load64(const char *p) {
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Tells bodies of one address apart; not a defence against anybody, who could only harm his own copy. */
static uint64_t hash(const char *p, size_t n, uint64_t seed) {
    static const uint64_t k0 = 0xa0761d6478bd642full, k1 = 0xe7037ed1a0b428dbull;
    uint64_t h = seed ^ mix(n ^ k0, k1);
    char rest[16] = {0};
    for (; n >= 16; p += 16, n -= 16)
        h = mix(load64(p) ^ k0, load64(p + 8) ^ h);
    if (n > 0)
        memcpy(rest, p, n);
    return mix(load64(rest) ^ k1, mix(load64(rest + 8) ^ k0, h));
}

/* Weak comparison (RFC 9110 section 13.1.2): the opaque tag is in the list, or the list is '*'. */
bool respond_etag_matches(const char *list, const char *opaque) {
    size_t n = strlen(opaque);
    for (const char *p = list; *p != '\0';) {
        p += strspn(p, " \t,");
        if (*p == '*')
            return true;
        if (strncmp(p, "W/", 2) == 0)
            p += 2;
        if (strncmp(p, opaque, n) == 0)
            return true;
        p += strcspn(p, ",");
    }
    return false;
}

uint64_t respond_hash(const void *p, size_t n, uint64_t seed) { return hash(p, n, seed); }

static bool is_read(const struct request *req) { return (req->method & (METHOD_GET | METHOD_HEAD)) != 0; }

static const char *tag_of(struct arena *a, uint64_t value) {
    return arena_printf(a, "\"%016llx\"", (unsigned long long)value);
}

const char *respond_tag(struct arena *a, const struct buf *body) {
    return tag_of(a, hash(body->p != NULL ? body->p : "", body->n, 0));
}

/* Whether the reader has it already; then the answer is 304. */
static bool tell_tag(struct request *req, const char *prefix, const char *tag) {
    const char *asked = request_header(req, "If-None-Match");

    respond_header(req, "ETag", arena_printf(req->ctx.arena, "%s%s", prefix, tag));
    if (!is_read(req) || asked == NULL || !respond_etag_matches(asked, tag))
        return false;
    req->res.status = 304;
    return true;
}

bool respond_etag_of(struct request *req, uint64_t value) {
    return req->res.status == 200 && is_read(req) && tell_tag(req, "W/", tag_of(req->ctx.arena, value));
}

void respond_etag(struct request *req) {
    const struct buf *body = &req->res.body;

    if (!buf_overflowed(body))
        respond_etag_of(req, hash(body->p != NULL ? body->p : "", body->n, 0));
}

void respond_etag_strong(struct request *req) {
    if (!buf_overflowed(&req->res.body))
        tell_tag(req, "", respond_tag(req->ctx.arena, &req->res.body));
}

/* ---- the header block ---- */

static const char *reason(int status) {
    static const struct {
        int status;
        const char *words;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {409, "Conflict"},
        {410, "Gone"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {423, "Locked"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {499, "Client Closed Request"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].status == status)
            return reasons[i].words;
    return "Status";
}

bool response_has_body(const struct request *req) {
    int s = req->res.status;
    return req->method != METHOD_HEAD && s != 204 && s != 304;
}

static void put_header(struct buf *out, const char *name, const char *value) {
    buf_puts(out, name);
    buf_add(out, ": ", 2);
    buf_puts(out, value);
    buf_add(out, "\r\n", 2);
}

/* Who may keep the answer: nobody, unless the handler said otherwise; then caches must tell readers apart. */
static void put_caching(struct request *req, struct buf *out) {
    const struct header *caching = *find_header(req, "Cache-Control");
    if (caching == NULL)
        buf_puts(out, "Cache-Control: private, no-store\r\n");
    else if (*find_header(req, "Vary") == NULL)
        buf_puts(out, "Vary: Cookie, Accept, Accept-Language\r\n");
}

static void put_retry(struct request *req, struct buf *out) {
    int s = req->res.status, seconds = req->ctx.error.retry_after;
    if ((s != 429 && s != 503) || *find_header(req, "Retry-After") != NULL)
        return;
    buf_puts(out, "Retry-After: ");
    buf_int(out, seconds > 0 ? seconds : s == 503 ? 5 : 60);
    buf_add(out, "\r\n", 2);
}

static void put_media_origins(const struct request *req, struct buf *out) {
    if (req->ctx.env != NULL && req->ctx.env->config != NULL)
        origins_put(req->ctx.env->config, out);
}

static void put_policy(const struct request *req, struct buf *out) {
    const struct response *res = &req->res;

    buf_puts(out, CSP_BEGIN);
    put_media_origins(req, out);
    buf_puts(out, CSP_PICTURES);
    put_media_origins(req, out);
    buf_puts(out, CSP_FORMS);
    if (res->form_action_widened && res->form_action != NULL && is_header_value(res->form_action) &&
        strpbrk(res->form_action, ";,") == NULL) {
        buf_putc(out, ' ');
        buf_puts(out, res->form_action);
    }
    buf_puts(out, CSP_END);
}

static void put_safety(struct request *req, struct buf *out) {
    put_policy(req, out);
    buf_puts(out, SAFETY);
    if (*find_header(req, WHO_EMBEDS) == NULL)
        put_header(out, WHO_EMBEDS, "same-origin");
}

void response_head(struct request *req, struct buf *out) {
    const struct response *res = &req->res;
    buf_puts(out, "Status: ");
    buf_int(out, res->status);
    buf_putc(out, ' ');
    buf_puts(out, reason(res->status));
    buf_add(out, "\r\n", 2);
    if (res->status != 204 && res->status != 304) {
        put_header(out, "Content-Type", res->type);
        buf_puts(out, "Content-Length: ");
        buf_int(out, (int64_t)res->body.n);
        buf_add(out, "\r\n", 2);
    }
    /* Where nginx is sent elsewhere, the answer is that place's, and so are these. A stream's head must be
     * small, since nginx keeps it as long as the stream is open. */
    if (*find_header(req, "X-Accel-Redirect") == NULL)
        put_safety(req, out);
    put_header(out, "X-Request-Id", req->ctx.request_id);
    put_caching(req, out);
    put_retry(req, out);
    for (const struct header *h = res->headers; h != NULL; h = h->next)
        put_header(out, h->name, h->value);
    buf_add(out, "\r\n", 2);
}

/* ---- sending ---- */

static FCGI_Header record_header(int type, int id, size_t n) {
    return (FCGI_Header){.version = FCGI_VERSION_1,
                         .type = (unsigned char)type,
                         .requestIdB1 = (unsigned char)(id >> 8),
                         .requestIdB0 = (unsigned char)id,
                         .contentLengthB1 = (unsigned char)(n >> 8),
                         .contentLengthB0 = (unsigned char)n};
}

/* Sends all of iov, however the kernel cuts it. */
static bool send_all(int fd, struct iovec *iov, size_t n) {
    struct msghdr m = {.msg_iov = iov, .msg_iovlen = n};
    while (m.msg_iovlen > 0) {
        ssize_t sent = sendmsg(fd, &m, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        while (m.msg_iovlen > 0 && (size_t)sent >= m.msg_iov->iov_len) {
            sent -= (ssize_t)m.msg_iov->iov_len;
            m.msg_iov++;
            m.msg_iovlen--;
        }
        if (m.msg_iovlen > 0) {
            m.msg_iov->iov_base = (char *)m.msg_iov->iov_base + sent;
            m.msg_iov->iov_len -= (size_t)sent;
        }
    }
    return true;
}

/* Pieces of output that wait for one system call. */
struct gather {
    int fd, id;
    size_t n;
    bool ok;
    FCGI_Header headers[IOV_ROOM / 2];
    size_t n_headers;
    struct iovec iov[IOV_ROOM];
};

static void gather_flush(struct gather *g) {
    if (g->ok && g->n > 0)
        g->ok = send_all(g->fd, g->iov, g->n);
    g->n = g->n_headers = 0;
}

static void gather_header(struct gather *g, int type, size_t n) {
    if (g->n + 4 > IOV_ROOM || g->n_headers == IOV_ROOM / 2)
        gather_flush(g);
    FCGI_Header *h = &g->headers[g->n_headers++];
    *h = record_header(type, g->id, n);
    g->iov[g->n++] = (struct iovec){h, sizeof *h};
}

static void gather_bytes(struct gather *g, const void *p, size_t n) {
    if (n > 0)
        g->iov[g->n++] = (struct iovec){(void *)(uintptr_t)p, n};
}

bool response_send(struct request *req, int fd, int fcgi_id) {
    static const FCGI_EndRequestBody done = {.protocolStatus = FCGI_REQUEST_COMPLETE};
    struct gather g = {.fd = fd, .id = fcgi_id, .ok = true};
    struct buf head;
    buf_init(&head, req->ctx.arena, HEAD_MAX);
    buf_reserve(&head, 1500);
    response_head(req, &head);
    if (buf_overflowed(&head)) {
        log_error(&req->ctx, "the headers of an answer are too large", "path=%s", req->path);
        return false;
    }
    const char *body = req->res.body.p;
    size_t left = response_has_body(req) ? req->res.body.n : 0;
    size_t first = left < RECORD_MAX - head.n ? left : RECORD_MAX - head.n;
    gather_header(&g, FCGI_STDOUT, head.n + first);
    gather_bytes(&g, head.p, head.n);
    gather_bytes(&g, body, first);
    for (size_t at = first, n; at < left; at += n) {
        n = left - at < RECORD_MAX ? left - at : RECORD_MAX;
        gather_header(&g, FCGI_STDOUT, n);
        gather_bytes(&g, body + at, n);
    }
    gather_header(&g, FCGI_STDOUT, 0);
    gather_header(&g, FCGI_END_REQUEST, sizeof done);
    gather_bytes(&g, &done, sizeof done);
    gather_flush(&g);
    return g.ok;
}
