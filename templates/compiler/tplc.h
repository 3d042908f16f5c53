/* tplc: compiles HTML templates to C. Shared declarations of its parts.
 *
 *   util.c     memory, strings, files, errors
 *   lexer.c    a file into literals, {{ }} and {% %}
 *   scan.c     the C tokens inside a directive; expr.c: the grammar of expressions
 *   htmlstate.c where in the HTML the text stands
 *   parser.c   directives into calls of the emitter; translate.c: {% t %}
 *   emit.c     writes C
 *   message.c  the table of translatable strings; po.c reads translations; lang.c knows languages
 *   csource.c  finds tr("…") in C files
 *   output.c   the generated files */
#ifndef DEEPLINK_TPLC_H
#define DEEPLINK_TPLC_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- util.c */

/* n bytes of zeros that live until mem_free_all(). Never NULL: the program ends when memory does. */
void *mem_alloc(size_t n);
void mem_free_all(void);
char *mem_copy(const char *p, size_t n);

/* Bytes that grow; p[n] is NUL once anything was added. Zero it to begin. */
struct str {
    char *p;
    size_t n;
    size_t cap;
};

void str_add(struct str *s, const char *p, size_t n);
void str_puts(struct str *s, const char *p);
void str_putc(struct str *s, char c);
void str_printf(struct str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3), nonnull(2)));
void str_vprintf(struct str *s, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0), nonnull(2)));
/* The bytes as the inside of a C string literal (also what a .po file wants). */
void str_add_quoted(struct str *s, const char *p, size_t n);

/* A piece of a source text. */
struct span {
    const char *p;
    size_t n;
};

bool span_is(struct span s, const char *text);

/* The bytes of a file, ended by NUL. Fails when it can't be read. */
char *file_read(const char *path, size_t *ret_n);
/* Writes dir/name unless it already holds exactly these bytes. */
void file_write_changed(const char *dir, const char *name, const struct str *s);

/* Prints "file:line: error: …", counts it and jumps to where fail_to points. */
void fail(const char *file, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4), noreturn));
extern jmp_buf *fail_to;
extern int fail_count;

/* ---- lexer.c */

enum token_kind { TOKEN_END, TOKEN_LITERAL, TOKEN_EXPR, TOKEN_DIRECTIVE };

struct token {
    enum token_kind kind;
    struct span text; /* without the braces */
    int line;
};

struct lexer {
    const char *file;
    const char *p;
    const char *end;
    int line;
};

/* The next piece; comments are left out. */
struct token lexer_next(struct lexer *lx);

/* ---- scan.c */

enum scan_kind { SCAN_END, SCAN_IDENT, SCAN_NUMBER, SCAN_STRING, SCAN_CHAR, SCAN_PUNCT };

struct scan {
    const char *file;
    int line; /* of the current token */
    enum scan_kind kind;
    struct span token;
    const char *last_end; /* where the token before ended */
    const char *p;        /* the rest */
    const char *end;
};

/* Begins at the first token of text. */
void scan_init(struct scan *s, const char *file, int line, struct span text);
void scan_next(struct scan *s);
bool scan_is(const struct scan *s, const char *token);
/* Steps over the token if it is the current one. */
bool scan_take(struct scan *s, const char *token);
void scan_expect(struct scan *s, const char *token);
struct span scan_ident(struct scan *s, const char *what);
/* A string literal's value. */
char *scan_string(struct scan *s, const char *what);
/* The value of a C string literal, quotes included in raw. */
char *scan_decode(const char *file, int line, struct span raw);
void scan_done(const struct scan *s);

/* ---- expr.c */

/* Checks one expression and returns its source text; s then stands behind it. */
struct span expr_parse(struct scan *s);
/* "(a, b)" with any number of expressions; returns what stands between the parentheses. */
struct span expr_parse_args(struct scan *s);

/* ---- htmlstate.c */

enum html_where {
    HTML_TEXT,   /* element text */
    HTML_RCDATA, /* inside title or textarea */
    HTML_VALUE,  /* in an attribute value in quotes */
    /* In a start tag, from the loosest to the strictest: */
    HTML_TAG,     /* an attribute may begin */
    HTML_TIGHT,   /* white space is needed before an attribute */
    HTML_UNQUOTED /* a value without quotes came last: so not even / may follow */
};

enum html_attr { HTML_ATTR_PLAIN, HTML_ATTR_URL, HTML_ATTR_SRCSET, HTML_ATTR_STYLE };

#define HTML_DEPTH 64
#define HTML_NAME 24

struct html_element {
    char name[HTML_NAME];
    int line;
};

struct html {
    enum html_where where;
    enum html_attr attr; /* in a value: what it holds */
    char quote;          /* in a value: what ends it */
    bool begun;          /* in a value: something stands there already */
    bool space;          /* white space was the last thing written: more of it is dropped */
    char pending;        /* white space seen and not yet written, or NUL */
    char tag[HTML_NAME]; /* in a start tag: its name */
    int tag_line;
    int depth;
    struct html_element open[HTML_DEPTH];
};

