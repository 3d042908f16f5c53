/* What the long-running subcommands share: log, process file, reloading the configuration, connecting in a
 * child. */
#ifndef DEEPLINK_PROCESS_H
#define DEEPLINK_PROCESS_H

#include <stdbool.h>

#include "fcgi/ctx.h"

struct config;

/* Opens the log as the configuration says; `name` is what its lines call this process. */
void process_log(const struct config *config, const char *name);

/* Writes this process's number to path ("" writes nothing); false, and a log line, when that fails. */
bool process_pid_write(const char *path);
void process_pid_remove(const char *path);

/* On SIGHUP: reads the configuration again, takes what may change, opens the log anew. A mistake leaves
 * everything as it was. */
void process_reload(struct config *config, const char *name);

/* In a child: connects. NULL when a mistake stands in the way that no restart mends; the master has been
 * told. */
struct env *process_env(const struct config *config, const struct app *app);

#endif
