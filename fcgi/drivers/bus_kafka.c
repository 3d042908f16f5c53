/* The bus on Kafka: each consumer is a consumer group of its own. A partition is run by the process that
 * Kafka gives it to and that has its lock in the database, where its place is noted after the events were
 * handled; Kafka's own offsets follow. So a worker that was thought dead does no harm, and what the relay or
 * Kafka delivers twice is handed out once. */
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fcgi/base/clock.h"
#include "fcgi/config.h"
#include "fcgi/drivers/bus_kafka.h"
#include "fcgi/drivers/pg.h"
#include "fcgi/log.h"
#include "gen/queries.h"

#define TOPICS_US INT64_C(2000000) /* between two tries to make the topics */
#define COMMIT_US INT64_C(1000000) /* Kafka is told how far we are so often */
#define CLOSE_US INT64_C(5000000)  /* for leaving the groups */
#define SEEK_MS 500

/* A partition that Kafka has given to this process. */
struct part {
    struct runner r; /* first: its name and topic belong to the part */
    struct kafka_group *g;
    rd_kafka_queue_t *queue;
    rd_kafka_message_t **held; /* read, and not settled */
    size_t n_held, room;
    bool sought;       /* reads from where the place says */
    bool readable;     /* in this round */
    int64_t missed;    /* the first message that was read and dropped before a place was noted; -1: none */
    int64_t committed; /* what Kafka knows */
};

/* ---- The list of runners, for the bus */

static bool list_runners(struct kafka *k) {
    struct bus *b = k->b;
    size_t n = 1 + k->n_groups;
    for (size_t i = 0; i < k->n_groups; i++)
        n += k->groups[i].n;
    struct runner **list = realloc(b->runners, n * sizeof(struct runner *));
    if (list == NULL)
        return false;
    b->runners = list;
    b->n = 0;
    list[b->n++] = kafka_relay_runner(k->relay);
    for (size_t i = 0; i < k->n_groups; i++) {
        list[b->n++] = &k->groups[i].due;
        for (size_t p = 0; p < k->groups[i].n; p++)
            list[b->n++] = &k->groups[i].parts[p]->r;
    }
    return true;
}

/* ---- Partitions come and go */

static void drop_held(struct part *p) {
    for (size_t i = 0; i < p->n_held; i++)
        rd_kafka_message_destroy(p->held[i]);
    p->n_held = 0;
}

static void part_free(struct part *p) {
    drop_held(p);
    free(p->held);
    if (p->queue != NULL)
        rd_kafka_queue_destroy(p->queue);
    free((void *)(uintptr_t)p->r.name);
    free((void *)(uintptr_t)p->r.topic);
    free(p);
}

static struct part *part_new(struct kafka_group *g, const char *there, int32_t partition) {
    const char *topic = kafka_topic_here(&g->k->at, there);
    struct part *p = calloc(1, sizeof(*p));
    char *name = NULL;
    uint64_t one = 1;
    if (p == NULL || asprintf(&name, "%s/%s/%d", g->due.def->name, topic, (int)partition) < 0) {
        free(p);
        return NULL;
    }
    bus_runner_init(&p->r, g->due.def, name);
    p->r.topic = strdup(topic);
    p->r.partition = partition;
    p->g = g;
    p->committed = p->missed = -1;
    p->room = bus_batch_of(&p->r);
    p->held = calloc(p->room, sizeof(rd_kafka_message_t *));
    p->queue = rd_kafka_queue_get_partition(g->rk, there, partition);
    if (p->r.topic == NULL || p->held == NULL || p->queue == NULL) {
        part_free(p);
        return NULL;
    }
    rd_kafka_queue_forward(p->queue, NULL); /* each partition is read when its turn comes */
    rd_kafka_queue_io_event_enable(p->queue, g->k->b->wake_fd, &one, sizeof one);
    return p;
}

static void take_parts(struct kafka_group *g, const rd_kafka_topic_partition_list_t *list) {
    struct part **more = realloc(g->parts, (g->n + (size_t)list->cnt) * sizeof(struct part *));
    if (more == NULL && list->cnt > 0)
        return;
    g->parts = more;
    for (int i = 0; i < list->cnt; i++) {
        struct part *p = part_new(g, list->elems[i].topic, list->elems[i].partition);
        if (p == NULL)
            log_error(NULL, "a partition is not read", "consumer=%s topic=%s", g->due.name,
                      list->elems[i].topic);
        else
            g->parts[g->n++] = p;
    }
    log_info(NULL, "partitions taken", "consumer=%s n=%d", g->due.name, list->cnt);
}

