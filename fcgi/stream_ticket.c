#include "fcgi/stream_ticket.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/text.h"
#include "fcgi/stream_wire.h"

/* Fields between '\n', in the order of the struct; texts have no line ends. Then the posts, eight bytes each:
 * a ticket travels in a header, and nginx keeps what a header stood in as long as the stream is open. */
#define FIELDS 12
#define POST_BYTES 8
#define PURPOSE "stream ticket\n" /* the secret signs other things too */
#define PURPOSE_LEN (sizeof PURPOSE - 1)

static void add_post(struct buf *out, int64_t id) {
    unsigned char bytes[POST_BYTES];

    for (int i = POST_BYTES - 1; i >= 0; i--, id >>= 8)
        bytes[i] = (unsigned char)(id & 255);
    buf_add(out, bytes, sizeof bytes);
}

const char *stream_ticket_write(struct arena *a, const unsigned char *secret, const struct stream_ticket *t) {
    unsigned char mac[CRYPTO_HASH_BYTES];
    struct buf out;

    buf_init(&out, a, STREAM_TICKET_MAX);
    buf_printf(&out,
               PURPOSE "%c\n%" PRId64 "\n%" PRId64 "\n%" PRId64 "\n%" PRId64 "\n%" PRId64
                       "\n%u\n%s\n%s\n%s\n%s\n%s\n",
               t->face, t->issued_ms, t->until_ms, t->member_id, t->session_id, t->token_id, t->scopes,
               t->from, t->last, t->ip, t->stream, t->parameter);
    for (size_t i = 0; i < t->n_posts && i < STREAM_POSTS_MAX; i++)
        add_post(&out, t->posts[i]);
    crypto_mac(mac, secret, out.p, out.n);
    return arena_printf(a, "%s.%s", text_base64url(a, out.p + PURPOSE_LEN, out.n - PURPOSE_LEN),
                        text_base64url(a, mac, sizeof mac));
}

/* What was signed, in the arena, with a NUL behind it; NULL when the signature is another one. */
static char *opened(struct arena *a, const unsigned char *secret, const char *text, const char **ret_end) {
    const char *dot = strchr(text, '.');
    unsigned char *p, *mac, expected[CRYPTO_HASH_BYTES];
    size_t n, mac_n;
    char *plain;

    if (dot == NULL || !text_base64url_decode(a, arena_strndup(a, text, (size_t)(dot - text)), &p, &n) ||
        !text_base64url_decode(a, dot + 1, &mac, &mac_n) || mac_n != sizeof expected)
        return NULL;
    plain = arena_alloc(a, PURPOSE_LEN + n + 1);
    memcpy(plain, PURPOSE, PURPOSE_LEN);
    memcpy(plain + PURPOSE_LEN, p, n);
    plain[PURPOSE_LEN + n] = '\0';
    crypto_mac(expected, secret, plain, PURPOSE_LEN + n);
    *ret_end = plain + PURPOSE_LEN + n;
    return crypto_equal(expected, mac, sizeof expected) ? plain + PURPOSE_LEN : NULL;
}

static void read_posts(struct arena *a, const char *at, const char *end, struct stream_ticket *ret) {
    int64_t *posts = arena_many(a, int64_t, STREAM_POSTS_MAX);

    ret->posts = posts;
    for (; end - at >= POST_BYTES && ret->n_posts < STREAM_POSTS_MAX; at += POST_BYTES) {
        uint64_t id = 0;

        for (int i = 0; i < POST_BYTES; i++)
            id = id << 8 | (unsigned char)at[i];
        posts[ret->n_posts++] = (int64_t)id;
    }
}

bool stream_ticket_read(struct arena *a, const unsigned char *secret, const char *text, int64_t now_ms,
                        struct stream_ticket *ret) {
    const char *end = NULL;
    char *plain = opened(a, secret, text, &end), *field[FIELDS];

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
    read_posts(a, plain, end, ret);
    return now_ms - ret->issued_ms < STREAM_TICKET_MS && now_ms - ret->issued_ms > -STREAM_TICKET_MS &&
           stream_id_valid(ret->from) && (*ret->last == '\0' || stream_id_valid(ret->last));
}
