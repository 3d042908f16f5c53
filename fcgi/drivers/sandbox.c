#include "fcgi/drivers/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/clock.h"
#include "fcgi/log.h"

#define OPEN_FILES 256
#define PROCESSES 256 /* and threads, above those that there are */
#define EXIT_NO_EXEC 127
#define NAP_MS 20

/* The whole environment: nothing of ours, no more threads and heaps than needed. */
static const char *const surroundings[] = {"PATH=/usr/bin:/bin", "HOME=/nonexistent", "LC_ALL=C.UTF-8",
                                           "MALLOC_ARENA_MAX=2", "TMPDIR=.",          NULL};

/* ---- in the child, between fork and exec ---- */

/* No higher than it is already. */
static void bound(int what, int64_t most) {
    struct rlimit l;
    if (getrlimit(what, &l) != 0)
        _exit(EXIT_NO_EXEC);
    if (l.rlim_max == RLIM_INFINITY || l.rlim_max > (rlim_t)most)
        l.rlim_max = (rlim_t)most;
    l.rlim_cur = l.rlim_max;
    if (setrlimit(what, &l) != 0)
        _exit(EXIT_NO_EXEC);
}

/* Of the whole machine: where there are no namespaces, the limit counts all of this user's, and the servers
 * may have hundreds of them. */
static int64_t threads_now(void) {
    struct sysinfo now;
    return sysinfo(&now) == 0 ? now.procs : 0;
}

static void bound_all(const struct sandbox_bounds *b) {
#ifndef __SANITIZE_ADDRESS__ /* which maps terabytes that it never touches */
    bound(RLIMIT_AS, b->memory_bytes);
#endif
    bound(RLIMIT_FSIZE, b->file_bytes);
    bound(RLIMIT_CPU, (int64_t)b->seconds * 8); /* of several threads; the clock kills sooner */
    bound(RLIMIT_NPROC, threads_now() + PROCESSES);
    bound(RLIMIT_NOFILE, OPEN_FILES);
    bound(RLIMIT_CORE, 0);
}

static void default_signals(void) {
    sigset_t none;
    sigemptyset(&none);
    for (int i = 1; i < SIGRTMIN; i++)
        signal(i, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void plug(int in, int out) {
    int null = open("/dev/null", O_RDWR);
    if (null < 0 || dup2(in >= 0 ? in : null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
        dup2(null, STDERR_FILENO) < 0 || close_range(3, ~0U, 0) != 0)
        _exit(EXIT_NO_EXEC);
}

static _Noreturn void become(const char *const argv[], const char *folder, const struct sandbox_bounds *b,
                             int in, int out, pid_t parent) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || chdir(folder) != 0)
        _exit(EXIT_NO_EXEC);
    default_signals();
    plug(in, out);
    bound_all(b);
    execve(argv[0], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)surroundings);
    _exit(EXIT_NO_EXEC);
}

/* ---- in the parent ---- */

enum code sandbox_start(struct ctx *ctx, const char *const argv[], const char *folder, int in,
                        const struct sandbox_bounds *bounds, struct sandbox_child *ret) {
    pid_t parent = getpid();
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fail_detail(ctx, UNAVAILABLE, "Something went wrong on our side.", "pipe: %s",
                           strerror(errno));
    pid_t pid = fork();
    if (pid == 0)
        become(argv, folder, bounds, in, ends[1], parent);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return fail_detail(ctx, UNAVAILABLE, "Something went wrong on our side.", "fork: %s",
                           strerror(errno));
    }
    setpgid(pid, pid); /* in both, so that neither is too late */
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *ret = (struct sandbox_child){pid, ends[0], clock_mono_us() + (int64_t)bounds->seconds * 1000000};
    return OK;
}

static void hang_up(struct sandbox_child *c) {
    if (c->out >= 0)
        close(c->out);
    c->out = -1;
}

/* Only the last byte counts; what else it says is thrown away, a little at a time. */
static void listen_to(struct sandbox_child *c, int wait_ms, unsigned char *said) {
    unsigned char bytes[256];
    struct pollfd p = {.fd = c->out, .events = POLLIN};
    if (c->out < 0)
        wait_ms = wait_ms < NAP_MS ? wait_ms : NAP_MS;
    if (poll(&p, 1, wait_ms) <= 0 || c->out < 0)
        return;
    ssize_t n = read(c->out, bytes, sizeof bytes);
    if (n > 0)
        *said = bytes[n - 1];
    else if (n == 0)
        hang_up(c);
}

static void report(int status, const struct rusage *used, bool in_time, struct sandbox_end *ret) {
    *ret = (struct sandbox_end){.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
                                .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                                .in_time = in_time,
                                .memory_bytes = (int64_t)used->ru_maxrss * 1024,
                                .cpu_ms = (used->ru_utime.tv_sec + used->ru_stime.tv_sec) * INT64_C(1000) +
                                          (used->ru_utime.tv_usec + used->ru_stime.tv_usec) / 1000};
}

enum sandbox_state sandbox_watch(struct sandbox_child *c, int wait_ms, unsigned char *said,
                                 struct sandbox_end *ret) {
    struct rusage used;
    int status;
    bool in_time = clock_mono_us() < c->deadline_us;
    if (in_time)
        listen_to(c, wait_ms, said);
    else
        kill(-c->pid, SIGKILL);
    pid_t got = wait4(c->pid, &status, in_time ? WNOHANG : 0, &used);
    if (got != c->pid)
        return SANDBOX_RUNS;
    kill(-c->pid, SIGKILL); /* what it has left behind */
    hang_up(c);
    report(status, &used, in_time, ret);
    return SANDBOX_ENDED;
}

void sandbox_kill(struct sandbox_child *c) {
    kill(-c->pid, SIGKILL);
    kill(c->pid, SIGKILL); /* also before it leads its group */
    while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    hang_up(c);
}

const char *sandbox_program(struct arena *a, const char *name) {
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    const char *slash = strrchr(self, '/');
    return arena_printf(a, "%.*s/%s", slash != NULL ? (int)(slash - self) : 0, self, name);
}

enum code sandbox_ask(struct ctx *ctx, const char *program, unsigned *ret_holds) {
    const char *argv[] = {program, "--locks", "/", NULL}; /* nothing is written there */
    struct sandbox_bounds bounds = {INT64_C(1) << 30, 0, 10};
    struct sandbox_child child;
    struct sandbox_end end;
    unsigned char holds = 0;
    enum code c = sandbox_start(ctx, argv, "/", -1, &bounds, &child);
    if (c != OK)
        return c;
    while (sandbox_watch(&child, 100, &holds, &end) == SANDBOX_RUNS)
        ;
    *ret_holds = holds;
    return end.status == 0 ? OK
                           : fail_detail(ctx, UNAVAILABLE, "Something went wrong on our side.",
                                         "%s does not run", program);
}

void sandbox_say(struct ctx *ctx, const char *program) {
    unsigned holds = 0;
    if (sandbox_ask(ctx, program, &holds) != OK)
        log_error(ctx, "a sandbox can't be had", "program=%s cause=%s", program, ctx->error.detail);
    else if (holds != SANDBOX_ALL)
        log_warn(ctx, "a sandbox lacks a lock", "program=%s namespaces=%d landlock=%d seccomp=%d", program,
                 (holds & SANDBOX_NAMESPACES) != 0, (holds & SANDBOX_LANDLOCK) != 0,
                 (holds & SANDBOX_SECCOMP) != 0);
    fail_clear(ctx);
}
