#include "fcgi/drivers/s3.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "fcgi/app.h"
#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/drivers/s3_place.h"

#define TRIES 4
#define FIRST_PAUSE_MS 100
#define SHORT_CALL_MS 20000 /* one that carries no file */
#define STALL_S 30          /* a transfer that stands still so long is given up */
#define WEEK_S (INT64_C(7) * 86400)

struct s3 {
    CURL *curl; /* kept, so that calls share a connection */
    int connect_ms;
    struct s3_place place;
    struct s3_keys keys;
};

struct s3 *s3_open(const struct config *config, const char *setting, const char **ret_problem) {
    struct s3 *s = calloc(1, sizeof *s);

    *ret_problem = "there is no memory for it";
    if (s == NULL)
        return NULL;
    if (!s3_place_read(&s->place, setting, ret_problem)) {
        free(s);
        return NULL;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    s->curl = curl_easy_init();
    s->connect_ms = config->server_timeout_ms;
    s->keys.id = strdup(config->media_s3_key);
    s->keys.secret = strdup(config->media_s3_secret);
    s->keys.region = s->place.region;
    if (s->curl != NULL && s->keys.id != NULL && s->keys.secret != NULL)
        return s;
    s3_close(s);
    return NULL;
}

void s3_close(struct s3 *s) {
    curl_easy_cleanup(s->curl);
    s3_place_free(&s->place);
    free((void *)(uintptr_t)s->keys.id);
    free((void *)(uintptr_t)s->keys.secret);
    free(s);
}

const char *s3_bucket(const struct s3 *s) { return s->place.bucket; }
const char *s3_prefix(const struct s3 *s) { return s->place.prefix; }

/* ---- one try ---- */

/* What libcurl's callbacks work on. */
struct transfer {
    struct ctx *ctx;
    CURL *curl;
    const struct s3_call *call;
    struct s3_answer *answer;
    int64_t sent;
    int64_t written;
    struct buf body;
    bool local; /* a local file could not be read or written; nothing that a repeat mends */
};

static size_t give(char *to, size_t size, size_t count, void *arg) {
    struct transfer *t = arg;
    int64_t left = t->call->from_bytes - t->sent;
    size_t room = size * count;
    ssize_t n;

    if (left <= 0)
        return 0;
    n = pread(t->call->from, to, left < (int64_t)room ? (size_t)left : room, t->call->from_at + t->sent);
    if (n <= 0) {
        t->local = true;
        return CURL_READFUNC_ABORT;
    }
    t->sent += n;
    return (size_t)n;
}

/* A good answer's body may go to a file; any other is kept, to be read. */
static size_t take(char *from, size_t size, size_t count, void *arg) {
    struct transfer *t = arg;
    size_t n = size * count;
    long status = 0;

    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    if (t->call->to < 0 || status >= 300) {
        buf_add(&t->body, from, n);
        return buf_overflowed(&t->body) ? 0 : n;
    }
    if (pwrite(t->call->to, from, n, t->written) != (ssize_t)n) {
        t->local = true;
        return 0;
    }
    t->written += (int64_t)n;
    return n;
}

static size_t take_header(char *line, size_t size, size_t count, void *arg) {
    struct transfer *t = arg;
    size_t n = size * count;

    if (n > 7 && strncasecmp(line, "etag: ", 6) == 0)
        t->answer->etag = arena_strndup(t->ctx->arena, line + 6, strcspn(line + 6, "\r\n"));
    return n;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct s3_pair *)a)->name, ((const struct s3_pair *)b)->name);
}

/* All headers that are signed, in their order; *ret_n of them. */
static struct s3_pair *headers_of(struct ctx *ctx, const struct s3 *s, const struct s3_call *call,
                                  const char *payload, int64_t now_ms, size_t *ret_n) {
    struct s3_pair *h = arena_many(ctx->arena, struct s3_pair, S3_HEADERS_MAX + 3);
    size_t n = 0;

    h[n++] = (struct s3_pair){"host", s->place.host};
    h[n++] = (struct s3_pair){"x-amz-content-sha256", payload};
    h[n++] = (struct s3_pair){"x-amz-date", s3_stamp(ctx->arena, now_ms)};
    for (size_t i = 0; i < S3_HEADERS_MAX && call->headers[i].name != NULL; i++)
        h[n++] = call->headers[i];
    qsort(h, n, sizeof *h, by_name);
    *ret_n = n;
    return h;
}

static const char *payload_of(struct ctx *ctx, const struct s3_call *call) {
    unsigned char digest[CRYPTO_HASH_BYTES];

    if (call->payload != NULL)
        return call->payload;
    crypto_sha256(digest, call->body != NULL ? call->body : "", call->n);
    return text_hex(ctx->arena, digest, sizeof digest);
}

static const char *path_of(struct ctx *ctx, const struct s3 *s, const char *object) {
    return arena_printf(ctx->arena, "%s/%s%s%s", s->place.path, s->place.bucket, object[0] != '\0' ? "/" : "",
                        object);
}

/* The request line, and the headers with their signature. NULL: no memory. */
static struct curl_slist *write_head(struct ctx *ctx, struct s3 *s, const struct s3_call *call) {
    struct s3_signed req = {.method = call->method,
                            .path = path_of(ctx, s, call->object),
                            .query = call->query,
                            .n_query = call->n_query,
                            .payload = payload_of(ctx, call),
                            .at_ms = clock_now_ms()};
    struct s3_pair *h = headers_of(ctx, s, call, req.payload, req.at_ms, &req.n_headers);
    const char *query = s3_query(ctx->arena, call->query, call->n_query);
    struct curl_slist *list = curl_slist_append(NULL, "Expect:"); /* no waiting for a 100 */

