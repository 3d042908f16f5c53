/* tplc -o OUTDIR [--locale DIR] FILE...: HTML templates to C. FILEs that end in .c are only searched for
 * texts to translate. Prints "file:line: error: …" for every file that is wrong and then writes nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tplc.h"

struct options {
    const char *out;
    const char *locale;
    char **files;
    int n_files;
};

static _Noreturn void usage(void) {
    fputs("usage: tplc -o OUTDIR [--locale DIR] FILE...\n", stderr);
    exit(2);
}

static struct options read_options(int argc, char **argv) {
    struct options o = {0};
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i += 2) {
        if (i + 1 >= argc)
            usage();
        if (strcmp(argv[i], "-o") == 0)
            o.out = argv[i + 1];
        else if (strcmp(argv[i], "--locale") == 0)
            o.locale = argv[i + 1];
        else
            usage();
    }
    if (o.out == NULL)
        usage();
    o.files = argv + i;
    o.n_files = argc - i;
    return o;
}

static bool ends_with(const char *s, const char *suffix) {
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && strcmp(s + n - m, suffix) == 0;
}

/* templates/user/login.html → tpl_user_login.c */
static const char *c_name(const char *path) {
    static const char root[] = "templates/";
    struct str s = {0};
    const char *p = path;
    for (const char *at = path; (at = strstr(at, root)) != NULL; at++)
        if (at == path || at[-1] == '/')
            p = at + sizeof(root) - 1;
    size_t n = ends_with(p, ".html") ? strlen(p) - 5 : strlen(p);
    str_puts(&s, "tpl_");
    for (size_t i = 0; i < n; i++)
        str_putc(&s, p[i] == '/' ? '_' : p[i]);
    str_puts(&s, ".c");
    return s.p;
}

static struct unit *open_unit(const char *path, const struct unit *units) {
    struct unit *u = mem_alloc(sizeof(*u));
    size_t n;
    char *text = file_read(path, &n);
    u->file = path;
    u->c_name = c_name(path);
    u->lexer = (struct lexer){.file = path, .p = text, .end = text + n, .line = 1};
    for (const struct unit *o = units; o != NULL; o = o->next)
        if (strcmp(o->c_name, u->c_name) == 0)
            fail(path, 1, "gives the same %s as %s", u->c_name, o->file);
    return u;
}

/* Reads one file; an error in it is counted, and the next file gets its turn. */
static void read_one(const char *path, struct unit **units) {
    jmp_buf here;
    fail_to = &here;
    if (setjmp(here) == 0) {
        if (ends_with(path, ".c")) {
            csource_read(path);
        } else {
            struct unit *u = open_unit(path, *units);
            u->next = *units;
            *units = u;
            parse_file(u);
        }
    }
    fail_to = NULL;
}

static const struct template *find_template(const char *name) {
    for (const struct template *t = templates; t != NULL; t = t->next)
        if (strcmp(t->name, name) == 0)
            return t;
    return NULL;
}

static void check_use(const struct use *use) {
    const struct template *t = find_template(use->name);
    if (t == NULL)
        fail(use->file, use->line, "there is no template %s", use->name);
    if (use->as_layout && !t->has_body)
        fail(use->file, use->line, "the template %s has no {%% body %%}: it is no layout", use->name);
    if (!use->as_layout && t->has_body)
        fail(use->file, use->line, "the template %s is a layout: it can not be called", use->name);
}

static void check_one(const struct use *use) {
    jmp_buf here;
    fail_to = &here;
    if (setjmp(here) == 0)
        check_use(use);
    fail_to = NULL;
}

static void write_all(const struct options *o, const struct unit *units) {
    const struct locale *locales = o->locale != NULL ? po_read_dir(o->locale) : NULL;
    output_header(o->out, units);
    for (const struct unit *u = units; u != NULL; u = u->next)
        output_unit(o->out, u);
    output_messages(o->out, locales);
    output_pot(o->out);
    output_remove_stale(o->out, units);
}

int main(int argc, char **argv) {
    struct options o = read_options(argc, argv);
    struct unit *units = NULL;
    for (int i = 0; i < o.n_files; i++)
        read_one(o.files[i], &units);
    for (const struct use *use = fail_count == 0 ? uses : NULL; use != NULL; use = use->next)
        check_one(use);
    if (fail_count == 0)
        write_all(&o, units);
    mem_free_all();
    return fail_count == 0 ? 0 : 1;
}
