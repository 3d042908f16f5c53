/* The relay: one process, which a lock in the database chooses, publishes the outbox in the order of commits.
 * A batch at a time: its place is noted once every event of it has been acknowledged by all replicas. Whoever
 * is killed in between leaves events that are published again, in the same order; consumers skip them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/config.h"
#include "fcgi/drivers/bus_kafka.h"
#include "fcgi/drivers/pg.h"
#include "fcgi/log.h"
#include "gen/queries.h"

#define SOON_US INT64_C(50000)
#define SOON_MS 2
#define CLOSE_US INT64_C(2000000) /* for what is on its way at the end */

static const char *const no_topics[] = {NULL};
static const struct consumer relay = {.name = BUS_RELAY, .topics = no_topics};

/* A topic as this process publishes to it. Its number of partitions stays what it was at the first event, so
 * that each key stays in its partition; a restart sees more. */
struct topic {
    char *name; /* as here */
    rd_kafka_topic_t *rkt;
    int n;
    int64_t *next; /* of each partition: the offset after the last event of the batch; -1: none of it */
};

struct kafka_relay {
    struct kafka *k;
    struct runner r;
    rd_kafka_t *producer;
    struct arena *arena; /* of the batch on its way */
    struct place from, end;
    unsigned epoch;    /* the session that it was read in */
    bool on_way, more; /* more: the outbox has events behind it */
    int64_t sent_us;
    size_t n_sent, n_arrived, n_failed;
    rd_kafka_resp_err_t err;
    struct topic **topics;
    size_t n_topics;
};

/* What a delivery report comes back with. */
struct sent {
    struct kafka_relay *l;
    struct topic *topic;
};

struct runner *kafka_relay_runner(struct kafka_relay *l) {
    return &l->r;
}
rd_kafka_t *kafka_relay_client(struct kafka_relay *l) { return l->producer; }

/* ---- The producer */

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque) {
    const struct sent *sent = m->_private;
    struct kafka_relay *l = sent->l;
    struct topic *t = sent->topic;
    (void)rk;
    (void)opaque;
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        l->n_failed++;
        l->err = m->err;
        return;
    }
    l->n_arrived++;
    if (m->partition < t->n && m->offset >= t->next[m->partition])
        t->next[m->partition] = m->offset + 1;
}

/* Nothing is given up by itself (message.timeout.ms): the batch waits until the brokers are back. A gap would
 * be an error that ends this producer. */
static bool open_producer(struct kafka_relay *l) {
    struct kafka *k = l->k;
    char words[300];
    rd_kafka_conf_t *conf = kafka_conf(k->b->env->config, &k->at, words, sizeof words);
    uint64_t one = 1;
    if (conf == NULL)
        return false;
    kafka_option(conf, "enable.idempotence", "true");
    kafka_option(conf, "enable.gapless.guarantee", "true");
    kafka_option(conf, "acks", "all");
    kafka_option(conf, "message.timeout.ms", "0");
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    l->producer = kafka_client(k, RD_KAFKA_PRODUCER, conf);
    if (l->producer == NULL)
        return false;
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(l->producer);
    rd_kafka_queue_io_event_enable(queue, k->b->wake_fd, &one, sizeof one);
    rd_kafka_queue_destroy(queue);
    return true;
}

