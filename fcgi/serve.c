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
#include "fcgi/rpc.h"
#include "fcgi/rpc_server.h"

#define NAME "serve"
#define BACKLOG 1024

struct serve {
    struct config *config;
    const struct app *app; /* with the services that are here */
    const struct router *router;
    int workers, fd;           /* FastCGI: how many, and where */
    int grpc_workers, grpc_fd; /* gRPC; 0 and -1: none */
};

static int worker(int slot, void *arg) {
    struct serve *s = arg;
    log_process(NAME);
    struct env *env = process_env(s->config, s->app);
    if (env == NULL)
        return POOL_EXIT_REFUSED;
    env->router = s->router;
    uint64_t n = slot < s->workers ? request_loop(s->fd, env, pool_stopping)
                                   : rpc_server_loop(s->grpc_fd, slot - s->workers, env, pool_stopping);
    log_debug(NULL, "worker stops", "answered=%llu", (unsigned long long)n);
    rpc_close();
    env_close(env);
    return 0;
}

static void reload(void *arg) { process_reload(((struct serve *)arg)->config, NAME); }

static int run(struct serve *s) {
    const struct config *c = s->config;
    struct router *router = router_new(s->app);
    s->router = router;
    health_init();
    rpc_init(s->app);
    if (s->grpc_workers > 0)
        rpc_server_init(s->grpc_workers);
    log_info(NULL, "serving", "listen=%s workers=%d grpc=%s grpc_workers=%d", c->listen, s->workers,
             c->grpc_listen, s->grpc_workers);
    int status = pool_run(s->workers + s->grpc_workers, c->request_timeout_ms / 1000 + 1,
                          c->request_timeout_ms, worker, reload, s);
    log_info(NULL, "stopped", "status=%d", status);
    router_free(router);
    return status;
}

/* The socket at *fd, or a word why not. */
static bool open_socket(const char *address, int *fd) {
    *fd = request_listen(address, BACKLOG);
    if (*fd < 0)
        fprintf(stderr, "deeplink serve: cannot listen on %s: %s\n", address, strerror(errno));
    return *fd >= 0;
}

static void close_socket(const char *address, int fd) {
    if (fd < 0)
        return;
    close(fd);
    if (text_starts(address, "unix:"))
        unlink(address + 5);
}

static bool open_sockets(struct serve *s) {
    const struct config *c = s->config;
    if (s->grpc_workers > 0 && !config_grpc_is_safe(c)) {
        fprintf(stderr,
                "deeplink serve: grpc_listen: %s: without a grpc_secret of 16 characters or more only a unix "
                "socket or grpcs:// is opened\n",
                c->grpc_listen);
        return false;
    }
    return open_socket(c->listen, &s->fd) &&
           (s->grpc_workers == 0 || open_socket(config_grpc_place(c), &s->grpc_fd));
}

int serve_command(struct ctx *ctx, int argc, char **argv) {
    struct serve s = {.config = (struct config *)(uintptr_t)ctx->env->config, .fd = -1, .grpc_fd = -1};
    const struct config *c = s.config;
    s.app = rpc_app(&deeplink_app, c, argv, argc, stderr);
    if (s.app == NULL)
        return COMMAND_USAGE;
    s.workers = config_workers(c);
    s.grpc_workers = config_grpc_workers(c);
    process_log(c, NAME);
    if (config_check(c, stderr) > 0)
        fputs("deeplink serve: the problems above are worth mending; going on\n", stderr);
    config_warn(c, stderr);
    if (!config_secret_load(c, stderr))
        return COMMAND_CONFIG;
    int status = open_sockets(&s) && process_pid_write(c->pid_file) ? run(&s) : COMMAND_CONFIG;
    close_socket(c->listen, s.fd);
    close_socket(c->grpc_listen, s.grpc_fd);
    process_pid_remove(c->pid_file);
    return status;
}
