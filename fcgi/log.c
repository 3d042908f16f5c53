#include "fcgi/log.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fcgi/ctx.h"

/* A line is built on the stack and leaves in one write(2), so that lines of several processes never mix. */
#define LINE_MAX_BYTES 4000

struct line {
    size_t n;
    bool cut;
    char p[LINE_MAX_BYTES + 64];
};

static int log_fd = STDERR_FILENO;
static enum log_level log_at = LOG_INFO;
static char process_name[32] = "deeplink";
static char process_pid[16];

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void log_open(const char *path, enum log_level level, const char *process) {
    int fd = STDERR_FILENO;
    if (path != NULL && path[0] != '\0') {
        fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
        if (fd < 0) {
            fprintf(stderr, "deeplink: cannot open the log file %s: %s; logging to stderr\n", path,
                    strerror(errno));
            fd = STDERR_FILENO;
        }
    }
    if (log_fd != STDERR_FILENO)
        close(log_fd);
    log_fd = fd;
    log_at = level;
    log_process(process);
}

void log_process(const char *process) {
    snprintf(process_name, sizeof process_name, "%s", process != NULL ? process : "deeplink");
    snprintf(process_pid, sizeof process_pid, "%ld", (long)getpid());
}

void log_level_set(enum log_level level) { log_at = level; }

bool log_wants(enum log_level level) { return level <= log_at; }

enum log_level log_level_parse(const char *name) {
    for (int i = LOG_ERROR; i <= LOG_DEBUG; i++)
        if (name != NULL && strcmp(name, level_names[i]) == 0)
            return (enum log_level)i;
    return LOG_INFO;
}

static void line_add(struct line *l, const char *p, size_t n) {
    if (n > LINE_MAX_BYTES - l->n) {
        n = LINE_MAX_BYTES - l->n;
        l->cut = true;
        while (n > 0 && ((unsigned char)p[n] & 0xc0) == 0x80) /* not in the middle of a character */
            n--;
    }
    memcpy(l->p + l->n, p, n);
    l->n += n;
}

static void line_puts(struct line *l, const char *s) { line_add(l, s, strlen(s)); }

/* Inside of a JSON string. Bytes that are not ASCII pass as they are; cutting may only happen between
 * characters that count. */
static void line_escaped(struct line *l, const char *s) {
    static const char hex[] = "0123456789abcdef";
    for (; *s != '\0' && !l->cut; s++) {
        size_t plain = 0;
        while ((unsigned char)s[plain] >= 0x20 && s[plain] != '"' && s[plain] != '\\' && s[plain] != 0x7f)
            plain++;
        if (plain > 0) {
            line_add(l, s, plain);
            s += plain;
            if (*s == '\0')
                break;
        }
        char e[6] = {'\\', 'u', '0', '0', hex[(unsigned char)*s >> 4], hex[*s & 15]};
        if (LINE_MAX_BYTES - l->n < sizeof e)
            l->cut = true;
        else if (*s == '"' || *s == '\\')
            line_add(l, (char[]){'\\', *s}, 2);
        else
            line_add(l, e, sizeof e);
    }
}

static void line_uint(struct line *l, uint64_t v) {
    char digits[20];
    size_t n = sizeof digits;
    do
        digits[--n] = (char)('0' + v % 10);
    while ((v /= 10) > 0);
    line_add(l, digits + n, sizeof digits - n);
}

/* The date part changes once a second: it is kept. */
static void line_begin(struct line *l, enum log_level level, const struct ctx *ctx) {
    static time_t kept_second;
    static char kept[24];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec != kept_second) {
        struct tm tm;
        gmtime_r(&now.tv_sec, &tm);
        strftime(kept, sizeof kept, "%Y-%m-%dT%H:%M:%S", &tm);
        kept_second = now.tv_sec;
    }
    unsigned ms = (unsigned)(now.tv_nsec / 1000000);
    l->n = 0;
    l->cut = false;
    line_puts(l, "{\"time\":\"");
    line_puts(l, kept);
    line_add(l, (char[]){'.', (char)('0' + ms / 100), (char)('0' + ms / 10 % 10), (char)('0' + ms % 10)}, 4);
    line_puts(l, "Z\",\"level\":\"");
    line_puts(l, level_names[level]);
    line_puts(l, "\",\"process\":\"");
    line_puts(l, process_name);
    line_puts(l, "\"");
    if (process_pid[0] != '\0') {
        line_puts(l, ",\"pid\":");
        line_puts(l, process_pid);
    }
    if (ctx != NULL && ctx->request_id != NULL && ctx->request_id[0] != '\0') {
        line_puts(l, ",\"request\":\"");
        line_escaped(l, ctx->request_id);
        line_puts(l, "\"");
    }
    if (ctx != NULL && ctx->viewer_id != 0) {
        line_puts(l, ",\"viewer\":");
        line_uint(l, (uint64_t)ctx->viewer_id);
    }
    line_puts(l, ",\"message\":\"");
}

/* What was cut inside a string is closed there; the room past LINE_MAX_BYTES is for this. */
static void line_end(struct line *l, bool in_string) {
    static const char cut_string[] = "\",\"cut\":true}\n", cut_value[] = ",\"cut\":true}\n";
    const char *tail = !l->cut ? "}\n" : in_string ? cut_string : cut_value;
    size_t n = strlen(tail);
    memcpy(l->p + l->n, tail, n);
    l->n += n;
    ssize_t sent = write(log_fd, l->p, l->n);
    (void)sent; /* a full disk must not stop the service */
}

