#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/app.h"
#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"
#include "fcgi/command.h"
#include "fcgi/ctx.h"
#include "fcgi/json.h"
#include "fcgi/openapi.h"
#include "fcgi/router.h"
#include "fcgi/serve.h"

static const char *auth_name(enum auth a) {
    static const char *const names[] = {[AUTH_MEMBER] = "member",
                                        [AUTH_ANYBODY] = "anybody",
                                        [AUTH_NOBODY] = "nobody",
                                        [AUTH_APP] = "app",
                                        [AUTH_NEWCOMER] = "newcomer"};
    return names[a];
}

static const char *face_name(enum face f) {
    return f == FACE_JSON ? "json" : f == FACE_FEED ? "feed" : "page";
}

static const char *kind_name(enum field_kind k) {
    static const char *const names[] = {
        [FIELD_LINE] = "line",     [FIELD_TEXT] = "text",   [FIELD_SECRET] = "secret",
        [FIELD_HANDLE] = "handle", [FIELD_EMAIL] = "email", [FIELD_INT] = "int",
        [FIELD_ID] = "id",         [FIELD_IDS] = "ids",     [FIELD_BOOL] = "bool",
        [FIELD_CHOICE] = "choice", [FIELD_PATH] = "path",   [FIELD_LINES] = "lines",
        [FIELD_BOUND] = "bound",   [FIELD_FILE] = "file",   [FIELD_TEXTS] = "texts"};
    return k >= FIELD_LINE && k <= FIELD_TEXTS ? names[k] : "?";
}

static void print_text(const char *service, const struct route *row, void *arg) {
    (void)arg;
    printf("%-6s %-44s %-8s %-5s %-11s %s\n", method_name(row->method), row->pattern, auth_name(row->auth),
           face_name(row->face), service[0] != '\0' ? service : "(built-in)",
           row->summary != NULL ? row->summary : "");
}

static void write_fields(struct json *j, const struct field *f) {
    json_put_array(j, "fields");
    for (; f != NULL && f->name != NULL; f++) {
        json_open_object(j);
        json_put_str(j, "name", f->name);
        json_put_str(j, "kind", kind_name(f->kind));
        json_put_bool(j, "required", f->required);
        if (f->min != 0)
            json_put_int(j, "min", f->min);
        if (f->max != 0)
            json_put_int(j, "max", f->max);
        if (f->choices != NULL)
            json_put_str(j, "choices", f->choices);
        json_put_str(j, "label", f->label);
        json_close_object(j);
    }
    json_close_array(j);
}

static void write_row(const char *service, const struct route *row, void *arg) {
    struct json *j = arg;
    json_open_object(j);
    json_put_str(j, "method", method_name(row->method));
    json_put_str(j, "pattern", row->pattern);
    json_put_str(j, "service", service);
    json_put_str(j, "auth", auth_name(row->auth));
    json_put_str(j, "face", face_name(row->face));
    if (row->scope != NULL)
        json_put_str(j, "scope", row->scope);
    json_put_int(j, "permission", (int64_t)row->permission);
    json_put_bool(j, "csrf", !row->csrf_exempt && row->method != METHOD_GET);
    json_put_bool(j, "cacheable", row->cacheable);
    if (row->rate != NULL) {
        json_put_object(j, "rate");
        json_put_str(j, "name", row->rate->name);
        json_put_int(j, "count", row->rate->count);
        json_put_int(j, "seconds", row->rate->seconds);
        json_close_object(j);
    }
    write_fields(j, row->fields);
    if (row->scope != NULL)
        json_put_str(j, "scope", row->scope);
    json_put_str(j, "summary", row->summary);
    json_close_object(j);
}

static void write_rows(struct buf *out, const struct app *app) {
    struct json j;

    json_init(&j, out);
    json_open_array(&j);
    router_each(app, write_row, &j);
    json_close_array(&j);
}

static int print_openapi(struct ctx *ctx, struct buf *out) {
    struct openapi_about about = {0};

    if (ctx->env->app->describe == NULL)
        return COMMAND_FAILED;
    ctx->env->app->describe(ctx, &about);
    openapi_write(out, ctx->env->app, &about);
    puts(buf_str(out));
    return COMMAND_OK;
}

/* ---- for nginx ---- */

/* A pattern and the service that answers it. */
struct place {
    const char *pattern, *service;
};

