#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/text.h"
#include "fcgi/drivers/bus_kafka.h"

#define N_HEADERS 7

static void add(rd_kafka_headers_t *h, const char *name, const char *value) {
    rd_kafka_header_add(h, name, -1, value, -1);
}

/* `sequence` is CloudEvents' extension for the order of events: text that sorts as they do. */
rd_kafka_headers_t *kafka_headers(struct arena *a, const struct event *e, struct place at,
                                  const char *source) {
    rd_kafka_headers_t *h = rd_kafka_headers_new(N_HEADERS);
    char time[CLOCK_ISO_MAX];
    clock_iso_write(e->time_ms, time);
    add(h, "ce_specversion", "1.0");
    add(h, "ce_id", arena_printf(a, "%" PRId64, e->id));
    add(h, "ce_source", source);
    add(h, "ce_type", e->type);
    add(h, "ce_time", time);
    add(h, "ce_sequence", arena_printf(a, "%016" PRIx64 "%016" PRIx64, (uint64_t)at.xid, (uint64_t)at.id));
    add(h, "content-type", "application/protobuf");
    return h;
}

static const char *header(struct arena *a, const rd_kafka_headers_t *h, const char *name) {
    const void *p;
    size_t n;
    return h != NULL && rd_kafka_header_get_last(h, name, &p, &n) == RD_KAFKA_RESP_ERR_NO_ERROR && p != NULL
               ? arena_strndup(a, p, n)
               : NULL;
}

static bool read_hex(const char *s, int64_t *ret) {
    uint64_t v = 0;
    for (int i = 0; i < 16; i++) {
        const char *digits = "0123456789abcdef", *at = s[i] != '\0' ? strchr(digits, s[i]) : NULL;
        if (at == NULL)
            return false;
        v = v << 4 | (uint64_t)(at - digits);
    }
    *ret = (int64_t)v;
    return true;
}

/* A number for what has none: negative, and the same each time it is read. */
static int64_t number_of(const char *topic, int partition, int64_t offset) {
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    for (const char *p = topic; *p != '\0'; p++)
        hash = (hash ^ (unsigned char)*p) * UINT64_C(1099511628211);
    hash = (hash ^ (uint64_t)partition) * UINT64_C(1099511628211);
    hash = (hash ^ (uint64_t)offset) * UINT64_C(1099511628211);
    return -(int64_t)(hash >> 1) - 1;
}

bool kafka_event(struct arena *a, const rd_kafka_message_t *m, const char *topic, struct event *ret,
                 struct place *ret_at) {
    rd_kafka_headers_t *h = NULL;
    rd_kafka_timestamp_type_t kind;
    int64_t time_ms = rd_kafka_message_timestamp(m, &kind);
    rd_kafka_message_headers(m, &h);
    const char *id = header(a, h, "ce_id"), *sequence = header(a, h, "ce_sequence"),
               *type = header(a, h, "ce_type"),
               *key = m->key != NULL ? arena_strndup(a, m->key, m->key_len) : NULL;
    *ret = (struct event){.topic = topic,
                          .type = type != NULL && text_utf8_valid(type, strlen(type)) ? type : "unreadable",
                          .time_ms = time_ms > 0 ? time_ms : clock_now_ms(),
                          .body = m->payload != NULL ? m->payload : "",
                          .n = m->payload != NULL ? m->len : 0,
                          .attempt = 1};
    *ret_at = (struct place){0, 0, m->offset + 1};
    bool whole = id != NULL && type == ret->type && key != NULL && sequence != NULL &&
                 text_parse_int(id, 1, INT64_MAX, &ret->id) &&
                 text_parse_int(key, INT64_MIN, INT64_MAX, &ret->key) && strlen(sequence) == 32 &&
                 read_hex(sequence, &ret_at->xid) && read_hex(sequence + 16, &ret_at->id);
    if (!whole) {
        ret->id = number_of(topic, m->partition, m->offset);
        ret->key = 0;
    }
    return whole;
}
