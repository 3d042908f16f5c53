/* What comes to a hub: commands of WebSockets, events out of Redis, tickets. The first byte says which. */
#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"
#include "fcgi/stream_command.h"
#include "fcgi/stream_ticket.h"
#include "fcgi/stream_wire.h"
#include "tests/fuzz/fuzz.h"

static void command(struct arena *a, const char *p, size_t n) {
    struct stream_command c;
    const char *wrong = stream_command_read(a, p, n, &c);

    must(c.stream != NULL && c.tag != NULL && c.list != NULL);
    if (wrong != NULL)
        return;
    must(*c.stream != '\0' && strlen(c.tag) <= STREAM_NAME_LEN && strlen(c.list) <= STREAM_NAME_LEN);
    must(text_utf8_valid(c.stream, strlen(c.stream)) && text_utf8_valid(c.tag, strlen(c.tag)));
}

/* What was read, written again, reads the same. */
static void event(struct arena *a, const char *p, size_t n) {
    struct stream_event e, again;
    struct buf out;

    if (!stream_event_read(p, n, &e))
        return;
    must(e.payload >= p && e.payload + e.n == p + n);
    buf_init(&out, a, 65536);
    stream_event_write(&out, &e);
    must(stream_event_read(out.p, out.n, &again));
    must(strcmp(e.name, again.name) == 0 && strcmp(e.ref, again.ref) == 0 && e.key == again.key);
    must(e.authors[0] == again.authors[0] && e.authors[1] == again.authors[1] && e.n == again.n);
    must(memcmp(e.payload, again.payload, e.n) == 0);
}

/* Without the secret nobody writes one. */
static void ticket(struct arena *a, const char *p, size_t n) {
    static const unsigned char secret[32] = {7};
    struct stream_ticket t;

    must(!stream_ticket_read(a, secret, arena_strndup(a, p, n), 0, &t));
}

static void id(struct arena *a, const char *p, size_t n) {
    const char *text = arena_strndup(a, p, n);

    if (stream_id_valid(text))
        must(strlen(text) <= 41 && stream_id_compare(text, text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const all[])(struct arena *, const char *, size_t) = {command, event, ticket, id};
    struct arena *a = arena_new(1 << 20);

    if (size > 0)
        all[data[0] % 4](a, (const char *)data + 1, size - 1);
    arena_free(a);
    return 0;
}
