/* The template compiler from outside: compiles the samples of tests/unit/template, builds and runs the C and
 * compares what it prints; then every error that a template can have. Runs in the repository's root; the
 * compiler is $TPLC or lies two folders above this program. */
#include <check.h>
#include <fcntl.h>
#include <libgen.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fcgi/html.h"
#include "fcgi/i18n.h"

#define SAMPLES "tests/unit/template"
#define SAMPLE(name) SAMPLES "/templates/" name ".html"
#define SAMPLE_FILES SAMPLE("layout"), SAMPLE("partials/post"), SAMPLE("user/profile"), SAMPLE("words")

extern char **environ;

static char tplc[4096];
static char dir[64]; /* of this run */

/* ---- helpers */

static const char *in_dir(const char *name) {
    static char path[8][256];
    static int turn;
    turn = (turn + 1) % 8;
    snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
    return path[turn];
}

static void write_file(const char *path, const char *text) {
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_ne(fputs(text, f), EOF);
    ck_assert_int_eq(fclose(f), 0);
}

/* The whole file; the caller frees it. */
static char *read_file(const char *path) {
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "no file %s", path);
    char *text = calloc(1, 1 << 18);
    size_t n = fread(text, 1, (1 << 18) - 1, f);
    ck_assert_uint_lt(n, (1 << 18) - 1);
    fclose(f);
    return text;
}

/* Runs a program with its output and errors in dir/log; its exit status. */
static int run(const char *const *argv) {
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, in_dir("log"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    int failed = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    ck_assert_msg(failed == 0, "cannot run %s", argv[0]);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})

static void expect_log(const char *what, int status, int wanted, const char *text) {
    char *log = read_file(in_dir("log"));
    ck_assert_msg(status == wanted, "%s: exit status %d\n%.2000s", what, status, log);
    ck_assert_msg(strstr(log, text) != NULL, "%s: no \"%s\" in:\n%.2000s", what, text, log);
    free(log);
}

static const char *compiler(void) { return getenv("CC") != NULL ? getenv("CC") : "cc"; }

