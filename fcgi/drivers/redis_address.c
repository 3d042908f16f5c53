#include "fcgi/drivers/redis_address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A copy of n bytes with %XX decoded. */
static char *url_part(const char *s, size_t n) {
    char *copy = malloc(n + 1), *to = copy;
    for (size_t i = 0; copy != NULL && i < n; i++) {
        int high = s[i] == '%' && i + 2 < n ? hex_digit(s[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(s[i + 2]) : -1;
        if (low >= 0) {
            *to++ = (char)(high * 16 + low);
            i += 2;
        } else {
            *to++ = s[i];
        }
    }
    if (copy != NULL)
        *to = '\0';
    return copy;
}

static bool parse_number(const char *s, int max, int *ret) {
    char *end;
    if (*s < '0' || *s > '9')
        return false;
    long v = strtol(s, &end, 10);
    if (*end != '\0' || v > max)
        return false;
    *ret = (int)v;
    return true;
}

static bool parse_unix(struct redis_address *r, const char *s) {
    const char *query = strchr(s, '?');
    size_t n = query == NULL ? strlen(s) : (size_t)(query - s);
    if (query != NULL && (strncmp(query, "?db=", 4) != 0 || !parse_number(query + 4, 65535, &r->db)))
        return false;
    r->path = url_part(s, n);
    return r->path != NULL && r->path[0] == '/';
}

static bool parse_login(struct redis_address *r, const char *s, size_t n) {
    const char *colon = memchr(s, ':', n);
    if (colon == NULL)
        return false;
    if (colon > s)
        r->user = url_part(s, (size_t)(colon - s));
    r->password = url_part(colon + 1, n - (size_t)(colon + 1 - s));
    return r->password != NULL;
}

static bool parse_tcp(struct redis_address *r, const char *s) {
    const char *at = strrchr(s, '@');
    if (at != NULL) {
        if (!parse_login(r, s, (size_t)(at - s)))
            return false;
        s = at + 1;
    }
    const char *slash = strchr(s, '/');
    if (slash != NULL && slash[1] != '\0' && !parse_number(slash + 1, 65535, &r->db))
        return false;
    size_t n = slash == NULL ? strlen(s) : (size_t)(slash - s);
    const char *colon = memchr(s, ':', n);
    r->port = 6379;
    if (colon != NULL) {
        char port[8];
        int len = snprintf(port, sizeof(port), "%.*s", (int)(n - (size_t)(colon + 1 - s)), colon + 1);
        if (len <= 0 || (size_t)len >= sizeof(port) || !parse_number(port, 65535, &r->port))
            return false;
        n = (size_t)(colon - s);
    }
    r->host = url_part(s, n);
    return r->host != NULL && r->host[0] != '\0';
}

bool redis_address_parse(const char *url, struct redis_address *ret) {
    *ret = (struct redis_address){0};
    return strncmp(url, "unix://", 7) == 0    ? parse_unix(ret, url + 7)
           : strncmp(url, "redis://", 8) == 0 ? parse_tcp(ret, url + 8)
                                              : false;
}

void redis_address_free(struct redis_address *a) {
    free(a->host);
    free(a->path);
    free(a->user);
    free(a->password);
}
