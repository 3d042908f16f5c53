#!/usr/bin/env python3
"""Reads the tree and says what breaks its rules.

    tests/lint/lint.py [ROOT]        every finding as FILE:LINE: words; then "N passed, N failed", one a rule
    tests/lint/lint.py --self-test   proves for every rule that it can fail, and that it lets the right thing pass

A rule is a function that takes a Tree and yields findings. To be let off, a line, or the one above it, says so:
    /* lint: <rule>: <reason> */    or    # lint: <rule>: <reason>
"""
import os
import re
import sys
import tempfile
from collections import namedtuple

Finding = namedtuple("Finding", "file line words")
RULES = {}
SKIPPED_FOLDERS = {".git", "build", "var", "node_modules", "__pycache__"}
LINE_MAX = 110
FUNCTION_MAX = 60


def rule(fn):
    RULES[fn.__name__.replace("_", "-")] = fn
    return fn


class Tree:
    """The files of a folder, as text, read once."""

    def __init__(self, root):
        self.root = root
        self.texts = {}
        for folder, folders, files in os.walk(root):
            here = os.path.relpath(folder, root)
            folders[:] = sorted(d for d in folders if d not in SKIPPED_FOLDERS and not d.startswith("build-"))
            for name in sorted(files):
                path = os.path.normpath(os.path.join(here, name))
                full = os.path.join(folder, name)
                if os.path.islink(full) or os.path.getsize(full) > 2_000_000:
                    continue
                try:
                    with open(full, encoding="utf-8") as f:
                        self.texts[path] = f.read()
                except UnicodeDecodeError:
                    pass
        self.code_cache = {}

    def files(self, *patterns):
        for path in self.texts:
            if any(re.search(p, path) for p in patterns):
                yield path

    def lines(self, path):
        return enumerate(self.texts[path].split("\n"), 1)

    def code(self, path):
        """A C file's lines without comments, its strings emptied: what the compiler acts on."""
        if path not in self.code_cache:
            self.code_cache[path] = blank(self.texts[path], strings=True)
        return enumerate(self.code_cache[path].split("\n"), 1)

    def let_off(self, path, line, name):
        lines = self.texts[path].split("\n")
        near = lines[max(0, line - 2):line]
        return any(re.search(r"lint: %s\b" % re.escape(name), text) for text in near)


TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def blank(text, strings):
    """Takes comments out of C, and what stands in strings, keeping all line numbers. Paths of #include stay."""
    def replace(match):
        found = match.group(0)
        if found[0] in "\"'":
            before = text[text.rfind("\n", 0, match.start()) + 1:match.start()]
            if not strings or re.match(r"\s*#\s*include\s*$", before):
                return found
            return found[0] + found[0]
        return re.sub(r"[^\n]", " ", found)
    return TOKEN.sub(replace, text)


def c_files(tree, *folders):
    return tree.files(*[r"^%s/.*\.[ch]$" % f for f in (folders or ("fcgi", "handlers"))], r"^handlers/.*\.re$")


def includes(tree, path):
    for number, text in tree.code(path):
        match = re.match(r'\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', text)
        if match:
            yield number, match.group(1) or match.group(2)


# ---- layers ------------------------------------------------------------------------------------------------

# base <- drivers <- store <- service <- api, pages <- routes; worker -> service. What a file of a service is,
# its name's first word says: store.c, store_settings.c. A name that is not here is the service's own tool,
# below store.
ABOVE = {
    "store": {"store"},
    "rules": {"store", "rules"},
    "service": {"store", "rules", "service"},
    "worker": {"store", "rules", "service", "worker"},
    "view": {"view"},
    "pages": {"rules", "service", "view", "pages"},
    "api": {"rules", "service", "view", "api"},
    "commands": {"rules", "service", "commands"},
    "routes": {"service", "view", "pages", "api", "routes"},
    # Puts a service together for handlers/app.c.
    "module": {"store", "service", "worker", "commands", "routes", "module"},
}
# Whoever knows nothing of HTTP and HTML; but a worker writes mails by templates.
PLAIN = ("store", "rules", "service", "worker")
WEB_HEADERS = {"fcgi/request.h", "fcgi/response.h", "fcgi/router.h", "fcgi/form.h", "fcgi/cookie.h"}
# What a driver may know of the runtime: who asks, how to log, count and configure.
DRIVERS_MAY = {"fcgi/app.h", "fcgi/ctx.h", "fcgi/env.h", "fcgi/log.h", "fcgi/metrics.h", "fcgi/config.h", "fcgi/json.h"}