static void setup(void) {
    snprintf(dir, sizeof(dir), "/tmp/test_template.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    ck_assert_int_eq(mkdir(in_dir("gen"), 0700), 0);
    ck_assert_int_eq(mkdir(in_dir("locale"), 0700), 0);
    ck_assert_int_eq(mkdir(in_dir("templates"), 0700), 0);
}

static void teardown(void) { RUN("rm", "-rf", dir); }

/* ---- what is printed */

START_TEST(test_samples) {
    int status =
        RUN(tplc, "-o", in_dir("gen"), "--locale", SAMPLES "/locale", SAMPLE_FILES, SAMPLES "/main.c");
    expect_log("tplc", status, 0, "");
    status = RUN(compiler(), "-std=gnu11", "-g", "-Wall", "-Wextra", "-Werror", "-Wshadow",
                 "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-I" SAMPLES, "-I.", "-I",
                 dir, "-o", in_dir("sample"), in_dir("gen/tpl_layout.c"), in_dir("gen/tpl_partials_post.c"),
                 in_dir("gen/tpl_user_profile.c"), in_dir("gen/tpl_words.c"), in_dir("gen/messages.c"),
                 SAMPLES "/main.c", "fcgi/html.c", "fcgi/i18n.c", "fcgi/base/buf.c", "fcgi/base/arena.c",
                 "fcgi/base/text.c", "-lutf8proc");
    expect_log("cc", status, 0, "");
    expect_log("sample", RUN(in_dir("sample")), 0, "");
    ck_assert_int_eq(rename(in_dir("log"), in_dir("printed")), 0);
    expect_log("diff", RUN("diff", "-u", SAMPLES "/expected.txt", in_dir("printed")), 0, "");
}
END_TEST

START_TEST(test_catalog) {
    int status = RUN(tplc, "-o", in_dir("gen"), SAMPLE_FILES, SAMPLES "/main.c");
    expect_log("tplc", status, 0, "");
    char *pot = read_file(in_dir("gen/messages.pot"));
    ck_assert_ptr_nonnull(strstr(pot, "#: " SAMPLE("words") ":4\n#: " SAMPLES "/main.c:"));
    ck_assert_ptr_nonnull(strstr(pot, "msgid \"Plain \\\"words\\\" & more\"\nmsgstr \"\"\n"));
    ck_assert_ptr_nonnull(strstr(pot, "msgid_plural \"{n} people\"\nmsgstr[0] \"\"\nmsgstr[1] \"\"\n"));
    ck_assert_ptr_nonnull(strstr(pot, "msgid \"{b} then {a} {c}\"")); /* from C */
    ck_assert_ptr_nonnull(strstr(pot, "msgid_plural \"many\""));
    free(pot);
}
END_TEST

/* What C code says to readers without a mark: failures and labels, literals joined; nothing else. */
START_TEST(test_catalog_of_failures) {
    write_file(in_dir("said.c"),
               "enum code fail(struct ctx *ctx, enum code code, const char *text);\n"
               "static const struct field fields[] = {\n"
               "    {.name = \"no name\", .label = \"A label\", .choices = \"no|choices\"},\n"
               "    {.max = 3, .label\n= \"Last \" /* in two */ \"label\"}, {.label = NAME}};\n"
               "enum code f(struct ctx *ctx) {\n"
               "    fail(&req->ctx, CODES[at(1, 2)], \"Joined \"\n        \"words.\");\n"
               "    fail_detail(ctx, INTERNAL, \"Said.\", \"not said: %s\", \"nor this\");\n"
               "    fail_field(ctx, \"no field\", \"By a field.\");\n"
               "    fail_http(ctx, 410, NOT_FOUND, \"Gone.\");\n"
               "    fail_retry(ctx, EXHAUSTED, wait(\"no wait\"), \"Later.\");\n"
               "    fail_field(ctx, \"no field\", arena_printf(ctx->arena, \"no text\"));\n"
               "    fail(ctx, INVALID, \"no text \" PRId64);\n"
               "    label = \"no label\";\n"
               "    fail_clear(ctx); fail_over(1, 2, \"no failure\");\n"
               "}\n");
    expect_log("tplc", RUN(tplc, "-o", in_dir("gen"), in_dir("said.c")), 0, "");
    char *pot = read_file(in_dir("gen/messages.pot"));
    static const char *const said[] = {"A label",     "Last label", "Joined words.", "Said.",
                                       "By a field.", "Gone.",      "Later."};
    char msgid[64];
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        snprintf(msgid, sizeof(msgid), "msgid \"%s\"\n", said[i]);
        ck_assert_msg(strstr(pot, msgid) != NULL, "no %s in:\n%s", msgid, pot);
    }
    ck_assert_ptr_null(strstr(pot, "msgid \"no"));
    free(pot);
}
END_TEST

