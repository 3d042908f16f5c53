/* Directives: reads a template file and has the emitter write C. */
#include <ctype.h>
#include <string.h>

#include "tplc.h"

struct use *uses;
struct template *templates;

static void parse_body(struct unit *u);

static int len(struct span s) { return (int)s.n; }

/* ---- files and templates */

static void fail_word(const struct unit *u) {
    if (u->word.p == NULL)
        fail(u->file, u->line, "the file ends inside of a block: {%% end %%} is missing");
    fail(u->file, u->line, "{%% %.*s %%} is not expected here", len(u->word), u->word.p);
}

/* Makes the directive of a token the current one. */
static void take_directive(struct unit *u, const struct token *t) {
    u->line = t->line;
    scan_init(&u->scan, u->file, t->line, t->text);
    u->word = scan_ident(&u->scan, "the name of a directive");
}

static void note_use(struct unit *u, struct span name, bool as_layout) {
    struct use **at = &uses;
    for (; *at != NULL; at = &(*at)->next)
        if ((*at)->file == u->file && (*at)->line == u->line && span_is(name, (*at)->name))
            return; /* the body of a loop may be read twice */
    *at = mem_alloc(sizeof(**at));
    **at = (struct use){mem_copy(name.p, name.n), u->file, u->line, as_layout, NULL};
}

/* What stands between the parentheses of {% template name(…) %}, with white space made single blanks. */
static char *parse_params(struct scan *s) {
    struct str out = {0};
    str_add(&out, "", 0);
    int depth = 0;
    scan_expect(s, "(");
    for (; s->kind != SCAN_END && !(depth == 0 && scan_is(s, ")")); scan_next(s)) {
        depth += scan_is(s, "(") - scan_is(s, ")");
        bool tight = scan_is(s, ",") || scan_is(s, ")") || scan_is(s, "[") || scan_is(s, "]");
        if (out.n > 0 && !tight && out.p[out.n - 1] != '*' && out.p[out.n - 1] != '(')
            str_putc(&out, ' ');
        str_add(&out, s->token.p, s->token.n);
    }
    scan_expect(s, ")");
    return strcmp(out.p, "void") == 0 ? mem_copy("", 0) : out.p;
}

static struct template *begin_template(struct unit *u) {
    struct template *t = mem_alloc(sizeof(*t));
    struct span name = scan_ident(&u->scan, "a template's name");
    *t = (struct template){.name = mem_copy(name.p, name.n), .file = u->file, .line = u->line};
    t->params = parse_params(&u->scan);
    scan_done(&u->scan);
    for (const struct template *o = templates; o != NULL; o = o->next)
        if (strcmp(o->name, t->name) == 0)
            fail(u->file, u->line, "the template %s is already at %s:%d", t->name, o->file, o->line);
    t->next = templates;
    templates = t;
    u->current = t;
    u->has_layout = u->seen_output = false;
    u->body.n = u->literal.n = u->sets.n = 0;
    u->depth = 0;
    html_begin(&u->html);
    return t;
}

static void parse_template(struct unit *u) {
    struct template *t = begin_template(u);
    parse_body(u);
    if (!span_is(u->word, "end"))
        fail_word(u);
    scan_done(&u->scan);
    html_finish(&u->html, u->file, u->line);
    if (u->has_layout) {
        emit_line(u, u->layout_line);
        emit(u, "tpl_%.*s_end(out, page%s%.*s);", len(u->layout_name), u->layout_name.p,
             u->layout_args.n > 0 ? ", " : "", len(u->layout_args), u->layout_args.p);
    }
    emit_function(u, t->has_body ? "_end" : "");
}

static void parse_include(struct unit *u) {
    u->includes = name_add(u->includes, scan_string(&u->scan, "a header's name in quotes"));
    scan_done(&u->scan);
}

/* How much white space it begins with. */
static size_t blank_length(struct span s) {
    size_t n = 0;
    while (n < s.n && isspace((unsigned char)s.p[n]))
        n++;
    return n;
}

static bool is_blank(struct span s) { return blank_length(s) == s.n; }

static _Noreturn void fail_outside(const struct unit *u, const struct token *t) {
    int line = t->line;
    for (size_t i = 0; i < (t->kind == TOKEN_LITERAL ? blank_length(t->text) : 0); i++)
        line += t->text.p[i] == '\n';
    fail(u->file, line, "text outside of a template");
}

