/* Bytes of a peer, fed to a server session in memory: HTTP/2, HPACK, the assembly of messages, metadata; then
 * whatever became of it is run as far as it needs no server. The first byte says how the rest is cut into
 * pieces. Also what stands in a trailer of an answer: percent-encoded words, base64, the error. */
#include <stdlib.h>

#include "fcgi/app.h"
#include "fcgi/base/arena.h"
#include "fcgi/config.h"
#include "fcgi/rpc_session.h"
#include "fcgi/rpc_wire.h"
#include "tests/fuzz/fuzz.h"

static const unsigned char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0";
static struct rpc_host *host;

static void make_host(void) {
    static const struct service *const none[] = {NULL};
    static const struct app app = {.services = none};
    static const struct config config = {
        .grpc_secret = "", .grpc_outside_secret = "outside-outside-outside", .request_timeout_ms = 1000};
    static struct env env = {.config = &config, .app = &app};
    host = rpc_host_new(&env);
}

static void take_output(struct rpc_session *s) {
    const uint8_t *p;
    while (nghttp2_session_mem_send(s->http2, &p) > 0)
        continue;
}

static void feed(const unsigned char *p, size_t n, size_t piece) {
    struct rpc_session *s = rpc_session_new(host, true);
    struct rpc_stream *stream;
    bool good = nghttp2_session_mem_recv(s->http2, preface, sizeof preface) >= 0;
    for (size_t at = 0; good && at < n; at += piece) {
        size_t k = n - at < piece ? n - at : piece;
        good = nghttp2_session_mem_recv(s->http2, p + at, k) >= 0;
        for (int calls = 0; calls < 64 && (stream = rpc_session_next(s, true)) != NULL; calls++)
            rpc_run(stream);
        take_output(s);
    }
    rpc_session_tick(s, INT64_MAX / 2);
    rpc_session_leave(s);
    take_output(s);
    rpc_session_free(s);
}

static void read_trailer(const unsigned char *p, size_t n) {
    struct ctx ctx = {.arena = arena_new((size_t)64 << 20), .request_id = ""};
    const unsigned char *message;
    size_t message_n;
    int64_t us;
    char *text = arena_strndup(ctx.arena, (const char *)p, n);
    rpc_percent_decode(ctx.arena, text);
    rpc_percent_encode(ctx.arena, text);
    rpc_timeout_parse(text, &us);
    rpc_message_find(p, n, &message, &message_n);
    rpc_error_unpack(&ctx, text);
    arena_free(ctx.arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (host == NULL)
        make_host();
    if (size < 2)
        return 0;
    read_trailer(data + 1, size - 1);
    feed(data + 1, size - 1, data[0] == 0 ? size : data[0]);
    return 0;
}