START_TEST(test_unchanged_files_stay) {
    struct stat before, after;
    write_file(in_dir("gen/tpl_gone.c"), "");
    write_file(in_dir("gen/other.c"), "");
    ck_assert_int_eq(RUN(tplc, "-o", in_dir("gen"), SAMPLE_FILES), 0);
    ck_assert_int_ne(access(in_dir("gen/tpl_gone.c"), F_OK), 0);
    ck_assert_int_eq(access(in_dir("gen/other.c"), F_OK), 0);
    ck_assert_int_eq(stat(in_dir("gen/tpl_words.c"), &before), 0);
    usleep(20000);
    ck_assert_int_eq(RUN(tplc, "-o", in_dir("gen"), SAMPLE_FILES), 0);
    ck_assert_int_eq(stat(in_dir("gen/tpl_words.c"), &after), 0);
    ck_assert_int_eq(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
    ck_assert_int_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}
END_TEST

/* Literal text, as it comes out: the C must hold it. */
static const struct {
    const char *text;
    const char *c;
} literals[] = {
    {"  <p>  a \t b\n\n c </p>  ", "<p> a b\\n\"\n        \"c </p>\", 14)"},
    {"<pre> a\n\n b</pre>", "<pre> a\\n\"\n        \"\\n\"\n        \" b</pre>\""},
    {"<b>x</b>{# c #} <!-- d\n --> <i>y</i>", "<b>x</b> <i>y</i>"},
    {"<a\n  class=\"k  k\"\n  id='i' >x</a >", "<a class=\\\"k  k\\\" id='i'>x</a>"},
    {"a {% if v %} {% end %} b{% if v %} c{% end %}", "buf_add(out, \"b\", 1)"},
    {"{% for c of v, 2 %} {{ c[0] == 'a' }}{% end %}", "buf_add(out, \" \", 1);\n"},
    {"<p>{% for c of v, 2 %}\n<b>x</b>\n{% end %}</p>",
     "buf_add(out, \"\\n\"\n                \"<b>x</b>\\n\", 10)"},
    {"a \?\?= b \\ \" \303\274", "a \?\\?= b \\\\ \\\" \303\274"},
    {"{ {a} %} }}", "{ {a} %} }}"},
    {"<TITLE>a < b</TITLE><Br/><input value=x disabled>",
     "<TITLE>a < b</TITLE><Br/><input value=x disabled>"},
    {"<p a=\"{% if v %}b\" c=d{% else %}e\"{% end %}>x</p>", "\"b\\\" c=d\""},
    {"<svg viewBox=\"0 0 1 1\"><path d=\"M0\"/><title>t</title></svg>",
     "<path d=\\\"M0\\\"/><title>t</title></svg>"},
    {"<script src=\"{{ v[0] }}\">\n</script>", "buf_add(out, \"\\\"></script>\", 11)"},
};

START_TEST(test_literals) {
    char file[1024];
    snprintf(file, sizeof(file), "{%% template x(const char *const *v) %%}%s{%% end %%}\n",
             literals[_i].text);
    write_file(in_dir("templates/t.html"), file);
    expect_log(literals[_i].text, RUN(tplc, "-o", in_dir("gen"), in_dir("templates/t.html")), 0, "");
    char *c = read_file(in_dir("gen/tpl_t.c"));
    ck_assert_msg(strstr(c, literals[_i].c) != NULL, "no %s in:\n%.2000s", literals[_i].c, c);
    free(c);
}
END_TEST

/* ---- errors in templates */

#define IN "{% template x(const char *v, bool b) %}\n"
#define END "\n{% end %}\n"

static const struct {
    const char *text;
    const char *error; /* behind the file's name */
} errors[] = {
    /* blocks */
    {"text", ":1: error: text outside of a template"},
    {"{{ v }}", ":1: error: text outside of a template"},
    {"\n{% if v %}", ":2: error: {% if %} is not expected here"},
    {IN "{% if b %}a", ":2: error: {% if %} has no {% end %}"},
    {IN "\n{% for a in v, 1 %}", ":3: error: {% for %} has no {% end %}"},
    {IN "a", ":1: error: {% template %} has no {% end %}"},
    {IN "{% else %}" END, ":2: error: {% else %} is not expected here"},
    {IN "{% if b %}{% else %}\n{% else %}{% end %}" END, ":3: error: {% else %} is not expected here"},
    {IN "{% for a in v, 1 %}{% elif b %}{% end %}" END, ":2: error: {% elif %} is not expected here"},
    {IN "{% nonsense %}" END, ":2: error: {% nonsense %} is not expected here"},
    {IN "{% %}" END, ":2: error: the name of a directive is missing"},
    {IN "{% template y() %}" END, ":2: error: {% template %} is not expected here"},
    {IN "{% end x %}", ":2: error: unexpected x"},
    {IN END IN END, ":4: error: the template x is already at "},
    {IN "{{ v" END, ":2: error: {{ has no }}"},
    {IN "{# a" END, ":2: error: {# has no #}"},
    /* expressions */
    {IN "\n{{ v = 1 }}" END, ":3: error: unexpected ="},
    {IN "{{ }}" END, ":2: error: an expression is missing"},
    {IN "{{ v[ }}" END, ":2: error: an expression is missing or ends too early"},
    {IN "{{ v++ }}" END, ":2: error: unexpected ++"},
    {IN "{{ *v }}" END, ":2: error: * is not allowed in an expression"},
    {IN "{{ &v }}" END, ":2: error: & is not allowed in an expression"},
    {IN "{{ b * 2 }}" END, ":2: error: unexpected *"},
    {IN "{{ (int)b }}" END, ":2: error: int is not allowed in an expression"},
    {IN "{{ sizeof(b) }}" END, ":2: error: sizeof is not allowed"},
    {IN "{{ 1.5 }}" END, ":2: error: expected a member's name instead of 5"},
    {IN "{{ 12ab }}" END, ":2: error: 12ab is not a whole number"},
    {IN "{{ \"a }}" END, ":2: error: a \" has no end on its line"},
    {IN "{{ b ? 1 }}" END, ":2: error: : is missing at the end"},
    {IN "{{ f(1, }}" END, ":2: error: an expression is missing"},
    {IN "{{ v; }}" END, ":2: error: unexpected ;"},
    {IN "{{ v // }}" END, ":2: error: unexpected //"},
    {IN "{{ 1(v) }}" END, ":2: error: unexpected ("},
    {IN "{% if %}{% end %}" END, ":2: error: an expression is missing"},
    {IN "{% for v in %}{% end %}" END, ":2: error: an expression is missing"},
    {IN "{% for a in v %}{% end %}" END, ":2: error: , is missing at the end"},
    {IN "{% set 1 = v %}" END, ":2: error: expected a name instead of 1"},
    /* places */
    {IN "<p class={{ v }}>a</p>" END,
     ":2: error: an attribute value with an expression or directive needs quotes"},
    {IN "<p class=a{{ v }}>a</p>" END, ":2: error: an attribute value with an expression needs quotes"},
    {IN "<p class={% if b %}a{% end %}>a</p>" END,
     ":2: error: an attribute value with an expression or directive"},
    {IN "<p class=a{% if b %}b{% end %}>a</p>" END, ":2: error: white space is missing before an attribute"},
    {IN "<br {% if b %}class=a{% end %}/>" END, ":2: error: white space is missing before an attribute"},
    {IN "<p {{ v }}>a</p>" END, ":2: error: an expression can not stand in the tag <p>"},
    {IN "<p\n{{ v }}=\"a\">a</p>" END, ":3: error: an expression can not stand in the tag <p>"},
    {IN "<p data-{{ v }}=\"a\">a</p>" END, ":2: error: an expression can not stand in the tag <p>"},
    {IN "<{{ v }}>" END, ":2: error: < begins no tag"},
    {IN "a < b" END, ":2: error: < begins no tag"},
    {IN "<p{{ v }}>" END, ":2: error: an expression can not stand in the tag <p>"},
    {IN "</{{ v }}>" END, ":2: error: </ has no >"},
    {IN "<!-- {{ v }} -->" END, ":2: error: an HTML comment has no end, or holds an expression"},
    {IN "<!-- {% if b %} --> {% end %}" END, ":2: error: an HTML comment has no end"},
    {IN "<!doctype {{ v }}>" END, ":2: error: <! has no >"},
    {IN "<script>{{ v }}</script>" END, ":2: error: <script> can not have inline content"},
    {IN "<script>\nalert(1)</script>" END, ":2: error: <script> can not have inline content"},
    {IN "<script src=\"{{ v }}\">{{ v }}</script>" END, ":2: error: <script> can not have inline content"},
    {IN "<style>p {}</style>" END, ":2: error: <style> is not allowed"},
    {IN "<p STYLE=\"a\">a</p>" END, ":2: error: the attribute style is not allowed"},
    {IN "<p onClick=\"{{ v }}\">a</p>" END, ":2: error: the attribute onclick is not allowed"},
    {IN "<iframe srcdoc=\"{{ v }}\"></iframe>" END, ":2: error: the attribute srcdoc is not allowed"},
    {IN "<a href=\" JavaScript:{{ v }}\">a</a>" END, ":2: error: javascript: is not allowed in a URL"},
    {IN "<a href=javascript:x>a</a>" END, ":2: error: javascript: is not allowed in a URL"},
    {IN "<a href=\"{% t \"a\" %}\">a</a>" END, ":2: error: {% t %} can not stand in a URL"},
    {IN "<p title=\"{% call y() %}\">a</p>" END, ":2: error: {% call %} is for element text only"},
    {IN "<title>{% call y() %}</title>" END, ":2: error: {% call %} is for element text only"},
    /* branches */
    {IN "{% if b %}<p>{% end %}</p>" END, ":2: error: {% if %} without {% else %} ends in another place"},
    {IN "{% if b %}<p>{% else %}<b>{% end %}" END, ":2: error: a branch of {% if %} ends in another place"},
    {IN "<p {% if b %}class=\"a{% end %}\">" END,
     ":2: error: {% if %} without {% else %} ends in another place"},
    {IN "<a href=\"{% if b %}/{% end %}{{ v }}\">" END,
     ":2: error: {% if %} without {% else %} ends in another"},
    {IN "<a {% if b %}class=\"a\"{% end %}id=\"b\">" END,
     ":2: error: white space is missing before an attribute"},
    {IN "<a dis{% if b %}abled{% end %}>" END, ":2: error: white space is missing before an attribute"},
    {IN "{% for a in v, 1 %}\n<p>{% end %}" END, ":3: error: the body of {% for %} ends in another place"},
    {IN "{% for a in v, 1 %}{% else %}<p>{% end %}" END,
     ":2: error: {% else %} of {% for %} ends in another place"},
    {IN "<p class=\"" END, ":3: error: the tag <p of line 2 has no >"},
    {IN "<p " END, ":3: error: the tag <p of line 2 has no >"},
    {IN "\n<div><p>a</p>" END, ":4: error: <div> of line 3 is not closed"},
    {IN "<div>\n<p></div>" END, ":3: error: </div> stands where <p> of line 3 is open"},
    {IN "</div>" END, ":2: error: </div> closes nothing"},
    {IN "<div/>" END, ":2: error: <div/> does not close a div element"},
    {IN "<title>a" END, ":3: error: <title> of line 2 is not closed"},
    /* templates that use each other */
    {IN "\n{% call y(v) %}" END, ":3: error: there is no template y"},
    {IN "{% layout y(v) %}" END, ":2: error: there is no template y"},
    {IN "{% layout y() %}" END "{% template y() %}{% end %}", ":2: error: the template y has no {% body %}"},
    {IN "{% call y() %}" END "{% template y() %}{% body %}{% end %}",
     ":2: error: the template y is a layout"},
    {IN "a{% layout x() %}" END, ":2: error: {% layout %} must be the first thing"},
    {IN "{% if b %}{% body %}{% end %}" END, ":2: error: {% body %} must stand outside of"},
    {IN "{% body %}\n{% body %}" END, ":3: error: {% body %} stands twice in the template x"},
    /* texts */
    {IN "{% t %}" END, ":2: error: {% t %} needs a text in quotes"},
    {IN "{% t \"\" %}" END, ":2: error: the text to translate is empty"},
    {IN "{% t \"{name}\" %}" END, ":2: error: {% t %} gives no value for {name}"},
    {IN "{% t \"a\"\n name=v %}" END, ":3: error: the text has no {name}"},
    {IN "{% t \"one\" \"many\" %}" END, ":2: error: {% t %} with a plural needs n="},
    {IN "{% t \"a\" \"b\" \"c\" n=1 %}" END, ":2: error: {% t %} takes one text, or two with n="},
    {IN "{% t n=1 \"a\" \"b\" %}\n{% t n=1 \"a\" \"c\" %}" END,
     ":3: error: \"a\" has another plural elsewhere: \"b\""},
    {IN "{% t \"a\\x\" %}" END, ":2: error: unknown escape \\x"},
    {IN "<p {% t \"a\" %}>" END, ":2: error: an expression can not stand in the tag <p>"},
};

START_TEST(test_errors) {
    char wanted[512];
    const char *file = in_dir("templates/t.html");
    write_file(file, errors[_i].text);
    int status = RUN(tplc, "-o", in_dir("gen"), file);
    snprintf(wanted, sizeof(wanted), "%s%s", file, errors[_i].error);
    expect_log(errors[_i].text, status, 1, wanted);
    ck_assert_int_ne(access(in_dir("gen/templates.h"), F_OK), 0);
}
END_TEST

START_TEST(test_every_file_reports) {
    write_file(in_dir("templates/a.html"), "a");
    write_file(in_dir("templates/b.html"), "\nb");
    int status = RUN(tplc, "-o", in_dir("gen"), in_dir("templates/a.html"), in_dir("templates/b.html"));
    expect_log("a", status, 1, "/a.html:1: error: text outside");
    expect_log("b", status, 1, "/b.html:2: error: text outside");
    status = RUN(tplc, "-o", in_dir("gen"), in_dir("templates/none.html"));
    expect_log("none", status, 1, "/none.html:1: error: cannot read");
}
END_TEST

/* ---- errors that the C compiler finds, with the template's line */

static const struct {
    const char *text;
    const char *error;
} type_errors[] = {
    {"\n{{ v->nane }}", ":3:"},
    {"\n{{ v->posts }}", ":3:"},
    {"\n{{ v->handle[0] }}", ":3:"},
    {"\n<p title=\"{{ v->posts[0].html }}\">a</p>", ":3:"},
    {"\n<title>{{ v->posts[0].html }}</title>", ":3:"},
    {"\n<p title=\"{{ v->profile }}\">a</p>", ":3:"},
    {"\n<a href=\"{{ v->big }}\">a</a>", ":3:"},
    {"\n<a href=\"/{{ v->profile }}\">a</a>", ":3:"},
    {"\n{% if v->none %}{% end %}", ":3:"},
    {"\n{% for p in v->n_posts, 1 %}{% end %}", ":3:"},
    {"\n{% for p in v->posts, v->n_posts %}\n{{ p->none }}{% end %}", ":4:"},
    {"\n{% call y(v->posts) %}", ":3:"},
    {"\n{% call y() %}", ":3:"},
    {"\n{% set a = v->none %}", ":3:"},
    {"\n{% t \"By {name}\"\n name=v->none %}", ":4:"},
    {"\n{% t \"{n} a\" \"{n} b\" n=v->none %}", ":3:"},
};

/* Mails carry their looks with them, but nothing of what is said gets into those. */
START_TEST(test_styles_of_mails) {
    static const char *const bad[] = {"<p style=\"color:{{ v }}\">a</p>",
                                      "<style>p { color: {{ v }} }</style>"};
    char text[256], wanted[512], file[300];
    snprintf(file, sizeof(file), "%s", in_dir("templates/mail/t.html"));
    ck_assert_int_eq(mkdir(in_dir("templates/mail"), 0700), 0);
    write_file(file, "{% template x(const char *v) %}<style>\n@media print { p { color: red } }\n</style>"
                     "<p style=\"color:red\">{{ v }}</p>{% end %}");
    expect_log("styles", RUN(tplc, "-o", in_dir("gen"), file), 0, "");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(text, sizeof(text), "{%% template x(const char *v) %%}\n%s{%% end %%}", bad[i]);
        write_file(file, text);
        snprintf(wanted, sizeof(wanted), "%s:2: error: a style holds no expression", file);
        expect_log(text, RUN(tplc, "-o", in_dir("gen"), file), 1, wanted);
    }
}
END_TEST
START_TEST(test_type_errors) {
    char text[1024], wanted[512];
    const char *file = in_dir("templates/t.html");
    snprintf(text, sizeof(text),
             "{%% include \"view.h\" %%}{%% template x(const struct view *v) %%}\n%s\n{%% end %%}\n"
             "{%% template y(const struct view *v) %%}{{ v->name }}{%% end %%}",
             type_errors[_i].text);
    write_file(file, text);
    expect_log(text, RUN(tplc, "-o", in_dir("gen"), file), 0, "");
    int status = RUN(compiler(), "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I" SAMPLES,
                     "-I.", "-I", dir, in_dir("gen/tpl_t.c"));
    snprintf(wanted, sizeof(wanted), "%s%s", file, type_errors[_i].error);
    expect_log(text, status, 1, wanted);
}
END_TEST

