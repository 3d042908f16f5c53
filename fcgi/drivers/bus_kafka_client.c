#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/buf.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/drivers/bus_kafka.h"
#include "fcgi/drivers/pg.h"
#include "fcgi/log.h"
#include "gen/queries.h"

#define SCHEME "kafka://"
#define DAY_MS INT64_C(86400000)
#define SAY_US INT64_C(10000000) /* an error that goes on is said so often */
#define SLICE_MS 50
#define DOWN_MS 1000    /* brokers that are down are not waited for as long as others */
#define BEFORE_MS 60000 /* messages' times are not quite in their order: so much earlier is looked */

/* ---- The address */

static bool is_broker(const char *s, size_t n) {
    const char *colon = memrchr(s, ':', n);
    char port[8];
    int64_t number;
    size_t n_port = colon != NULL ? n - (size_t)(colon - s) - 1 : 0;
    if (colon == NULL || colon == s || n_port == 0 || n_port >= sizeof port)
        return false;
    memcpy(port, colon + 1, n_port);
    port[n_port] = '\0';
    return text_parse_int(port, 1, 65535, &number);
}

/* As Kafka has them; each name of ours has to fit behind. */
static bool is_prefix(const char *s) {
    return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == strlen(s);
}

bool kafka_address_read(const char *setting, struct kafka_address *ret, char *words, size_t n) {
    const char *s = setting + strlen(SCHEME), *slash = strchr(s, '/');
    size_t n_brokers = slash != NULL ? (size_t)(slash - s) : strlen(s);
    *ret = (struct kafka_address){{0}, {0}};
    if (n_brokers >= sizeof ret->brokers || (slash != NULL && strlen(slash + 1) >= sizeof ret->prefix)) {
        snprintf(words, n, "it is too long");
        return false;
    }
    memcpy(ret->brokers, s, n_brokers);
    if (slash != NULL)
        memcpy(ret->prefix, slash + 1, strlen(slash + 1));
    for (const char *p = ret->brokers; p != NULL; p = strchr(p, ',') != NULL ? strchr(p, ',') + 1 : NULL)
        if (!is_broker(p, strcspn(p, ","))) {
            snprintf(words, n, "it must be kafka://host:port,host:port or that with /prefix");
            return false;
        }
    if (!is_prefix(ret->prefix)) {
        snprintf(words, n, "what stands after the slash must be letters, digits, or signs of . _ -");
        return false;
    }
    return true;
}

const char *kafka_topic_there(const struct kafka_address *at, struct arena *a, const char *topic) {
    return at->prefix[0] != '\0' ? arena_printf(a, "%s.%s", at->prefix, topic) : topic;
}

const char *kafka_topic_here(const struct kafka_address *at, const char *topic) {
    size_t n = strlen(at->prefix);
    return n > 0 && strncmp(topic, at->prefix, n) == 0 && topic[n] == '.' ? topic + n + 1 : topic;
}

/* ---- Clients */

void kafka_option(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char words[300];
    if (rd_kafka_conf_set(conf, name, value, words, sizeof words) != RD_KAFKA_CONF_OK)
        log_error(NULL, "librdkafka does not take an option of ours", "option=%s why=%s", name, words);
}

/* `name=value` words, which go before ours. */
static bool add_options(rd_kafka_conf_t *conf, const char *options, char *words, size_t n) {
    char *all = strdup(options), *rest = all;
    bool good = all != NULL;
    for (char *word; good && (word = strsep(&rest, " \t")) != NULL;) {
        char *equals = strchr(word, '=');
        if (*word == '\0')
            continue;
        if (equals == NULL) {
            snprintf(words, n, "bus_options: \"%.40s\" is not name=value", word);
            good = false;
            break;
        }
        *equals = '\0';
        good = rd_kafka_conf_set(conf, word, equals + 1, words, n) == RD_KAFKA_CONF_OK;
    }
    free(all);
    return good;
}

rd_kafka_conf_t *kafka_conf(const struct config *c, const struct kafka_address *at, char *words, size_t n) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    kafka_option(conf, "bootstrap.servers", at->brokers);
    kafka_option(conf, "client.id", "deeplink");
    kafka_option(conf, "log.queue", "true"); /* callbacks come from our own thread */
    kafka_option(conf, "reconnect.backoff.max.ms", "2000");
    kafka_option(conf, "socket.keepalive.enable", "true");
    kafka_option(conf, "topic.metadata.refresh.interval.ms", "10000");
    kafka_option(conf, "session.timeout.ms", "10000"); /* a consumer that was killed is missed after that */
    kafka_option(conf, "queued.max.messages.kbytes", "4096");
    kafka_option(conf, "linger.ms", "1");
    if (c->bus_options != NULL && !add_options(conf, c->bus_options, words, n)) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    return conf;
}

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

