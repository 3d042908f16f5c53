#include "fcgi/base/text.h"

#include <string.h>
#include <strings.h>
#include <utf8proc.h>

#include "fcgi/base/arena.h"

/* ---- UTF-8 ---- */

static bool is_tail(unsigned char c) { return (c & 0xC0) == 0x80; }

size_t text_utf8_step(const char *s, size_t n) {
    const unsigned char *p = (const unsigned char *)s;
    if (n == 0)
        return 0;
    unsigned char c = p[0];
    if (c < 0x80)
        return 1;
    if (c < 0xC2 || n < 2 || !is_tail(p[1]))
        return 0;
    if (c < 0xE0)
        return 2;
    if (n < 3 || !is_tail(p[2]) || (c == 0xE0 && p[1] < 0xA0) || (c == 0xED && p[1] > 0x9F))
        return 0;
    if (c < 0xF0)
        return 3;
    if (n < 4 || !is_tail(p[3]) || (c == 0xF0 && p[1] < 0x90) || (c == 0xF4 && p[1] > 0x8F) || c > 0xF4)
        return 0;
    return 4;
}

/* The length of the start of s that is ASCII, eight bytes at a time. */
static size_t ascii_run(const char *s, size_t n) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t w;
        memcpy(&w, s + i, 8);
        if ((w & UINT64_C(0x8080808080808080)) != 0)
            break;
    }
    while (i < n && (unsigned char)s[i] < 0x80)
        i++;
    return i;
}

bool text_utf8_valid(const char *s, size_t n) {
    if (n == 0)
        return true;
    if (memchr(s, '\0', n) != NULL)
        return false;
    for (size_t i = ascii_run(s, n); i < n; i += ascii_run(s + i, n - i)) {
        size_t step = text_utf8_step(s + i, n - i);
        if (step == 0)
            return false;
        i += step;
    }
    return true;
}

size_t text_utf8_count(const char *s, size_t n) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += !is_tail((unsigned char)s[i]);
    return count;
}

/* Reads one code point of n > 0 bytes; a byte that is not UTF-8 counts as U+FFFD. */
static size_t decode(const char *s, size_t n, int32_t *ret_cp) {
    const unsigned char *p = (const unsigned char *)s;
    size_t step = text_utf8_step(s, n);
    switch (step) {
    case 1:
        *ret_cp = p[0];
        return 1;
    case 2:
        *ret_cp = (p[0] & 0x1F) << 6 | (p[1] & 0x3F);
        return 2;
    case 3:
        *ret_cp = (p[0] & 0x0F) << 12 | (p[1] & 0x3F) << 6 | (p[2] & 0x3F);
        return 3;
    case 4:
        *ret_cp = (p[0] & 0x07) << 18 | (p[1] & 0x3F) << 12 | (p[2] & 0x3F) << 6 | (p[3] & 0x3F);
        return 4;
    default:
        *ret_cp = 0xFFFD;
        return 1;
    }
}

/* Bytes of the first max graphemes; *ret_count is how many there were, at most max. */
static size_t grapheme_span(const char *s, size_t n, size_t max, size_t *ret_count) {
    int32_t before = 0;
    int32_t state = 0;
    size_t count = 0;
    size_t i = 0;
    while (i < n) {
        int32_t cp;
        size_t step = decode(s + i, n - i, &cp);
        bool starts = i == 0 || utf8proc_grapheme_break_stateful(before, cp, &state);
        if (starts && count == max)
            break;
        count += starts;
        before = cp;
        i += step;
    }
    *ret_count = count;
    return i;
}

size_t text_graphemes(const char *s, size_t n) {
    size_t count;
    grapheme_span(s, n, SIZE_MAX, &count);
    return count;
}

/* ---- Cleaning ---- */