static void close_producer(struct kafka_relay *l) {
    for (size_t i = 0; i < l->n_topics; i++) {
        rd_kafka_topic_destroy(l->topics[i]->rkt);
        free(l->topics[i]->next);
        free(l->topics[i]->name);
        free(l->topics[i]);
    }
    l->n_topics = 0;
    if (l->producer == NULL)
        return;
    rd_kafka_purge(l->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_destroy(l->producer);
    l->producer = NULL;
    l->on_way = false;
}

/* ---- Topics */

static int partitions_of(struct kafka_relay *l, rd_kafka_topic_t *rkt) {
    const struct rd_kafka_metadata *one;
    int n = 0;
    if (rd_kafka_metadata(l->producer, 0, rkt, &one, kafka_timeout_ms(l->k)) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    if (one->topic_cnt == 1 && one->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR)
        n = one->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(one);
    return n;
}

static void forget_offsets(struct topic *t) {
    for (int i = 0; i < t->n; i++)
        t->next[i] = -1;
}

static struct topic *add_topic(struct kafka_relay *l, const char *name, const char *there) {
    struct topic *t = calloc(1, sizeof(*t)),
                 **more = realloc(l->topics, (l->n_topics + 1) * sizeof(struct topic *));
    if (more != NULL)
        l->topics = more;
    if (t == NULL || more == NULL) {
        free(t);
        return NULL;
    }
    t->name = strdup(name);
    t->rkt = rd_kafka_topic_new(l->producer, there, NULL);
    t->n = t->rkt != NULL ? partitions_of(l, t->rkt) : 0;
    t->next = calloc((size_t)t->n + 1, sizeof(*t->next));
    if (t->n > 0 && t->next != NULL && t->name != NULL) {
        forget_offsets(t);
        return l->topics[l->n_topics++] = t;
    }
    if (t->rkt != NULL)
        rd_kafka_topic_destroy(t->rkt);
    free(t->next);
    free(t->name);
    free(t);
    return NULL;
}

/* The topic, made if need be; NULL: the brokers are down. */
static struct topic *topic_of(struct kafka_relay *l, const char *name) {
    for (size_t i = 0; i < l->n_topics; i++)
        if (strcmp(l->topics[i]->name, name) == 0)
            return l->topics[i];
    const char *there = kafka_topic_there(&l->k->at, l->arena, name);
    return kafka_make_topics(l->k, l->producer, &there, 1) ? add_topic(l, name, there) : NULL;
}

/* As events.partition_of() does. */
static int partition_of(int64_t key, int n) { return (int)((((key >> 22) ^ key) & INT64_MAX) % n); }

/* ---- A batch */

static bool send_event(struct kafka_relay *l, const struct event *e, struct place at) {
    struct topic *t = topic_of(l, e->topic);
    struct sent *sent = arena_one(l->arena, struct sent);
    const char *key = arena_printf(l->arena, "%" PRId64, e->key);
    rd_kafka_headers_t *headers = kafka_headers(l->arena, e, at, l->k->b->env->config->base_url);
    *sent = (struct sent){l, t};
    rd_kafka_resp_err_t err = rd_kafka_producev(
        l->producer, RD_KAFKA_V_RKT(t->rkt), RD_KAFKA_V_PARTITION(partition_of(e->key, t->n)),
        RD_KAFKA_V_KEY(key, strlen(key)), RD_KAFKA_V_VALUE((void *)(uintptr_t)e->body, e->n),
        RD_KAFKA_V_TIMESTAMP(e->time_ms), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(sent),
        RD_KAFKA_V_END);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        l->n_sent++;
        return true;
    }
    rd_kafka_headers_destroy(headers);
    l->err = err;
    return false;
}

/* Sends what is new behind the relay's place. */
static void send_next(struct kafka_relay *l, struct ctx *ctx) {
    const struct place any = {INT64_MAX, INT64_MAX, -1};
    struct news news;
    arena_reset(l->arena);
    struct ctx own = {.arena = l->arena, .env = ctx->env, .request_id = "relay", .ip = "", .user_agent = ""};
    if (!bus_read_news(l->k->b, &own, l->r.at, any, NULL, 0, BUS_TOGETHER, &news))
        return;
    if (news.all.n == 0) {
        l->r.at = news.end;
        return;
    }
    for (size_t i = 0; i < news.all.n; i++)
        if (topic_of(l, news.all.events[i].topic) == NULL) {
            bus_rest(&l->r, "Kafka has not got the topic");
            return;
        }
    if (!bus_same_session(l->k->b, &own) || pg_run(&own, l->k->b->db, &Q_EVENTS_ON_DISK, NULL) != OK)
        return;
    l->epoch = l->k->b->epoch;
    l->from = l->r.at;
    l->end = news.end;
    l->more = news.more;
    l->sent_us = clock_mono_us();
    l->n_sent = l->n_arrived = l->n_failed = 0;
    l->on_way = true;
    for (size_t i = 0; i < news.all.n; i++)
        if (!send_event(l, &news.all.events[i], news.all.places[i])) {
            l->n_sent++; /* one that has failed, and those behind it with it */
            l->n_failed++;
            break;
        }
}

/* Some did not arrive, for good: all of it is sent again by a new producer, after a pause. */
static void give_up(struct kafka_relay *l) {
    log_error(NULL, "events were not published; trying again", "failed=%zu of=%zu why=%s", l->n_failed,
              l->n_sent, rd_kafka_err2str(l->err));
    bus_rest(&l->r, rd_kafka_err2str(l->err));
    close_producer(l);
    open_producer(l);
}

/* The rows that note_arrival() writes; what stands in the topics is forgotten. */
static size_t take_offsets(struct kafka_relay *l, struct arena *a, const char ***ret_names,
                           int64_t **ret_numbers) {
    size_t max = 0, n = 0;
    for (size_t i = 0; i < l->n_topics; i++)
        max += (size_t)l->topics[i]->n;
    *ret_names = arena_many(a, const char *, max);
    *ret_numbers = arena_many(a, int64_t, 3 * max);
    for (size_t i = 0; i < l->n_topics; i++)
        for (int p = 0; p < l->topics[i]->n; p++)
            if (l->topics[i]->next[p] >= 0) {
                (*ret_names)[n] = l->topics[i]->name;
                (*ret_numbers)[n] = p;
                (*ret_numbers)[max + n] = l->topics[i]->n;
                (*ret_numbers)[2 * max + n++] = l->topics[i]->next[p];
            }
    if (n < max) { /* the three lists lie behind each other */
        memmove(*ret_numbers + n, *ret_numbers + max, n * sizeof(int64_t));
        memmove(*ret_numbers + 2 * n, *ret_numbers + 2 * max, n * sizeof(int64_t));
    }
    return n;
}

/* All has arrived: the relay's place moves. When the database is down the batch stays as it is. */
static void note_arrival(struct kafka_relay *l, struct ctx *ctx) {
    const char **names;
    int64_t *numbers;
    PGresult *rows;
    if (!bus_same_session(l->k->b, ctx))
        return;
    size_t n = take_offsets(l, ctx->arena, &names, &numbers);
    if (pg_run(ctx, l->k->b->db, &Q_EVENTS_PUBLISHED, &rows, pg_i8(l->r.saved.xid), pg_i8(l->r.saved.id),
               pg_i8(l->end.xid), pg_i8(l->end.id), pg_texts(names, n), pg_ids(numbers, n),
               pg_ids(numbers + n, n), pg_ids(numbers + 2 * n, n)) != OK) {
        bus_log_failure(ctx, &l->r, "what was published is not noted");
        return;
    }
    l->on_way = false;
    for (size_t i = 0; i < l->n_topics; i++)
        forget_offsets(l->topics[i]);
    if (PQntuples(rows) == 0) {
        log_warn(ctx, "a consumer was moved by somebody else", "consumer=%s", l->r.name);
        l->r.mine = false;
    } else {
        bus_move(&l->r, l->end);
        l->r.saved = l->r.at;
        l->r.saved_us = clock_mono_us();
        kafka_is_up(l->k);
    }
}

/* Whether this process is the relay still, in the session in which it read the batch. */
static bool is_ours(const struct kafka_relay *l) {
    return l->r.mine && l->epoch == l->k->b->epoch && bus_place_cmp(l->r.at, l->from) == 0;
}

static void settle(struct kafka_relay *l, struct ctx *ctx) {
    if (l->n_failed > 0)
        give_up(l);
    else if (is_ours(l))
        note_arrival(l, ctx);
    else
        l->on_way = false; /* whoever is the relay now publishes it again */
}

/* Whether the answer to a batch with more behind it is about to come: worth waiting for. */
static bool is_soon(const struct kafka_relay *l) {
    return l->on_way && l->more && clock_mono_us() - l->sent_us < SOON_US;
}

bool kafka_relay_round(struct kafka_relay *l, struct ctx *ctx) {
    if (l->producer == NULL && (bus_rests(&l->r) || !open_producer(l)))
        return false;
    rd_kafka_poll(l->producer, is_soon(l) ? SOON_MS : 0);
    l->r.worked = false;
    bool mine = bus_take(l->k->b, ctx, &l->r);
    l->r.careful = 0; /* nothing here depends on what an event says */
    if (l->on_way && l->n_arrived + l->n_failed == l->n_sent)
        settle(l, ctx);
    if (mine && l->r.mine && !l->on_way && l->producer != NULL && !bus_rests(&l->r))
        send_next(l, ctx);
    return is_soon(l);
}

struct kafka_relay *kafka_relay_open(struct kafka *k) {
    struct kafka_relay *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return NULL;
    l->k = k;
    l->arena = arena_new(BUS_ARENA_MAX);
    bus_runner_init(&l->r, &relay, BUS_RELAY);
    if (open_producer(l))
        return l;
    arena_free(l->arena);
    free(l);
    return NULL;
}

void kafka_relay_close(struct kafka_relay *l, struct ctx *ctx) {
    int64_t until = clock_mono_us() + CLOSE_US;
    while (l->on_way && !l->k->down && l->n_arrived + l->n_failed < l->n_sent && clock_mono_us() < until)
        rd_kafka_poll(l->producer, 20);
    if (l->on_way && l->n_arrived == l->n_sent)
        settle(l, ctx);
    bus_release(l->k->b, ctx, &l->r);
    close_producer(l);
    free(l->topics);
    arena_free(l->arena);
    free(l);
}
