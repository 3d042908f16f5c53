/* Inside the bus on Kafka, by librdkafka. bus_kafka.c: the consumer groups; bus_kafka_watch.c: whether their
 * members leave partitions out; bus_kafka_relay.c: the relay; bus_kafka_settings.c: what librdkafka is told;
 * bus_kafka_client.c: clients, topics, questions to the brokers; bus_kafka_message.c: events as messages. */
#ifndef DEEPLINK_DRIVERS_BUS_KAFKA_H
#define DEEPLINK_DRIVERS_BUS_KAFKA_H

#include <librdkafka/rdkafka.h>

#include "fcgi/drivers/bus_run.h"

struct kafka_relay;
struct kafka_watch;
struct part;

/* What the setting `bus` says: kafka://host:port,host:port/prefix, or kafkas://… */
struct kafka_address {
    bool tls;
    char brokers[2000];
    char prefix[100]; /* of topics and groups; "": none */
};

/* A consumer's group, as this process takes part in it. */
struct kafka_group {
    struct kafka *k;
    struct runner due; /* who has this lock hands out what failed before */
    rd_kafka_t *rk;
    char id[300]; /* the group's, for the brokers */
    struct part **parts;
    size_t n;
    size_t share; /* of this round: how much each partition may add to a batch */
    int64_t commit_us;
    unsigned n_short; /* looks in a row that found partitions which no member reads */
};

struct kafka {
    struct bus *b;
    struct ctx *ctx; /* of the round at hand, for what librdkafka calls back */
    struct kafka_address at;
    struct kafka_group *groups;
    size_t n_groups;
    struct kafka_relay *relay;
    struct kafka_watch *watch;
    bool subscribed;
    bool down; /* said so */
    int64_t topics_us, said_us;
};

/* ---- bus_kafka.c */

/* Takes part in the group; one that does already leaves it first. */
void kafka_subscribe(struct kafka_group *g, struct ctx *ctx);

/* ---- bus_kafka_watch.c */

struct kafka_watch *kafka_watch_open(struct kafka *k);
/* Asks the brokers now and then who reads what, and has a group joined anew whose members leave partitions
 * out. Call it each round. */
void kafka_watch_round(struct kafka_watch *w, struct ctx *ctx);
/* Before the groups' clients are destroyed. NULL is fine. */
void kafka_watch_close(struct kafka_watch *w);

/* ---- bus_kafka_settings.c */

/* False, and why in words: the setting makes no sense. */
bool kafka_address_read(const char *setting, struct kafka_address *ret, char *words, size_t n);

/* What every client is told: brokers, TLS, who we are, the operator's own options. NULL, and why in words.
 * The caller owns it. */
rd_kafka_conf_t *kafka_conf(const struct config *c, const struct kafka_address *at, char *words, size_t n);

/* One option, which librdkafka knows. */
void kafka_option(rd_kafka_conf_t *conf, const char *name, const char *value);

/* Whether brokers are shown a name and a password. */
bool kafka_logs_in(const struct config *c);

/* For bus_engine: what is wrong with the settings. */
const char *kafka_problem(const struct config *config, char *words, size_t n);

/* ---- bus_kafka_client.c */

/* A client of the process that works: its errors are logged, k is what it calls back with. */
rd_kafka_t *kafka_client(struct kafka *k, rd_kafka_type_t type, rd_kafka_conf_t *conf);

/* Topics as the brokers know them, out of an arena; and back. */
const char *kafka_topic_there(const struct kafka_address *at, struct arena *a, const char *topic);
const char *kafka_topic_here(const struct kafka_address *at, const char *topic);

/* Makes topics that are not there yet. False, and logged, when the brokers do not let us or are down. */
bool kafka_make_topics(struct kafka *k, rd_kafka_t *rk, const char *const *names, size_t n);

/* Of a topic as the brokers know it; 0: they know none. */
int kafka_partitions(const struct rd_kafka_metadata *all, const char *there);

/* How long an answer is waited for. */
int kafka_timeout_ms(const struct kafka *k);

/* A broker has answered. */
void kafka_is_up(struct kafka *k);

/* For bus_engine. */
enum code kafka_ping(struct ctx *ctx, struct buf *words);
enum code kafka_rewind(struct ctx *ctx, struct pg *db, const struct consumer *c, struct place to,
                       const struct bus_from *from, int64_t *ret_n);

/* ---- bus_kafka_message.c: CloudEvents 1.0, binary mode of the Kafka protocol binding */

/* The headers of an event. The caller owns them. `source`: the site's address. */
rd_kafka_headers_t *kafka_headers(struct arena *a, const struct event *e, struct place at,
                                  const char *source);

/* The event of a message, in the arena but for its body, which lives as long as the message. False: it is
 * none of ours; then *ret has what is needed to set it aside. */
bool kafka_event(struct arena *a, const rd_kafka_message_t *m, const char *topic, struct event *ret,
                 struct place *ret_at);

/* ---- bus_kafka_relay.c */

struct kafka_relay *kafka_relay_open(struct kafka *k);
struct runner *kafka_relay_runner(struct kafka_relay *l);
rd_kafka_t *kafka_relay_client(struct kafka_relay *l);
/* Publishes what is new, and notes what has arrived. Returns whether to go on at once. The answers wake the
 * process. */
bool kafka_relay_round(struct kafka_relay *l, struct ctx *ctx);
void kafka_relay_close(struct kafka_relay *l, struct ctx *ctx);

#endif
