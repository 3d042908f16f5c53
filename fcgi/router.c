#include "fcgi/router.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/app.h"
#include "fcgi/base/arena.h"
#include "fcgi/base/text.h"
#include "fcgi/health.h"
#include "fcgi/i18n.h"
#include "fcgi/log.h"
#include "fcgi/response.h"

#define METHODS 6
#define SEGMENTS_MAX 16

/* A tree of segments. Below a node, literal segments go before "prefix{arg}", longer prefixes first, and
 * those before "{arg}". */
struct node {
    const char *text; /* the literal, or the prefix before the argument */
    size_t n;
    bool takes_arg;
    struct node *children; /* in the order in which they are tried */
    struct node *next;
    const struct route *rows[METHODS];
};

struct router {
    const struct app *app;
    struct arena *arena;
    struct node *root;
};

struct segment {
    const char *p;
    size_t n;
};

void router_bug(const char *what, const char *one, const char *other) {
    fprintf(stderr, "deeplink: %s: %s, %s\n", what, one, other);
    abort();
}

static int method_index(unsigned method) {
    for (int i = 0; i < METHODS; i++)
        if (method == 1u << i)
            return i;
    return -1;
}

const char *method_name(enum method m) {
    static const char *const names[METHODS] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
    int i = method_index(m);
    return i >= 0 ? names[i] : "?";
}

/* ---- building ---- */

/* Whether child a is tried before b. */
static bool goes_before(const struct node *a, const struct node *b) {
    if (a->takes_arg != b->takes_arg)
        return !a->takes_arg;
    return a->takes_arg && a->n > b->n;
}

static struct node *child_for(struct router *r, struct node *parent, const char *p, size_t n) {
    const char *brace = memchr(p, '{', n);
    struct node wanted = {
        .text = p, .n = brace != NULL ? (size_t)(brace - p) : n, .takes_arg = brace != NULL};
    struct node **at = &parent->children;
    for (struct node *c = parent->children; c != NULL; c = c->next)
        if (c->takes_arg == wanted.takes_arg && c->n == wanted.n && memcmp(c->text, p, c->n) == 0)
            return c;
    while (*at != NULL && !goes_before(&wanted, *at))
        at = &(*at)->next;
    wanted.next = *at;
    *at = arena_memdup(r->arena, &wanted, sizeof wanted);
    return *at;
}

static void check_row(const struct route *row) {
    size_t args = 0, fields = 0;
    for (const char *p = row->pattern; *p != '\0'; p++)
        if (*p == '{') {
            args++;
            p += strcspn(p, "}");
            if (*p == '\0' || (p[1] != '/' && p[1] != '\0'))
                router_bug("an argument must end its segment", row->pattern, "");
        }
    for (const struct field *f = row->fields; f != NULL && f->name != NULL; f++)
        fields++;
    if (row->pattern[0] != '/' || args > REQUEST_PATH_ARGS || fields > REQUEST_FIELDS ||
        row->handler == NULL || method_index(row->method) < 0)
        router_bug("a route needs a pattern from '/', one method, a handler, and keeps the limits",
                   row->pattern, method_name(row->method));
}

static void add_row(const char *service, const struct route *row, void *arg) {
    struct router *r = arg;
    struct node *n = r->root;
    (void)service;
    check_row(row);
    for (const char *p = row->pattern + 1; *p != '\0';) {
        size_t len = strcspn(p, "/");
        n = child_for(r, n, p, len);
        p += len;
        if (*p == '/')
            p++;
    }
    int i = method_index(row->method);
    if (n->rows[i] != NULL)
        router_bug("two routes answer the same requests", n->rows[i]->pattern, row->pattern);
    n->rows[i] = row;
}

static void each_row(const char *service, const struct route *row, router_each_fn *fn, void *arg) {
    for (; row != NULL && row->pattern != NULL; row++)
        fn(service, row, arg);
}