/* At the beginning of a template. */
void html_begin(struct html *h);
/* Runs over literal text and adds what is to be written to out. last: nothing but the end follows. */
void html_feed(struct html *h, struct str *out, const char *file, int line, struct span text);
/* Writes white space that was held back: call it before anything but literal text. */
void html_settle(struct html *h, struct str *out);
/* Notes that unknown text was written here. */
void html_wrote(struct html *h);
/* The output function for an expression that stands here: "html_text", "html_attr", … */
const char *html_output(const struct html *h, const char *file, int line);
/* Fails unless both ends of two ways through a block are the same place; *a becomes what holds for both. */
void html_join(struct html *a, const struct html *b, const char *file, int line, const char *what);
/* Fails unless a template may end here. */
void html_finish(const struct html *h, const char *file, int line);

/* ---- message.c */

#define MESSAGE_ARGS 16

struct message_ref {
    const char *file;
    int line;
    struct message_ref *next;
};

struct message {
    const char *id;
    const char *plural; /* NULL when it has none */
    const char *symbol; /* its name in C */
    int n_args;
    struct span args[MESSAGE_ARGS]; /* the names in braces, in order of first appearance */
    struct message_ref *refs;
    struct message_ref **refs_end;
    struct message *next;
};

struct locale;

/* The message with this text, made if new. plural may be NULL. file NULL: it comes from a .po file. */
struct message *message_add(const char *id, const char *plural, const char *file, int line);
struct message *message_find(const char *id);
struct message *message_first(void);
int message_arg(const struct message *m, struct span name);
/* Steps through a text: true and the name of the next {name} in it, *at and *end its place; false when none
 * is left. */
bool message_placeholder(const char *text, size_t from, size_t *ret_at, size_t *ret_end);

/* ---- lang.c */

struct lang {
    const char *code;
    const char *name;   /* in the language itself */
    const char *dir;    /* "ltr" or "rtl" */
    const char *plural; /* enumerator of enum i18n_plural */
    int forms;
};

/* By code ("de", "pt-BR": the part before '-' when the whole is unknown); NULL when unknown. */
const struct lang *lang_find(const char *code);

/* ---- po.c */

struct translation {
    const char *id;
    int n; /* how many forms are there */
    char *text[6];
    int line;
    struct translation *next;
};

struct locale {
    const char *code;
    const char *file;
    const struct lang *lang;
    struct translation *first;
    struct locale *next;
};

/* Reads dir/<code>.po, all of them, sorted by code, and adds their messages. */
struct locale *po_read_dir(const char *dir);
/* NULL when there is none. */
const struct translation *locale_find(const struct locale *l, const char *id);

/* ---- csource.c */

/* Adds the messages of tr(), tr_n(), tr_fill() and tr_mark() in a C file. */
void csource_read(const char *path);

/* ---- emit.c, parser.c, translate.c */

struct template {
    const char *name;
    const char *params; /* "" when none */
    const char *file;
    int line;
    bool has_body;
    struct template *next;
};

struct use {
    const char *name;
    const char *file;
    int line;
    bool as_layout;
    struct use *next;
};

struct name {
    const char *text;
    struct name *next;
};

/* One source file. */
struct unit {
    const char *file;
    const char *c_name;    /* tpl_….c */
    struct name *includes; /* in order */
    struct name *symbols;  /* messages it uses */
    struct str functions;  /* finished ones */

    struct lexer lexer;
    struct scan scan; /* the current directive, behind its first word */
    struct span word; /* that word; empty at the end of the file */
    int line;         /* of the current directive */

    struct template *current;
    struct html html;
    struct str literal; /* waiting to be written by one buf_add() */
    struct str body;    /* of the current function */
    struct str sets;    /* {% set %} at top level: both halves of a layout need them */
    int depth;          /* blocks around */
    bool has_layout;
    bool seen_output; /* something other than {% set %} came */
    struct span layout_name;
    struct span layout_args;
    int layout_line;

    struct unit *next;
};

/* One line of C at the depth of the current block. Writes waiting literals first. */
void emit(struct unit *u, const char *fmt, ...) __attribute__((format(printf, 2, 3), nonnull(2)));
/* Tells the C compiler that the next line comes from this line of the template. */
void emit_line(struct unit *u, int line);
void emit_literal(struct unit *u);
/* Finishes the current function as tpl_<name><suffix>. */
void emit_function(struct unit *u, const char *suffix);
/* Adds text to a list unless it is there; returns the list. */
struct name *name_add(struct name *list, const char *text);

void parse_file(struct unit *u);
/* {% t … %}, behind the t. */
void translate_parse(struct unit *u);

extern struct use *uses;
extern struct template *templates;

/* ---- output.c */

void output_header(const char *dir, const struct unit *units);
void output_unit(const char *dir, const struct unit *u);
void output_messages(const char *dir, const struct locale *locales);
void output_pot(const char *dir);
/* Deletes generated tpl_*.c files whose template is gone. */
void output_remove_stale(const char *dir, const struct unit *units);

#endif
