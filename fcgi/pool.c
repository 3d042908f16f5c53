#include "fcgi/pool.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fcgi/log.h"

#define LONG_LIFE_MS 10000
#define DELAY_MIN_MS 100
#define DELAY_MAX_MS 10000
#define READY_WITHIN_MS 5000 /* a child that never calls pool_busy() counts as ready after this */
#define TICK_MS 500
#define STOP_TICK_MS 50

enum state { DEAD, STARTING, IDLE, BUSY, STOPPING };

/* What children tell the master; in shared memory. A child writes only its own line, so that nobody waits for
 * a cache line. */
struct line {
    _Atomic int state;
    _Atomic int64_t since_ms; /* when the request at hand began */
    char pad[48];
};

struct board {
    struct line lines[POOL_MAX];
    _Atomic int places[POOL_MAX]; /* of children that wait: 0, or the child's slot plus one */
    _Atomic uint64_t restarts;
    char words[512]; /* why a child refused to start */
};

/* What the master knows of a child. */
struct slot {
    pid_t pid; /* 0: none */
    int64_t started_ms;
    int64_t start_at_ms; /* when there is none: not before this */
    int64_t delay_ms;    /* the last backoff; 0: none */
    int64_t stop_at_ms;  /* when it was asked to stop; 0: it was not */
    bool stale;          /* to be replaced */
};

struct pool {
    int n, grace_s, timeout_ms;
    pool_child *run;
    void *arg;
    struct slot slots[POOL_MAX];
    bool stopping, ever_ready, refused;
    sigset_t before; /* the signal mask to give back to children */
};

static struct board *board;
static struct line *mine; /* in a child */
static bool waits;        /* in a child: it has one of the places */
static volatile sig_atomic_t asked_to_stop;
static int stop_within_s;

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- in a child ---- */

bool pool_stopping(void) { return asked_to_stop != 0; }

static void free_places(int slot) {
    for (int i = 0; i < POOL_MAX; i++) {
        int had = slot + 1;
        atomic_compare_exchange_strong(&board->places[i], &had, 0);
    }
}

static bool take_place(int slot, int most) {
    for (int i = 0; i < most && i < POOL_MAX; i++) {
        int had = 0;
        if (atomic_compare_exchange_strong(&board->places[i], &had, slot + 1))
            return true;
    }
    return false;
}

bool pool_may_wait(int most) {
    if (mine != NULL && !waits)
        waits = take_place((int)(mine - board->lines), most < 1 ? 1 : most);
    return mine == NULL || waits;
}

void pool_busy(bool busy) {
    if (mine == NULL)
        return;
    if (!busy && waits) {
        free_places((int)(mine - board->lines));
        waits = false;
    }
    if (busy)
        atomic_store_explicit(&mine->since_ms, now_ms(), memory_order_relaxed);
    atomic_store_explicit(&mine->state, busy ? BUSY : asked_to_stop ? STOPPING : IDLE, memory_order_release);
}

void pool_refuse(const char *words) {
    if (board != NULL)
        snprintf(board->words, sizeof board->words, "%s", words);
}

/* Whatever the child is stuck in, it is gone some seconds later, even when the master is not there to kill
 * it. */
static void on_stop(int signo) {
    (void)signo;
    if (!asked_to_stop)
        alarm((unsigned)stop_within_s);
    asked_to_stop = 1;
}

/* With SA_RESTART a request at hand is read and answered to its end; the accept() of request.c has a
 * time-out, and such calls are interrupted all the same (signal(7)). */
static void child_signals(const sigset_t *before) {
    struct sigaction sa = {.sa_handler = on_stop, .sa_flags = SA_RESTART};
    sigemptyset(&sa.sa_mask);
    sigaction(SIGTERM, &sa, NULL);
    sa.sa_handler = SIG_IGN; /* the terminal sends these to everybody: the master decides */
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGHUP, &sa, NULL);
    sigaction(SIGQUIT, &sa, NULL);
    sigaction(SIGPIPE, &sa, NULL);
    sa.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &sa, NULL);
    sigprocmask(SIG_SETMASK, before, NULL);
}

static _Noreturn void child_main(struct pool *p, int i, pid_t master) {
    mine = &board->lines[i];
    stop_within_s = p->grace_s + 5;
    child_signals(&p->before);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != master) /* it died before the line above */
        _exit(0);
    int status = p->run(i, p->arg);
    fflush(NULL);
    _exit(status); /* no exit handlers: they belong to the master */
}

