#include "fcgi/drivers/http.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fcgi/app.h"
#include "fcgi/base/text.h"

#define URL_MAX 2000

struct http {
    CURL *curl; /* kept, so that calls of one server share a connection */
    int timeout_ms;
    bool may_private;
};

/* What one call fills. */
struct call {
    const struct http *http;
    const struct http_request *req;
    struct http_reply *reply;
    char *body;
    size_t at; /* of the request's body */
    bool refused, stopped;
};

struct http *http_open(int timeout_ms, bool may_private) {
    struct http *h = calloc(1, sizeof *h);
    if (h == NULL)
        return NULL;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    *h = (struct http){curl_easy_init(), timeout_ms > 0 ? timeout_ms : 10000, may_private};
    if (h->curl != NULL)
        return h;
    free(h);
    return NULL;
}

void http_close(struct http *h) {
    if (h == NULL)
        return;
    curl_easy_cleanup(h->curl);
    free(h);
}

/* ---- which addresses ---- */

struct block {
    uint32_t net;
    unsigned bits;
};

static bool is_public4(uint32_t a) {
    static const struct block special[] = {
        {0x00000000, 8},                                      /* this network */
        {0x0a000000, 8},                                      /* private */
        {0x64400000, 10},                                     /* shared by carriers */
        {0x7f000000, 8},                                      /* loopback */
        {0xa9fe0000, 16},                                     /* link-local, and the metadata of clouds */
        {0xac100000, 12},                                     /* private */
        {0xc0000000, 24}, {0xc0000200, 24}, {0xc0586300, 24}, /* protocols, examples, 6to4 relays */
        {0xc0a80000, 16},                                     /* private */
        {0xc6120000, 15}, {0xc6336400, 24}, {0xcb007100, 24}, /* benchmarks, examples */
        {0xe0000000, 4},  {0xf0000000, 4},                    /* multicast, reserved, broadcast */
    };
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (((a ^ special[i].net) >> (32 - special[i].bits)) == 0)
            return false;
    return true;
}

