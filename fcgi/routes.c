#include <stdio.h>

#include "fcgi/app.h"
#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"
#include "fcgi/command.h"
#include "fcgi/ctx.h"
#include "fcgi/json.h"
#include "fcgi/router.h"
#include "fcgi/serve.h"

static const char *auth_name(enum auth a) {
    static const char *const names[] = {
        [AUTH_MEMBER] = "member", [AUTH_ANYBODY] = "anybody", [AUTH_NOBODY] = "nobody", [AUTH_APP] = "app"};
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
        [FIELD_CHOICE] = "choice", [FIELD_PATH] = "path",   [FIELD_LINES] = "lines"};
    return k >= FIELD_LINE && k <= FIELD_LINES ? names[k] : "?";
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
    json_put_str(j, "summary", row->summary);
    json_close_object(j);
}

int routes_command(struct ctx *ctx, int argc, char **argv) {
    router_free(router_new(ctx->env->app)); /* two rows that collide end here */
    if (!command_flag(argc, argv, "json")) {
        router_each(ctx->env->app, print_text, NULL);
        return COMMAND_OK;
    }
    struct buf out;
    struct json j;
    buf_init(&out, ctx->arena, (size_t)16 << 20);
    json_init(&j, &out);
    json_open_array(&j);
    router_each(ctx->env->app, write_row, &j);
    json_close_array(&j);
    puts(buf_str(&out));
    return COMMAND_OK;
}
