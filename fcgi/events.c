#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fcgi/app.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/command.h"
#include "fcgi/ctx.h"
#include "fcgi/drivers/bus.h"
#include "fcgi/serve.h"

#define LIST_MAX 1000
#define LINES 20
#define FOLLOW_MS 500

static int failed(const struct ctx *ctx) {
    const struct field_error *f = ctx->error.fields;
    fprintf(stderr, "deeplink events: %s%s%s\n", f != NULL ? f->text : ctx->error.text,
            ctx->error.detail != NULL ? ": " : "", ctx->error.detail != NULL ? ctx->error.detail : "");
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

static void print_lag(const char *name, int64_t events, int64_t age_ms) {
    printf("%-20s %8" PRId64 " waiting, the oldest for %.1f s", name, events, (double)age_ms / 1000);
}

static int print_consumer(struct ctx *ctx, const struct consumer *c) {
    struct bus_state state;
    if (bus_state(ctx, c->name, &state) != OK)
        return failed(ctx);
    print_lag(c->name, state.events, state.age_ms);
    printf("; %" PRId64 " tried again, %" PRId64 " dead\n", state.retried, state.dead);
    return COMMAND_OK;
}

int events_lag_command(struct ctx *ctx, int argc, char **argv) {
    int64_t events, age_ms;
    bool has_relay;
    (void)argc;
    (void)argv;
    if (bus_lag_relay(ctx, &has_relay, &events, &age_ms) != OK)
        return failed(ctx);
    if (has_relay) {
        print_lag("relay", events, age_ms);
        puts(" (not published yet)");
    }
    for (const struct service *const *s = ctx->env->app->services; *s != NULL; s++)
        for (const struct consumer *c = (*s)->consumers; c != NULL && c->name != NULL; c++) {
            int status = print_consumer(ctx, c);
            if (status != COMMAND_OK)
                return status;
        }
    return COMMAND_OK;
}

/* ---- tail */

/* Prints what is new and returns its last number; -1 when it failed. */
static int64_t print_events(struct ctx *ctx, const char *topic, int64_t after, size_t limit) {
    struct event *events;
    size_t n;
    if (bus_tail(ctx, topic, after, limit, &events, &n) != OK)
        return -1;
    for (size_t i = 0; i < n; i++) {
        printf("%-10" PRId64 " %s %-20s %-24s %-20" PRId64 " %6zu bytes\n", events[i].id,
               clock_iso(ctx->arena, events[i].time_ms), events[i].topic, events[i].type, events[i].key,
               events[i].n);
        after = events[i].id > after ? events[i].id : after;
    }
    fflush(stdout);
    return after;
}

int events_tail_command(struct ctx *ctx, int argc, char **argv) {
    const char *topic = command_option(argc, argv, "topic"), *lines = command_option(argc, argv, "lines");
    int64_t n = LINES, last = 0;
    if (lines != NULL && !text_parse_int(lines, 1, LIST_MAX, &n)) {
        fprintf(stderr, "deeplink events tail: --lines is a number from 1 to %d\n", LIST_MAX);
        return COMMAND_USAGE;
    }
    while ((last = print_events(ctx, topic, last, (size_t)n)) >= 0 && command_flag(argc, argv, "follow")) {
        nanosleep(&(struct timespec){0, FOLLOW_MS * 1000000L}, NULL);
        arena_reset(ctx->arena);
        n = LIST_MAX;
    }
    return last >= 0 ? COMMAND_OK : failed(ctx);
}

/* ---- rewind */

/* "2026-11-22T06:00:00Z", as Unix ms; false when it is none. */
static bool parse_time(const char *s, int64_t *ret_ms) {
    struct tm tm = {0};
    const char *end = strptime(s, "%Y-%m-%dT%H:%M:%SZ", &tm);
    time_t t = end != NULL && *end == '\0' ? timegm(&tm) : 0;
    *ret_ms = (int64_t)t * 1000;
    return t > 0;
}

/* What the options name, of which exactly one kind must be there. */
static bool parse_from(int argc, char **argv, struct bus_from *ret) {
    const char *time = command_option(argc, argv, "time"), *event = command_option(argc, argv, "event"),
               *offset = command_option(argc, argv, "offset"),
               *partition = command_option(argc, argv, "partition");
    bool start = command_flag(argc, argv, "start");
    int64_t number = 0;
    *ret = (struct bus_from){.topic = command_option(argc, argv, "topic"), .has_offset = offset != NULL};
    if (start + (time != NULL) + (event != NULL) + (offset != NULL) != 1)
        return false;
    if (offset != NULL &&
        (ret->topic == NULL || partition == NULL || !text_parse_int(partition, 0, INT32_MAX, &number) ||
         !text_parse_int(offset, 0, INT64_MAX, &ret->offset)))
        return false;
    ret->partition = (int)number;
    return (time == NULL || parse_time(time, &ret->time_ms)) &&
           (event == NULL || id_parse(event, &ret->event_id));
}

int events_rewind_command(struct ctx *ctx, int argc, char **argv) {
    const char *consumer = command_word(argc, argv, "time,event,topic,partition,offset", 0);
    struct bus_from from;
    int64_t n;
    if (consumer == NULL || !parse_from(argc, argv, &from)) {
        fputs("deeplink events rewind: say the consumer, and one of --start, --time 2026-11-22T06:00:00Z, "
              "--event ID, or --topic TOPIC --partition P --offset N\n",
              stderr);
        return COMMAND_USAGE;
    }
    if (bus_rewind(ctx, consumer, &from, &n) != OK)
        return failed(ctx);
    printf("%s goes on from there in %" PRId64 " place%s.\n", consumer, n, n == 1 ? "" : "s");
    return COMMAND_OK;
}
