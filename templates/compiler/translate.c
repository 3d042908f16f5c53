/* {% t "text with {name}" name=expr %} and {% t n=expr "one" "many" %}. */
#include <string.h>

#include "tplc.h"

struct argument {
    struct span name;
    struct span expr;
    int line;
    bool used;
};

struct translation_call {
    const char *one;
    const char *many;
    int n_args;
    struct argument args[MESSAGE_ARGS];
};

static void read_argument(struct unit *u, struct translation_call *call) {
    if (call->n_args == MESSAGE_ARGS)
        fail(u->file, u->scan.line, "{%% t %%} has too many arguments");
    struct argument *a = &call->args[call->n_args++];
    a->line = u->scan.line;
    a->name = scan_ident(&u->scan, "a text or name=");
    scan_expect(&u->scan, "=");
    a->expr = expr_parse(&u->scan);
}

static void read_call(struct unit *u, struct translation_call *call) {
    while (u->scan.kind != SCAN_END) {
        if (u->scan.kind != SCAN_STRING)
            read_argument(u, call);
        else if (call->one == NULL)
            call->one = scan_string(&u->scan, "a text");
        else if (call->many == NULL)
            call->many = scan_string(&u->scan, "a text");
        else
            fail(u->file, u->scan.line, "{%% t %%} takes one text, or two with n=");
    }
    if (call->one == NULL)
        fail(u->file, u->line, "{%% t %%} needs a text in quotes");
}

static struct argument *find_argument(struct translation_call *call, struct span name) {
    for (int i = 0; i < call->n_args; i++)
        if (call->args[i].name.n == name.n && memcmp(call->args[i].name.p, name.p, name.n) == 0)
            return &call->args[i];
    return NULL;
}

/* Every name in braces has a value, every value a name. */
static void check_arguments(struct unit *u, struct translation_call *call, const struct message *m) {
    struct argument *n = find_argument(call, (struct span){"n", 1});
    if (call->many != NULL && n == NULL)
        fail(u->file, u->line, "{%% t %%} with a plural needs n=");
    if (call->many != NULL)
        n->used = true;
    for (int i = 0; i < m->n_args; i++) {
        struct argument *a = find_argument(call, m->args[i]);
        if (a == NULL)
            fail(u->file, u->line, "{%% t %%} gives no value for {%.*s}", (int)m->args[i].n, m->args[i].p);
        a->used = true;
    }
    for (int i = 0; i < call->n_args; i++)
        if (!call->args[i].used)
            fail(u->file, call->args[i].line, "the text has no {%.*s}", (int)call->args[i].name.n,
                 call->args[i].name.p);
}

static void emit_walk(struct unit *u, struct translation_call *call, const struct message *m,
                      const char *put) {
    emit(u, "for (int i18n_arg_; (i18n_arg_ = i18n_walk_next(&i18n_walk_)) >= 0;) {");
    emit(u, "    switch (i18n_arg_) {");
    for (int i = 0; i < m->n_args; i++) {
        const struct argument *a = find_argument(call, m->args[i]);
        emit(u, "    case %d:", i);
        if (call->many != NULL && span_is(a->name, "n")) {
            emit(u, "        %s(out, i18n_n_);", put);
        } else {
            emit_line(u, a->line);
            emit(u, "        %s(out, %.*s);", put, (int)a->expr.n, a->expr.p);
        }
        emit(u, "        break;");
    }
    emit(u, "    }");
    emit(u, "}");
}

static void emit_call(struct unit *u, struct translation_call *call, const struct message *m,
                      const char *put) {
    if (call->many == NULL && m->n_args == 0) {
        emit(u, "i18n_put(out, page->lang, &%s);", m->symbol);
        return;
    }
    emit(u, "{");
    u->depth++;
    if (call->many != NULL) {
        const struct argument *n = find_argument(call, (struct span){"n", 1});
        emit_line(u, n->line);
        emit(u, "const __auto_type i18n_n_ = %.*s;", (int)n->expr.n, n->expr.p);
        emit(u, "struct i18n_walk i18n_walk_ = i18n_walk_plural(out, page->lang, &%s, (int64_t)i18n_n_);",
             m->symbol);
    } else {
        emit(u, "struct i18n_walk i18n_walk_ = i18n_walk_text(out, page->lang, &%s);", m->symbol);
    }
    emit_walk(u, call, m, put);
    u->depth--;
    emit(u, "}");
}

void translate_parse(struct unit *u) {
    struct translation_call call = {0};
    const char *put = html_output(&u->html, u->file, u->line);
    if (strncmp(put, "html_url", 8) == 0)
        fail(u->file, u->line, "{%% t %%} can not stand in a URL");
    read_call(u, &call);
    const struct message *m = message_add(call.one, call.many, u->file, u->line);
    check_arguments(u, &call, m);
    u->symbols = name_add(u->symbols, m->symbol);
    emit_call(u, &call, m, put);
    html_wrote(&u->html);
}
