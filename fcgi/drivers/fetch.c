#include "fcgi/drivers/fetch.h"

#include <curl/curl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fcgi/app.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/drivers/fetch_place.h"

#define CONNECT_MS 4000L
#define SLOW_BYTES 512L /* fewer a second, for SLOW_S: given up */
#define SLOW_S 4L
#define ROBOTS_MAX 300
#define NAP_MS 5
#define DIED "The other server does not answer."

/* What libcurl is given for one hop of a call. */
struct handles {
    CURL *curl;  /* one each: nothing of one hop is known to the next */
    CURLSH *own; /* where its names are kept, which would stay with all of them for good */
    struct curl_slist *headers, *pins;
};

/* A call that is under way; in its context's arena. */
struct call {
    struct call *next;
    struct fetches *all;
    struct ctx *ctx;
    struct fetch_request req;
    int64_t until_us;
    /* where it is */
    enum { BEGINNING, LOOKING_UP, WAITING, CALLING } state;
    const char *url;
    int hops;
    struct fetch_place place;
    struct handles h;
    /* what has come */
    char *body; /* NULL: it goes into a file */
    size_t n, headers;
    char robots[ROBOTS_MAX];
    enum { NOTHING, REFUSED, TOO_LARGE, TOO_MANY_HEADERS, OTHER_TYPE, NOT_WRITTEN } why;
    bool cut, begun;
    struct fetch_reply reply;
};

struct fetches {
    CURLM *multi;
    struct call *calls;
    size_t n;
};

bool fetch_may_pass(enum code code) { return code == UNAVAILABLE || code == DEADLINE; }

/* ---- libcurl's questions */

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a) {
    struct call *c = arg;
    (void)purpose;
    if (!fetch_may_connect(c->ctx, &a->addr)) {
        c->why = REFUSED;
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* "text/html" of "Text/HTML; charset=x", into to. */
static void type_of(const char *header, char *to, size_t size) {
    size_t n = header != NULL ? strcspn(header, "; \t,") : 0;
    n = n < size ? n : size - 1;
    for (size_t i = 0; i < n; i++)
        to[i] = header[i] >= 'A' && header[i] <= 'Z' ? (char)(header[i] + 32) : header[i];
    to[n] = '\0';
}

static bool takes(const struct fetch_request *req, const char *type) {
    for (const char *const *t = req->types; *t != NULL; t++) {
        size_t n = strlen(*t);
        if ((*t)[n - 1] == '/' ? strncmp(type, *t, n) == 0 : strcmp(type, *t) == 0)
            return true;
    }
    return false;
}

static bool is_ok(CURL *curl, long *ret) {
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret);
    return *ret >= 200 && *ret < 300;
}

/* Before the first byte of a body: whether it is wanted at all. */
static bool begin(struct call *c) {
    const char *header = NULL;
    char type[100];
    long status;
    c->begun = true;
    if (!is_ok(c->h.curl, &status))
        return false;
    curl_easy_getinfo(c->h.curl, CURLINFO_CONTENT_TYPE, &header);
    type_of(header, type, sizeof type);
    if (!takes(&c->req, type))
        c->why = OTHER_TYPE;
    return c->why == NOTHING;
}

static bool store(struct call *c, const char *from, size_t n) {
    if (c->body != NULL) {
        memcpy(c->body + c->n, from, n);
        return true;
    }
    for (size_t done = 0; done < n;) {
        ssize_t k = write(c->req.fd, from + done, n - done);
        if (k <= 0)
            return false;
        done += (size_t)k;
    }
    return true;
}

/* Comes unpacked, in pieces of a few kB, so that nothing packed grows beyond the cap. */
static size_t take(char *from, size_t size, size_t count, void *arg) {
    struct call *c = arg;
    size_t n = size * count, room = c->req.max - c->n, k = n < room ? n : room;
    if (!c->begun && !begin(c))
        return 0;
    if (n > room && !c->req.cut) {
        c->why = TOO_LARGE;
        return 0;
    }
    if (!store(c, from, k)) {
        c->why = NOT_WRITTEN;
        return 0;
    }
    c->n += k;
    c->cut = k < n;
    return k == n ? n : 0;
}

static void note_robots(struct call *c, const char *value, size_t n) {
    size_t at = strlen(c->robots);
    while (n > 0 && (value[n - 1] == '\r' || value[n - 1] == '\n'))
        n--;
    if (at + n + 2 >= sizeof c->robots)
        return;
    if (at > 0)
        c->robots[at++] = ',';
    for (size_t i = 0; i < n; i++)
        c->robots[at++] = value[i] >= 'A' && value[i] <= 'Z' ? (char)(value[i] + 32) : value[i];
    c->robots[at] = '\0';
}

static size_t take_header(char *line, size_t size, size_t count, void *arg) {
    static const char robots[] = "x-robots-tag:";
    struct call *c = arg;
    size_t n = size * count, k = sizeof robots - 1;
    c->headers += n;
    if (c->headers > FETCH_HEADERS_MAX) {
        c->why = TOO_MANY_HEADERS;
        return 0;
    }
    if (n > k && strncasecmp(line, robots, k) == 0)
        note_robots(c, line + k, n - k);
    return n;
}

/* ---- One hop of a call */

static void set_limits(CURL *curl, const struct fetch_request *req, int left_ms) {
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, req->schemes);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_HTTP09_ALLOWED, 0L);
    curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, left_ms < CONNECT_MS ? (long)left_ms : CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)left_ms);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, SLOW_S);
    if (!req->cut) /* where the length is said it is refused before it comes */
        curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)req->max);
}

