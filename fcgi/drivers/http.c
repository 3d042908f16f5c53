#include "fcgi/drivers/http.h"

#include <curl/curl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fcgi/app.h"
#include "fcgi/base/text.h"
#include "fcgi/drivers/address.h"

#define URL_MAX 2000
#define CONNECTIONS_KEPT 16L

struct http {
    CURLM *multi; /* keeps connections, so that calls of one server can share one */
    struct call *calls;
    size_t n;
    int timeout_ms;
    bool may_private;
};

/* A call that is under way; in its context's arena. */
struct call {
    struct call *next;
    struct http *http;
    struct ctx *ctx;
    struct http_request req;
    struct http_reply reply;
    CURL *curl;
    struct curl_slist *headers;
    char body[HTTP_REPLY_MAX + 1], words[CURL_ERROR_SIZE];
    size_t at; /* of the request's body */
    bool refused, stopped;
};

struct http *http_open(int timeout_ms, bool may_private) {
    struct http *h = calloc(1, sizeof *h);
    if (h == NULL)
        return NULL;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    *h = (struct http){.multi = curl_multi_init(),
                       .timeout_ms = timeout_ms > 0 ? timeout_ms : 10000,
                       .may_private = may_private};
    if (h->multi != NULL) {
        curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT);
        return h;
    }
    free(h);
    return NULL;
}

/* Takes a call out of what is under way; its memory stays the arena's. */
static void forget(struct call *c) {
    struct call **at = &c->http->calls;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    c->http->n--;
    curl_multi_remove_handle(c->http->multi, c->curl);
    curl_easy_cleanup(c->curl);
    curl_slist_free_all(c->headers);
}

void http_close(struct http *h) {
    if (h == NULL)
        return;
    while (h->calls != NULL)
        forget(h->calls);
    curl_multi_cleanup(h->multi);
    free(h);
}

/* ---- which addresses ---- */

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
    if (!c->http->may_private && !address_is_public(&a->addr)) {
        c->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static size_t give(char *to, size_t size, size_t count, void *arg) {
    struct call *c = arg;
    if (!c->reply.sent && c->req.before != NULL && !c->req.before(c->req.arg)) {
        c->stopped = true;
        return CURL_READFUNC_ABORT;
    }
    c->reply.sent = true;
    size_t n = c->req.n - c->at;
    if (n > size * count)
        n = size * count;
    memcpy(to, (const char *)c->req.body + c->at, n);
    c->at += n;
    return n;
}

/* An answer that is too long is not read further; its status counts all the same. */
static size_t take(char *from, size_t size, size_t count, void *arg) {
    struct call *c = arg;
    size_t n = size * count, room = HTTP_REPLY_MAX - c->reply.n;
    memcpy(c->body + c->reply.n, from, n < room ? n : room);
    c->reply.n += n < room ? n : room;
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
            c->reply.retry_after = (int)seconds;
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
    curl_easy_setopt(curl, CURLOPT_URL, c->req.url);
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
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)c->req.n);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
    curl_easy_setopt(curl, CURLOPT_READDATA, c);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, c);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, c);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, c->headers);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, c->words);
    curl_easy_setopt(curl, CURLOPT_PRIVATE, c);
}

static enum code outcome(struct call *c, CURLcode done) {
    long status = 0;
    curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
    c->reply.status = (int)status;
    c->reply.body = c->body;
    if (done == CURLE_OK || (status > 0 && done == CURLE_WRITE_ERROR))
        return OK;
    c->reply.status = 0;
    const char *why = c->words[0] != '\0' ? c->words : curl_easy_strerror(done);
    if (c->stopped)
        return fail(c->ctx, CANCELLED, "This was not sent.");
    if (c->refused)
        return fail_detail(c->ctx, DENIED, "This address may not be called.",
                           "%s leads into a private network", c->req.url);
    return fail_detail(c->ctx, UNAVAILABLE, "The other server does not answer.", "%s: %s", c->req.url, why);
}

static enum code no_memory(struct ctx *ctx) {
    return fail_detail(ctx, INTERNAL, "Something went wrong on our side.", "http: no memory");
}

enum code http_begin(struct ctx *ctx, struct http *h, const struct http_request *req) {
    if (!http_url_ok(req->url, h->may_private))
        return fail_detail(ctx, INVALID, "This address may not be called.", "http: %s", req->url);
    struct call *c = arena_one(ctx->arena, struct call);
    *c = (struct call){.http = h, .ctx = ctx, .req = *req};
    c->headers = header_list(ctx, req);
    if (c->headers == NULL)
        return no_memory(ctx);
    c->curl = curl_easy_init();
    if (c->curl == NULL) {
        curl_slist_free_all(c->headers);
        return no_memory(ctx);
    }
    set_up(c->curl, c);
    c->next = h->calls;
    h->calls = c;
    h->n++;
    curl_multi_add_handle(h->multi, c->curl);
    return OK;
}

static void finish(struct call *c, CURLcode done) {
    enum code code = outcome(c, done);
    forget(c);
    c->req.done(c->req.arg, code, &c->reply); /* the arena may be gone from here on */
}

size_t http_step(struct http *h, int wait_ms) {
    CURLMsg *message;
    int n;
    if (h->n == 0)
        return 0;
    curl_multi_perform(h->multi, &n);
    if (n == (int)h->n && wait_ms > 0) { /* none is over yet */
        curl_multi_poll(h->multi, NULL, 0, wait_ms, NULL);
        curl_multi_perform(h->multi, &n);
    }
    while ((message = curl_multi_info_read(h->multi, &n)) != NULL) {
        struct call *c = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &c);
        finish(c, message->data.result);
    }
    return h->n;
}
