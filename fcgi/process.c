#include "fcgi/process.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fcgi/base/arena.h"
#include "fcgi/config.h"
#include "fcgi/env.h"
#include "fcgi/log.h"
#include "fcgi/pool.h"

void process_log(const struct config *config, const char *name) {
    log_open(config->log_file, log_level_parse(config->log_level), name);
}

bool process_pid_write(const char *path) {
    if (path[0] == '\0')
        return true;
    FILE *f = fopen(path, "we");
    bool ok = f != NULL && fprintf(f, "%ld\n", (long)getpid()) > 0;
    if (f != NULL)
        ok = fclose(f) == 0 && ok;
    if (!ok)
        log_error(NULL, "cannot write the process file", "path=%s error=%s", path, strerror(errno));
    return ok;
}

void process_pid_remove(const char *path) {
    if (path[0] != '\0')
        unlink(path);
}

void process_reload(struct config *config, const char *name) {
    char *words = NULL;
    size_t n = 0;
    FILE *err = open_memstream(&words, &n);
    struct config *fresh = err != NULL ? config_read(config_path(config), err) : NULL;
    if (err != NULL)
        fclose(err);
    if (fresh == NULL) {
        log_error(NULL, "the configuration was not read again", "errors=%s", words != NULL ? words : "");
    } else {
        int restart = config_reload(config, fresh);
        process_log(config, name);
        log_info(NULL, "configuration read again", "need_restart=%d", restart);
        config_free(fresh);
    }
    free(words);
}

struct env *process_env(const struct config *config, const struct app *app) {
    struct arena *a = arena_new((size_t)16 << 20);
    struct ctx ctx = {.arena = a, .request_id = "", .ip = "", .user_agent = ""};
    struct env *env = NULL;
    if (env_open(&ctx, config, app, &env) != OK) {
        const char *words =
            arena_printf(a, "%s: %s", ctx.error.text, ctx.error.detail != NULL ? ctx.error.detail : "");
        log_error(NULL, "cannot start", "cause=%s", words);
        pool_refuse(words);
        env = NULL;
    }
    arena_free(a);
    malloc_trim(0); /* what preparing the queries took is not needed again */
    return env;
}
