#include "fcgi/command.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fcgi/app.h"
#include "fcgi/base/arena.h"
#include "fcgi/config.h"
#include "fcgi/ctx.h"
#include "fcgi/env.h"
#include "fcgi/log.h"
#include "fcgi/rpc.h"
#include "fcgi/suggest.h"

#define USUAL_CONFIG "/etc/deeplink/deeplink.conf"
#define ARENA_MAX ((size_t)1 << 30)

static const char *config_file;

const char *command_config_path(void) { return config_file; }

/* ---- finding a command ---- */

typedef void each_fn(const struct command *c, void *arg);

static void each(each_fn *fn, void *arg) {
    for (const struct command *c = builtin_commands; c->name != NULL; c++)
        fn(c, arg);
    for (const struct command *c = deeplink_app.commands; c != NULL && c->name != NULL; c++)
        fn(c, arg);
}

/* How many words of argv the name has, 0 when they differ. */
static int words_of(const char *name, int argc, char **argv) {
    for (int i = 0; i < argc; i++) {
        size_t n = strlen(argv[i]);
        if (strncmp(name, argv[i], n) != 0 || (name[n] != ' ' && name[n] != '\0'))
            return 0;
        if (name[n] == '\0')
            return i + 1;
        name += n + 1;
    }
    return 0;
}

struct search {
    int argc;
    char **argv;
    const struct command *found;
    int words;
};

static void look(const struct command *c, void *arg) {
    struct search *s = arg;
    int n = words_of(c->name, s->argc, s->argv);
    if (n > s->words) {
        s->words = n;
        s->found = c;
    }
}

/* ---- help ---- */

static void print_row(const struct command *c, void *arg) {
    const char *group = arg;
    size_t n = strlen(group);
    if (strncmp(c->name, group, n) == 0 && (n == 0 || c->name[n] == ' '))
        printf("  %-16s %s\n", c->name, c->summary);
}

static void print_usage(void) {
    puts("usage: deeplink [--config FILE] COMMAND …\n\nCommands:");
    each(print_row, (void *)(uintptr_t) "");
    printf(
        "\n`deeplink COMMAND --help` says more. The configuration is --config FILE, else $DEEPLINK_CONFIG, else\n%s.\n",
        USUAL_CONFIG);
}

static void print_help(const struct command *c) {
    printf("usage: deeplink %s%s%s\n\n%s\n", c->name, c->usage[0] != '\0' ? " " : "", c->usage, c->summary);
    if (c->help != NULL)
        printf("\n%s\n", c->help);
}

static void count_row(const struct command *c, void *arg) {
    struct search *s = arg;
    size_t n = strlen(s->argv[0]);
    s->words += strncmp(c->name, s->argv[0], n) == 0 && c->name[n] == ' ';
}

static void suggest_row(const struct command *c, void *arg) { suggest_add(arg, c->name); }

/* What was asked for is no command: the group's commands, or the nearest name. */
static int unknown(int argc, char **argv, bool help) {
    struct search group = {.argc = argc, .argv = argv};
    char words[128];
    struct suggest s;
    each(count_row, &group);
    if (group.words > 0 && (argc == 1 || help)) {
        FILE *out = help ? stdout : stderr;
        fprintf(out, "deeplink %s is one of:\n", argv[0]);
        fflush(out);
        each(print_row, argv[0]);
        return help ? COMMAND_OK : COMMAND_USAGE;
    }
    snprintf(words, sizeof words, "%s%s%s", argv[0], argc > 1 && group.words > 0 ? " " : "",
             argc > 1 && group.words > 0 ? argv[1] : "");
    suggest_init(&s, words);
    each(suggest_row, &s);
    fprintf(stderr, "deeplink: there is no command \"%s\"", words);
    if (suggest_best(&s) != NULL)
        fprintf(stderr, "; did you mean \"%s\"?", suggest_best(&s));
    fputs("\n`deeplink --help` lists them.\n", stderr);
    return COMMAND_USAGE;
}

/* ---- running ---- */

