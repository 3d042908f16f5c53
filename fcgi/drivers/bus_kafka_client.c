#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fcgi/app.h"
#include "fcgi/base/buf.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/drivers/bus_kafka.h"
#include "fcgi/drivers/pg.h"
#include "fcgi/log.h"
#include "gen/queries.h"

#define DAY_MS INT64_C(86400000)
#define SAY_US INT64_C(10000000) /* an error that goes on is said so often */
#define SLICE_MS 50
#define SEEN_TRIES 20
#define COPIES 3        /* of a topic, where there are that many brokers */
#define DOWN_MS 1000    /* brokers that are down are not waited for as long as others */
#define BEFORE_MS 60000 /* messages' times are not quite in their order: so much earlier is looked */

/* ---- Clients */

/* librdkafka's own log: what it cannot do is told by its errors too. */
static void on_log(const rd_kafka_t *rk, int level, const char *fac, const char *text) {
    bool told = strcmp(fac, "FAIL") == 0 || strcmp(fac, "ERROR") == 0 || strcmp(fac, "CONFWARN") == 0 ||
                strcmp(fac, "GETPID") == 0; /* tried again */
    (void)rk;
    if (level <= 4 && !told) /* syslog's warning */
        log_warn(NULL, "from librdkafka", "fac=%s text=%s", fac, text);
    else
        log_debug(NULL, "from librdkafka", "fac=%s text=%s", fac, text);
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque) {
    struct kafka *k = opaque;
    (void)rk;
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        if (!k->down)
            log_warn(NULL, "Kafka does not answer: events wait in the outbox", "brokers=%s", k->at.brokers);
        k->down = true;
    } else if (err != RD_KAFKA_RESP_ERR__TRANSPORT && clock_mono_us() - k->said_us > SAY_US) {
        log_warn(NULL, "Kafka", "error=%s why=%s", rd_kafka_err2name((rd_kafka_resp_err_t)err), reason);
        k->said_us = clock_mono_us();
    }
}

void kafka_is_up(struct kafka *k) {
    if (k->down)
        log_info(NULL, "Kafka answers again", "brokers=%s", k->at.brokers);
    k->down = false;
}