/* Tells Kafka how far we are: for those who look there, and for a start without our database's memory. */
static void commit(struct kafka_group *g) {
    struct kafka *k = g->k;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)g->n);
    for (size_t i = 0; i < g->n; i++) {
        struct part *p = g->parts[i];
        if (!p->r.mine || p->r.saved.offset < 0 || p->r.saved.offset == p->committed)
            continue;
        rd_kafka_topic_partition_list_add(list, kafka_topic_there(&k->at, k->ctx->arena, p->r.topic),
                                          p->r.partition)
            ->offset = p->r.saved.offset;
        p->committed = p->r.saved.offset;
    }
    if (list->cnt > 0)
        rd_kafka_commit(g->rk, list, 1);
    rd_kafka_topic_partition_list_destroy(list);
    g->commit_us = clock_mono_us() + COMMIT_US;
}

/* Kafka's offsets only follow the database's: one that was not taken is taken with the next. */
static void on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list,
                      void *opaque) {
    (void)rk;
    (void)list;
    (void)opaque;
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        log_debug(NULL, "Kafka did not take offsets", "why=%s", rd_kafka_err2str(err));
}

/* What was handled is noted before anybody else may go on. */
static void leave_parts(struct kafka_group *g) {
    struct bus *b = g->k->b;
    fail_clear(g->k->ctx);
    bus_save_all(b, g->k->ctx);
    commit(g);
    for (size_t i = 0; i < g->n; i++) {
        fail_clear(g->k->ctx);
        bus_release(b, g->k->ctx, &g->parts[i]->r);
        part_free(g->parts[i]);
    }
    if (g->n > 0)
        log_info(NULL, "partitions left", "consumer=%s n=%zu", g->due.name, g->n);
    g->n = 0;
}

static struct kafka_group *group_of(struct kafka *k, const rd_kafka_t *rk) {
    for (size_t i = 0; i < k->n_groups; i++)
        if (k->groups[i].rk == rk)
            return &k->groups[i];
    return NULL;
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list,
                         void *opaque) {
    struct kafka *k = opaque;
    struct kafka_group *g = group_of(k, rk);
    leave_parts(g);
    if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        take_parts(g, list); /* first: what is read from now on comes by their own queues */
        rd_kafka_assign(rk, list);
    } else {
        rd_kafka_assign(rk, NULL);
    }
    list_runners(k);
}

/* ---- Reading and handing out */

static void miss(struct part *p, int64_t offset) {
    if (p->missed < 0 || offset < p->missed)
        p->missed = offset;
}

/* A message that came by the consumer's queue: its partition is read again. */
static void note_missed(struct kafka_group *g, const rd_kafka_message_t *m) {
    const char *topic = kafka_topic_here(&g->k->at, rd_kafka_topic_name(m->rkt));
    for (size_t i = 0; i < g->n; i++) {
        struct part *p = g->parts[i];
        if (p->r.partition != m->partition || strcmp(p->r.topic, topic) != 0)
            continue;
        p->r.mine = false;
        miss(p, m->offset);
    }
}

/* Rebalances and errors. */
static void serve(struct kafka_group *g) {
    for (rd_kafka_message_t *m; (m = rd_kafka_consumer_poll(g->rk, 0)) != NULL; rd_kafka_message_destroy(m)) {
        if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR)
            note_missed(g, m);
        else
            log_warn(NULL, "a consumer cannot read", "consumer=%s why=%s", g->due.name,
                     rd_kafka_message_errstr(m));
    }
}

static bool seek_to(struct part *p, int64_t offset) {
    struct kafka *k = p->g->k;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, kafka_topic_there(&k->at, k->ctx->arena, p->r.topic),
                                      p->r.partition)
        ->offset = offset;
    rd_kafka_error_t *error = rd_kafka_seek_partitions(p->g->rk, list, SEEK_MS);
    bool sought = error == NULL && list->elems[0].err == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (error != NULL)
        rd_kafka_error_destroy(error);
    rd_kafka_topic_partition_list_destroy(list);
    return sought;
}

/* Reading begins where the place says; without a place, where Kafka began by itself. What was read before is
 * dropped. False: not yet. */
static bool seek(struct part *p) {
    if (p->n_held > 0)
        miss(p, p->held[0]->offset);
    drop_held(p);
    int64_t from = p->r.at.offset >= 0 ? p->r.at.offset : p->missed;
    if (from >= 0 && !seek_to(p, from))
        return false;
    p->missed = -1;
    return true;
}