    req.headers = h;
    for (size_t i = 0; i <= req.n_headers && list != NULL; i++) {
        const char *line = i == req.n_headers ? arena_printf(ctx->arena, "Authorization: %s",
                                                             s3_authorization(ctx->arena, &s->keys, &req))
                                              : arena_printf(ctx->arena, "%s: %s", h[i].name, h[i].value);
        struct curl_slist *more = curl_slist_append(list, line);
        if (more == NULL)
            curl_slist_free_all(list);
        list = more;
    }
    curl_easy_setopt(s->curl, CURLOPT_URL,
                     arena_printf(ctx->arena, "%s://%s%s%s%s", s->place.scheme, s->place.host, req.path,
                                  query[0] != '\0' ? "?" : "", query));
    return list;
}

static void set_up(struct s3 *s, const struct s3_call *call, struct transfer *t) {
    CURL *curl = s->curl;
    bool is_transfer = call->from >= 0 || call->to >= 0;

    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, s->place.scheme);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)s->connect_ms);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, is_transfer ? 0L : (long)SHORT_CALL_MS);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)STALL_S);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "DeepLink/" DEEPLINK_VERSION);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, t);
    if (strcmp(call->method, "HEAD") == 0) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else if (call->from >= 0) {
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
        curl_easy_setopt(curl, CURLOPT_READDATA, t);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->from_bytes);
    } else if (strcmp(call->method, "POST") == 0 || strcmp(call->method, "PUT") == 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body != NULL ? call->body : "");
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->n);
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
    } else {
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
    }
}

/* Whether the answer came whole; its words when not. */
static bool try_once(struct ctx *ctx, struct s3 *s, struct transfer *t, const char **ret_words) {
    curl_off_t length = -1;
    long status = 0;
    struct curl_slist *headers;
    CURLcode done;

    *t->answer = (struct s3_answer){.length = -1, .etag = "", .body = ""};
    buf_init(&t->body, ctx->arena, S3_BODY_MAX);
    t->sent = t->written = 0;
    curl_easy_reset(s->curl); /* connections stay */
    headers = write_head(ctx, s, t->call);
    *ret_words = "no memory";
    if (headers == NULL)
        return false;
    set_up(s, t->call, t);
    curl_easy_setopt(s->curl, CURLOPT_HTTPHEADER, headers);
    done = curl_easy_perform(s->curl);
    curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(s->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    curl_slist_free_all(headers);
    t->answer->status = done == CURLE_OK ? (int)status : 0;
    t->answer->length = (int64_t)length;
    t->answer->body = buf_str(&t->body);
    *ret_words = curl_easy_strerror(done);
    return done == CURLE_OK;
}

/* ---- all tries ---- */

static bool is_worth_a_repeat(const struct transfer *t) {
    int status = t->answer->status;
    return !t->local && (status == 0 || status == 429 || status >= 500) && status != 501 && status != 507;
}

static void pause_before(int attempt) {
    int64_t ms = (int64_t)FIRST_PAUSE_MS << (2 * (attempt - 1));
    struct timespec t = {ms / 1000, (ms % 1000) * 1000000};

    nanosleep(&t, NULL);
}

static enum code verdict(struct ctx *ctx, const struct transfer *t, const char *words) {
    const struct s3_call *call = t->call;
    int status = t->answer->status;

    if (status > 0 && status < 300)
        return OK;
    if (status == 404)
        return fail(ctx, NOT_FOUND, "There is no such file.");
    if (t->local || status == 507)
        return fail_detail(ctx, EXHAUSTED, "There is no room left for files.", "s3: %s %s: %d %s",
                           call->method, call->object, status, words);
    return fail_detail(ctx, UNAVAILABLE, "Files can not be stored or read at the moment.",
                       "s3: %s %s: %d %s %.300s", call->method, call->object, status, words, t->answer->body);
}

enum code s3_run(struct ctx *ctx, struct s3 *s, const struct s3_call *call, struct s3_answer *ret) {
    struct transfer t = {.ctx = ctx, .curl = s->curl, .call = call, .answer = ret};
    const char *words = "";

    for (int i = 0; i < TRIES; i++) {
        if (i > 0)
            pause_before(i);
        if (call->to >= 0 && ftruncate(call->to, 0) != 0)
            t.local = true;
        try_once(ctx, s, &t, &words);
        if (!is_worth_a_repeat(&t))
            break;
    }
    return verdict(ctx, &t, words);
}

const char *s3_address(struct ctx *ctx, const struct s3 *s, const char *object, int64_t seconds) {
    struct s3_pair host = {"host", s->place.host};
    struct s3_signed req = {.method = "GET",
                            .path = path_of(ctx, s, object),
                            .headers = &host,
                            .n_headers = 1,
                            .at_ms = clock_now_ms()};

    return arena_printf(ctx->arena, "%s://%s%s?%s", s->place.scheme, s->place.host, req.path,
                        s3_presign(ctx->arena, &s->keys, &req, seconds < WEEK_S ? seconds : WEEK_S));
}

const char *s3_tag(struct ctx *ctx, const char **at, const char *name) {
    const char *open = arena_printf(ctx->arena, "<%s>", name);
    const char *from = strstr(*at, open), *to;

    if (from == NULL)
        return NULL;
    from += strlen(open);
    to = strchr(from, '<');
    if (to == NULL)
        return NULL;
    *at = to;
    return arena_strndup(ctx->arena, from, (size_t)(to - from));
}