static void set_questions(CURL *curl, struct call *c) {
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, c);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, c);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, c);
}

/* Why there is no answer that can be used. */
static enum code refuse(struct call *c, CURLcode done, long status) {
    const struct {
        enum code code;
        const char *words;
    } whys[] = {
        [REFUSED] = {DENIED, "leads where nothing may be called"},
        [TOO_LARGE] = {EXHAUSTED, "is too large"},
        [TOO_MANY_HEADERS] = {EXHAUSTED, "has too many headers"},
        [OTHER_TYPE] = {INVALID, "is of another type"},
        [NOT_WRITTEN] = {INTERNAL, "could not be written down"},
    };
    struct ctx *ctx = c->ctx;
    const char *url = c->url;
    if (c->why != NOTHING)
        return fail_detail(ctx, whys[c->why].code, DIED, "%s %s", url, whys[c->why].words);
    if (done == CURLE_FILESIZE_EXCEEDED)
        return fail_detail(ctx, EXHAUSTED, DIED, "%s is too large", url);
    if (status >= 400)
        return fail_detail(ctx, status >= 500 || status == 429 ? UNAVAILABLE : NOT_FOUND, DIED,
                           "%s answered %ld", url, status);
    if (done == CURLE_OPERATION_TIMEDOUT)
        return fail_detail(ctx, DEADLINE, DIED, "%s is too slow", url);
    if (done == CURLE_BAD_CONTENT_ENCODING || done == CURLE_UNSUPPORTED_PROTOCOL)
        return fail_detail(ctx, INVALID, DIED, "%s: %s", url, curl_easy_strerror(done));
    return fail_detail(ctx, UNAVAILABLE, DIED, "%s: %s", url,
                       done != CURLE_OK ? curl_easy_strerror(done) : "no answer");
}

static void reply_fill(struct call *c) {
    struct arena *a = c->ctx->arena;
    const char *header = NULL;
    char type[100];
    curl_easy_getinfo(c->h.curl, CURLINFO_CONTENT_TYPE, &header);
    type_of(header, type, sizeof type);
    const char *charset = header != NULL ? strcasestr(header, "charset=") : NULL;
    charset = charset != NULL ? charset + 8 + (charset[8] == '"') : "";
    c->reply = (struct fetch_reply){.url = c->place.url,
                                    .type = arena_strdup(a, type),
                                    .charset = arena_strndup(a, charset, strcspn(charset, "\"; ,")),
                                    .robots = arena_strdup(a, c->robots),
                                    .body = c->body,
                                    .n = c->n,
                                    .cut = c->cut};
    if (c->body != NULL)
        c->body[c->n] = '\0';
}

