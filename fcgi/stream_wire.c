#include "fcgi/stream_wire.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/crypto.h"

#define ID_DIGITS_MAX 20

const char stream_arm_script[] = "local e = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)\n"
                                 "local id = e[1] and e[1][1] or redis.call('XADD', KEYS[1], '*', 'o', '1')\n"
                                 "redis.call('EXPIRE', KEYS[1], ARGV[1])\n"
                                 "redis.call('SET', KEYS[2], '1', 'EX', 60)\n"
                                 "return id";

void stream_site(const unsigned char *secret, char ret[STREAM_SITE_MAX]) {
    unsigned char mac[CRYPTO_HASH_BYTES];

    crypto_mac(mac, secret, "channels", 8);
    for (int i = 0; i < STREAM_SITE_MAX - 2; i++)
        ret[i] = (char)('a' + (mac[i] & 15));
    ret[STREAM_SITE_MAX - 2] = ':';
    ret[STREAM_SITE_MAX - 1] = '\0';
}

void stream_event_write(struct buf *out, const struct stream_event *e) {
    buf_printf(out, "%s %" PRId64 " %" PRId64 " %" PRId64 " %s\n", e->name, e->key, e->authors[0],
               e->authors[1], e->ref[0] != '\0' ? e->ref : "=");
    buf_add(out, e->payload, e->n);
}

/* The next word of a line into `to`, which has room for `max` with its end; false when there is none, or a
 * longer one. */
static bool take_word(const char **at, const char *end, char *to, size_t max) {
    const char *p = *at;
    size_t n = 0;

    while (p + n < end && p[n] > ' ' && p[n] < 0x7f)
        n++;
    if (n == 0 || n >= max || (p + n < end && p[n] != ' '))
        return false;
    memcpy(to, p, n);
    to[n] = '\0';
    *at = p + n < end ? p + n + 1 : end;
    return true;
}

static bool take_number(const char **at, const char *end, int64_t *ret) {
    char digits[ID_DIGITS_MAX + 1], *stop;

    if (!take_word(at, end, digits, sizeof digits) || digits[strspn(digits, "-0123456789")] != '\0')
        return false;
    *ret = strtoll(digits, &stop, 10);
    return *stop == '\0';
}

bool stream_event_read(const char *p, size_t n, struct stream_event *ret) {
    const char *end = memchr(p, '\n', n), *at = p;
    char ref[STREAM_REF_MAX];

    *ret = (struct stream_event){0};
    if (end == NULL || !take_word(&at, end, ret->name, sizeof ret->name) ||
        !take_number(&at, end, &ret->key) || !take_number(&at, end, &ret->authors[0]) ||
        !take_number(&at, end, &ret->authors[1]) || !take_word(&at, end, ref, sizeof ref) || at != end)
        return false;
    if (strcmp(ref, "=") != 0)
        memcpy(ret->ref, ref, sizeof ref);
    ret->payload = end + 1;
    ret->n = n - (size_t)(ret->payload - p);
    return true;
}

/* How many digits of a number of 64 bits s begins with; 0 when it is none. */
static size_t number_length(const char *s) {
    size_t n = strspn(s, "0123456789");

    return n <= ID_DIGITS_MAX ? n : 0;
}

bool stream_id_valid(const char *id) {
    size_t n = number_length(id), m;

    if (n == 0 || id[n] != '-')
        return false;
    m = number_length(id + n + 1);
    return m > 0 && id[n + 1 + m] == '\0';
}

int stream_id_compare(const char *a, const char *b) {
    char *a_rest, *b_rest;
    uint64_t x = strtoull(a, &a_rest, 10), y = strtoull(b, &b_rest, 10);

    if (x != y)
        return x < y ? -1 : 1;
    x = strtoull(a_rest + 1, NULL, 10);
    y = strtoull(b_rest + 1, NULL, 10);
    return x < y ? -1 : x > y;
}
