#include "fcgi/serve.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fcgi/app.h"
#include "fcgi/base/text.h"
#include "fcgi/command.h"
#include "fcgi/config.h"
#include "fcgi/env.h"
#include "fcgi/health.h"
#include "fcgi/log.h"
#include "fcgi/pool.h"
#include "fcgi/process.h"
#include "fcgi/request.h"
#include "fcgi/router.h"

#define NAME "serve"
#define BACKLOG 1024

struct serve {
    struct config *config;
    const struct router *router;
    int fd;
};

static int worker(int slot, void *arg) {
    struct serve *s = arg;
    (void)slot;
    log_process(NAME);
    struct env *env = process_env(s->config, &deeplink_app);
    if (env == NULL)
        return POOL_EXIT_REFUSED;
    env->router = s->router;
    uint64_t n = request_loop(s->fd, env, pool_stopping);
    log_debug(NULL, "worker stops", "answered=%llu", (unsigned long long)n);
    env_close(env);
    return 0;
}

static void reload(void *arg) { process_reload(((struct serve *)arg)->config, NAME); }

static int run(struct serve *s) {
    const struct config *c = s->config;
    int workers = config_workers(c);
    struct router *router = router_new(&deeplink_app);
    s->router = router;
    health_init();
    log_info(NULL, "serving", "listen=%s workers=%d", c->listen, workers);
    int status =
        pool_run(workers, c->request_timeout_ms / 1000 + 1, c->request_timeout_ms, worker, reload, s);
    log_info(NULL, "stopped", "status=%d", status);
    router_free(router);
    return status;
}

int serve_command(struct ctx *ctx, int argc, char **argv) {
    struct serve s = {.config = (struct config *)(uintptr_t)ctx->env->config};
    const struct config *c = s.config;
    (void)argc;
    (void)argv;
    process_log(c, NAME);
    if (config_check(c, stderr) > 0)
        fputs("deeplink serve: the problems above are worth mending; going on\n", stderr);
    if (!config_secret_load(c, stderr))
        return COMMAND_CONFIG;
    s.fd = request_listen(c->listen, BACKLOG);
    if (s.fd < 0) {
        fprintf(stderr, "deeplink serve: cannot listen on %s: %s\n", c->listen, strerror(errno));
        return COMMAND_CONFIG;
    }
    int status = process_pid_write(c->pid_file) ? run(&s) : COMMAND_CONFIG;
    close(s.fd);
    if (text_starts(c->listen, "unix:"))
        unlink(c->listen + 5);
    process_pid_remove(c->pid_file);
    return status;
}