static int report(const struct ctx *ctx, const char *name) {
    const struct error *e = &ctx->error;
    fprintf(stderr, "deeplink %s: %s%s%s%s\n", name, e->text != NULL ? e->text : "something went wrong",
            e->detail != NULL ? " (" : "", e->detail != NULL ? e->detail : "", e->detail != NULL ? ")" : "");
    return e->code == UNAVAILABLE ? COMMAND_UNAVAILABLE : COMMAND_FAILED;
}

static int run_with_servers(struct ctx *ctx, const struct command *c, const struct config *config, int argc,
                            char **argv) {
    struct env *env;
    if (!config_secret_load(config, stderr))
        return COMMAND_CONFIG;
    const struct app *app = rpc_app(&deeplink_app, config, NULL, 0, stderr);
    if (app == NULL)
        return COMMAND_CONFIG;
    if (env_open(ctx, config, app, &env) != OK)
        return report(ctx, c->name);
    int status = env_require(ctx) == OK ? c->run(ctx, argc, argv) : report(ctx, c->name);
    env_settle(env);
    arena_reset(ctx->arena);
    rpc_close();
    env_close(env);
    return status;
}

static int run(const struct command *c, int argc, char **argv) {
    struct arena *a = arena_new(ARENA_MAX);
    struct env offline = {.app = &deeplink_app};
    struct ctx ctx = {.arena = a, .env = &offline, .request_id = "", .ip = "", .user_agent = ""};
    struct config *config = NULL;
    int status = COMMAND_CONFIG;
    if (c->needs != 0)
        config = config_read(config_file, stderr);
    offline.config = config;
    /* What goes wrong is said in words by the command itself. */
    log_open(NULL, config != NULL && strcmp(config->log_level, "debug") == 0 ? LOG_DEBUG : LOG_ERROR,
             c->name);
    if (config != NULL && (c->needs & COMMAND_NEEDS_SERVERS) != 0)
        status = run_with_servers(&ctx, c, config, argc, argv);
    else if (config != NULL || c->needs == 0)
        status = c->run(&ctx, argc, argv);
    arena_free(a);
    config_free(config);
    return status;
}

/* Takes "--config FILE" or "--config=FILE" out of argv, wherever it stands. Returns how many words are left;
 * -1: no FILE. */
static int take_config(int argc, char **argv) {
    int n = 0;
    bool options = true;
    for (int i = 0; i < argc; i++) {
        options = options && strcmp(argv[i], "--") != 0;
        if (options && strncmp(argv[i], "--config=", 9) == 0)
            config_file = argv[i] + 9;
        else if (options && strcmp(argv[i], "--config") == 0 && i + 1 == argc)
            return -1;
        else if (options && strcmp(argv[i], "--config") == 0)
            config_file = argv[++i];
        else
            argv[n++] = argv[i];
    }
    return n;
}

int command_main(int argc, char **argv) {
    config_file = getenv("DEEPLINK_CONFIG");
    if (config_file == NULL && access(USUAL_CONFIG, R_OK) == 0)
        config_file = USUAL_CONFIG;
    argc = take_config(argc - 1, ++argv);
    if (argc < 0) {
        fputs("deeplink: --config needs the name of a file\n", stderr);
        return COMMAND_USAGE;
    }
    if (argc > 0 && strcmp(argv[0], "-h") == 0)
        argv[0] = (char *)(uintptr_t) "--help";
    bool help = command_flag(argc, argv, "help") || (argc > 0 && strcmp(argv[0], "help") == 0);
    if (argc > 0 && strcmp(argv[0], "help") == 0) {
        argc--;
        argv++;
    }
    if (argc == 0 || strcmp(argv[0], "--help") == 0) {
        print_usage();
        return help ? COMMAND_OK : COMMAND_USAGE;
    }
    struct search s = {.argc = argc, .argv = argv};
    each(look, &s);
    if (s.found == NULL)
        return unknown(argc, argv, help);
    if (help) {
        print_help(s.found);
        return COMMAND_OK;
    }
    return run(s.found, argc - s.words, argv + s.words);
}
