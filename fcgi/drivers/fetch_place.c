#include "fcgi/drivers/fetch_place.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <idn2.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "fcgi/base/buf.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/drivers/address.h"
#include "fcgi/drivers/fetch_names.h"

#define URL_MAX 2000
#define ADDRESSES_MAX 8

/* ---- URLs */

/* A part of a URL in the arena; NULL: it has none. */
static const char *part(struct ctx *ctx, CURLU *u, CURLUPart which, unsigned flags) {
    char *got = NULL;
    const char *ret = NULL;
    if (curl_url_get(u, which, &got, flags) == CURLUE_OK)
        ret = arena_strdup(ctx->arena, got);
    curl_free(got);
    return ret;
}

/* Letters, digits, '-', '_' and '.', or an IPv6 address in brackets: nothing that two parsers might read
 * differently. */
static bool is_plain_host(const char *host) {
    static const char name[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
    size_t n = strlen(host);
    if (host[0] == '[')
        return n > 2 && host[n - 1] == ']' && strspn(host + 1, "0123456789abcdef:.") == n - 2;
    return n > 0 && n <= 253 && strspn(host, name) == n && host[0] != '.';
}

/* The host as the DNS knows it (IDNA 2008, UTS 46); NULL: it is none. */
static const char *host_in_ascii(struct ctx *ctx, const char *host) {
    uint8_t *out = NULL;
    if (host == NULL || !text_utf8_valid(host, strlen(host)))
        return NULL;
    if (host[0] == '[')
        return host;
    if (idn2_lookup_u8((const uint8_t *)host, &out, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK)
        host = arena_strdup(ctx->arena, (const char *)out);
    idn2_free(out);
    char *lower = arena_strdup(ctx->arena, host);
    size_t n = strlen(lower);
    for (char *p = lower; *p != '\0'; p++)
        *p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
    if (n > 1 && lower[n - 1] == '.') /* the root's dot: the same host */
        lower[n - 1] = '\0';
    return lower;
}

/* The URL taken apart, with its host in ASCII; NULL: nothing to be fetched. The caller frees it. */
static CURLU *take_apart(struct ctx *ctx, const char *url) {
    CURLU *u = strlen(url) <= URL_MAX ? curl_url() : NULL;
    if (u == NULL)
        return NULL;
    if (curl_url_set(u, CURLUPART_URL, url, CURLU_URLENCODE | CURLU_DISALLOW_USER) == CURLUE_OK) {
        const char *scheme = part(ctx, u, CURLUPART_SCHEME, 0);
        const char *host = host_in_ascii(ctx, part(ctx, u, CURLUPART_HOST, 0));
        if (scheme != NULL && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) && host != NULL &&
            is_plain_host(host) && curl_url_set(u, CURLUPART_HOST, host, 0) == CURLUE_OK &&
            curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK)
            return u;
    }
    curl_url_cleanup(u);
    return NULL;
}

const char *fetch_url(struct ctx *ctx, const char *url) {
    CURLU *u = take_apart(ctx, url);
    if (u == NULL)
        return NULL;
    const char *ret = part(ctx, u, CURLUPART_URL, CURLU_NO_DEFAULT_PORT);
    curl_url_cleanup(u);
    return ret != NULL && strlen(ret) <= URL_MAX ? ret : NULL;
}

const char *fetch_url_in(struct ctx *ctx, const char *base, const char *address) {
    CURLU *u = take_apart(ctx, base);
    const char *url = NULL;
    if (u != NULL && strlen(address) <= URL_MAX &&
        curl_url_set(u, CURLUPART_URL, address, CURLU_URLENCODE | CURLU_DISALLOW_USER) == CURLUE_OK)
        url = part(ctx, u, CURLUPART_URL, 0);
    curl_url_cleanup(u);
    return url != NULL ? fetch_url(ctx, url) : NULL;
}

const char *fetch_host(struct ctx *ctx, const char *url) {
    CURLU *u = take_apart(ctx, url);
    const char *host = u != NULL ? part(ctx, u, CURLUPART_HOST, 0) : NULL;
    curl_url_cleanup(u);
    if (host == NULL)
        return "";
    return text_starts(host, "www.") ? host + 4 : host;
}

/* ---- Addresses */

bool fetch_may_connect(const struct ctx *ctx, const struct sockaddr *sa) {
    const struct config *c = ctx->env->config;
    int port = address_port(sa);
    return c->outbound_private || address_is_listed(c->fetch_allow, sa) ||
           (address_is_public(sa) && (port == 80 || port == 443));
}

/* ---- Both */

/* getaddrinfo() takes an IPv6 address without its brackets. */
static const char *name_of(struct ctx *ctx, const char *host) {
    return host[0] == '[' ? arena_strndup(ctx->arena, host + 1, strlen(host) - 2) : host;
}

static bool take_parts(struct ctx *ctx, const char *url, struct fetch_place *ret) {
    CURLU *u = take_apart(ctx, url);
    if (u == NULL)
        return false;
    ret->url = part(ctx, u, CURLUPART_URL, 0);
    ret->scheme = part(ctx, u, CURLUPART_SCHEME, 0);
    ret->host = part(ctx, u, CURLUPART_HOST, 0);
    ret->port = part(ctx, u, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    curl_url_cleanup(u);
    return ret->url != NULL && ret->scheme != NULL && ret->host != NULL && ret->port != NULL;
}

enum code fetch_place_begin(struct ctx *ctx, const char *url, struct fetch_place *ret) {
    *ret = (struct fetch_place){0};
    if (!take_parts(ctx, url, ret))
        return fail_detail(ctx, INVALID, "This address may not be called.", "fetch: %s", url);
    ret->names = fetch_names_begin(name_of(ctx, ret->host), ret->port);
    return ret->names != NULL
               ? OK
               : fail_detail(ctx, UNAVAILABLE, "Something went wrong on our side.", "fetch: no thread");
}

bool fetch_place_known(const struct fetch_place *place) { return fetch_names_known(place->names); }

static bool put_address(struct buf *to, const struct sockaddr *sa) {
    char text[INET6_ADDRSTRLEN];
    const void *from = sa->sa_family == AF_INET
                           ? (const void *)&((const struct sockaddr_in *)(const void *)sa)->sin_addr
                           : (const void *)&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
    if (inet_ntop(sa->sa_family, from, text, sizeof text) == NULL)
        return false;
    buf_printf(to, sa->sa_family == AF_INET ? "%s" : "[%s]", text);
    return true;
}

/* How many of these addresses may be called: they are written down, as libcurl takes them. */
static size_t pin(struct ctx *ctx, const struct addrinfo *all, struct buf *to) {
    size_t n = 0;
    for (const struct addrinfo *a = all; a != NULL && n < ADDRESSES_MAX; a = a->ai_next)
        if (fetch_may_connect(ctx, a->ai_addr)) {
            if (n > 0)
                buf_putc(to, ',');
            n += put_address(to, a->ai_addr);
        }
    return n;
}

enum code fetch_place_end(struct ctx *ctx, struct fetch_place *place) {
    struct addrinfo *all = NULL;
    struct buf out;
    int rc = fetch_names_end(place->names, &all);
    place->names = NULL;
    if (rc != 0)
        return fail_detail(ctx, UNAVAILABLE, "The other server does not answer.", "%s: %s", place->host,
                           gai_strerror(rc));
    buf_init(&out, ctx->arena, 4096);
    buf_printf(&out, "%s:%s:", place->host, place->port);
    size_t n = pin(ctx, all, &out);
    freeaddrinfo(all);
    if (n == 0)
        return fail_detail(ctx, DENIED, "This address may not be called.",
                           "%s:%s leads nowhere that may be called", place->host, place->port);
    if (place->host[0] != '[') /* else there is nothing to look up */
        place->pinned = buf_str(&out);
    return OK;
}