const char *kafka_problem(const struct config *config, char *words, size_t n) {
    struct kafka_address at;
    if (!kafka_address_read(config->bus, &at, words, n))
        return words;
    rd_kafka_conf_t *conf = kafka_conf(config, &at, words, n);
    if (conf == NULL)
        return words;
    rd_kafka_conf_destroy(conf);
    return NULL;
}

/* ---- Topics */

static rd_kafka_NewTopic_t *new_topic(struct kafka *k, const char *name) {
    const struct config *c = k->b->env->config;
    char words[300], retention[32];
    rd_kafka_NewTopic_t *t =
        rd_kafka_NewTopic_new(name, c->bus_partitions > 0 ? c->bus_partitions : 12,
                              c->bus_replicas > 0 ? c->bus_replicas : -1, words, sizeof words);
    if (t == NULL) {
        log_error(NULL, "a topic has no good name", "topic=%s why=%s", name, words);
        return NULL;
    }
    snprintf(retention, sizeof retention, "%lld", (long long)(c->bus_retention_days * DAY_MS));
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

bool kafka_make_topics(struct kafka *k, rd_kafka_t *rk, const char *const *names, size_t n) {
    int timeout_ms = kafka_timeout_ms(k);
    rd_kafka_NewTopic_t **topics = calloc(n + 1, sizeof(*topics));
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    size_t m = 0;
    for (size_t i = 0; topics != NULL && i < n; i++)
        if ((topics[m] = new_topic(k, names[i])) != NULL)
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
    if (made)
        kafka_is_up(k);
    return made && m == n;
}

/* ---- Questions from outside of the process that works */

/* A client that only asks. The caller destroys it. */
static enum code asking(struct ctx *ctx, struct kafka_address *ret_at, rd_kafka_t **ret) {
    char words[300] = "";
    rd_kafka_conf_t *conf = NULL;
    if (kafka_address_read(ctx->env->config->bus, ret_at, words, sizeof words))
        conf = kafka_conf(ctx->env->config, ret_at, words, sizeof words);
    *ret = conf != NULL ? rd_kafka_new(RD_KAFKA_PRODUCER, conf, words, sizeof words) : NULL;
    if (*ret != NULL)
        return OK;
    if (conf != NULL)
        rd_kafka_conf_destroy(conf);
    return fail_detail(ctx, INTERNAL, "The bus cannot be used.", "%s", words);
}

static enum code no_answer(struct ctx *ctx, const struct kafka_address *at, rd_kafka_resp_err_t err) {
    return fail_detail(ctx, UNAVAILABLE, "Kafka does not answer.", "%s: %s", at->brokers,
                       rd_kafka_err2str(err));
}

enum code kafka_ping(struct ctx *ctx, struct buf *words) {
    struct kafka_address at;
    const struct rd_kafka_metadata *all;
    rd_kafka_t *rk;
    enum code code = asking(ctx, &at, &rk);
    if (code != OK)
        return code;
    rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 1, NULL, &all, ctx->env->config->server_timeout_ms);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        buf_printf(words, "Kafka, %d broker%s, %d topics", all->broker_cnt, all->broker_cnt == 1 ? "" : "s",
                   all->topic_cnt);
        rd_kafka_metadata_destroy(all);
    } else {
        code = no_answer(ctx, &at, err);
    }
    rd_kafka_destroy(rk);
    return code;
}

/* The offsets of a moment, into `list`, whose partitions are named as the brokers do. -1: nothing since. */
static enum code offsets_at(struct ctx *ctx, rd_kafka_topic_partition_list_t *list, int64_t time_ms) {
    struct kafka_address at;
    rd_kafka_t *rk;
    enum code code = asking(ctx, &at, &rk);
    if (code != OK)
        return code;
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = time_ms > BEFORE_MS ? time_ms - BEFORE_MS : 0;
    rd_kafka_resp_err_t err = rd_kafka_offsets_for_times(rk, list, ctx->env->config->server_timeout_ms);
    for (int i = 0; i < list->cnt && err == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
        err = list->elems[i].err;
    rd_kafka_destroy(rk);
    return err == RD_KAFKA_RESP_ERR_NO_ERROR ? OK : no_answer(ctx, &at, err);
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