/* ---- errors in translations */

static const struct {
    const char *name, *text, *error;
} po_errors[] = {
    {"de.po", "msgid \"{n} a\"\nmsgid_plural \"{n} b\"\nmsgstr[0] \"x\"\n",
     ":1: error: \"{n} a\" has 1 forms, de needs 2"},
    {"de.po", "\nmsgid \"a {b}\"\nmsgstr \"{c}\"\n", ":2: error: {c} is not in the original text"},
    {"de.po", "msgid \"a\"\nmsgstr \"b\"\n\nmsgid \"a\"\nmsgstr \"c\"\n",
     ":4: error: \"a\" is translated twice"},
    {"de.po", "msgid \"\"\nmsgstr \"Plural-Forms: nplurals=3;\\n\"\n",
     ":1: error: nplurals must be 2 for de"},
    {"de.po", "msgid \"a\"\nmsgid \"b\"\nmsgstr \"c\"\n", ":1: error: msgid without msgstr"},
    {"de.po", "msgid \"a\"\n", ":1: error: msgid without msgstr"},
    {"de.po", "msgid \"a\"\nmsgstr b\n", ":2: error: expected a keyword or a text in quotes"},
    {"de.po", "\nnonsense\n", ":2: error: expected a keyword or a text in quotes"},
    {"de.po", "msgctxt \"c\"\nmsgid \"a\"\nmsgstr \"b\"\n",
     ":1: error: expected a keyword or a text in quotes"},
    {"de.po", "msgid \"a\"\nmsgstr[1] \"b\"\n", ":2: error: msgstr[n] is out of order"},
    {"xx.po", "", ":1: error: unknown language xx"},
    {"en.po", "", ":1: error: English is the language of the templates"},
};