void router_each(const struct app *app, router_each_fn *fn, void *arg) {
    each_row("", health_routes, fn, arg);
    each_row("", app->routes, fn, arg);
    for (const struct service *const *s = app->services; s != NULL && *s != NULL; s++) {
        each_row((*s)->name, (*s)->routes, fn, arg);
        each_row((*s)->name, (*s)->api_routes, fn, arg);
        each_row((*s)->name, (*s)->own_routes, fn, arg);
    }
}

struct router *router_new(const struct app *app) {
    struct router *r = calloc(1, sizeof *r);
    if (r == NULL)
        router_bug("no memory for the routes", "", "");
    r->app = app;
    r->arena = arena_new((size_t)4 << 20);
    r->root = arena_one(r->arena, struct node);
    router_each(app, add_row, r);
    return r;
}

void router_free(struct router *r) {
    if (r == NULL)
        return;
    arena_free(r->arena);
    free(r);
}

/* ---- finding ---- */

struct search {
    struct segment segments[SEGMENTS_MAX];
    size_t n;
    int method; /* index */
    struct segment args[REQUEST_PATH_ARGS];
    const struct route *row; /* found */
    unsigned allowed;        /* methods of places that match but for the method */
};

static bool node_takes(const struct node *c, const struct segment *s) {
    if (!c->takes_arg)
        return c->n == s->n && memcmp(c->text, s->p, s->n) == 0;
    return s->n > c->n && memcmp(c->text, s->p, c->n) == 0;
}

static bool walk(struct search *s, const struct node *n, size_t depth, size_t args) {
    if (depth == s->n) {
        for (int i = 0; i < METHODS; i++)
            s->allowed |= n->rows[i] != NULL ? 1u << i : 0;
        s->row = n->rows[s->method];
        return s->row != NULL;
    }
    const struct segment *seg = &s->segments[depth];
    for (const struct node *c = n->children; c != NULL; c = c->next) {
        if (!node_takes(c, seg))
            continue;
        if (c->takes_arg)
            s->args[args] = (struct segment){seg->p + c->n, seg->n - c->n};
        unsigned before = s->allowed;
        if (walk(s, c, depth + 1, args + c->takes_arg))
            return true;
        if (!c->takes_arg && s->allowed != before)
            return false; /* an address of its own is no argument, whatever the method */
        if (c->takes_arg)
            s->args[args] = (struct segment){NULL, 0};
    }
    return false;
}

static bool split(struct search *s, const char *path) {
    for (const char *p = path + 1; *p != '\0';) {
        size_t len = strcspn(p, "/");
        if (s->n == SEGMENTS_MAX)
            return false;
        s->segments[s->n++] = (struct segment){p, len};
        p += len;
        if (*p == '/')
            p++;
    }
    return true;
}

static const char *allow_words(struct arena *a, unsigned allowed) {
    const char *words = "";
    if ((allowed & METHOD_GET) != 0)
        allowed |= METHOD_HEAD;
    for (int i = 0; i < METHODS; i++)
        if ((allowed & 1u << i) != 0)
            words = arena_printf(a, "%s%s%s", words, words[0] != '\0' ? ", " : "", method_name(1u << i));
    return words;
}

enum code router_find(const struct router *r, struct request *req) {
    struct search s = {.n = 0};
    s.method = method_index(req->method == METHOD_HEAD ? METHOD_GET : req->method);
    req->route = NULL;
    if (s.method >= 0 && split(&s, req->path) && walk(&s, r->root, 0, 0)) {
        req->route = s.row;
        for (size_t i = 0; i < REQUEST_PATH_ARGS; i++)
            req->args[i] =
                s.args[i].p != NULL ? arena_strndup(req->ctx.arena, s.args[i].p, s.args[i].n) : NULL;
        return OK;
    }
    if (s.allowed != 0) {
        respond_header(req, "Allow", allow_words(req->ctx.arena, s.allowed));
        return fail_http(&req->ctx, 405, UNIMPLEMENTED,
                         tr_mark("This address does not take that kind of request."));
    }
    return fail(&req->ctx, NOT_FOUND, tr_mark("There is nothing here."));
}

