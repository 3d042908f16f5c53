/* Programs run by `deeplink-derive`: they stand in the same sandbox and die with it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"
#include "handlers/media/derive_job.h"

#define OUT_MAX 65536
#define WORDS_MAX 1024
#define NO_EXEC 127

/* Runs argv with these ends as its standard streams; -1 stands for /dev/null, as ours are. */
static pid_t start(const char *const *argv, unsigned seconds, int in, int out, int err) {
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_DFL);
    int null = open("/dev/null", O_RDWR);
    dup2(in >= 0 ? in : null, STDIN_FILENO);
    dup2(out >= 0 ? out : null, STDOUT_FILENO);
    dup2(err >= 0 ? err : null, STDERR_FILENO);
    close_range(3, ~0U, 0);
    alarm(seconds); /* which outlives execv(2) */
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(NO_EXEC);
}

static int end_of(pid_t pid) {
    int status = -1;
    while (pid > 0 && waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Keeps what fits and throws the rest away; false at the end. */
static bool take(int fd, struct buf *into) {
    char bytes[4096];
    ssize_t n = read(fd, bytes, sizeof bytes);
    if (n > 0 && into->n + (size_t)n <= into->max)
        buf_add(into, bytes, (size_t)n);
    return n > 0 || (n < 0 && errno == EINTR);
}

/* Of lines such as out_time_us=1234567 the last one counts. */
static void tell_progress(const struct tool_run *run, struct buf *out) {
    static const char name[] = "out_time_us=";
    const char *last = NULL;
    if (out->n == 0)
        return;
    for (const char *at = out->p; (at = strstr(at, name)) != NULL; at++)
        last = at;
    int64_t us = last != NULL ? strtoll(last + strlen(name), NULL, 10) : 0;
    if (us > 0) {
        int64_t part = us / 1000 >= run->duration_ms ? 100 : us / 10 / run->duration_ms;
        derive_progress(run->from + (int)(part * (run->to - run->from) / 100));
    }
    out->n = 0;
}

static void listen_to(const struct tool_run *run, int from_out, int from_err, struct buf *out,
                      struct buf *words) {
    struct pollfd p[] = {{.fd = from_out, .events = POLLIN}, {.fd = from_err, .events = POLLIN}};
    while (p[0].fd >= 0 || p[1].fd >= 0) {
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            return;
        if (p[0].fd >= 0 && p[0].revents != 0 && !take(from_out, out))
            p[0].fd = -1;
        if (p[1].fd >= 0 && p[1].revents != 0 && !take(from_err, words))
            p[1].fd = -1;
        if (run->duration_ms > 0)
            tell_progress(run, out);
    }
}

void derive_tool_add(struct tool_words *to, const char *const *w) {
    for (; *w != NULL && to->n < sizeof to->w / sizeof *to->w - 1; w++)
        to->w[to->n++] = *w;
    to->w[to->n] = NULL;
}

struct tool_end derive_tool(struct derive_job *job, const struct tool_run *run) {
    struct tool_end end = {-1, "", ""};
    struct buf out, words;
    int outs[2], errs[2];
    buf_init(&out, job->arena, OUT_MAX);
    buf_init(&words, job->arena, WORDS_MAX);
    if (pipe2(outs, O_CLOEXEC) != 0)
        return end;
    if (pipe2(errs, O_CLOEXEC) != 0) {
        close(outs[0]);
        close(outs[1]);
        return end;
    }
    pid_t pid = start(run->argv, run->seconds, -1, outs[1], errs[1]);
    close(outs[1]);
    close(errs[1]);
    if (pid > 0)
        listen_to(run, outs[0], errs[0], &out, &words);
    close(outs[0]);
    close(errs[0]);
    end.status = end_of(pid);
    end.out = buf_str(&out);
    end.words = buf_str(&words);
    return end;
}

enum derive_fault derive_tool_fault(struct derive_job *job, const struct tool_end *end) {
    enum derive_fault f = end->status < 0                                 ? DERIVE_INTERNAL
                          : strstr(end->words, "allocate memory") != NULL ? DERIVE_MEMORY
                                                                          : DERIVE_BROKEN;
    return derive_because(job, f, end->status < 0 ? "a tool was killed" : end->words);
}

pid_t derive_tool_feed(const char *const *argv, FILE **ret) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    pid_t pid = start(argv, 0, ends[0], -1, -1);
    close(ends[0]);
    *ret = pid > 0 ? fdopen(ends[1], "we") : NULL;
    if (*ret == NULL)
        close(ends[1]);
    return pid;
}

int derive_tool_fed(pid_t pid, FILE *stream) {
    bool whole = stream != NULL && fclose(stream) == 0;
    int status = end_of(pid);
    return whole ? status : -1;
}