START_TEST(test_po_errors) {
    char path[300], wanted[512];
    snprintf(path, sizeof(path), "%s/%s", in_dir("locale"), po_errors[_i].name);
    write_file(path, po_errors[_i].text);
    write_file(in_dir("templates/t.html"), "{% template x() %}{% end %}");
    int status = RUN(tplc, "-o", in_dir("gen"), "--locale", in_dir("locale"), in_dir("templates/t.html"));
    snprintf(wanted, sizeof(wanted), "%s%s", path, po_errors[_i].error);
    expect_log(po_errors[_i].text, status, 1, wanted);
}
END_TEST

/* ---- the parts of html.h and i18n.h that templates use at run time */

static const struct {
    const char *url;
    bool allowed;
} urls[] = {
    {"", true},        {"/", true},        {"/a//b", true},         {"#a", true},
    {"?a=1", true},    {"http://a", true}, {"HTTPS://a", true},     {"MailTo:a@b", true},
    {"//a", false},    {"/\\a", false},    {"\\a", false},          {"/\t/a", false},
    {" /a", false},    {"a", false},       {"javascript:a", false}, {"java\nscript:a", false},
    {"data:a", false}, {"https", false},   {"ftp://a", false},      {"http://a\x7f", false},
};

START_TEST(test_urls) { ck_assert_int_eq(html_url_is_allowed(urls[_i].url), urls[_i].allowed); }
END_TEST