static uint32_t be32(const unsigned char *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Only what IANA gave out as global unicast, and not what carries an IPv4 address inside. */
static bool is_public6(const unsigned char a[16]) {
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (memcmp(a, mapped, sizeof mapped) == 0)
        return is_public4(be32(a + 12));
    if ((a[0] & 0xe0) != 0x20)
        return false;
    uint32_t top = be32(a);
    return top != 0x20010000 && top != 0x20010db8 && (top >> 16) != 0x2002 && (top >> 9) != 0x20010000 >> 9;
}

bool http_is_public(const struct sockaddr *sa) {
    if (sa->sa_family == AF_INET)
        return is_public4(ntohl(((const struct sockaddr_in *)(const void *)sa)->sin_addr.s_addr));
    if (sa->sa_family == AF_INET6)
        return is_public6(((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr.s6_addr);
    return false;
}

static bool has_login(const char *url) {
    const char *host = strstr(url, "://") + 3;
    const char *at = memchr(host, '@', strcspn(host, "/?#"));
    return at != NULL;
}

bool http_url_ok(const char *url, bool may_private) {
    if (strlen(url) > URL_MAX || !text_is_http_url(url) || has_login(url))
        return false;
    return may_private || text_starts(url, "https://");
}

/* ---- libcurl's questions ---- */

/* The address that a name stands for is known here, and nothing but it is connected to. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a) {
    struct call *c = arg;
    (void)purpose;
    if (!c->http->may_private && !http_is_public(&a->addr)) {
        c->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static size_t give(char *to, size_t size, size_t count, void *arg) {
    struct call *c = arg;
    if (!c->reply->sent && c->req->before != NULL && !c->req->before(c->req->arg)) {
        c->stopped = true;
        return CURL_READFUNC_ABORT;
    }
    c->reply->sent = true;
    size_t n = c->req->n - c->at;
    if (n > size * count)
        n = size * count;
    memcpy(to, (const char *)c->req->body + c->at, n);
    c->at += n;
    return n;
}

/* An answer that is too long is not read further; its status counts all the same. */
static size_t take(char *from, size_t size, size_t count, void *arg) {
    struct call *c = arg;
    size_t n = size * count, room = HTTP_REPLY_MAX - c->reply->n;
    memcpy(c->body + c->reply->n, from, n < room ? n : room);
    c->reply->n += n < room ? n : room;
    return n <= room ? n : 0;
}

static size_t take_header(char *line, size_t size, size_t count, void *arg) {
    struct call *c = arg;
    size_t n = size * count;
    int64_t seconds;
    if (n > 12 && strncasecmp(line, "retry-after:", 12) == 0) {
        char value[16] = "";
        size_t from = 12;
        while (from < n && line[from] == ' ')
            from++;
        size_t len = strspn(line + from, "0123456789");
        memcpy(value, line + from, len < sizeof value ? len : 0);
        if (text_parse_int(value, 1, 86400, &seconds))
            c->reply->retry_after = (int)seconds;
    }
    return n;
}

/* ---- calling ---- */

static struct curl_slist *header_list(struct ctx *ctx, const struct http_request *req) {
    struct curl_slist *list = curl_slist_append(NULL, "Expect:"); /* no waiting for a 100 */
    for (size_t i = 0; i < req->n_headers && list != NULL; i++) {
        struct curl_slist *more = curl_slist_append(
            list, arena_printf(ctx->arena, "%s: %s", req->headers[i].name, req->headers[i].value));
        if (more == NULL)
            curl_slist_free_all(list);
        list = more;
    }
    return list;
}

static void set_up(CURL *curl, struct call *c) {
    const struct http *h = c->http;
    curl_easy_setopt(curl, CURLOPT_URL, c->req->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, h->may_private ? "http,https" : "https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)h->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)h->timeout_ms * 2);
    curl_easy_setopt(curl, CURLOPT_MAXAGE_CONN, 30L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "DeepLink/" DEEPLINK_VERSION);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, c);
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)c->req->n);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
    curl_easy_setopt(curl, CURLOPT_READDATA, c);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, c);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, c);
}

static enum code finish(struct ctx *ctx, const struct call *c, CURLcode done, const char *words) {
    long status = 0;
    curl_easy_getinfo(c->http->curl, CURLINFO_RESPONSE_CODE, &status);
    c->reply->status = (int)status;
    c->reply->body = c->body;
    if (done == CURLE_OK || (status > 0 && done == CURLE_WRITE_ERROR))
        return OK;
    c->reply->status = 0;
    const char *why = words[0] != '\0' ? words : curl_easy_strerror(done);
    if (c->stopped)
        return fail(ctx, CANCELLED, "This was not sent.");
    if (c->refused)
        return fail_detail(ctx, DENIED, "This address may not be called.", "%s leads into a private network",
                           c->req->url);
    return fail_detail(ctx, UNAVAILABLE, "The other server does not answer.", "%s: %s", c->req->url, why);
}

enum code http_post(struct ctx *ctx, struct http *h, const struct http_request *req, struct http_reply *ret) {
    struct call call = {.http = h, .req = req, .reply = ret};
    char words[CURL_ERROR_SIZE] = "";
    *ret = (struct http_reply){0};
    if (!http_url_ok(req->url, h->may_private))
        return fail_detail(ctx, INVALID, "This address may not be called.", "http: %s", req->url);
    struct curl_slist *headers = header_list(ctx, req);
    if (headers == NULL)
        return fail_detail(ctx, INTERNAL, "Something went wrong on our side.", "http: no memory");
    call.body = arena_zalloc(ctx->arena, HTTP_REPLY_MAX + 1);
    curl_easy_reset(h->curl); /* connections stay */
    set_up(h->curl, &call);
    curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(h->curl, CURLOPT_ERRORBUFFER, words);
    enum code code = finish(ctx, &call, curl_easy_perform(h->curl), words);
    curl_easy_setopt(h->curl, CURLOPT_ERRORBUFFER, NULL);
    curl_slist_free_all(headers);
    return code;
}
