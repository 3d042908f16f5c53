#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "fcgi/app.h"
#include "fcgi/base/arena.h"
#include "fcgi/base/clock.h"
#include "fcgi/command.h"
#include "fcgi/config.h"
#include "fcgi/drivers/bus.h"
#include "fcgi/drivers/docs.h"
#include "fcgi/env.h"
#include "fcgi/log.h"
#include "fcgi/pool.h"
#include "fcgi/process.h"
#include "fcgi/rpc.h"
#include "fcgi/serve.h"
#include "fcgi/suggest.h"
#include "fcgi/timer.h"

#define NAME "work"
#define GRACE_S 30
#define SLOTS_MAX 100 /* media_workers has at most 64 */
#define TIDY_EVERY_US (INT64_C(3600) * 1000000)

struct work {
    struct config *config;
    const struct app *app;               /* with the services that are here */
    const char *consumer;                /* NULL: all */
    enum timer_process slots[SLOTS_MAX]; /* of the processes behind the first one */
};

static int64_t tidied_us; /* when this process last removed what has expired; 0: never */

/* Removes documents that have expired, and what the program says itself. */
static void tidy(struct env *env) {
    struct arena *a = arena_new((size_t)16 << 20);
    struct ctx ctx = {.arena = a, .env = env, .request_id = "", .ip = "", .user_agent = ""};
    for (const struct service *const *s = env->app->services; *s != NULL; s++)
        for (const struct collection *c = (*s)->collections; c != NULL && c->name != NULL; c++) {
            int64_t n = 0;
            if (docs_expire(&ctx, env->docs, c, clock_now_ms(), &n) != OK)
                log_warn(&ctx, "expired documents were not removed", "collection=%s cause=%s", c->name,
                         ctx.error.detail);
            else if (n > 0)
                log_info(&ctx, "removed expired documents", "collection=%s n=%" PRId64, c->name, n);
            fail_clear(&ctx);
        }
    if (env->app->tidy != NULL)
        env->app->tidy(&ctx);
    fail_clear(&ctx);
    env_settle(env); /* nothing may still be read into it */
    arena_free(a);
    tidied_us = clock_mono_us();
}

static void between(struct env *env) {
    env_tick(env);
    if (tidied_us == 0 || clock_mono_us() - tidied_us > TIDY_EVERY_US)
        tidy(env);
}

static int handle_events(struct env *env, const char *consumer) {
    bus_between = between;
    return bus_work(env, consumer, pool_stopping);
}

/* The first process handles events. Those behind it do what waits for its time: sending mail is slow, and
 * events do not wait for it. */
static int worker(int slot, void *arg) {
    const struct work *w = arg;
    int status = 0;
    log_process(NAME);
    struct env *env = process_env(w->config, w->app);
    if (env == NULL)
        return POOL_EXIT_REFUSED;
    pool_busy(false);
    if (slot == 0)
        status = handle_events(env, w->consumer);
    else
        timer_work(env, w->slots[slot - 1], pool_stopping);
    rpc_close();
    env_close(env);
    return status;
}

static void reload(void *arg) { process_reload(((struct work *)arg)->config, NAME); }

static bool is_consumer(const struct app *app, const char *name) {
    struct suggest nearest;
    suggest_init(&nearest, name);
    for (const struct service *const *s = app->services; *s != NULL; s++)
        for (const struct consumer *c = (*s)->consumers; c != NULL && c->name != NULL; c++) {
            if (strcmp(c->name, name) == 0)
                return true;
            suggest_add(&nearest, c->name);
        }
    fprintf(stderr, "deeplink work: there is no consumer \"%s\"", name);
    if (suggest_best(&nearest) != NULL)
        fprintf(stderr, "; did you mean \"%s\"?", suggest_best(&nearest));
    fputc('\n', stderr);
    return false;
}

/* How many processes there are to be. */
static int slots(struct work *w) {
    if (w->consumer != NULL)
        return 1;
    int n = 0;
    for (int p = 0; p < TIMER_PROCESSES; p++) {
        int wanted = p == TIMER_FILES ? w->config->media_workers : 1;
        for (int i = 0; i < wanted && n < SLOTS_MAX && timer_any(w->app, (enum timer_process)p); i++)
            w->slots[n++] = (enum timer_process)p;
    }
    return 1 + n;
}

int work_command(struct ctx *ctx, int argc, char **argv) {
    struct work w = {.config = (struct config *)(uintptr_t)ctx->env->config,
                     .consumer = command_option(argc, argv, "consumer")};
    char *services[SERVICE_MAX];
    int n = 0;
    for (const char *word; n < SERVICE_MAX && (word = command_word(argc, argv, "consumer", n)) != NULL; n++)
        services[n] = (char *)(uintptr_t)word;
    w.app = rpc_app(&deeplink_app, w.config, services, n, stderr);
    if (w.app == NULL || (w.consumer != NULL && !is_consumer(w.app, w.consumer)))
        return COMMAND_USAGE;
    process_log(w.config, NAME);
    if (!config_secret_load(w.config, stderr))
        return COMMAND_CONFIG;
    rpc_init(w.app);
    log_info(NULL, "handling events", "consumer=%s", w.consumer != NULL ? w.consumer : "all");
    return pool_run(slots(&w), GRACE_S, 0, worker, reload, &w);
}