def layer_of(path):
    """(service, layer) of a file of handlers/."""
    parts = path.split("/")
    if len(parts) != 3 or parts[0] != "handlers":
        return None, None
    first = re.split(r"[._]", parts[2])[0]
    return parts[1], first if first in ABOVE else "tool"


def arrow(path, included):
    """Why `path` must not include `included`, or None."""
    if path.startswith("fcgi/base/"):
        if included.startswith(("fcgi/", "handlers/", "gen/")) and not included.startswith("fcgi/base/"):
            return "base knows only base"
    elif path.startswith("fcgi/drivers/"):
        if included.startswith("handlers/"):
            return "a driver knows no service"
        if included.startswith("fcgi/") and not included.startswith(("fcgi/base/", "fcgi/drivers/")) \
                and included not in DRIVERS_MAY:
            return "a driver knows base, drivers and " + ", ".join(sorted(DRIVERS_MAY))
    elif path.startswith("fcgi/"):
        if included.startswith("handlers/"):
            return "fcgi/ knows no service"
    elif path.startswith("handlers/"):
        return handler_arrow(path, included)
    return None


def handler_arrow(path, included):
    service, layer = layer_of(path)
    other, target = layer_of(included)
    if layer in PLAIN and included in WEB_HEADERS:
        return "%s knows nothing of HTTP and HTML" % layer
    if service is None or other is None or other == "common":
        return None
    if service == "common":
        return None if target == "view" else "what is common knows no service"
    if other != service:
        if target == "view" and layer in ("pages", "api", "view"):
            return None
        return "one service asks another by its rpcs, and includes nothing of it"
    if layer == "tool" and target != "tool":
        return "%s is a tool of the service, below its layers" % path
    if layer in ABOVE and target in ABOVE and target not in ABOVE[layer]:
        return "%s must not know %s" % (layer, target)
    return None


@rule
def layers(tree):
    for path in c_files(tree):
        for number, included in includes(tree, path):
            why = arrow(path, included)
            if why:
                yield Finding(path, number, '#include "%s": %s' % (included, why))


# One client library a driver; the FastCGI library in one place.
ONLY_IN = {
    r"^(fcgiapp|fcgi_stdio|fastcgi)\.h$": r"^fcgi/(request|response)\.c$",
    r"^(libpq-fe|postgres_ext)\.h$": r"^fcgi/drivers/(pg|docs|bus)[a-z_]*\.[ch]$|^fcgi/migrate\.c$",
    r"^hiredis/": r"^fcgi/drivers/redis[a-z_]*\.[ch]$",
    r"^(mongoc|bson|libmongoc|libbson)": r"^fcgi/drivers/(docs|mongo)[a-z_]*\.[ch]$",
    r"^curl/": r"^fcgi/drivers/(mail|http|s3|fetch)[a-z_]*\.[ch]$",
    r"^libxml/": r"^fcgi/drivers/markup_reader\.c$",
    r"^libwebsockets": r"^fcgi/stream_lws\.c$",
    r"^ev\.h$": r"^fcgi/stream[a-z_]*\.[ch]$|^fcgi/drivers/redis_async\.c$",
    r"^openssl/": r"^fcgi/drivers/webpush\.c$|^fcgi/(cert|rpc_tls)\.c$",
    r"^vips/": r"^fcgi/drivers/image[a-z_]*\.c$",
    r"^seccomp\.h$|^linux/(landlock|capability)\.h$": r"^fcgi/drivers/sandbox[a-z_]*\.c$",
    r"^cmark": r"^handlers/common/markdown[a-z_]*\.[ch]$",
    r"^gen/queries\.h$": r"^handlers/[a-z]+/(store|service|module)[a-z_]*\.c$|^handlers/(app|common/[a-z_]+)\.c$|^fcgi/",
    r"^gen/templates\.h$": r"^handlers/[a-z]+/(pages|worker)[a-z_]*\.c$|^handlers/common/",
}


