/* What the settings of the bus say to librdkafka. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/drivers/bus_kafka.h"
#include "fcgi/log.h"

#define NONE "none" /* as bus_sasl has it */

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
    const char *s = strstr(setting, "://") + 3, *slash = strchr(s, '/');
    size_t n_brokers = slash != NULL ? (size_t)(slash - s) : strlen(s);
    *ret = (struct kafka_address){.tls = text_starts(setting, bus_kafka.tls_scheme)};
    if (n_brokers >= sizeof ret->brokers || (slash != NULL && strlen(slash + 1) >= sizeof ret->prefix)) {
        snprintf(words, n, "it is too long");
        return false;
    }
    memcpy(ret->brokers, s, n_brokers);
    if (slash != NULL)
        memcpy(ret->prefix, slash + 1, strlen(slash + 1));
    for (const char *p = ret->brokers; p != NULL; p = strchr(p, ',') != NULL ? strchr(p, ',') + 1 : NULL)
        if (!is_broker(p, strcspn(p, ","))) {
            snprintf(words, n, "it must be kafka://host:port,host:port or kafkas://…, or that with /prefix");
            return false;
        }
    if (!is_prefix(ret->prefix)) {
        snprintf(words, n, "what stands after the slash must be letters, digits, or signs of . _ -");
        return false;
    }
    return true;
}

/* ---- TLS and log-in */

static bool is_set(const char *value) { return value != NULL && value[0] != '\0'; }

bool kafka_logs_in(const struct config *c) { return is_set(c->bus_sasl) && strcmp(c->bus_sasl, NONE) != 0; }

void kafka_option(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char words[300];
    if (rd_kafka_conf_set(conf, name, value, words, sizeof words) != RD_KAFKA_CONF_OK)
        log_error(NULL, "librdkafka does not take an option of ours", "option=%s why=%s", name, words);
}

static void option_if_set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    if (is_set(value))
        kafka_option(conf, name, value);
}

/* Which of the two there are: NULL is neither. */
static const char *protocol(const struct config *c, const struct kafka_address *at) {
    bool sasl = kafka_logs_in(c);
    return at->tls && sasl ? "sasl_ssl" : at->tls ? "ssl" : sasl ? "sasl_plaintext" : NULL;
}

static void add_security(rd_kafka_conf_t *conf, const struct config *c, const struct kafka_address *at) {
    option_if_set(conf, "security.protocol", protocol(c, at));
    if (at->tls) {
        kafka_option(conf, "ssl.endpoint.identification.algorithm", "https"); /* names are compared */
        option_if_set(conf, "ssl.ca.location", c->bus_ca);
        option_if_set(conf, "ssl.certificate.location", c->bus_cert);
        option_if_set(conf, "ssl.key.location", c->bus_key);
    }
    if (kafka_logs_in(c)) {
        kafka_option(conf, "sasl.mechanism", c->bus_sasl);
        option_if_set(conf, "sasl.username", c->bus_user);
        option_if_set(conf, "sasl.password", c->bus_password);
    }
}

/* ---- Further options */

/* The setting that says what an option of librdkafka does; NULL: none. */
static const char *setting_of(const char *option) {
    static const char *const said[][2] = {
        {"security.protocol", "bus and bus_sasl"},
        {"ssl.ca.location", "bus_ca"},
        {"ssl.certificate.location", "bus_cert"},
        {"ssl.key.location", "bus_key"},
        {"sasl.mechanism", "bus_sasl"},
        {"sasl.mechanisms", "bus_sasl"},
        {"sasl.username", "bus_user"},
        {"sasl.password", "bus_password"},
    };
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++)
        if (strcmp(said[i][0], option) == 0)
            return said[i][1];
    return NULL;
}

/* `name=value` words, which go before ours; but what the other settings say is said there alone. */
static bool add_options(rd_kafka_conf_t *conf, const char *options, bool secured, char *words, size_t n) {
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
        const char *setting = secured ? setting_of(word) : NULL;
        if (setting != NULL)
            snprintf(words, n, "bus_options: %s is said by %s: take it out", word, setting);
        good = setting == NULL && rd_kafka_conf_set(conf, word, equals + 1, words, n) == RD_KAFKA_CONF_OK;
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
    kafka_option(conf, "topic.metadata.refresh.interval.ms", "5000");
    kafka_option(conf, "session.timeout.ms", "10000"); /* a consumer that was killed is missed after that */
    kafka_option(conf, "queued.max.messages.kbytes", "4096");
    kafka_option(conf, "linger.ms", "1");
    add_security(conf, c, at);
    if (c->bus_options != NULL && !add_options(conf, c->bus_options, protocol(c, at) != NULL, words, n)) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    return conf;
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