/* What came of a hop: the answer, or in *ret_next where it is instead, or a failure. */
static enum code outcome(struct call *c, CURLcode done, const char **ret_next) {
    const char *next = NULL;
    long status = 0;
    bool good = is_ok(c->h.curl, &status);
    curl_easy_getinfo(c->h.curl, CURLINFO_REDIRECT_URL, &next);
    if (next != NULL && status >= 301 && status <= 308 && c->why == NOTHING) {
        *ret_next = arena_strdup(c->ctx->arena, next);
        return OK;
    }
    if (good && done == CURLE_OK && !c->begun)
        begin(c); /* it was empty */
    if (!good || c->why != NOTHING || (done != CURLE_OK && !c->cut))
        return refuse(c, done, status);
    reply_fill(c);
    return OK;
}

static struct curl_slist *headers_of(struct ctx *ctx, const struct fetch_request *req) {
    struct curl_slist *list = curl_slist_append(NULL, arena_printf(ctx->arena, "Accept: %s", req->accept));
    if (list != NULL && req->language != NULL)
        curl_slist_append(list, arena_printf(ctx->arena, "Accept-Language: %s", req->language));
    return list;
}

static void put_down(struct call *c) {
    if (c->h.curl != NULL) {
        curl_multi_remove_handle(c->all->multi, c->h.curl);
        curl_easy_cleanup(c->h.curl);
    }
    curl_share_cleanup(c->h.own);
    curl_slist_free_all(c->h.headers);
    curl_slist_free_all(c->h.pins);
    c->h = (struct handles){0};
}

static bool take_up(struct call *c) {
    const char *pinned = c->place.pinned;
    c->h = (struct handles){.curl = curl_easy_init(),
                            .own = curl_share_init(),
                            .headers = headers_of(c->ctx, &c->req),
                            .pins = pinned != NULL ? curl_slist_append(NULL, pinned) : NULL};
    return c->h.curl != NULL && c->h.own != NULL && c->h.headers != NULL &&
           (pinned == NULL || c->h.pins != NULL);
}

static void set_place(struct call *c) {
    const struct config *config = c->ctx->env->config;
    CURL *curl = c->h.curl;
    curl_share_setopt(c->h.own, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    curl_easy_setopt(curl, CURLOPT_SHARE, c->h.own);
    curl_easy_setopt(curl, CURLOPT_URL, c->place.url);
    curl_easy_setopt(curl, CURLOPT_RESOLVE, c->h.pins);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, c->h.headers);
    if (config->fetch_ca[0] != '\0')
        curl_easy_setopt(curl, CURLOPT_CAINFO, config->fetch_ca);
    curl_easy_setopt(curl, CURLOPT_USERAGENT,
                     arena_printf(c->ctx->arena, "DeepLink/" DEEPLINK_VERSION " (+%s/)", config->base_url));
    curl_easy_setopt(curl, CURLOPT_PRIVATE, c);
}

static int left_ms(const struct call *c) {
    int64_t left = (c->until_us - clock_mono_us()) / 1000;
    return left > 0 ? (int)left : 0;
}

static enum code call(struct call *c) {
    if (!take_up(c))
        return fail_detail(c->ctx, INTERNAL, "Something went wrong on our side.", "fetch: no memory");
    c->n = c->headers = 0;
    c->robots[0] = '\0';
    c->cut = c->begun = false;
    set_limits(c->h.curl, &c->req, left_ms(c) > 1 ? left_ms(c) : 1);
    set_questions(c->h.curl, c);
    set_place(c);
    curl_multi_add_handle(c->all->multi, c->h.curl);
    c->state = CALLING;
    return OK;
}

/* ---- A call from its begin to its end */

/* Its memory may be gone afterwards. */
static void over(struct call *c, enum code code) {
    struct call **at = &c->all->calls;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    c->all->n--;
    put_down(c);
    c->req.done(c->req.arg, code, &c->reply);
}

/* A look-up that nobody waits for frees itself. */
static void give_up(struct call *c) {
    if (c->state == LOOKING_UP && fetch_place_end(c->ctx, &c->place) != OK)
        fail_clear(c->ctx);
    c->state = WAITING;
}

static enum code too_slow(struct call *c) {
    give_up(c);
    return fail_detail(c->ctx, DEADLINE, DIED, "%s is too slow", c->url);
}

