#include "fcgi/metrics.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define METRICS_MAX 512
#define BOUNDS (sizeof(bounds_us) / sizeof(bounds_us[0]))

/* Upper bounds of the histogram's buckets, in µs; a last one takes what is beyond. */
static const int64_t bounds_us[] = {100,   250,    500,    1000,   2500,    5000,    10000,   25000,
                                    50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};

struct metric {
    enum metric_kind kind;
    char name[64];
    char labels[96];
    char help[120];
    _Atomic int64_t value;                /* histogram: sum in µs */
    _Atomic uint64_t buckets[BOUNDS + 1]; /* each value in one bucket; added up when written */
};

/* Shared by all processes of the pool, so that any worker answers for all of them. Pages that no metric
 * stands on cost nothing. */
struct shared {
    pthread_mutex_t lock; /* around registering only; robust, since a process may be killed inside */
    _Atomic int n;
    struct metric metrics[METRICS_MAX];
};

static struct shared *shared;

void metrics_init(void) {
    if (shared != NULL)
        return;
    void *p = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return; /* everything below then does nothing */
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    shared = p;
    pthread_mutex_init(&shared->lock, &attr);
    pthread_mutexattr_destroy(&attr);
}

static int find(const char *name, const char *labels) {
    int n = atomic_load_explicit(&shared->n, memory_order_acquire);
    for (int i = 0; i < n; i++)
        if (strcmp(shared->metrics[i].name, name) == 0 && strcmp(shared->metrics[i].labels, labels) == 0)
            return i;
    return -1;
}

static int append(enum metric_kind kind, const char *name, const char *labels, const char *help) {
    int n = atomic_load_explicit(&shared->n, memory_order_relaxed);
    if (n >= METRICS_MAX)
        return -1;
    struct metric *m = &shared->metrics[n];
    m->kind = kind;
    snprintf(m->name, sizeof m->name, "%s", name);
    snprintf(m->labels, sizeof m->labels, "%s", labels);
    snprintf(m->help, sizeof m->help, "%s", help);
    atomic_store_explicit(&shared->n, n + 1, memory_order_release);
    return n;
}

int metrics_register(enum metric_kind kind, const char *name, const char *labels, const char *help) {
    if (shared == NULL || strlen(name) >= sizeof shared->metrics[0].name ||
        strlen(labels) >= sizeof shared->metrics[0].labels)
        return -1;
    if (pthread_mutex_lock(&shared->lock) == EOWNERDEAD)
        pthread_mutex_consistent(&shared->lock);
    int id = find(name, labels);
    if (id < 0)
        id = append(kind, name, labels, help);
    pthread_mutex_unlock(&shared->lock);
    return id;
}

static struct metric *metric(int id) {
    return shared != NULL && id >= 0 && id < METRICS_MAX ? &shared->metrics[id] : NULL;
}

void metrics_add(int id, uint64_t n) {
    struct metric *m = metric(id);
    if (m != NULL)
        atomic_fetch_add_explicit(&m->value, (int64_t)n, memory_order_relaxed);
}

void metrics_set(int id, int64_t v) {
    struct metric *m = metric(id);
    if (m != NULL)
        atomic_store_explicit(&m->value, v, memory_order_relaxed);
}

void metrics_observe(int id, int64_t us) {
    struct metric *m = metric(id);
    if (m == NULL)
        return;
    size_t i = 0;
    while (i < BOUNDS && us > bounds_us[i])
        i++;
    atomic_fetch_add_explicit(&m->buckets[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&m->value, us, memory_order_relaxed);
}

static void write_seconds(struct buf *out, int64_t us) { buf_printf(out, "%g", (double)us / 1e6); }

static void write_name(struct buf *out, const struct metric *m, const char *suffix) {
    buf_puts(out, m->name);
    buf_puts(out, suffix);
    if (m->labels[0] != '\0')
        buf_printf(out, "{%s}", m->labels);
    buf_putc(out, ' ');
}

static void write_histogram(struct buf *out, const struct metric *m) {
    uint64_t count = 0;
    for (size_t i = 0; i <= BOUNDS; i++) {
        count += atomic_load_explicit(&m->buckets[i], memory_order_relaxed);
        buf_printf(out, "%s_bucket{%s%sle=\"", m->name, m->labels, m->labels[0] != '\0' ? "," : "");
        if (i < BOUNDS)
            write_seconds(out, bounds_us[i]);
        else
            buf_puts(out, "+Inf");
        buf_printf(out, "\"} %llu\n", (unsigned long long)count);
    }
    write_name(out, m, "_sum");
    buf_printf(out, "%.6f\n", (double)atomic_load_explicit(&m->value, memory_order_relaxed) / 1e6);
    write_name(out, m, "_count");
    buf_printf(out, "%llu\n", (unsigned long long)count);
}

static void write_metric(struct buf *out, const struct metric *m) {
    if (m->kind == METRIC_HISTOGRAM) {
        write_histogram(out, m);
        return;
    }
    write_name(out, m, "");
    buf_int(out, atomic_load_explicit(&m->value, memory_order_relaxed));
    buf_putc(out, '\n');
}

/* All rows of one name stand together under one HELP and TYPE, whatever the order they were registered in. */
void metrics_write(struct buf *out) {
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    int n = shared != NULL ? atomic_load_explicit(&shared->n, memory_order_acquire) : 0;
    for (int i = 0; i < n; i++) {
        const struct metric *m = &shared->metrics[i];
        bool written = false;
        for (int k = 0; k < i && !written; k++)
            written = strcmp(shared->metrics[k].name, m->name) == 0;
        if (written)
            continue;
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, kinds[m->kind]);
        for (int k = i; k < n; k++)
            if (strcmp(shared->metrics[k].name, m->name) == 0)
                write_metric(out, &shared->metrics[k]);
    }
}