static const struct {
    enum i18n_plural rule;
    int64_t n;
    int form;
} forms[] = {
    {I18N_PLURAL_EN, 0, 1},   {I18N_PLURAL_EN, 1, 0},         {I18N_PLURAL_EN, -1, 0},
    {I18N_PLURAL_EN, 2, 1},   {I18N_PLURAL_FR, 0, 0},         {I18N_PLURAL_FR, 1, 0},
    {I18N_PLURAL_FR, 2, 1},   {I18N_PLURAL_RU, 0, 2},         {I18N_PLURAL_RU, 1, 0},
    {I18N_PLURAL_RU, 4, 1},   {I18N_PLURAL_RU, 5, 2},         {I18N_PLURAL_RU, 11, 2},
    {I18N_PLURAL_RU, 12, 2},  {I18N_PLURAL_RU, 21, 0},        {I18N_PLURAL_RU, 111, 2},
    {I18N_PLURAL_RU, 122, 1}, {I18N_PLURAL_PL, 1, 0},         {I18N_PLURAL_PL, 21, 2},
    {I18N_PLURAL_PL, 22, 1},  {I18N_PLURAL_PL, 12, 2},        {I18N_PLURAL_CS, 1, 0},
    {I18N_PLURAL_CS, 4, 1},   {I18N_PLURAL_CS, 22, 2},        {I18N_PLURAL_CS, 0, 2},
    {I18N_PLURAL_AR, 0, 0},   {I18N_PLURAL_AR, 2, 2},         {I18N_PLURAL_AR, 110, 3},
    {I18N_PLURAL_AR, 99, 4},  {I18N_PLURAL_AR, 100, 5},       {I18N_PLURAL_AR, 202, 5},
    {I18N_PLURAL_ZH, 1, 0},   {I18N_PLURAL_ZH, INT64_MIN, 0}, {I18N_PLURAL_RU, INT64_MIN, 2},
};

