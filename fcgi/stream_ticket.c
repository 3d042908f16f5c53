#include "fcgi/stream_ticket.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/text.h"
#include "fcgi/stream_wire.h"

/* Fields between '\n', in the order of the struct. Texts have no line ends. */
#define FIELDS 12
#define PURPOSE "stream ticket\n" /* the secret signs other things too */

static void sign(unsigned char mac[CRYPTO_HASH_BYTES], struct arena *a, const unsigned char *secret,
                 const char *text) {
    const char *all = arena_printf(a, PURPOSE "%s", text);

    crypto_mac(mac, secret, all, strlen(all));
}

const char *stream_ticket_write(struct arena *a, const unsigned char *secret, const struct stream_ticket *t) {
    unsigned char mac[CRYPTO_HASH_BYTES];
    struct buf out;

    buf_init(&out, a, STREAM_TICKET_MAX);
    buf_printf(
        &out, "%c\n%" PRId64 "\n%" PRId64 "\n%" PRId64 "\n%" PRId64 "\n%" PRId64 "\n%u\n%s\n%s\n%s\n%s\n%s\n",
        t->face, t->issued_ms, t->until_ms, t->member_id, t->session_id, t->token_id, t->scopes, t->from,
        t->last, t->ip, t->stream, t->parameter);
    for (size_t i = 0; i < t->n_posts && i < STREAM_POSTS_MAX; i++)
        buf_printf(&out, "%s%" PRId64, i > 0 ? "," : "", t->posts[i]);
    sign(mac, a, secret, buf_str(&out));
    return arena_printf(a, "%s.%s", text_base64url(a, out.p, out.n), text_base64url(a, mac, sizeof mac));
}

/* The text that was signed, in the arena; NULL when the signature is another one. */
static char *opened(struct arena *a, const unsigned char *secret, const char *text) {
    const char *dot = strchr(text, '.');
    unsigned char *p, *mac, expected[CRYPTO_HASH_BYTES];
    size_t n, mac_n;
    char *plain;

    if (dot == NULL || !text_base64url_decode(a, arena_strndup(a, text, (size_t)(dot - text)), &p, &n) ||
        !text_base64url_decode(a, dot + 1, &mac, &mac_n) || mac_n != sizeof expected)
        return NULL;
    plain = arena_strndup(a, (const char *)p, n);
    sign(expected, a, secret, plain);
    return crypto_equal(expected, mac, sizeof expected) ? plain : NULL;
}

static void read_posts(struct arena *a, char *text, struct stream_ticket *ret) {
    int64_t *posts = arena_many(a, int64_t, STREAM_POSTS_MAX);

    ret->posts = posts;
    while (*text != '\0' && ret->n_posts < STREAM_POSTS_MAX) {
        posts[ret->n_posts++] = strtoll(text, &text, 10);
        text += *text == ',';
    }
}

bool stream_ticket_read(struct arena *a, const unsigned char *secret, const char *text, int64_t now_ms,
                        struct stream_ticket *ret) {
    char *plain = opened(a, secret, text), *field[FIELDS];

    *ret = (struct stream_ticket){0};
    if (plain == NULL)
        return false;
    for (int i = 0; i < FIELDS; i++)
        if ((field[i] = strsep(&plain, "\n")) == NULL || plain == NULL)
            return false;
    ret->face = (enum stream_face)field[0][0];
    ret->issued_ms = strtoll(field[1], NULL, 10);
    ret->until_ms = strtoll(field[2], NULL, 10);
    ret->member_id = strtoll(field[3], NULL, 10);
    ret->session_id = strtoll(field[4], NULL, 10);
    ret->token_id = strtoll(field[5], NULL, 10);
    ret->scopes = (unsigned)strtoul(field[6], NULL, 10);
    ret->from = field[7];
    ret->last = field[8];
    ret->ip = field[9];
    ret->stream = field[10];
    ret->parameter = field[11];
    read_posts(a, plain, ret);
    return now_ms - ret->issued_ms < STREAM_TICKET_MS && now_ms - ret->issued_ms > -STREAM_TICKET_MS &&
           stream_id_valid(ret->from) && (*ret->last == '\0' || stream_id_valid(ret->last));
}