@rule
def libraries_in_their_place(tree):
    for path in c_files(tree):
        for number, included in includes(tree, path):
            for pattern, where in ONLY_IN.items():
                if re.search(pattern, included) and not re.search(where, path):
                    yield Finding(path, number, "%s is not included here, but in %s" % (included, where))


@rule
def includes_from_the_root(tree):
    for path in c_files(tree):
        for number, text in tree.code(path):
            match = re.match(r'\s*#\s*include\s+"([^"]+)"', text)
            if not match:
                continue
            name = match.group(1)
            made = name.startswith("gen/") or name.endswith(".pb-c.h")
            if not made and name not in tree.texts:
                yield Finding(path, number, '"%s" is no file of this tree' % name)


@rule
def header_guards(tree):
    for path in tree.files(r"^(fcgi|handlers)/.*\.h$"):
        text = blank(tree.texts[path], strings=False)
        match = re.search(r"^\s*#ifndef (DEEPLINK_\w+_H)\n#define (\w+)\n", text)
        if not match or match.group(1) != match.group(2):
            yield Finding(path, 1, "the header begins with its guard, #ifndef and #define DEEPLINK_…_H")


# ---- calls -------------------------------------------------------------------------------------------------

BANNED = {
    "strcpy": "buf_add, or snprintf into an array",
    "strcat": "buf_puts",
    "strncpy": "buf_add: it leaves out the NUL",
    "strncat": "buf_add",
    "sprintf": "snprintf or arena_printf",
    "vsprintf": "vsnprintf or arena_vprintf",
    "strtok": "text helpers: it keeps state between calls",
    "gets": "fgets",
    "system": "nothing: no shell",
    "popen": "nothing: no shell",
    "alloca": "the arena",
    "atoi": "text_to_int: it cannot fail",
    "atol": "text_to_int: it cannot fail",
    "atoll": "text_to_int: it cannot fail",
    "atof": "strtod with its end",
    "tmpnam": "mkstemp",
    "mktemp": "mkstemp",
    "rand": "crypto_random",
    "random": "crypto_random",
    "localtime": "clock helpers: one static buffer for all",
    "gmtime": "gmtime_r: one static buffer for all",
}
OWN_MEMORY = ("malloc", "calloc", "realloc", "free", "strdup", "strndup", "asprintf", "vasprintf")


def calls(tree, path, names):
    pattern = re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join(names))
    for number, text in tree.code(path):
        if text.lstrip().startswith("#"):
            continue
        for match in pattern.finditer(text):
            yield number, match.group(1)


@rule
def banned_calls(tree):
    for path in c_files(tree):
        for number, name in calls(tree, path, BANNED):
            if not tree.let_off(path, number, "banned-calls"):
                yield Finding(path, number, "%s() is banned; instead: %s" % (name, BANNED[name]))


@rule
def memory_of_the_arena(tree):
    for path in c_files(tree, "handlers"):
        if path.startswith("handlers/demo/"):  # commands, which serve no request
            continue
        for number, name in calls(tree, path, OWN_MEMORY):
            if not tree.let_off(path, number, "memory-of-the-arena"):
                yield Finding(path, number, "%s(): what belongs to a request comes from its arena" % name)


# ---- SQL ---------------------------------------------------------------------------------------------------

SQL = re.compile(
    r"\bSELECT\s.*\sFROM\s|\bSELECT\s+[a-z_.]+\(|\bINSERT\s+INTO\s|\bUPDATE\s+[\w.%]+\s+SET\s|\bDELETE\s+FROM\s|"
    r"\bCREATE\s+(UNIQUE\s+)?(TABLE|INDEX|SCHEMA|ROLE|DATABASE|TYPE|FUNCTION|TRIGGER|VIEW|SEQUENCE)\b|"
    r"\bALTER\s+(TABLE|ROLE|DATABASE|DEFAULT)\b|\bDROP\s+(TABLE|INDEX|SCHEMA|ROLE|DATABASE)\b|\bGRANT\s+\w+\s+ON\b|"
    r"\bTRUNCATE\s|\bON\s+CONFLICT\s|\bORDER\s+BY\s|\bGROUP\s+BY\s", re.S)