static bool is_space(int32_t cp) {
    return (cp >= 0x09 && cp <= 0x0D) || cp == 0x20 || cp == 0x85 || cp == 0xA0 || cp == 0x1680 ||
           (cp >= 0x2000 && cp <= 0x200A) || cp == 0x2028 || cp == 0x2029 || cp == 0x202F || cp == 0x205F ||
           cp == 0x3000;
}

size_t text_space_len(const char *s, size_t n) {
    size_t i = 0;
    while (i < n) {
        int32_t cp;
        size_t step = decode(s + i, n - i, &cp);
        if (!is_space(cp))
            break;
        i += step;
    }
    return i;
}

static bool is_dropped(int32_t cp) {
    return (cp < 0x20 && cp != '\n' && cp != '\t') || (cp >= 0x7F && cp <= 0x9F) ||
           (cp >= 0x202A && cp <= 0x202E) || (cp >= 0x2066 && cp <= 0x2069);
}

/* Copies s without what is_dropped() says. \r\n becomes \n that way too. */
static size_t copy_kept(char *out, const char *s, size_t n) {
    size_t len = 0;
    for (size_t i = 0; i < n;) {
        int32_t cp;
        size_t step = decode(s + i, n - i, &cp);
        if (!is_dropped(cp)) {
            memcpy(out + len, s + i, step);
            len += step;
        }
        i += step;
    }
    return len;
}

/* s by utf8proc options, in the arena: no malloc, so nothing leaks when the arena is exhausted. NULL when
 * invalid. */
static char *map(struct arena *a, const char *s, size_t n, utf8proc_option_t options, size_t *ret_n) {
    const utf8proc_uint8_t *in = (const utf8proc_uint8_t *)s;
    utf8proc_ssize_t len = utf8proc_decompose(in, (utf8proc_ssize_t)n, NULL, 0, options);
    if (len < 0)
        return NULL;
    utf8proc_int32_t *room = arena_alloc(a, ((size_t)len + 1) * sizeof(*room));
    len = utf8proc_decompose(in, (utf8proc_ssize_t)n, room, len, options);
    if (len < 0)
        return NULL;
    len = utf8proc_reencode(room, len, options);
    if (len < 0)
        return NULL;
    *ret_n = (size_t)len;
    return (char *)room;
}

/* The last code point's first byte; n > 0. */
static size_t last_start(const char *s, size_t n) {
    size_t i = n - 1;
    while (i > 0 && is_tail((unsigned char)s[i]))
        i--;
    return i;
}

static char *trim(char *s, size_t n, size_t *ret_n) {
    size_t from = text_space_len(s, n);
    s += from;
    n -= from;
    while (n > 0) {
        size_t at = last_start(s, n);
        if (text_space_len(s + at, n - at) == 0)
            break;
        n = at;
    }
    s[n] = '\0';
    *ret_n = n;
    return s;
}

static char *clean(struct arena *a, const char *s, size_t n, size_t *ret_n) {
    if (!text_utf8_valid(s, n))
        return NULL;
    char *copy = arena_alloc(a, n + 1);
    size_t len = copy_kept(copy, s, n);
    if (ascii_run(copy, len) < len)
        copy = map(a, copy, len, UTF8PROC_STABLE | UTF8PROC_COMPOSE, &len);
    return copy == NULL ? NULL : trim(copy, len, ret_n);
}

char *text_clean(struct arena *a, const char *s, size_t n) {
    size_t len;
    return clean(a, s, n, &len);
}

char *text_clean_line(struct arena *a, const char *s, size_t n) {
    size_t len;
    char *p = clean(a, s, n, &len);
    if (p == NULL)
        return NULL;
    size_t to = 0;
    for (size_t i = 0; i < len;) {
        size_t space = text_space_len(p + i, len - i);
        if (space > 0)
            p[to++] = ' ';
        else
            p[to++] = p[i++];
        i += space;
    }
    p[to] = '\0';
    return p;
}

char *text_fold(struct arena *a, const char *s) {
    size_t len;
    size_t n = s == NULL ? 0 : strlen(s);
    if (s == NULL || !text_utf8_valid(s, n))
        return NULL;
    return map(a, s, n,
               UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE,
               &len);
}