START_TEST(test_plural_forms) {
    ck_assert_int_eq(i18n_plural_form(forms[_i].rule, forms[_i].n), forms[_i].form);
}
END_TEST

#define ADD_LOOP(tc, test, table) tcase_add_loop_test(tc, test, 0, sizeof(table) / sizeof((table)[0]))

static Suite *suite(void) {
    Suite *s = suite_create("template");
    TCase *tc = tcase_create("compiler");
    tcase_set_timeout(tc, 180);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, test_samples);
    tcase_add_test(tc, test_catalog);
    tcase_add_test(tc, test_catalog_of_failures);
    tcase_add_test(tc, test_unchanged_files_stay);
    tcase_add_test(tc, test_every_file_reports);
    tcase_add_test(tc, test_styles_of_mails);
    ADD_LOOP(tc, test_literals, literals);
    ADD_LOOP(tc, test_errors, errors);
    ADD_LOOP(tc, test_type_errors, type_errors);
    ADD_LOOP(tc, test_po_errors, po_errors);
    suite_add_tcase(s, tc);
    tc = tcase_create("run time");
    ADD_LOOP(tc, test_urls, urls);
    ADD_LOOP(tc, test_plural_forms, forms);
    suite_add_tcase(s, tc);
    return s;
}

int main(int argc, char **argv) {
    (void)argc;
    if (getenv("TPLC") != NULL)
        snprintf(tplc, sizeof(tplc), "%s", getenv("TPLC"));
    else
        snprintf(tplc, sizeof(tplc), "%s/../../tplc", dirname(argv[0]));
    SRunner *runner = srunner_create(suite());
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
