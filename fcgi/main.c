/* The `deeplink` command. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "fcgi/app.h"
#include "fcgi/command.h"
#include "fcgi/config.h"
#include "fcgi/ctx.h"
#include "fcgi/drivers/docs.h"
#include "fcgi/migrate.h"
#include "fcgi/origins.h"
#include "fcgi/serve.h"

#define ORIGINS_MAX 4096

static int migrate_command(struct ctx *ctx, int argc, char **argv) {
    if (!command_flag(argc, argv, "pending"))
        return migrate_run(ctx, ctx->env->config, stdout);
    int n = migrate_pending(ctx, ctx->env->config, stdout);
    if (n >= 0)
        printf("%d to be applied.\n", n);
    return n < 0 ? COMMAND_FAILED : COMMAND_OK;
}

static int config_check_command(struct ctx *ctx, int argc, char **argv) {
    int n = config_check(ctx->env->config, stdout), unwise = config_warn(ctx->env->config, stdout);
    (void)argc;
    (void)argv;
    if (n == 0)
        printf("The configuration is in order%s.\n", unwise > 0 ? ", but see above" : "");
    else
        printf("%d problem%s.\n", n, n == 1 ? "" : "s");
    return n == 0 ? COMMAND_OK : COMMAND_CONFIG;
}

static int config_print_command(struct ctx *ctx, int argc, char **argv) {
    (void)argc;
    (void)argv;
    config_print(ctx->env->config, stdout);
    return COMMAND_OK;
}

/* A file that nginx/deeplink.conf includes. */
static int config_nginx_command(struct ctx *ctx, int argc, char **argv) {
    struct buf origins;
    (void)argc;
    (void)argv;
    buf_init(&origins, ctx->arena, ORIGINS_MAX);
    origins_put(ctx->env->config, &origins);
    printf("# Made by `deeplink config nginx`.\n\n"
           "map $host $deeplink_media_origins {\n    default \"%s\";\n}\n",
           buf_str(&origins));
    return COMMAND_OK;
}

const struct command builtin_commands[] = {
    {"serve", "[SERVICE...]", "answers requests: a pool of FastCGI workers behind nginx, and of gRPC workers",
     "Stays in the foreground. SIGTERM lets the requests at hand end, then stops; SIGHUP reads the configuration again and\n"
     "replaces the workers one by one. With SERVICEs, only these live in this pool, and the settings service_... say where\n"
     "the others do; without, those that the settings call local. gRPC workers are there when grpc_listen is set.",
     serve_command, COMMAND_NEEDS_CONFIG},
    {"work", "[SERVICE...] [--consumer NAME]", "handles events: timelines, counters, mail",
     "Stays in the foreground. One process handles every consumer of the services (as with `serve`), or with --consumer the\n"
     "one of that name.",
     work_command, COMMAND_NEEDS_CONFIG},
    {"stream", "", "holds the open streams (WebSocket, EventSource) behind nginx, and hands on what happens",
     "Stays in the foreground. SIGTERM closes all streams, which come back to whoever listens then; SIGHUP reads the\n"
     "configuration again and replaces the hubs one by one. Needs Redis and no database.",
     stream_command, COMMAND_NEEDS_CONFIG},
    {"migrate", "[--pending]", "brings the database up to date",
     "Connects as postgresql_admin says. Also makes the services' login roles and, when it is not there, the file of their\n"
     "passwords. Safe to repeat. --pending only says how many migrations are missing.",
     migrate_command, COMMAND_NEEDS_CONFIG},
    {"routes", "[--json | --openapi | --nginx]", "prints every address that is answered, and who may ask",
     "--openapi describes the JSON API (OpenAPI 3.1). --nginx prints a map for nginx, from the path to the pool that\n"
     "answers it, for services that live apart.",
     routes_command, COMMAND_NEEDS_CONFIG},
    {"config check", "", "checks the configuration",
     "Says each problem on a line; exit status 78 when there are any.", config_check_command,
     COMMAND_NEEDS_CONFIG},
    {"config print", "", "prints the configuration with every setting explained",
     "Without a configuration file: the defaults, as an example to start from. Secrets are not shown.",
     config_print_command, COMMAND_NEEDS_CONFIG},
    {"config nginx", "", "prints what nginx has to know of the configuration, as a file that it includes",
     "Where pages that nginx keeps may load media from. To be written anew, and nginx reloaded, when `media` or `media_cdn`\n"
     "has changed (nginx/settings.conf).",
     config_nginx_command, COMMAND_NEEDS_CONFIG},
    {"doctor", "[--json]", "checks every server and setting, and says how to mend what is wrong",
     "Exit status 1 when something is broken.", doctor_command, 0},
    {"events list", "", "lists dead letters: events that kept failing", NULL, events_list_command,
     COMMAND_NEEDS_SERVERS},
    {"events replay", "ID | --all [--consumer NAME]", "hands dead letters to their consumers again", NULL,
     events_replay_command, COMMAND_NEEDS_SERVERS},
    {"events lag", "", "says how far behind each consumer is, and how many events it failed on", NULL,
     events_lag_command, COMMAND_NEEDS_SERVERS},
    {"events tail", "[--topic TOPIC] [--lines N] [--follow]", "shows the last events of the outbox",
     "Number, time, topic, type, key and bytes of each, 20 of them or N. --follow goes on with those that come, until it is\n"
     "interrupted.",
     events_tail_command, COMMAND_NEEDS_SERVERS},
    {"events rewind", "CONSUMER --start | --time TIME | --event ID | --topic TOPIC --partition P --offset N",
     "has a consumer handle events again",
     "All that are kept (--start), those since a moment in UTC (2026-11-22T06:00:00Z), those from one on; on Kafka also those\n"
     "of one partition from an offset on. Whether it runs or not. Events that it handled before are handed to it once more.\n"
     "The CONSUMER relay publishes again what it has published since, for brokers that have lost it.",
     events_rewind_command, COMMAND_NEEDS_SERVERS},
    {0},
};

int main(int argc, char **argv) {
    /* Small processes: one heap each, and blocks of a few hundred kB come from it and go back to it without
     * system calls. */
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    mallopt(M_TRIM_THRESHOLD, 1 << 20);
    docs_begin();
    return command_main(argc, argv);
}