STRINGS = re.compile(r'"((?:\\.|[^"\\\n])*)"(?:\s*"((?:\\.|[^"\\\n])*)")*')


@rule
def sql_in_sql(tree):
    for path in c_files(tree):
        text = blank(tree.texts[path], strings=False)
        for match in STRINGS.finditer(text):
            whole = " ".join(re.findall(r'"((?:\\.|[^"\\\n])*)"', match.group(0))) + " "
            number = text.count("\n", 0, match.start()) + 1
            if SQL.search(whole.replace("\\n", " ")) and not tree.let_off(path, number, "sql-in-sql"):
                yield Finding(path, number, "SQL stands in sql/, not in C: %.60s" % whole)


# ---- text --------------------------------------------------------------------------------------------------

TEXT_FILES = (r"\.(c|h|re|sh|py|md|sql|html|awk|conf|css|js|mjs|proto|yml|yaml)$", r"(^|/)(run|Makefile|Dockerfile[^/]*)$")
# Not templates: a sentence there is a translator's unit, and is not broken.
LENGTH_FILES = (r"\.(c|h|re|sh|md|sql)$", r"(^|/)run$")


def cannot_be_broken(path, text):
    """A table's row, code, an address or a picture in Markdown; a text in C's quotes, which would no longer be found by who
    searches for what the program said."""
    if path.endswith(".md"):
        return text.lstrip().startswith("|") or text.startswith("    ") or re.search(r"\]\([^)]{40,}\)|https?://\S{60,}", text)
    if path.endswith((".c", ".h")):
        return any(m.start() < LINE_MAX - 20 and m.end() > LINE_MAX - 5 for m in re.finditer(r'"(\\.|[^"\\])*"', text)) \
            or re.match(r"^#define \w+ +\\$", text)
    return False


@rule
def line_length(tree):
    for path in tree.files(*LENGTH_FILES):
        if path.startswith("sql/migrations/"):  # what was applied once keeps its checksum
            continue
        for number, text in tree.lines(path):
            if len(text) > LINE_MAX and not cannot_be_broken(path, text):
                yield Finding(path, number, "%d columns, at most %d" % (len(text), LINE_MAX))


@rule
def clean_lines(tree):
    for path in tree.files(*TEXT_FILES):
        text = tree.texts[path]
        for number, line in tree.lines(path):
            if line != line.rstrip():
                yield Finding(path, number, "spaces at the end of the line")
            if "\t" in line and not path.endswith(("Makefile", ".awk")):
                yield Finding(path, number, "a tab")
        if text and not text.endswith("\n"):
            yield Finding(path, text.count("\n") + 1, "the last line has no end")
        if text.endswith("\n\n"):
            yield Finding(path, text.count("\n"), "empty lines at the end")


@rule
def short_functions(tree):
    for path in c_files(tree, "fcgi", "handlers", "templates/compiler"):
        begun = None
        for number, text in tree.code(path):
            if re.match(r"^[A-Za-z_].*\)\s*\{\s*$|^\{\s*$", text) or (begun is None and re.match(r"^ {4,}.*\) \{$", text)
                                                                   and not re.match(r"^ {4}\w", text)):
                begun = number
            elif text.startswith("}") and begun is not None:
                if number - begun - 1 > FUNCTION_MAX and not tree.let_off(path, begun, "short-functions"):
                    yield Finding(path, begun, "%d lines, at most %d" % (number - begun - 1, FUNCTION_MAX))
                begun = None


@rule
def nothing_left_to_do(tree):
    words = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    for path in tree.files(*TEXT_FILES):
        if path.startswith("tests/lint/"):
            continue
        for number, text in tree.lines(path):
            if words.search(text):
                yield Finding(path, number, "something is left to do: %.60s" % text.strip())


# ---- pages -------------------------------------------------------------------------------------------------

