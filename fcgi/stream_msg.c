#include "fcgi/stream_msg.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ESCAPED_MAX ((size_t)1 << 20)

struct msg *msg_new(const struct stream_event *e) {
    struct msg *m = calloc(1, sizeof *m);

    if (m == NULL)
        return NULL;
    m->refs = 1;
    m->event = *e;
    m->event.payload = NULL;
    m->event.n = 0;
    m->body = MSG_ELSEWHERE;
    if (e->ref[0] == '\0')
        msg_fill(m, e->payload, e->n);
    return m;
}

struct msg *msg_hold(struct msg *m) {
    m->refs++;
    return m;
}

void msg_drop(struct msg *m) {
    if (m == NULL || --m->refs > 0)
        return;
    free(m->payload);
    free(m->escaped);
    free(m);
}

void msg_fill(struct msg *m, const char *payload, size_t n) {
    m->payload = payload != NULL ? malloc(n + 1) : NULL; /* lint: memory-of-the-arena: outlives any request */
    m->body = m->payload != NULL ? MSG_HERE : MSG_LOST;
    if (m->payload == NULL)
        return;
    memcpy(m->payload, payload, n);
    m->payload[n] = '\0';
    m->n = n;
}

bool msg_place_read(const char *id, struct msg_place *ret) {
    char *rest;

    *ret = (struct msg_place){0};
    if (!stream_id_valid(id))
        return false;
    ret->ms = strtoull(id, &rest, 10);
    ret->n = strtoull(rest + 1, NULL, 10);
    return true;
}

int msg_place_compare(const struct msg_place *a, const struct msg_place *b) {
    if (a->ms != b->ms)
        return a->ms < b->ms ? -1 : 1;
    return a->n < b->n ? -1 : a->n > b->n;
}

/* A payload of several lines, which ours are not, would be read as several fields. */
static void write_data(struct buf *out, const char *p, size_t n) {
    const char *end = p + n, *line;

    do {
        line = memchr(p, '\n', (size_t)(end - p));
        buf_puts(out, "data: ");
        buf_add(out, p, (size_t)((line != NULL ? line : end) - p));
        buf_putc(out, '\n');
        p = line != NULL ? line + 1 : end;
    } while (line != NULL);
}

void msg_write_events(struct buf *out, const struct msg *m, bool brief, const struct msg_place *place) {
    buf_printf(out, "event: %s\n", m->event.name);
    if (place->ms != 0)
        buf_printf(out, "id: %" PRIu64 "-%" PRIu64 "\n", place->ms, place->n);
    if (brief)
        buf_printf(out, "data: {\"id\":\"%" PRId64 "\"}\n", m->event.key);
    else
        write_data(out, m->payload, m->n);
    buf_putc(out, '\n');
}

static bool escape(struct msg *m) {
    struct buf out;

    if (m->escaped != NULL)
        return true;
    buf_init(&out, NULL, ESCAPED_MAX);
    buf_json(&out, m->payload, m->n);
    if (buf_overflowed(&out)) {
        buf_free(&out);
        return false;
    }
    m->escaped = out.p;
    m->n_escaped = out.n;
    return true;
}

void msg_write_socket(struct buf *out, struct msg *m, const char *stream, const char *parameter) {
    if (m->n > 0 && !escape(m))
        return;
    buf_printf(out, "{\"stream\":[\"%s\"", stream);
    if (*parameter != '\0') {
        buf_puts(out, ",\"");
        buf_json(out, parameter, strlen(parameter));
        buf_putc(out, '"');
    }
    buf_printf(out, "],\"event\":\"%s\",\"payload\":\"", m->event.name);
    buf_add(out, m->escaped, m->n_escaped);
    buf_puts(out, "\"}");
}