char *text_ellipsis(struct arena *a, const char *s, size_t max) {
    if (s == NULL)
        return NULL;
    size_t n = strlen(s);
    size_t count;
    size_t kept = grapheme_span(s, n, max, &count);
    if (kept == n)
        return arena_strndup(a, s, n);
    return arena_printf(a, "%.*s…", (int)kept, s);
}

/* ---- Comparing and shapes ---- */

bool text_is_empty(const char *s) { return s == NULL || s[0] == '\0'; }

bool text_equal(const char *a, const char *b) {
    if (a == NULL || b == NULL)
        return a == b;
    return strcmp(a, b) == 0;
}

bool text_starts(const char *s, const char *prefix) {
    return s != NULL && prefix != NULL && strncmp(s, prefix, strlen(prefix)) == 0;
}

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool text_is_handle(const char *s) {
    if (s == NULL || !is_letter(s[0]))
        return false;
    size_t n = 1;
    while (n <= 30 && (is_letter(s[n]) || is_digit(s[n]) || s[n] == '_'))
        n++;
    return n <= 30 && s[n] == '\0';
}

/* Dot-atom of RFC 5322: no dot first, last or twice. */
static bool email_local_ok(const char *s, size_t n) {
    if (n == 0 || n > 64 || s[n - 1] == '.')
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '.' && (i == 0 || s[i - 1] == '.'))
            return false;
        if (s[i] == '\0' ||
            (!is_letter(s[i]) && !is_digit(s[i]) && strchr(".!#$%&'*+/=?^_`{|}~-", s[i]) == NULL))
            return false;
    }
    return true;
}

static bool label_ok(const char *s, size_t n) {
    if (n == 0 || n > 63 || s[0] == '-' || s[n - 1] == '-')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_letter(s[i]) && !is_digit(s[i]) && s[i] != '-')
            return false;
    return true;
}

/* Two labels or more; the last one holds a letter, so an address in digits does not pass. */
static bool domain_ok(const char *s) {
    const char *last = s;
    for (const char *dot = strchr(s, '.'); dot != NULL; dot = strchr(last, '.')) {
        if (!label_ok(last, (size_t)(dot - last)))
            return false;
        last = dot + 1;
    }
    return last != s && label_ok(last, strlen(last)) && strspn(last, "0123456789") < strlen(last);
}

bool text_is_email(const char *s) {
    if (s == NULL || strnlen(s, 255) > 254)
        return false;
    const char *at = strchr(s, '@');
    return at != NULL && email_local_ok(s, (size_t)(at - s)) && domain_ok(at + 1);
}

/* No control character, C1 included; spaces are for the caller. */
static bool has_control(const char *s) {
    for (const unsigned char *p = (const unsigned char *)s; *p != '\0'; p++)
        if (*p < 0x20 || *p == 0x7F || (*p == 0xC2 && p[1] >= 0x80 && p[1] <= 0x9F))
            return true;
    return false;
}

static bool host_char(char c) {
    return is_letter(c) || is_digit(c) || (c & 0x80) || strchr("-._~", c) != NULL;
}

/* The length of the host that s begins with; 0 when there is none. */
static size_t host_len(const char *s, size_t n) {
    size_t i = 0;
    if (n > 0 && s[0] == '[') {
        i = 1;
        while (i < n &&
               (is_digit(s[i]) || (is_letter(s[i]) && (s[i] | 0x20) <= 'f') || s[i] == ':' || s[i] == '.'))
            i++;
        return i >= 3 && i < n && s[i] == ']' ? i + 1 : 0;
    }
    while (i < n && host_char(s[i]))
        i++;
    return i == 0 || s[0] == '.' ? 0 : i;
}