static void hop_to(struct call *c, const char *url) {
    enum code code;
    c->url = url;
    c->state = LOOKING_UP;
    if (c->hops++ > FETCH_REDIRECTS)
        code = fail_detail(c->ctx, INVALID, DIED, "%s is redirected too often", c->req.url);
    else
        code = fetch_place_begin(c->ctx, url, &c->place);
    if (code != OK)
        over(c, code);
}

static size_t calls_of(const struct fetches *all, const char *host) {
    size_t n = 0;
    for (const struct call *c = all->calls; c != NULL; c = c->next)
        n += c->state == CALLING && strcmp(c->place.host, host) == 0;
    return n;
}

/* Goes on with what libcurl has not been given yet. */
static void advance(struct call *c) {
    enum code code = OK;
    if (c->state == CALLING)
        return;
    if (left_ms(c) == 0) {
        over(c, too_slow(c));
        return;
    }
    if (c->state == BEGINNING) {
        hop_to(c, c->url);
        return;
    }
    if (c->state == LOOKING_UP) {
        if (!fetch_place_known(&c->place))
            return;
        code = fetch_place_end(c->ctx, &c->place);
        c->state = WAITING;
    }
    if (code == OK && calls_of(c->all, c->place.host) < FETCH_SAME_HOST)
        code = call(c);
    if (code != OK)
        over(c, code);
}

static void landed(struct call *c, CURLcode done) {
    const char *next = NULL;
    enum code code = outcome(c, done, &next);
    put_down(c);
    if (code == OK && next != NULL)
        hop_to(c, next);
    else
        over(c, code);
}

/* ---- All of them */

struct fetches *fetches_open(void) {
    struct fetches *all = calloc(1, sizeof *all); /* lint: memory-of-the-arena: of the process */
    if (all == NULL)
        return NULL;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    all->multi = curl_multi_init();
    if (all->multi != NULL)
        return all;
    free(all); /* lint: memory-of-the-arena: the same */
    return NULL;
}

void fetches_close(struct fetches *all) {
    if (all == NULL)
        return;
    for (struct call *c = all->calls; c != NULL; c = c->next) {
        give_up(c);
        put_down(c);
    }
    curl_multi_cleanup(all->multi);
    free(all); /* lint: memory-of-the-arena: the same */
}

void fetches_stop(struct fetches *all) {
    while (all->calls != NULL) {
        struct call *c = all->calls;
        give_up(c);
        over(c, fail_detail(c->ctx, CANCELLED, DIED, "%s: stopped", c->url));
    }
}

/* Behind the others, so that who waits for a host comes in turn. An address that is none ends with the next
 * step, as anything else does. */
void fetch_begin(struct ctx *ctx, struct fetches *all, const struct fetch_request *req) {
    struct call *c = arena_one(ctx->arena, struct call), **at = &all->calls;
    *c = (struct call){.all = all,
                       .ctx = ctx,
                       .req = *req,
                       .url = req->url,
                       .state = BEGINNING,
                       .until_us = clock_mono_us() + (int64_t)req->timeout_ms * 1000,
                       .body = req->to_file ? NULL : arena_alloc(ctx->arena, req->max + 1)};
    while (*at != NULL)
        at = &(*at)->next;
    *at = c;
    all->n++;
}

/* `next` stays: a call takes none but itself away. Whether libcurl does not know of all of them yet. */
static bool advance_all(struct fetches *all) {
    bool is_any_left = false;
    for (struct call *c = all->calls, *next; c != NULL; c = next) {
        next = c->next;
        advance(c);
    }
    for (const struct call *c = all->calls; c != NULL; c = c->next)
        is_any_left = is_any_left || c->state != CALLING;
    return is_any_left;
}

size_t fetch_step(struct fetches *all, int wait_ms) {
    CURLMsg *message;
    int n, before;
    if (all->n == 0)
        return 0;
    if (advance_all(all) && wait_ms > NAP_MS) /* nothing wakes us for these */
        wait_ms = NAP_MS;
    curl_multi_perform(all->multi, &before);
    curl_multi_poll(all->multi, NULL, 0, wait_ms, NULL);
    curl_multi_perform(all->multi, &n);
    while ((message = curl_multi_info_read(all->multi, &n)) != NULL) {
        struct call *c = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &c);
        landed(c, message->data.result);
    }
    return all->n;
}
