#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fcgi/app.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/command.h"
#include "fcgi/ctx.h"
#include "fcgi/drivers/bus.h"
#include "fcgi/serve.h"

#define LIST_MAX 1000

static int failed(const struct ctx *ctx) {
    fprintf(stderr, "deeplink events: %s%s%s\n", ctx->error.text, ctx->error.detail != NULL ? ": " : "",
            ctx->error.detail != NULL ? ctx->error.detail : "");
    return ctx->error.code == UNAVAILABLE ? COMMAND_UNAVAILABLE : COMMAND_FAILED;
}

int events_list_command(struct ctx *ctx, int argc, char **argv) {
    struct dead_letter *dead;
    size_t n;
    (void)argc;
    (void)argv;
    if (bus_dead_list(ctx, LIST_MAX, &dead, &n) != OK)
        return failed(ctx);
    if (n == 0)
        puts("No dead letters.");
    for (size_t i = 0; i < n; i++)
        printf("%-20" PRId64 " %-14s %-24s %s %-20" PRId64 " %2d attempts  %s\n", dead[i].id,
               dead[i].consumer, dead[i].type, clock_iso(ctx->arena, dead[i].time_ms), dead[i].key,
               dead[i].attempts, dead[i].error);
    return COMMAND_OK;
}

int events_replay_command(struct ctx *ctx, int argc, char **argv) {
    const char *consumer = command_option(argc, argv, "consumer"),
               *word = command_word(argc, argv, "consumer", 0);
    int64_t id = 0, n = 0;
    if ((word == NULL) == !command_flag(argc, argv, "all") || (word != NULL && !id_parse(word, &id))) {
        fputs("deeplink events replay: say either the number of one event or --all\n", stderr);
        return COMMAND_USAGE;
    }
    if (bus_dead_replay(ctx, consumer, id, &n) != OK)
        return failed(ctx);
    printf("%" PRId64 " to be handled again.\n", n);
    return word != NULL && n == 0 ? COMMAND_FAILED : COMMAND_OK;
}

int events_lag_command(struct ctx *ctx, int argc, char **argv) {
    (void)argc;
    (void)argv;
    for (const struct service *const *s = ctx->env->app->services; *s != NULL; s++)
        for (const struct consumer *c = (*s)->consumers; c != NULL && c->name != NULL; c++) {
            int64_t events, age_ms;
            if (bus_lag(ctx, c->name, &events, &age_ms) != OK)
                return failed(ctx);
            printf("%-20s %8" PRId64 " waiting, the oldest for %.1f s\n", c->name, events,
                   (double)age_ms / 1000);
        }
    return COMMAND_OK;
}