/* How much a partition may add to a batch, so that it has events of all those that have some. */
static size_t share_of(const struct kafka_group *g) {
    size_t limit = bus_batch_of(&g->due), n = 0;
    for (size_t i = 0; i < g->n; i++) {
        const struct part *p = g->parts[i];
        n += p->readable && (p->n_held > 0 || rd_kafka_queue_length(p->queue) > 0);
    }
    if (n > limit)
        return 1;
    return n > 1 ? limit / n : limit;
}

/* Drops what cannot be a message; what remains is in order. */
static void fetch(struct part *p) {
    if (p->n_held > 0)
        return;
    ssize_t n = rd_kafka_consume_batch_queue(p->queue, 0, p->held, p->g->share);
    for (ssize_t i = 0; i < n; i++) {
        rd_kafka_message_t *m = p->held[i];
        if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            p->held[p->n_held++] = m;
            continue;
        }
        log_warn(NULL, "a partition cannot be read", "consumer=%s why=%s", p->r.name,
                 rd_kafka_message_errstr(m));
        rd_kafka_message_destroy(m);
    }
}

/* The events of what is held, without those that were handled before. What is no event is set aside. False:
 * the database is down. */
static bool read_held(struct part *p, struct ctx *ctx, struct batch *ret, struct place *ret_end) {
    struct place last = p->r.at;
    *ret = (struct batch){.events = arena_many(ctx->arena, struct event, p->n_held),
                          .places = arena_many(ctx->arena, struct place, p->n_held)};
    for (size_t i = 0; i < p->n_held; i++) {
        struct event e;
        struct place at;
        if (!kafka_event(ctx->arena, p->held[i], p->r.topic, &e, &at)) {
            if (!bus_put_aside(p->g->k->b, ctx, &p->r, &e, 0, "it is no event: headers are missing"))
                return false;
        } else if (bus_place_cmp(at, last) > 0) {
            ret->events[ret->n] = e;
            ret->places[ret->n++] = last = at;
        }
        last.offset = at.offset;
    }
    *ret_end = last;
    return true;
}

/* What a partition adds to the next batch of its consumer. */
struct share {
    struct part *p;
    struct batch batch;
    struct place end;
    size_t n;   /* how many of it are in the batch at hand */
    bool stuck; /* some of it could not be settled: it is read again */
};

/* Whether the partition is this process's, reads from where its place says, and does not rest. */
static bool is_readable(struct part *p, struct ctx *ctx) {
    fail_clear(ctx);
    p->r.worked = false;
    if (!p->r.mine)
        p->sought = false;
    return bus_take(p->g->k->b, ctx, &p->r) && (p->sought || (p->sought = seek(p))) && !bus_rests(&p->r);
}

/* Whether the partition has something to be settled. */
static bool part_read(struct part *p, struct ctx *ctx, struct share *ret) {
    fail_clear(ctx);
    fetch(p);
    ret->p = p;
    return p->n_held > 0 && read_held(p, ctx, &ret->batch, &ret->end);
}

/* The share whose next event is the first of all; NULL: none has any. */
static struct share *first_of(struct share *shares, size_t n) {
    struct share *first = NULL;
    for (size_t i = 0; i < n; i++) {
        struct share *s = &shares[i];
        if (s->n < s->batch.n &&
            (first == NULL || bus_place_cmp(s->batch.places[s->n], first->batch.places[first->n]) < 0))
            first = s;
    }
    return first;
}

/* The part of a share that was in the batch at hand, or the rest. */
static struct batch head_of(const struct share *s) {
    return (struct batch){s->batch.events, s->batch.places, s->n};
}
static struct batch rest_of(const struct share *s) {
    return (struct batch){s->batch.events + s->n, s->batch.places + s->n, s->batch.n - s->n};
}

/* One batch of events of all partitions, in the order of commits as far as they have come. What remains in
 * the shares is to be delivered partition by partition. */
static void deliver_together(struct kafka_group *g, struct ctx *ctx, struct share *shares, size_t n) {
    struct bus *b = g->k->b;
    char error[BUS_ERROR_MAX];
    size_t limit = bus_batch_of(&g->due), n_events = 0;
    struct event *events = arena_many(ctx->arena, struct event, limit);
    for (struct share *s; n_events < limit && (s = first_of(shares, n)) != NULL; s->n++)
        events[n_events++] = s->batch.events[s->n];
    enum code code = n_events > 0 ? bus_hand_out(b, &g->due, events, n_events, error) : OK;
    for (size_t i = 0; i < n; i++) {
        struct share *s = &shares[i];
        struct batch head = head_of(s);
        if (head.n > 0 && code == UNAVAILABLE)
            bus_rest(&s->p->r, error);
        else if (head.n > 0 && code != OK && !bus_deliver_again(b, ctx, &s->p->r, &head))
            s->stuck = true;
        else if (head.n > 0 && code == OK)
            bus_move(&s->p->r, head.places[head.n - 1]);
        s->batch = rest_of(s);
    }
}