rd_kafka_t *kafka_client(struct kafka *k, rd_kafka_type_t type, rd_kafka_conf_t *conf) {
    char words[300];
    rd_kafka_conf_set_opaque(conf, k);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_t *rk = rd_kafka_new(type, conf, words, sizeof words);
    if (rk == NULL) {
        log_error(NULL, "there is no Kafka client", "why=%s", words);
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    rd_kafka_set_log_queue(rk, NULL);
    return rk;
}

/* ---- Topics */

const char *kafka_topic_there(const struct kafka_address *at, struct arena *a, const char *topic) {
    return at->prefix[0] != '\0' ? arena_printf(a, "%s.%s", at->prefix, topic) : topic;
}

const char *kafka_topic_here(const struct kafka_address *at, const char *topic) {
    size_t n = strlen(at->prefix);
    return n > 0 && strncmp(topic, at->prefix, n) == 0 && topic[n] == '.' ? topic + n + 1 : topic;
}

static int copies_on(const struct config *c, int brokers) {
    return c->bus_replicas > 0 ? c->bus_replicas : brokers < COPIES ? brokers : COPIES;
}

/* Of three copies and more, most must have an event before it counts as published; of two, the second may be
 * away, else each broker that is down would hold all up. */
static int copies_in_step(int copies) { return copies > 2 ? copies / 2 + 1 : 1; }

static rd_kafka_NewTopic_t *new_topic(const struct config *c, const char *name, int copies) {
    char words[300], retention[32], in_step[16];
    rd_kafka_NewTopic_t *t = rd_kafka_NewTopic_new(name, c->bus_partitions > 0 ? c->bus_partitions : 12,
                                                   copies, words, sizeof words);
    if (t == NULL) {
        log_error(NULL, "a topic has no good name", "topic=%s why=%s", name, words);
        return NULL;
    }
    snprintf(retention, sizeof retention, "%lld", (long long)(c->bus_retention_days * DAY_MS));
    snprintf(in_step, sizeof in_step, "%d", copies_in_step(copies));
    rd_kafka_NewTopic_set_config(t, "min.insync.replicas", in_step);
    rd_kafka_NewTopic_set_config(t, "cleanup.policy", "delete");
    if (c->bus_retention_days > 0)
        rd_kafka_NewTopic_set_config(t, "retention.ms", retention);
    return t;
}

/* Who may not make topics is told so also for those that are there: whether they are is seen by their use. */
static bool is_made(const rd_kafka_topic_result_t *topic) {
    const char *name = rd_kafka_topic_result_name(topic);
    rd_kafka_resp_err_t err = rd_kafka_topic_result_error(topic);
    switch (err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        log_info(NULL, "topic made", "topic=%s", name);
        return true;
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
        return true;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        log_info(NULL, "topics cannot be made by us; those that are there will do", "topic=%s", name);
        return true;
    default:
        log_error(NULL, "a topic was not made", "topic=%s why=%s", name, rd_kafka_err2str(err));
        return false;
    }
}

static bool are_made(rd_kafka_event_t *answer) {
    size_t n;
    bool all = true;
    const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(answer);
    if (rd_kafka_event_error(answer) != RD_KAFKA_RESP_ERR_NO_ERROR || result == NULL) {
        log_warn(NULL, "topics were not made", "why=%s", rd_kafka_event_error_string(answer));
        return false;
    }
    const rd_kafka_topic_result_t **topics = rd_kafka_CreateTopics_result_topics(result, &n);
    for (size_t i = 0; i < n; i++)
        all = is_made(topics[i]) && all;
    return all;
}

/* The answer, unless the process is told to end before. */
static rd_kafka_event_t *wait_for(struct kafka *k, rd_kafka_queue_t *queue, int timeout_ms) {
    rd_kafka_event_t *answer = NULL;
    for (int ms = 0; answer == NULL && ms < timeout_ms && !k->b->stop(); ms += SLICE_MS)
        answer = rd_kafka_queue_poll(queue, SLICE_MS);
    return answer;
}

int kafka_timeout_ms(const struct kafka *k) {
    return k->down ? DOWN_MS : k->b->env->config->server_timeout_ms;
}

int kafka_partitions(const struct rd_kafka_metadata *all, const char *there) {
    for (int i = 0; i < all->topic_cnt; i++)
        if (strcmp(all->topics[i].topic, there) == 0)
            return all->topics[i].err == RD_KAFKA_RESP_ERR_NO_ERROR ? all->topics[i].partition_cnt : 0;
    return 0;
}

/* A topic that was just made is not at once known to whoever asks. */
static bool are_seen(struct kafka *k, rd_kafka_t *rk, const char *const *names, size_t n) {
    const struct rd_kafka_metadata *all;
    bool seen = true;
    if (rd_kafka_metadata(rk, 1, NULL, &all, kafka_timeout_ms(k)) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    for (size_t i = 0; i < n; i++)
        seen = seen && kafka_partitions(all, names[i]) > 0;
    rd_kafka_metadata_destroy(all);
    return seen;
}

static void wait_seen(struct kafka *k, rd_kafka_t *rk, const char *const *names, size_t n) {
    for (int i = 0; i < SEEN_TRIES && !k->b->stop() && !are_seen(k, rk, names, n); i++)
        nanosleep(&(struct timespec){0, SLICE_MS * 1000000L}, NULL);
}

/* How many brokers there are; 0: nobody answers, or the process is told to end. */
static int count_brokers(struct kafka *k, rd_kafka_t *rk, int timeout_ms) {
    const struct rd_kafka_metadata *all;
    int n = 0;
    for (int ms = 0; n == 0 && ms < timeout_ms && !k->b->stop(); ms += DOWN_MS)
        if (rd_kafka_metadata(rk, 0, NULL, &all, DOWN_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
            n = all->broker_cnt;
            rd_kafka_metadata_destroy(all);
        }
    return n;
}

bool kafka_make_topics(struct kafka *k, rd_kafka_t *rk, const char *const *names, size_t n) {
    int timeout_ms = kafka_timeout_ms(k), brokers = count_brokers(k, rk, timeout_ms);
    if (brokers == 0)
        return false;
    rd_kafka_NewTopic_t **topics = calloc(n + 1, sizeof(*topics));
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    size_t m = 0;
    for (size_t i = 0; topics != NULL && i < n; i++)
        if ((topics[m] = new_topic(k->b->env->config, names[i], copies_on(k->b->env->config, brokers))) !=
            NULL)
            m++;
    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, NULL, 0);
    rd_kafka_CreateTopics(rk, topics, m, options, queue);
    rd_kafka_event_t *answer = wait_for(k, queue, timeout_ms + DOWN_MS);
    bool made = answer != NULL && are_made(answer);
    if (answer != NULL)
        rd_kafka_event_destroy(answer);
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy_array(topics, m);
    free(topics);
    if (made) {
        kafka_is_up(k);
        wait_seen(k, rk, names, n);
    }
    return made && m == n;
}

/* ---- Questions from outside of the process that works */

/* Why brokers do not answer, as far as librdkafka knows. */
struct reason {
    const char *about; /* the settings that it is about; NULL: where the brokers are */
    char words[500];
};

/* A certificate of ours that is not taken is told as a connection that broke. */
static const char *settings_of(int err, const char *words) {
    if (err == RD_KAFKA_RESP_ERR__AUTHENTICATION)
        return "the brokers do not let us in by bus_sasl, bus_user and bus_password: ";
    if (err == RD_KAFKA_RESP_ERR__SSL || strstr(words, "SSL routines") != NULL)
        return "no TLS by bus_ca, bus_cert and bus_key: ";
    return NULL;
}

static void on_reason(rd_kafka_t *rk, int err, const char *words, void *opaque) {
    struct reason *why = opaque;
    (void)rk;
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || why->about != NULL)
        return;
    why->about = settings_of(err, words);
    snprintf(why->words, sizeof why->words, "%s", words);
}

/* A client that only asks. The caller destroys it; *why lives longer. */
static enum code asking(struct ctx *ctx, struct kafka_address *ret_at, struct reason *why, rd_kafka_t **ret) {
    char words[300] = "";
    rd_kafka_conf_t *conf = NULL;
    if (kafka_address_read(ctx->env->config->bus, ret_at, words, sizeof words))
        conf = kafka_conf(ctx->env->config, ret_at, words, sizeof words);
    *why = (struct reason){NULL, ""};
    if (conf != NULL) {
        rd_kafka_conf_set_opaque(conf, why);
        rd_kafka_conf_set_error_cb(conf, on_reason);
    }
    *ret = conf != NULL ? rd_kafka_new(RD_KAFKA_PRODUCER, conf, words, sizeof words) : NULL;
    if (*ret != NULL)
        return OK;
    if (conf != NULL)
        rd_kafka_conf_destroy(conf);
    return fail_detail(ctx, INTERNAL, "The bus cannot be used.", "%s", words);
}

/* Ends the client. */
static enum code no_answer(struct ctx *ctx, rd_kafka_t *rk, const struct kafka_address *at,
                           const struct reason *why, rd_kafka_resp_err_t err) {
    rd_kafka_poll(rk, 0);
    rd_kafka_destroy(rk);
    return fail_detail(ctx, UNAVAILABLE, "Kafka does not answer.", "%s: %s%s", at->brokers,
                       why->about != NULL ? why->about : "",
                       why->words[0] != '\0' ? why->words : rd_kafka_err2str(err));
}

/* Whether a topic is one of the app's. */
static bool is_read(const struct app *app, const char *topic) {
    for (const struct service *const *s = app != NULL ? app->services : NULL; s != NULL && *s != NULL; s++)
        for (const struct consumer *c = (*s)->consumers; c != NULL && c->name != NULL; c++)
            for (const char *const *t = c->topics; *t != NULL; t++)
                if (strcmp(*t, topic) == 0)
                    return true;
    return false;
}

/* How many copies there are of our topics, and how many of them are not up to date. */
static void describe_copies(const struct app *app, const struct kafka_address *at,
                            const struct rd_kafka_metadata *all, struct buf *words) {
    int fewest = 0, behind = 0;
    for (int i = 0; i < all->topic_cnt; i++) {
        const struct rd_kafka_metadata_topic *t = &all->topics[i];
        for (int p = 0; p < t->partition_cnt && is_read(app, kafka_topic_here(at, t->topic)); p++) {
            int n = t->partitions[p].replica_cnt;
            behind += n - t->partitions[p].isr_cnt;
            fewest = fewest == 0 || n < fewest ? n : fewest;
        }
    }
    if (fewest > 0)
        buf_printf(words, ", ours in %d cop%s", fewest, fewest == 1 ? "y" : "ies");
    if (behind > 0)
        buf_printf(words, ", of which %d of partitions are behind", behind);
}

enum code kafka_ping(struct ctx *ctx, struct buf *words) {
    const struct config *c = ctx->env->config;
    struct kafka_address at;
    struct reason why;
    const struct rd_kafka_metadata *all;
    rd_kafka_t *rk;
    enum code code = asking(ctx, &at, &why, &rk);
    if (code != OK)
        return code;
    rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 1, NULL, &all, c->server_timeout_ms);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return no_answer(ctx, rk, &at, &why, err);
    buf_printf(words, "Kafka, %d broker%s, %d topics", all->broker_cnt, all->broker_cnt == 1 ? "" : "s",
               all->topic_cnt);
    describe_copies(ctx->env->app, &at, all, words);
    if (at.tls)
        buf_puts(words, ", by TLS");
    if (kafka_logs_in(c))
        buf_printf(words, ", as %s", c->bus_user);
    rd_kafka_metadata_destroy(all);
    rd_kafka_destroy(rk);
    return OK;
}