static bool port_ok(const char *s, size_t n) {
    long port = 0;
    if (n > 5)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!is_digit(s[i]))
            return false;
        port = port * 10 + (s[i] - '0');
    }
    return n == 0 || (port > 0 && port <= 65535);
}

bool text_is_http_url(const char *s) {
    if (s == NULL || strnlen(s, 2001) > 2000 || has_control(s) || strpbrk(s, " \\\"<>") != NULL)
        return false;
    size_t scheme = strncasecmp(s, "http://", 7) == 0 ? 7 : strncasecmp(s, "https://", 8) == 0 ? 8 : 0;
    if (scheme == 0 || !text_utf8_valid(s, strlen(s)))
        return false;
    const char *host = s + scheme;
    size_t n = strcspn(host, "/?#");
    size_t len = host_len(host, n);
    return len > 0 && (len == n || (host[len] == ':' && port_ok(host + len + 1, n - len - 1)));
}

bool text_is_local_path(const char *s) {
    return s != NULL && s[0] == '/' && s[1] != '/' && s[1] != '\\' && !has_control(s);
}

/* ---- Encoding ---- */

char *text_hex(struct arena *a, const void *p, size_t n) {
    static const char digits[] = "0123456789abcdef";
    const unsigned char *in = p;
    char *out = arena_alloc(a, n * 2 + 1);
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[in[i] >> 4];
        out[2 * i + 1] = digits[in[i] & 15];
    }
    out[2 * n] = '\0';
    return out;
}

char *text_base64url(struct arena *a, const void *p, size_t n) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const unsigned char *in = p;
    char *out = arena_alloc(a, n / 3 * 4 + 5);
    char *to = out;
    uint32_t bits = 0;
    unsigned have = 0;
    for (size_t i = 0; i < n; i++) {
        bits = bits << 8 | in[i];
        for (have += 8; have >= 6; have -= 6)
            *to++ = digits[bits >> (have - 6) & 63];
    }
    if (have > 0)
        *to++ = digits[bits << (6 - have) & 63];
    *to = '\0';
    return out;
}

char *text_base64(struct arena *a, const void *p, size_t n) {
    char *out = text_base64url(a, p, n); /* has room for the padding */
    size_t len = strlen(out);
    for (size_t i = 0; i < len; i++)
        out[i] = out[i] == '-' ? '+' : out[i] == '_' ? '/' : out[i];
    for (; len % 4 != 0; len++)
        out[len] = '=';
    out[len] = '\0';
    return out;
}

static int base64url_value(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (is_digit(c))
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool text_base64url_decode(struct arena *a, const char *s, unsigned char **ret_p, size_t *ret_n) {
    size_t n = s == NULL ? 1 : strlen(s);
    if (n % 4 == 1)
        return false;
    unsigned char *out = arena_alloc(a, n / 4 * 3 + 3);
    size_t len = 0;
    uint32_t bits = 0;
    unsigned have = 0;
    for (size_t i = 0; i < n; i++) {
        int v = base64url_value(s[i]);
        if (v < 0)
            return false;
        bits = bits << 6 | (uint32_t)v;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[len++] = (unsigned char)(bits >> have);
        }
    }
    if ((bits & ((1u << have) - 1)) != 0)
        return false; /* left-over bits: a second spelling of the same bytes */
    out[len] = '\0';
    *ret_p = out;
    *ret_n = len;
    return true;
}

bool text_parse_int(const char *s, int64_t min, int64_t max, int64_t *ret_v) {
    if (s == NULL)
        return false;
    bool negative = s[0] == '-';
    s += negative;
    if (*s == '\0')
        return false;
    int64_t v = 0;
    for (; *s != '\0'; s++) {
        if (!is_digit(*s) || __builtin_mul_overflow(v, 10, &v))
            return false;
        int digit = *s - '0';
        if (negative ? __builtin_sub_overflow(v, digit, &v) : __builtin_add_overflow(v, digit, &v))
            return false;
    }
    if (v < min || v > max)
        return false;
    *ret_v = v;
    return true;
}