INLINE = {
    r"<style\b": "a style sheet stands in static/",
    r"\sstyle\s*=": "a style stands in static/",
    r"<script\b(?![^>]*\bsrc\s*=)": "a script stands in static/",
    r"\son[a-z]+\s*=\s*[\"']": "an event is listened to in static/",
    r"javascript:": "a script stands in static/",
}


@rule
def no_inline_style_or_script(tree):
    # Mails are read elsewhere, without our style sheet and our policy: templates/compiler/README.md.
    for path in tree.files(r"^templates/(?!mail/).*\.html$", r"^nginx/.*\.html$"):
        for number, text in tree.lines(path):
            for pattern, instead in INLINE.items():
                if re.search(pattern, text, re.I):
                    yield Finding(path, number, "the content security policy forbids this: %s" % instead)


# ---- where it came from ------------------------------------------------------------------------------------

# Put together here, so that this file does not hold what it forbids.
HOSTS = ["registry." + "npmjs", "repo.maven." + "apache", "repo1." + "maven", "pypi." + "org", "files.python" + "hosted",
         "deb." + "debian", "security." + "debian", "proxy." + "golang", "crates." + "io", "index." + "crates"]
PATHS = [r"(?<![\w.$}{])/" + "root/", r"(?<![\w.$}{])/" + r"work/[a-z.]", r"(?<![\w.$}{])/" + r"home/[a-z]+/"]


@rule
def no_machine_in_the_tree(tree):
    host = re.compile("|".join(re.escape(h) for h in HOSTS))
    place = re.compile("|".join(PATHS))
    for path in tree.texts:
        for number, text in tree.lines(path):
            if host.search(text):
                yield Finding(path, number, "a package registry's host is named: %.60s" % text.strip())
            if place.search(text):
                yield Finding(path, number, "a path of one machine: %.60s" % text.strip())


# ---- Compose -----------------------------------------------------------------------------------------------

# Files that no test can start: what they name must be there, and no service may be forgotten.
@rule
def compose_names(tree):
    settings = {name.upper() for name in re.findall(r"\b(?:TEXT|SECRET|NUMBER|YESNO|ONEOF)\(\s*([a-z0-9_]+)",
                                                    tree.texts.get("fcgi/config.c", ""))}
    services = {os.path.basename(path)[:-6] for path in tree.files(r"^proto/deeplink/v1/.*\.proto$")
                if re.search(r"^service ", tree.texts[path], re.M)}
    for path in tree.files(r"^docker-compose.*\.yml$"):
        for number, text in tree.lines(path):
            for name in re.findall(r"^\s+DEEPLINK_([A-Z0-9_]+):", text):
                if name not in settings:
                    yield Finding(path, number, "there is no setting %s" % name.lower())
            for name in re.findall(r'command: \["(?:serve|work)", "([a-z]+)"\]', text):
                if name not in services:
                    yield Finding(path, number, "there is no service %s" % name)
        if "split" in path:
            for name in sorted(services):
                for wanted in ("serve-%s:" % name, "work-%s:" % name, "DEEPLINK_SERVICE_%s:" % name.upper(),
                               "own-%s:" % name, "serve-%s: {condition: service_started}" % name):
                    if wanted not in tree.texts[path]:
                        yield Finding(path, 1, "the service %s lacks its %s" % (name, wanted))


# ---- proof that each rule can fail -------------------------------------------------------------------------