/* The offsets of a moment, into `list`, whose partitions are named as the brokers do. -1: nothing since. */
static enum code offsets_at(struct ctx *ctx, rd_kafka_topic_partition_list_t *list, int64_t time_ms) {
    struct kafka_address at;
    struct reason why;
    rd_kafka_t *rk;
    enum code code = asking(ctx, &at, &why, &rk);
    if (code != OK)
        return code;
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = time_ms > BEFORE_MS ? time_ms - BEFORE_MS : 0;
    rd_kafka_resp_err_t err = rd_kafka_offsets_for_times(rk, list, ctx->env->config->server_timeout_ms);
    for (int i = 0; i < list->cnt && err == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
        err = list->elems[i].err;
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return no_answer(ctx, rk, &at, &why, err);
    rd_kafka_destroy(rk);
    return OK;
}

/* Where each partition of a consumer is to be read from; topics as here. *ret_n: how many rows of arrays. */
static enum code choose(struct ctx *ctx, const PGresult *rows, const struct bus_from *from,
                        const char **topics, int64_t *partitions, int64_t *offsets, size_t *ret_n) {
    struct kafka_address at;
    char words[300];
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(PQntuples(rows));
    enum code code = OK;
    size_t n = 0;
    if (!kafka_address_read(ctx->env->config->bus, &at, words, sizeof words))
        code = fail_detail(ctx, INTERNAL, "The bus cannot be used.", "%s", words);
    for (int i = 0; code == OK && i < PQntuples(rows); i++) {
        topics[n] = pg_get_str(rows, i, 0);
        partitions[n] = pg_get_int(rows, i, 1);
        offsets[n] = from->has_offset ? from->offset : from->time_ms != 0 ? pg_get_int(rows, i, 2) : 0;
        if (from->has_offset && (strcmp(topics[n], from->topic) != 0 || partitions[n] != from->partition))
            continue;
        rd_kafka_topic_partition_list_add(list, kafka_topic_there(&at, ctx->arena, topics[n]),
                                          (int32_t)partitions[n]);
        n++;
    }
    if (code == OK && n > 0 && !from->has_offset && from->time_ms != 0)
        code = offsets_at(ctx, list, from->time_ms);
    for (size_t i = 0; code == OK && i < n && !from->has_offset && from->time_ms != 0; i++)
        if (list->elems[i].offset >= 0)
            offsets[i] = list->elems[i].offset; /* else nothing since: it stays where it is */
    rd_kafka_topic_partition_list_destroy(list);
    *ret_n = n;
    return code;
}

enum code kafka_rewind(struct ctx *ctx, struct pg *db, const struct consumer *c, struct place to,
                       const struct bus_from *from, int64_t *ret_n) {
    PGresult *rows, *done;
    size_t n;
    enum code code = pg_run(ctx, db, &Q_EVENTS_PARTITIONS, &rows, pg_text(c->name));
    if (code != OK)
        return code;
    const char **topics = arena_many(ctx->arena, const char *, (size_t)PQntuples(rows));
    int64_t *partitions = arena_many(ctx->arena, int64_t, (size_t)PQntuples(rows)),
            *offsets = arena_many(ctx->arena, int64_t, (size_t)PQntuples(rows));
    if ((code = choose(ctx, rows, from, topics, partitions, offsets, &n)) != OK || n == 0)
        return code;
    code = pg_run(ctx, db, &Q_EVENTS_REWIND_PARTITIONS, &done, pg_text(c->name), pg_i8(to.xid), pg_i8(to.id),
                  pg_texts(topics, n), pg_ids(partitions, n), pg_ids(offsets, n));
    if (code == OK)
        *ret_n = PQntuples(done);
    return code;
}