/* Whether all that was read is settled, and there may be more. */
static bool part_settle(struct share *s, struct ctx *ctx) {
    struct part *p = s->p;
    struct bus *b = p->g->k->b;
    bool full = p->n_held >= p->g->share;
    fail_clear(ctx);
    if (s->stuck || b->stop() || bus_rests(&p->r) || !p->r.mine ||
        !bus_deliver(b, ctx, &p->r, &s->batch, s->end))
        return false;
    if (p->r.saved.offset < 0)
        miss(p, p->held[0]->offset); /* until the database knows where to go on */
    drop_held(p);
    kafka_is_up(p->g->k);
    return full;
}

static bool group_round(struct kafka_group *g, struct ctx *ctx, bool *ret_worked) {
    struct bus *b = g->k->b;
    size_t n = 0, n_full = 0;
    bool more = false, careful = false;
    serve(g); /* partitions may come and go here */
    struct share *shares = arena_many(ctx->arena, struct share, g->n + 1);
    for (size_t i = 0; i < g->n; i++)
        g->parts[i]->readable = !b->stop() && is_readable(g->parts[i], ctx);
    g->share = share_of(g);
    for (size_t i = 0; i < g->n; i++) {
        struct part *p = g->parts[i];
        shares[n] = (struct share){.p = NULL};
        n += p->readable && part_read(p, ctx, &shares[n]);
        careful |= p->r.mine && p->r.careful > 0;
    }
    for (size_t i = 0; i < n; i++)
        n_full += shares[i].batch.n > 0;
    if (n_full > 1 && !careful)
        deliver_together(g, ctx, shares, n);
    for (size_t i = 0; i < n; i++) {
        more |= part_settle(&shares[i], ctx);
        *ret_worked |= shares[i].p->r.worked;
    }
    fail_clear(ctx);
    if (bus_lock(b, ctx, &g->due) && !bus_rests(&g->due))
        bus_deliver_due(b, ctx, &g->due);
    return more;
}

/* ---- The groups */

void kafka_subscribe(struct kafka_group *g, struct ctx *ctx) {
    const struct consumer *c = g->due.def;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)g->due.n_topics);
    for (size_t i = 0; i < g->due.n_topics; i++)
        rd_kafka_topic_partition_list_add(list, kafka_topic_there(&g->k->at, ctx->arena, c->topics[i]),
                                          RD_KAFKA_PARTITION_UA);
    rd_kafka_unsubscribe(g->rk);
    rd_kafka_resp_err_t err = rd_kafka_subscribe(g->rk, list);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        log_error(ctx, "a consumer cannot subscribe", "consumer=%s why=%s", c->name, rd_kafka_err2str(err));
    rd_kafka_topic_partition_list_destroy(list);
}

/* Once the topics are there. */
static void subscribe_all(struct kafka *k, struct ctx *ctx) {
    size_t n = 0;
    if (clock_mono_us() < k->topics_us)
        return;
    k->topics_us = clock_mono_us() + TOPICS_US;
    for (size_t i = 0; i < k->n_groups; i++)
        n += k->groups[i].due.n_topics;
    const char **names = arena_many(ctx->arena, const char *, n);
    n = 0;
    for (size_t i = 0; i < k->n_groups; i++)
        for (size_t t = 0; t < k->groups[i].due.n_topics; t++) {
            const char *name = kafka_topic_there(&k->at, ctx->arena, k->groups[i].due.def->topics[t]);
            bool is_new = true;
            for (size_t j = 0; j < n; j++)
                is_new = is_new && strcmp(names[j], name) != 0;
            if (is_new)
                names[n++] = name;
        }
    k->subscribed =
        kafka_relay_client(k->relay) != NULL && kafka_make_topics(k, kafka_relay_client(k->relay), names, n);
    for (size_t i = 0; k->subscribed && i < k->n_groups; i++)
        kafka_subscribe(&k->groups[i], ctx);
}

