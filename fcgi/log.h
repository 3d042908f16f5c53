/* Log: one JSON object a line on stderr (or the file of the configuration), with the request id where there
 * is one. */
#ifndef DEEPLINK_LOG_H
#define DEEPLINK_LOG_H

#include <stdbool.h>
#include <stdint.h>

struct ctx;
enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_open(const char *path, enum log_level level,
              const char *process);    /* path NULL or "": stderr; reopened on SIGHUP */
void log_process(const char *process); /* after a fork: this process's own name and number */
void log_level_set(enum log_level level);
bool log_wants(
    enum log_level level); /* whether lines of this level are written: to spare making their words */
enum log_level log_level_parse(
    const char *name); /* "error", "warn", "info", "debug"; anything else is info */
/* message: constant words. fmt is "key=%s key2=%d …": each word up to '=' becomes a JSON key, what follows up
 * to the next " key=" of fmt its value; a value that is one whole number stays one. No value can pass for a
 * key. ctx may be NULL; where it has a request id or a viewer, the line has them. Lines are cut at 4,000
 * bytes, and then say so. */
void log_write(enum log_level level, const struct ctx *ctx, const char *message, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
#define log_error(ctx, message, ...) log_write(LOG_ERROR, (ctx), (message), __VA_ARGS__)
#define log_warn(ctx, message, ...) log_write(LOG_WARN, (ctx), (message), __VA_ARGS__)
#define log_info(ctx, message, ...) log_write(LOG_INFO, (ctx), (message), __VA_ARGS__)
#define log_debug(ctx, message, ...) log_write(LOG_DEBUG, (ctx), (message), __VA_ARGS__)
/* The access line of a request. */
void log_access(const struct ctx *ctx, const char *method, const char *path, int status, uint64_t bytes,
                int64_t us);

#endif