/* ---- dispatching ---- */

/* Without a guard, only what anybody may read is answered. The built-in rows need none: they must answer when
 * every server is down. */
static enum code guard(const struct router *r, struct request *req) {
    const struct route *row = req->route;
    if (health_is(row))
        return OK;
    if (r->app->guard != NULL)
        return r->app->guard(req);
    if (row->auth == AUTH_ANYBODY && row->method == METHOD_GET && row->permission == 0)
        return OK;
    return fail(&req->ctx, UNAUTHENTICATED, tr_mark("You need to log in first."));
}

bool route_body_is_file(const struct route *row) {
    for (const struct field *f = row->fields; row->upload && f != NULL && f->name != NULL; f++)
        if (f->kind == FIELD_FILE)
            return false;
    return row->upload;
}

/* A body that is no form is for those who take it as a file. */
static enum code check_body(struct request *req) {
    if (!req->upload.raw || route_body_is_file(req->route))
        return OK;
    return fail_http(&req->ctx, 415, INVALID,
                     tr_mark("Send a form or JSON: this Content-Type is not supported."));
}

static enum code run(const struct router *r, struct request *req) {
    enum code c = router_find(r, req);
    if (c == OK)
        c = check_body(req);
    if (c == OK)
        c = guard(r, req);
    if (c != OK || req->res.done) /* a guard may answer by itself, with a redirect */
        return c;
    c = router_validate(req);
    if (c == OK)
        c = req->route->handler(req);
    if (c == OK && !req->res.done)
        c = fail_detail(&req->ctx, INTERNAL, tr_mark("Something went wrong on our side."),
                        "the handler of %s gave no answer", req->route->pattern);
    if (c == OK && buf_overflowed(&req->res.body))
        c = fail_detail(&req->ctx, INTERNAL, tr_mark("Something went wrong on our side."),
                        "the answer of %s is too large", req->route->pattern);
    return c;
}

/* A form with wrong fields is shown again, with what was typed. */
static bool show_form_again(struct request *req) {
    const struct route *row = req->route;
    if (row == NULL || row->invalid == NULL || req->ctx.error.fields == NULL)
        return false;
    response_restart(req);
    return row->invalid(req) == OK && req->res.done && !buf_overflowed(&req->res.body);
}

static void log_failure(const struct request *req) {
    const struct error *e = &req->ctx.error;
    int http = error_http_status(e);
    if (http >= 500)
        log_error(&req->ctx, "request failed", "code=%s http=%d path=%s text=%s cause=%s", code_name(e->code),
                  http, req->path, e->text, e->detail);
    else if (e->detail != NULL)
        log_info(&req->ctx, "request refused", "code=%s http=%d path=%s text=%s cause=%s", code_name(e->code),
                 http, req->path, e->text, e->detail);
}

void router_show_error(const struct router *r, struct request *req, enum code code) {
    struct error *e = &req->ctx.error;
    if (e->code == OK)
        error_set(e, code, 0, tr_mark("Something went wrong on our side."));
    log_failure(req);
    if (req->route != NULL)
        response_restart(
            req); /* nothing that a handler began; before a route was found there is only Allow */
    if (r->app->show_error != NULL && !health_is(req->route))
        r->app->show_error(req);
    if (req->res.done && !buf_overflowed(&req->res.body))
        return;
    response_restart(req);
    struct buf *out = respond(req, error_http_status(e), "text/plain; charset=utf-8");
    buf_puts(out, e->text != NULL ? e->text : "");
    buf_putc(out, '\n');
}

void router_dispatch(const struct router *r, struct request *req) {
    enum code c = run(r, req);
    if (c == OK || show_form_again(req))
        return;
    router_show_error(r, req, c);
}