static bool open_group(struct kafka_group *g) {
    struct kafka *k = g->k;
    char words[300];
    rd_kafka_conf_t *conf = kafka_conf(k->b->env->config, &k->at, words, sizeof words);
    uint64_t one = 1;
    if (conf == NULL)
        return false;
    snprintf(g->id, sizeof g->id, "%s.%s", k->at.prefix[0] != '\0' ? k->at.prefix : "deeplink", g->due.name);
    kafka_option(conf, "group.id", g->id);
    kafka_option(conf, "enable.auto.commit", "false");
    kafka_option(conf, "enable.auto.offset.store", "false");
    kafka_option(conf, "auto.offset.reset", "earliest");
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_offset_commit_cb(conf, on_commit);
    g->rk = kafka_client(k, RD_KAFKA_CONSUMER, conf);
    if (g->rk == NULL)
        return false;
    rd_kafka_poll_set_consumer(g->rk);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(g->rk);
    rd_kafka_queue_io_event_enable(queue, k->b->wake_fd, &one, sizeof one);
    rd_kafka_queue_destroy(queue);
    return true;
}

/* Leaves all groups at the same time, so that others go on at once; but waits for no broker that is down. */
static void close_groups(struct kafka *k) {
    rd_kafka_queue_t **queues = calloc(k->n_groups + 1, sizeof(*queues));
    int64_t until = clock_mono_us() + (k->down ? 0 : CLOSE_US);
    for (size_t i = 0; i < k->n_groups && k->groups[i].rk != NULL; i++) {
        leave_parts(&k->groups[i]);
        list_runners(k);
        queues[i] = rd_kafka_queue_new(k->groups[i].rk);
        rd_kafka_error_t *error = rd_kafka_consumer_close_queue(k->groups[i].rk, queues[i]);
        if (error != NULL)
            rd_kafka_error_destroy(error);
    }
    for (size_t i = 0; i < k->n_groups && k->groups[i].rk != NULL; i++) {
        while (!rd_kafka_consumer_closed(k->groups[i].rk) && clock_mono_us() < until)
            rd_kafka_queue_poll_callback(queues[i], 10);
        rd_kafka_queue_destroy(queues[i]);
        rd_kafka_destroy_flags(k->groups[i].rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
        free(k->groups[i].parts);
    }
    free(queues);
}

/* ---- The engine */

static bool round_of(struct bus *b, struct ctx *ctx, bool *ret_worked) {
    struct kafka *k = b->self;
    bool more;
    k->ctx = ctx;
    b->noted_us = clock_mono_us();
    more = kafka_relay_round(k->relay, ctx);
    fail_clear(ctx);
    if (!k->subscribed)
        subscribe_all(k, ctx);
    for (size_t i = 0; i < k->n_groups && !b->stop(); i++)
        more |= group_round(&k->groups[i], ctx, ret_worked);
    kafka_watch_round(k->watch, ctx);
    fail_clear(ctx);
    bus_save_all(b, ctx);
    for (size_t i = 0; i < k->n_groups; i++)
        if (clock_mono_us() >= k->groups[i].commit_us)
            commit(&k->groups[i]);
    return more;
}

static bool open_all(struct bus *b) {
    char words[300];
    struct kafka *k = calloc(1, sizeof(*k));
    if (k == NULL)
        return false;
    b->self = k;
    k->b = b;
    b->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    k->groups = calloc(b->n_consumers, sizeof(*k->groups));
    if (b->wake_fd < 0 || k->groups == NULL)
        return false;
    if (!kafka_address_read(b->env->config->bus, &k->at, words, sizeof words)) {
        log_error(NULL, "bus cannot be used", "why=%s", words);
        return false;
    }
    if ((k->relay = kafka_relay_open(k)) == NULL)
        return false;
    for (; k->n_groups < b->n_consumers; k->n_groups++) {
        struct kafka_group *g = &k->groups[k->n_groups];
        g->k = k;
        bus_runner_init(&g->due, b->consumers[k->n_groups], b->consumers[k->n_groups]->name);
        if (!open_group(g))
            return false;
    }
    return (k->watch = kafka_watch_open(k)) != NULL && list_runners(k);
}

static void close_all(struct bus *b, struct ctx *ctx) {
    struct kafka *k = b->self;
    k->ctx = ctx;
    kafka_watch_close(k->watch);
    close_groups(k);
    kafka_relay_close(k->relay, ctx);
    for (size_t i = 0; i < k->n_groups; i++)
        bus_release(b, ctx, &k->groups[i].due);
    close(b->wake_fd);
    free(b->runners);
    free(k->groups);
    free(k);
}

const struct bus_engine bus_kafka = {
    .scheme = "kafka://",
    .tls_scheme = "kafkas://",
    .relayed = true,
    .open = open_all,
    .round = round_of,
    .close = close_all,
    .lag = &Q_EVENTS_LAG_PUBLISHED,
    .ping = kafka_ping,
    .rewind = kafka_rewind,
    .problem = kafka_problem,
};