struct places {
    struct ctx *ctx;
    struct place *all;
    size_t n;
    const char *home; /* the service of "/", which also has what nobody answers */
    bool torn;        /* two services answer one pattern */
};

#define PLACES_MAX 2000

static void add_place(const char *service, const struct route *row, void *arg) {
    struct places *p = arg;
    if (service[0] == '\0')
        return;
    if (strcmp(row->pattern, "/") == 0)
        p->home = service;
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->all[i].pattern, row->pattern) == 0) {
            p->torn = p->torn || strcmp(p->all[i].service, service) != 0;
            return;
        }
    if (p->n < PLACES_MAX)
        p->all[p->n++] = (struct place){row->pattern, service};
}

/* The router's order: segment by segment, literal ones first, then "prefix{arg}" by the longer prefix, then
 * "{arg}". */
static int place_order(const void *a, const void *b) {
    const char *p = ((const struct place *)a)->pattern, *q = ((const struct place *)b)->pattern;
    while (*p == '/' && *q == '/') {
        size_t n = strcspn(++p, "/"), m = strcspn(++q, "/");
        const char *x = memchr(p, '{', n), *y = memchr(q, '{', m);
        if ((x == NULL) != (y == NULL))
            return x == NULL ? -1 : 1;
        if (x != NULL && x - p != y - q)
            return x - p > y - q ? -1 : 1;
        size_t same = x != NULL ? (size_t)(x - p) : n < m ? n : m;
        int c = strncmp(p, q, same);
        if (c != 0 || (x == NULL && n != m))
            return c != 0 ? c : n < m ? -1 : 1;
        p += n;
        q += m;
    }
    return *p == '\0' ? -(*q != '\0') : 1;
}

/* "/@{handle}/feed.atom" as a regular expression. */
static void print_expression(const char *p) {
    fputs("    \"~^", stdout);
    for (; *p != '\0'; p++)
        if (*p == '{') {
            fputs("[^/]+", stdout);
            p += strcspn(p, "}");
        } else {
            printf("%s%c", strchr(".+*?()[]^$|\\", *p) != NULL ? "\\" : "", *p);
        }
    fputs("/?$\"", stdout);
}

/* Which pool answers a path, for nginx: the services' pools are upstreams named deeplink_<service>. */
static int print_nginx(struct ctx *ctx) {
    struct places p = {.ctx = ctx, .all = arena_many(ctx->arena, struct place, PLACES_MAX)};
    router_each(ctx->env->app, add_place, &p);
    if (p.torn || p.home == NULL) {
        fputs("deeplink routes: one path has two services, or \"/\" has none\n", stderr);
        return COMMAND_FAILED;
    }
    qsort(p.all, p.n, sizeof *p.all, place_order);
    puts("# Made by `deeplink routes --nginx`.\n\nmap $uri $deeplink_pool {");
    printf("    default deeplink_%s;\n", p.home);
    for (size_t i = 0; i < p.n; i++) {
        const char *pattern = p.all[i].pattern;
        if (strcmp(pattern, "/") == 0)
            continue;
        if (strchr(pattern, '{') == NULL) {
            printf("    \"%s\" deeplink_%s;\n    \"%s/\"", pattern, p.all[i].service, pattern);
        } else {
            print_expression(pattern);
        }
        printf(" deeplink_%s;\n", p.all[i].service);
    }
    for (const struct service *const *s = ctx->env->app->services; *s != NULL; s++)
        printf("    \"/metrics/%s\" deeplink_%s;\n", (*s)->name, (*s)->name);
    puts("}");
    return COMMAND_OK;
}

int routes_command(struct ctx *ctx, int argc, char **argv) {
    struct buf out;

    router_free(router_new(ctx->env->app)); /* two rows that collide end here */
    if (command_flag(argc, argv, "nginx"))
        return print_nginx(ctx);
    buf_init(&out, ctx->arena, (size_t)16 << 20);
    if (command_flag(argc, argv, "openapi"))
        return print_openapi(ctx, &out);
    if (!command_flag(argc, argv, "json")) {
        router_each(ctx->env->app, print_text, NULL);
        return COMMAND_OK;
    }
    write_rows(&out, ctx->env->app);
    puts(buf_str(&out));
    return COMMAND_OK;
}