void parse_file(struct unit *u) {
    for (;;) {
        struct token t = lexer_next(&u->lexer);
        if (t.kind == TOKEN_END)
            return;
        if (t.kind == TOKEN_LITERAL && is_blank(t.text))
            continue;
        if (t.kind != TOKEN_DIRECTIVE)
            fail_outside(u, &t);
        take_directive(u, &t);
        if (span_is(u->word, "include"))
            parse_include(u);
        else if (span_is(u->word, "template"))
            parse_template(u);
        else
            fail_word(u);
    }
}

/* ---- blocks */

static void parse_block(struct unit *u) {
    u->depth++;
    parse_body(u);
    html_settle(&u->html, &u->literal);
    emit_literal(u);
    u->depth--;
}

/* "if (expr) {", with the line of the template. */
static void emit_condition(struct unit *u, const char *keyword) {
    struct span cond = expr_parse(&u->scan);
    scan_done(&u->scan);
    emit_line(u, u->line);
    emit(u, "%s (%.*s) {", keyword, len(cond), cond.p);
}

static void parse_if(struct unit *u) {
    emit_condition(u, "if");
    int line = u->line;
    bool has_else = false;
    struct html before = u->html;
    parse_block(u);
    struct html after = u->html;
    while (!has_else && (span_is(u->word, "elif") || span_is(u->word, "else"))) {
        has_else = span_is(u->word, "else");
        emit(u, "}");
        if (has_else) {
            scan_done(&u->scan);
            emit(u, "else {");
        } else {
            emit_condition(u, "else if");
        }
        u->html = before;
        parse_block(u);
        html_join(&after, &u->html, u->file, u->line, "a branch of {% if %}");
    }
    if (!span_is(u->word, "end")) {
        if (u->word.p == NULL)
            fail(u->file, line, "{%% if %%} has no {%% end %%}");
        fail_word(u);
    }
    if (!has_else)
        html_join(&after, &before, u->file, u->line, "{% if %} without {% else %}");
    emit(u, "}");
    u->html = after;
}

/* The body of a loop. White space at its beginning may be dropped only if white space comes before it on
 * every turn; whether the end of the body writes some is known afterwards, so then the body is read again. */
static struct html parse_loop_body(struct unit *u, const struct html *before) {
    struct lexer lexer = u->lexer;
    size_t written = u->body.n;
    parse_block(u);
    if (before->space && !u->html.space) {
        u->lexer = lexer;
        u->body.n = written;
        u->html = *before;
        u->html.space = false;
        parse_block(u);
    }
    struct html after = u->html;
    html_join(&after, before, u->file, u->line, "the body of {% for %}");
    return after;
}

static void emit_loop(struct unit *u) {
    struct scan *s = &u->scan;
    struct span name = scan_ident(s, "a name");
    bool of = scan_is(s, "of");
    if (!scan_take(s, "of"))
        scan_expect(s, "in");
    struct span items = expr_parse(s);
    scan_expect(s, ",");
    struct span count = expr_parse(s);
    scan_done(s);
    int n = len(name);
    const char *p = name.p;
    emit(u, "{");
    u->depth++;
    emit_line(u, u->line);
    emit(u, "const size_t %.*s_end_ = (size_t)(%.*s);", n, p, len(count), count.p);
    emit(u, "for (size_t %.*s_index = 0; %.*s_index < %.*s_end_; %.*s_index++) {", n, p, n, p, n, p, n, p);
    emit_line(u, u->line);
    emit(u, "    __auto_type %.*s = %s(%.*s)[%.*s_index];", n, p, of ? "" : "&", len(items), items.p, n, p);
    emit(u, "    (void)%.*s;", n, p);
}

static void parse_for(struct unit *u) {
    int line = u->line;
    struct scan again = u->scan;
    struct span name = scan_ident(&again, "a name");
    emit_loop(u);
    struct html before = u->html;
    struct html after = parse_loop_body(u, &before);
    emit(u, "}");
    if (span_is(u->word, "else")) {
        scan_done(&u->scan);
        emit(u, "if (%.*s_end_ == 0) {", len(name), name.p);
        u->html = before;
        parse_block(u);
        html_join(&after, &u->html, u->file, u->line, "{% else %} of {% for %}");
        emit(u, "}");
    }
    if (u->word.p == NULL)
        fail(u->file, line, "{%% for %%} has no {%% end %%}");
    if (!span_is(u->word, "end"))
        fail_word(u);
    u->depth--;
    emit(u, "}");
    u->html = after;
}

/* ---- single directives */

static void need_text(const struct unit *u) {
    if (u->html.where != HTML_TEXT)
        fail(u->file, u->line,
             "{%% %.*s %%} is for element text only, not for tags, attributes, title or textarea",
             len(u->word), u->word.p);
}