/* ---- in the master ---- */

static void start_child(struct pool *p, int i) {
    struct slot *s = &p->slots[i];
    pid_t master = getpid();
    atomic_store(&board->lines[i].state, STARTING);
    pid_t pid = fork();
    if (pid == 0)
        child_main(p, i, master);
    if (pid < 0) {
        log_error(NULL, "cannot fork", "error=%s", strerror(errno));
        atomic_store(&board->lines[i].state, DEAD);
        s->start_at_ms = now_ms() + 1000;
        return;
    }
    s->pid = pid;
    s->started_ms = now_ms();
    s->stop_at_ms = 0;
    s->stale = false;
}

static void stop_child(struct pool *p, int i) {
    struct slot *s = &p->slots[i];
    if (s->pid == 0)
        return;
    if (s->stop_at_ms == 0)
        s->stop_at_ms = now_ms();
    kill(s->pid, SIGTERM); /* again and again: the first may have come just before a wait began */
}

static void log_end(pid_t pid, int i, int status) {
    if (WIFSIGNALED(status))
        log_error(NULL, "worker killed", "worker=%d pid=%d signal=%s", i, (int)pid,
                  strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) != 0)
        log_error(NULL, "worker failed", "worker=%d pid=%d status=%d", i, (int)pid, WEXITSTATUS(status));
    else
        log_debug(NULL, "worker ended", "worker=%d pid=%d", i, (int)pid);
}

/* A child refused to start: a mistake that no restart mends. */
static void child_refused(struct pool *p) {
    board->words[sizeof board->words - 1] = '\0';
    log_error(NULL, "a worker refused to start", "reason=%s", board->words);
    if (!p->ever_ready) {
        fprintf(stderr, "deeplink: %s\n", board->words);
        p->refused = p->stopping = true;
        return;
    }
    for (int i = 0; i < p->n; i++)
        p->slots[i].stale = false;
}

static void child_ended(struct pool *p, int i, int status) {
    struct slot *s = &p->slots[i];
    bool asked = s->stop_at_ms != 0;
    int64_t now = now_ms(), lived = now - s->started_ms;
    log_end(s->pid, i, status);
    free_places(i);
    atomic_store(&board->lines[i].state, DEAD);
    s->pid = 0;
    if (asked || lived >= LONG_LIFE_MS)
        s->delay_ms = 0;
    else
        s->delay_ms = s->delay_ms == 0                 ? DELAY_MIN_MS
                      : s->delay_ms * 2 > DELAY_MAX_MS ? DELAY_MAX_MS
                                                       : s->delay_ms * 2;
    s->start_at_ms = now + s->delay_ms;
    s->stop_at_ms = 0;
    s->stale = false;
    if (!asked)
        atomic_fetch_add(&board->restarts, 1);
    if (WIFEXITED(status) && WEXITSTATUS(status) == POOL_EXIT_REFUSED && !p->refused)
        child_refused(p);
}

static void reap(struct pool *p) {
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (int i = 0; i < p->n; i++)
            if (p->slots[i].pid == pid)
                child_ended(p, i, status);
}

static bool is_ready(const struct pool *p, int i, int64_t now) {
    const struct slot *s = &p->slots[i];
    return s->pid != 0 && s->stop_at_ms == 0 &&
           (atomic_load(&board->lines[i].state) != STARTING || now - s->started_ms > READY_WITHIN_MS);
}

/* Kills what has been busy, or stopping, for too long. */
static void watch(struct pool *p, int64_t now) {
    for (int i = 0; i < p->n; i++) {
        struct slot *s = &p->slots[i];
        if (s->pid == 0)
            continue;
        p->ever_ready |= atomic_load(&board->lines[i].state) >= IDLE;
        int64_t since = atomic_load(&board->lines[i].since_ms);
        if (p->timeout_ms > 0 && atomic_load(&board->lines[i].state) == BUSY && since >= s->started_ms &&
            now - since > p->timeout_ms) {
            log_error(NULL, "worker stuck in a request: killed", "worker=%d pid=%d ms=%lld", i, (int)s->pid,
                      (long long)(now - since));
            kill(s->pid, SIGKILL);
        } else if (s->stop_at_ms != 0 && now - s->stop_at_ms > (int64_t)p->grace_s * 1000) {
            kill(s->pid, SIGKILL);
        }
    }
}