/* The conversions come from literals that the compiler has checked against their arguments: log_write() is
 * declared so. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

/* One printf conversion out of fmt (which stands on '%') with its argument. Returns what follows it. */
static const char *line_convert(struct line *l, const char *fmt, va_list *ap) {
    char spec[32], text[512] = "";
    size_t n = 0, longs = 0, room = sizeof text;
    bool size = false;
    spec[n++] = *fmt++;
    while (*fmt != '\0' && strchr("0123456789.-+# *lzjth", *fmt) != NULL && n < sizeof spec - 14) {
        if (*fmt == '*')
            n += (size_t)snprintf(spec + n, sizeof spec - n, "%d", va_arg(*ap, int));
        else
            spec[n++] = *fmt;
        longs += *fmt == 'l';
        size |= *fmt == 'z' || *fmt == 'j' || *fmt == 't';
        fmt++;
        if (n >= sizeof spec - 14)
            break;
    }
    if (*fmt == '\0')
        return fmt;
    spec[n++] = *fmt;
    spec[n] = '\0';
    switch (*fmt++) {
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o':
    case 'c':
        if (longs >= 2)
            snprintf(text, room, spec, va_arg(*ap, long long));
        else if (longs == 1 || size)
            snprintf(text, room, spec, va_arg(*ap, long));
        else
            snprintf(text, room, spec, va_arg(*ap, int));
        break;
    case 's': {
        const char *s = va_arg(*ap, const char *);
        if (n == 2)
            line_escaped(l, s != NULL ? s : "");
        else
            snprintf(text, room, spec, s != NULL ? s : "");
        break;
    }
    case 'p':
        snprintf(text, room, spec, va_arg(*ap, void *));
        break;
    case '%':
        snprintf(text, room, "%%");
        break;
    default: /* floating point */
        snprintf(text, room, spec, va_arg(*ap, double));
    }
    line_escaped(l, text);
    return fmt;
}

#pragma GCC diagnostic pop

/* Length of "key=" at the beginning of s, 0 when there is none. */
static size_t key_length(const char *s) {
    size_t n = 0;
    while (isalnum((unsigned char)s[n]) || s[n] == '_')
        n++;
    return n > 0 && s[n] == '=' ? n : 0;
}

/* A whole number as JSON takes it: no leading zeros. */
static bool is_number(const char *p, size_t n) {
    size_t sign = n > 0 && p[0] == '-';
    return n > sign && isdigit((unsigned char)p[sign]) && (p[sign] != '0' || n == sign + 1);
}

/* Keys come from the format alone, so that no value can pass for another key. Returns whether the line was
 * cut inside a string. */
static bool line_pairs(struct line *l, const char *fmt, va_list *ap) {
    while (*fmt != '\0' && !l->cut) {
        size_t key = key_length(fmt);
        if (LINE_MAX_BYTES - l->n < key + 64) {
            l->cut = true;
            return false;
        }
        line_puts(l, ",\"");
        if (key > 0) {
            line_add(l, fmt, key);
            fmt += key + 1;
        } else {
            line_puts(l, "detail");
        }
        line_puts(l, "\":\"");
        size_t begin = l->n;
        bool number = fmt[0] == '%';
        for (; *fmt != '\0' && !(*fmt == ' ' && key_length(fmt + 1) > 0);) {
            if (*fmt == '%') {
                fmt = line_convert(l, fmt, ap);
                number &= strchr("diu", fmt[-1]) != NULL;
            } else {
                line_escaped(l, (char[]){*fmt++, '\0'});
                number = false;
            }
        }
        if (!l->cut && number &&
            is_number(l->p + begin, l->n - begin)) { /* digits need no quotes: close the gap */
            memmove(l->p + begin - 1, l->p + begin, l->n - begin);
            l->n--;
        } else if (!l->cut) {
            line_puts(l, "\"");
        }
        if (l->cut)
            return true;
        if (*fmt == ' ')
            fmt++;
    }
    return false;
}

void log_write(enum log_level level, const struct ctx *ctx, const char *message, const char *fmt, ...) {
    if (level > log_at)
        return;
    int saved = errno;
    struct line l;
    va_list ap;
    line_begin(&l, level, ctx);
    line_escaped(&l, message);
    line_puts(&l, "\"");
    va_start(ap, fmt);
    bool in_string = line_pairs(&l, fmt, &ap);
    va_end(ap);
    line_end(&l, in_string);
    errno = saved;
}

void log_access(const struct ctx *ctx, const char *method, const char *path, int status, uint64_t bytes,
                int64_t us) {
    if (log_at < LOG_INFO)
        return;
    struct line l;
    line_begin(&l, LOG_INFO, ctx);
    line_puts(&l, "request\",\"method\":\"");
    line_escaped(&l, method);
    line_puts(&l, "\",\"status\":");
    line_uint(&l, (uint64_t)status);
    line_puts(&l, ",\"bytes\":");
    line_uint(&l, bytes);
    line_puts(&l, ",\"us\":");
    line_uint(&l, us > 0 ? (uint64_t)us : 0);
    if (ctx != NULL && ctx->ip != NULL && ctx->ip[0] != '\0') {
        line_puts(&l, ",\"ip\":\"");
        line_escaped(&l, ctx->ip);
        line_puts(&l, "\"");
    }
    line_puts(&l, ",\"path\":\"");
    line_escaped(&l, path);
    if (!l.cut)
        line_puts(&l, "\"");
    line_end(&l, true);
}