static void parse_call(struct unit *u) {
    need_text(u);
    struct span name = scan_ident(&u->scan, "a template's name");
    struct span args = expr_parse_args(&u->scan);
    scan_done(&u->scan);
    note_use(u, name, false);
    emit_line(u, u->line);
    emit(u, "tpl_%.*s(out, page%s%.*s);", len(name), name.p, args.n > 0 ? ", " : "", len(args), args.p);
    html_wrote(&u->html);
}

static void parse_layout(struct unit *u) {
    if (u->seen_output || u->depth > 0 || u->has_layout)
        fail(u->file, u->line, "{%% layout %%} must be the first thing in a template");
    u->layout_name = scan_ident(&u->scan, "a template's name");
    u->layout_args = expr_parse_args(&u->scan);
    u->layout_line = u->line;
    scan_done(&u->scan);
    u->has_layout = true;
    note_use(u, u->layout_name, true);
    emit_line(u, u->line);
    emit(u, "tpl_%.*s_begin(out, page%s%.*s);", len(u->layout_name), u->layout_name.p,
         u->layout_args.n > 0 ? ", " : "", len(u->layout_args), u->layout_args.p);
}

static void parse_body_mark(struct unit *u) {
    need_text(u);
    scan_done(&u->scan);
    if (u->depth > 0)
        fail(u->file, u->line, "{%% body %%} must stand outside of {%% if %%} and {%% for %%}");
    if (u->current->has_body)
        fail(u->file, u->line, "{%% body %%} stands twice in the template %s", u->current->name);
    u->current->has_body = true;
    emit_function(u, "_begin");
    str_add(&u->body, u->sets.p != NULL ? u->sets.p : "", u->sets.n);
    html_wrote(&u->html);
}

static void parse_set(struct unit *u) {
    struct span name = scan_ident(&u->scan, "a name");
    scan_expect(&u->scan, "=");
    struct span value = expr_parse(&u->scan);
    scan_done(&u->scan);
    emit_literal(u);
    size_t begin = u->body.n;
    emit_line(u, u->line);
    emit(u, "const __auto_type %.*s __attribute__((unused)) = %.*s;", len(name), name.p, len(value), value.p);
    if (u->depth == 0)
        str_add(&u->sets, u->body.p + begin, u->body.n - begin);
}

static void parse_translation(struct unit *u) { translate_parse(u); }

static const struct {
    const char *word;
    void (*parse)(struct unit *u);
} directives[] = {
    {"if", parse_if},          {"for", parse_for}, {"call", parse_call},     {"layout", parse_layout},
    {"body", parse_body_mark}, {"set", parse_set}, {"t", parse_translation},
};

static bool parse_directive(struct unit *u) {
    for (size_t i = 0; i < sizeof(directives) / sizeof(directives[0]); i++) {
        if (!span_is(u->word, directives[i].word))
            continue;
        bool silent = directives[i].parse == parse_set;
        html_settle(&u->html, &u->literal);
        directives[i].parse(u);
        u->seen_output = u->seen_output || !silent;
        return true;
    }
    return false;
}

static void parse_expression(struct unit *u, const struct token *t) {
    scan_init(&u->scan, u->file, t->line, t->text);
    struct span expr = expr_parse(&u->scan);
    scan_done(&u->scan);
    const char *function = html_output(&u->html, u->file, t->line);
    html_settle(&u->html, &u->literal);
    emit_line(u, t->line);
    emit(u, "%s(out, %.*s);", function, len(expr), expr.p);
    html_wrote(&u->html);
    u->seen_output = true;
}

/* Reads up to a directive that belongs to what is around ({% end %}, {% else %}, {% elif %}) and makes that
 * the current one; an empty word stands for the end of the file. */
static void parse_body(struct unit *u) {
    for (;;) {
        struct token t = lexer_next(&u->lexer);
        switch (t.kind) {
        case TOKEN_END:
            u->word = (struct span){0};
            u->line = t.line;
            if (u->depth == 0)
                fail(u->file, u->current->line, "{%% template %%} has no {%% end %%}");
            return;
        case TOKEN_LITERAL:
            u->seen_output = u->seen_output || !is_blank(t.text);
            html_feed(&u->html, &u->literal, u->file, t.line, t.text);
            break;
        case TOKEN_EXPR:
            parse_expression(u, &t);
            break;
        case TOKEN_DIRECTIVE:
            take_directive(u, &t);
            if (span_is(u->word, "end") || span_is(u->word, "else") || span_is(u->word, "elif"))
                return;
            if (!parse_directive(u))
                fail_word(u);
            break;
        }
    }
}