/* Replaces stale children one by one: the next goes only when all others are ready. */
static void replace(struct pool *p, int64_t now) {
    int stale = -1;
    for (int i = 0; i < p->n; i++) {
        if (p->slots[i].stale && p->slots[i].stop_at_ms == 0 && stale < 0)
            stale = i;
        else if (!is_ready(p, i, now)) {
            if (p->slots[i].stop_at_ms != 0)
                stop_child(p, i);
            return;
        }
    }
    if (stale >= 0)
        stop_child(p, stale);
}

static bool any_stale(const struct pool *p) {
    for (int i = 0; i < p->n; i++)
        if (p->slots[i].stale || p->slots[i].stop_at_ms != 0)
            return true;
    return false;
}

/* Starts what is due; returns how long to wait for the next thing to do, in ms. */
static int64_t start_due(struct pool *p, int64_t now) {
    int64_t wait = TICK_MS;
    for (int i = 0; i < p->n; i++) {
        struct slot *s = &p->slots[i];
        if (s->pid != 0)
            continue;
        if (s->start_at_ms <= now)
            start_child(p, i);
        else if (s->start_at_ms - now < wait)
            wait = s->start_at_ms - now;
    }
    return wait;
}

static bool all_gone(const struct pool *p) {
    for (int i = 0; i < p->n; i++)
        if (p->slots[i].pid != 0)
            return false;
    return true;
}

/* One turn; false when the pool has ended. */
static bool turn(struct pool *p, int64_t *ret_wait) {
    int64_t now = now_ms();
    reap(p);
    watch(p, now);
    if (p->stopping) {
        for (int i = 0; i < p->n; i++)
            stop_child(p, i);
        *ret_wait = STOP_TICK_MS;
        return !all_gone(p);
    }
    *ret_wait = start_due(p, now);
    if (any_stale(p)) {
        replace(p, now);
        *ret_wait = STOP_TICK_MS;
    }
    return true;
}

static void take_signal(struct pool *p, int signo, void (*reload)(void *arg)) {
    if (signo == SIGTERM || signo == SIGINT || signo == SIGQUIT) {
        log_info(NULL, "stopping", "signal=%s", strsignal(signo));
        p->stopping = true;
    } else if (signo == SIGHUP && !p->stopping) {
        if (reload != NULL)
            reload(p->arg);
        for (int i = 0; i < p->n; i++)
            p->slots[i].stale = p->slots[i].pid != 0;
    }
}

static bool board_new(void) {
    void *p = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return false;
    board = p;
    return true;
}

int pool_run(int n, int grace_s, int timeout_ms, pool_child *run, void (*reload)(void *arg), void *arg) {
    static struct pool p;
    sigset_t set;
    if (!board_new()) {
        log_error(NULL, "no shared memory", "error=%s", strerror(errno));
        return 71; /* EX_OSERR */
    }
    p = (struct pool){.n = n < 1          ? 1
                           : n > POOL_MAX ? POOL_MAX
                                          : n,
                      .grace_s = grace_s,
                      .timeout_ms = timeout_ms,
                      .run = run,
                      .arg = arg};
    sigemptyset(&set);
    static const int signals[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGCHLD};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        sigaddset(&set, signals[i]);
    sigprocmask(SIG_BLOCK, &set, &p.before);
    signal(SIGPIPE, SIG_IGN);
    int64_t wait = 0;
    while (turn(&p, &wait)) {
        struct timespec t = {wait / 1000, wait % 1000 * 1000000};
        int signo = sigtimedwait(&set, NULL, &t);
        if (signo > 0)
            take_signal(&p, signo, reload);
    }
    sigprocmask(SIG_SETMASK, &p.before, NULL);
    munmap(board, sizeof *board);
    board = NULL;
    return p.refused ? POOL_EXIT_REFUSED : 0;
}

struct pool_counts pool_count(void) {
    struct pool_counts c = {0, 0, 0, 0, 0};
    if (board == NULL)
        return c;
    for (int i = 0; i < POOL_MAX; i++) {
        int state = atomic_load_explicit(&board->lines[i].state, memory_order_relaxed);
        c.starting += state == STARTING;
        c.idle += state == IDLE;
        c.busy += state == BUSY;
        c.stopping += state == STOPPING;
    }
    c.restarts = (unsigned long)atomic_load_explicit(&board->restarts, memory_order_relaxed);
    return c;
}