GUARD = "#ifndef DEEPLINK_X_H\n#define DEEPLINK_X_H\n#endif\n"
# rule: (what breaks it, what does not), each {file: text}
CASES = {
    "layers": [
        ({"fcgi/base/a.c": '#include "fcgi/drivers/pg.h"\n'}, {"fcgi/base/a.c": '#include "fcgi/base/b.h"\n'}),
        ({"fcgi/drivers/a.c": '#include "fcgi/request.h"\n'}, {"fcgi/drivers/a.c": '#include "fcgi/log.h"\n'}),
        ({"fcgi/pool.c": '#include "handlers/user/service.h"\n'}, {"fcgi/pool.c": '#include "gen/stubs.h"\n'}),
        ({"handlers/user/store.c": '#include "handlers/user/service.h"\n'},
         {"handlers/user/service.c": '#include "handlers/user/store.h"\n'}),
        ({"handlers/user/store_keys.c": '#include "handlers/user/pages.h"\n'},
         {"handlers/user/pages.c": '#include "handlers/user/view.h"\n'}),
        ({"handlers/user/pages.c": '#include "handlers/user/store.h"\n'},
         {"handlers/user/worker.c": '#include "handlers/user/service.h"\n'}),
        ({"handlers/user/service.c": '#include "handlers/user/worker.h"\n'},
         {"handlers/user/module.c": '#include "handlers/user/worker.h"\n'}),
        ({"handlers/post/service.c": '#include "handlers/user/store.h"\n'},
         {"handlers/post/pages.c": '#include "handlers/user/view.h"\n'}),
        ({"handlers/post/worker.c": '#include "handlers/user/service.h"\n'},
         {"handlers/post/worker.c": '#include "handlers/common/models.h"\n'}),
        ({"handlers/common/page.c": '#include "handlers/user/store.h"\n'},
         {"handlers/app.c": '#include "handlers/user/service.h"\n'}),
        ({"handlers/user/service.c": '#include "fcgi/request.h"\n'},
         {"handlers/user/service.c": '/* #include "fcgi/request.h" */\n'}),
    ],
    "libraries-in-their-place": [
        ({"fcgi/pool.c": "#include <fcgiapp.h>\n"}, {"fcgi/request.c": "#include <fcgiapp.h>\n"}),
        ({"handlers/user/store.c": "#include <libpq-fe.h>\n"}, {"fcgi/drivers/pg.c": "#include <libpq-fe.h>\n"}),
        ({"handlers/user/pages.c": '#include "gen/queries.h"\n'},
         {"handlers/user/store.c": '#include "gen/queries.h"\n'}),
    ],
    "includes-from-the-root": [
        ({"fcgi/a.c": '#include "b.h"\n', "fcgi/b.h": GUARD}, {"fcgi/a.c": '#include "fcgi/b.h"\n', "fcgi/b.h": GUARD}),
    ],
    "header-guards": [({"fcgi/a.h": "int a(void);\n"}, {"fcgi/a.h": "/* What it is. */\n" + GUARD})],
    "banned-calls": [
        ({"fcgi/a.c": "strcpy(a, b);\n"}, {"fcgi/a.c": 'puts("strcpy(a, b)"); /* strcpy(a) */ my_strcpy(a);\n'}),
        ({"handlers/x/a.c": "x = atoi (s);\n"}, {"handlers/x/a.c": "x->system(s); text_atoi(s);\n"}),
        ({"fcgi/a.c": "system(s);\n"}, {"fcgi/a.c": "system(s); /* lint: banned-calls: a reason */\n"}),
    ],
    "memory-of-the-arena": [
        ({"handlers/x/a.c": "p = malloc(1);\n"}, {"fcgi/a.c": "p = malloc(1);\n", "handlers/x/a.c": "buf_free(p);\n"}),
    ],
    "sql-in-sql": [
        ({"fcgi/a.c": 'q("SELECT id "\n  "FROM users WHERE id = $1");\n'}, {"fcgi/a.c": 'redis_add(r, "SELECT %d", 3);\n'}),
        ({"fcgi/a.c": 'q("INSERT INTO a VALUES (1)");\n'}, {"fcgi/a.c": '/* "INSERT INTO a VALUES" */ q("BEGIN");\n'}),
    ],
    "line-length": [
        ({"docs/a.md": "x" * 111 + "\n"}, {"docs/a.md": "ü" * 110 + "\n| " + "x" * 200 + " |\n"}),
        ({"stack/a.sh": "x" * 111 + "\n"}, {"stack/a.conf": "x" * 111 + "\n"}),
        ({"fcgi/a.c": "int x; /* " + "x" * 111 + " */\n"}, {"fcgi/a.c": '    "' + "x" * 111 + '",\n'}),
    ],
    "clean-lines": [
        ({"fcgi/a.c": "int a; \n"}, {"fcgi/a.c": "int a;\n"}),
        ({"fcgi/a.c": "\tint a;\n"}, {"Makefile": "\tcc\n"}),
        ({"sql/a.sql": "x"}, {"sql/a.sql": "x\n"}),
        ({"sql/a.sql": "x\n\n"}, {"sql/a.sql": "x\n\ny\n"}),
    ],
    "short-functions": [
        ({"fcgi/a.c": "int f(void) {\n" + "    x();\n" * 61 + "}\n"},
         {"fcgi/a.c": "int f(void) {\n" + "    x();\n" * 60 + "}\nint t[] = {\n" + "    1,\n" * 90 + "};\n"}),
        ({"fcgi/a.c": "int f(int a,\n      int b) {\n" + "    x();\n" * 61 + "}\n"},
         {"fcgi/a.c": "int f(int a,\n      int b) {\n" + "    if (x) {\n    }\n" * 29 + "}\n"}),
    ],
    "nothing-left-to-do": [({"fcgi/a.c": "/* TO" + "DO */\n"}, {"fcgi/a.c": "/* done */\n"})],
    "no-inline-style-or-script": [
        ({"templates/a.html": "<p style=\"color:red\">\n"}, {"templates/a.html": '<link rel="stylesheet" href="{{x}}">\n'}),
        ({"templates/x/a.html": "<script>go()</script>\n"}, {"templates/a.html": '<script src="{{x}}" defer></script>\n'}),
        ({"templates/a.html": '<a onclick="go()">\n'}, {"templates/a.html": '<p data-on="x">on = off</p>\n'}),
        ({"nginx/errors/a.html": "<style>\n"}, {"nginx/errors/a.html": "<main>\n"}),
    ],
    "compose-names": [
        ({"fcgi/config.c": "TEXT(listen,\n", "docker-compose.yml": "  DEEPLINK_LISTEM: x\n"},
         {"fcgi/config.c": "TEXT(listen,\n", "docker-compose.yml": "  DEEPLINK_LISTEN: x\n"}),
        ({"docker-compose.yml": '    command: ["serve", "a"]\n'},
         {"docker-compose.yml": '    command: ["serve", "a"]\n', "proto/deeplink/v1/a.proto": "service A {\n"}),
        ({"docker-compose.split.yml": "x:\n", "proto/deeplink/v1/a.proto": "service A {\n"},
         {"docker-compose.split.yml": "x:\n", "proto/deeplink/v1/a.proto": "message A {\n"}),
    ],
    "no-machine-in-the-tree": [
        ({"docs/a.md": "from https://registry." + "npmjs.org/x\n"}, {"docs/a.md": "from the npm registry\n"}),
        ({"stack/a.sh": "cd /" + "work/main\n"}, {"stack/a.sh": "cd $dir/" + "work/x; cd ~/network/work/\n"}),
        ({"Makefile": "x := /" + "root/.cache\n"}, {"Makefile": "x := $(HOME)/.cache\n"}),
    ],
}


def findings_in(files, name):
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full) or root, exist_ok=True)
            with open(full, "w", encoding="utf-8") as f:
                f.write(text)
        return list(RULES[name](Tree(root)))


def self_test():
    passed = failed = 0
    for name in RULES:
        for wrong, right in CASES.get(name, []):
            missed, invented = not findings_in(wrong, name), findings_in(right, name)
            passed += (not missed) + (not invented)
            failed += missed + bool(invented)
            if missed:
                print("%s lets this pass: %r" % (name, wrong))
            for finding in invented:
                print("%s finds fault with the right thing: %s:%d: %s" % ((name,) + finding))
        if name not in CASES:
            failed += 1
            print("%s has no proof that it can fail" % name)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


def main(root):
    tree = Tree(root)
    passed = failed = 0
    for name, check in RULES.items():
        found = list(check(tree))
        for finding in found[:40]:
            print("%s:%d: %s [%s]" % (finding + (name,)))
        if len(found) > 40:
            print("… and %d more [%s]" % (len(found) - 40, name))
        passed += not found
        failed += bool(found)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(self_test())
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    sys.exit(main(os.path.normpath(sys.argv[1] if len(sys.argv) > 1 else here)))
