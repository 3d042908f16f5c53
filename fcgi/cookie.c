#include "fcgi/cookie.h"

#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"
#include "fcgi/base/text.h"

const struct param_limits cookie_limits = {
    .total = 16 * 1024, .count = 64, .name = 256, .value = 4096, .depth = 256, .header = 0};

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* The pair without blanks at its ends. */
static void strip(const char **s, size_t *n) {
    while (*n > 0 && is_blank((*s)[0])) {
        (*s)++;
        (*n)--;
    }
    while (*n > 0 && is_blank((*s)[*n - 1]))
        (*n)--;
}

static bool has_control(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (((unsigned char)s[i] < 0x20 && s[i] != '\t') || s[i] == 0x7F)
            return true;
    return false;
}

static enum code parse_pair(struct params *p, const char *s, size_t n, const struct param_limits *limits,
                            struct error *ret_error) {
    const char *eq = n > 0 ? memchr(s, '=', n) : NULL;
    if (eq == NULL)
        return OK;
    const char *value = eq + 1;
    size_t value_n = (size_t)(s + n - value);
    size_t name_n = (size_t)(eq - s);
    strip(&s, &name_n);
    strip(&value, &value_n);
    if (name_n == 0)
        return OK;
    if (has_control(s, name_n))
        return params_refuse(ret_error, "The name of a cookie holds a control character.");
    if (has_control(value, value_n))
        return params_refuse_named(p->arena, ret_error, s, name_n, "This cookie holds a control character.");
    struct param param = {.name = s, .value = value, .n = value_n};
    enum code code = params_add_checked(p, limits, param, name_n, ret_error);
    if (code != OK)
        return code;
    struct param *added = &p->items[p->n - 1];
    added->name = arena_strndup(p->arena, s, name_n);
    added->value = arena_strndup(p->arena, value, value_n);
    return OK;
}

enum code cookie_parse(struct params *p, const char *s, size_t n, const struct param_limits *limits,
                       struct error *ret_error) {
    if (n > limits->total)
        return params_refuse(ret_error, "The cookies are larger than this server takes.");
    const char *end = s + n;
    while (s < end) {
        const char *semicolon = memchr(s, ';', (size_t)(end - s));
        const char *stop = semicolon != NULL ? semicolon : end;
        enum code code = parse_pair(p, s, (size_t)(stop - s), limits, ret_error);
        if (code != OK)
            return code;
        s = semicolon != NULL ? semicolon + 1 : end;
    }
    return OK;
}

static bool is_token(const char *s) {
    static const char chars[] =
        "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    return !text_is_empty(s) && s[strspn(s, chars)] == '\0';
}

/* cookie-octet of RFC 6265 section 4.1.1. */
static bool is_value(const char *s) {
    if (s == NULL)
        return false;
    for (; *s != '\0'; s++)
        if (*s <= 0x20 || *s >= 0x7F || strchr("\",;\\", *s) != NULL)
            return false;
    return true;
}

static bool is_attribute(const char *s) {
    for (; *s != '\0'; s++)
        if (*s < 0x20 || *s >= 0x7F || *s == ';')
            return false;
    return true;
}

/* What the browser would refuse anyway (RFC 6265bis section 4.1.3, and SameSite=None without Secure) is
 * refused here. */
static bool is_consistent(const struct cookie *c, const char *path) {
    bool host = text_starts(c->name, "__Host-");
    if (c->insecure && (host || text_starts(c->name, "__Secure-") || c->same_site == COOKIE_NONE))
        return false;
    return !host || (c->domain == NULL && strcmp(path, "/") == 0);
}

char *cookie_build(struct arena *a, const struct cookie *cookie) {
    static const char *const same_site[] = {
        [COOKIE_LAX] = "Lax", [COOKIE_STRICT] = "Strict", [COOKIE_NONE] = "None"};
    const char *path = cookie->path != NULL ? cookie->path : "/";
    if (!is_token(cookie->name) || !is_value(cookie->value) || path[0] != '/' || !is_attribute(path) ||
        (cookie->domain != NULL && (cookie->domain[0] == '\0' || !is_attribute(cookie->domain))) ||
        !is_consistent(cookie, path))
        return NULL;
    struct buf b;
    buf_init(&b, a, 8192);
    buf_printf(&b, "%s=%s; Path=%s", cookie->name, cookie->value, path);
    if (cookie->domain != NULL)
        buf_printf(&b, "; Domain=%s", cookie->domain);
    if (cookie->max_age > 0)
        buf_printf(&b, "; Max-Age=%ld", cookie->max_age);
    if (cookie->max_age < 0)
        buf_puts(&b, "; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
    if (!cookie->insecure)
        buf_puts(&b, "; Secure");
    if (!cookie->script)
        buf_puts(&b, "; HttpOnly");
    buf_printf(&b, "; SameSite=%s", same_site[cookie->same_site]);
    return buf_overflowed(&b) ? NULL : b.p;
}
