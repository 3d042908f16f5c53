/* The limit of what gRPC on libnghttp2 can do: processes that accept, read a call to its end and answer it
 * with two ready bytes of message and a status of OK, and nothing else.
 *
 *     null_grpc SOCKET PROCESSES
 */
#define _GNU_SOURCE
#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIELD(name, value) \
    { (uint8_t *)(name), (uint8_t *)(value), sizeof(name) - 1, sizeof(value) - 1, NGHTTP2_NV_FLAG_NONE }

static const uint8_t message[] = {0, 0, 0, 0, 2, 8, 1};
static nghttp2_session_callbacks *calls;

struct connection {
    int fd;
    nghttp2_session *session;
};

static ssize_t on_body(nghttp2_session *s, int32_t id, uint8_t *to, size_t room, uint32_t *flags,
                       nghttp2_data_source *source, void *arg) {
    nghttp2_nv trailer[] = {FIELD("grpc-status", "0")};
    (void)room;
    (void)source;
    (void)arg;
    memcpy(to, message, sizeof message);
    *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    nghttp2_submit_trailer(s, id, trailer, 1);
    return sizeof message;
}

static int on_frame(nghttp2_session *s, const nghttp2_frame *frame, void *arg) {
    nghttp2_nv head[] = {FIELD(":status", "200"), FIELD("content-type", "application/grpc")};
    nghttp2_data_provider body = {.read_callback = on_body};
    (void)arg;
    if ((frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
        nghttp2_submit_response(s, frame->hd.stream_id, head, 2, &body);
    return 0;
}

static bool flush(struct connection *c) {
    static char out[1 << 16];
    const uint8_t *p;
    ssize_t n;
    size_t have = 0;
    while ((n = nghttp2_session_mem_send(c->session, &p)) > 0 && have + (size_t)n <= sizeof out) {
        memcpy(out + have, p, (size_t)n);
        have += (size_t)n;
    }
    return have == 0 || write(c->fd, out, have) == (ssize_t)have;
}

static void serve(int epoll, struct connection *c) {
    static uint8_t in[1 << 16];
    ssize_t n = read(c->fd, in, sizeof in);
    if (n > 0 && nghttp2_session_mem_recv(c->session, in, (size_t)n) >= 0 && flush(c))
        return;
    epoll_ctl(epoll, EPOLL_CTL_DEL, c->fd, NULL);
    close(c->fd);
    nghttp2_session_del(c->session);
    free(c);
}

static void take(int epoll, int listener) {
    struct connection *c = calloc(1, sizeof *c);
    nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 256}};
    c->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (c->fd < 0) {
        free(c);
        return;
    }
    nghttp2_session_server_new(&c->session, calls, c);
    nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings, 1);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &e);
    flush(c);
}

static void loop(int listener) {
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = NULL}, events[64];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e);
    for (;;) {
        int n = epoll_wait(epoll, events, 64, -1);
        for (int i = 0; i < n; i++)
            if (events[i].data.ptr == NULL)
                take(epoll, listener);
            else
                serve(epoll, events[i].data.ptr);
    }
}

int main(int argc, char **argv) {
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    if (argc != 3 || strlen(argv[1]) >= sizeof sa.sun_path) {
        fputs("null_grpc SOCKET PROCESSES\n", stderr);
        return 2;
    }
    memcpy(sa.sun_path, argv[1], strlen(argv[1]) + 1);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    unlink(argv[1]);
    if (bind(listener, (struct sockaddr *)&sa, sizeof sa) != 0 || listen(listener, 1024) != 0) {
        perror(argv[1]);
        return 1;
    }
    nghttp2_session_callbacks_new(&calls);
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls, on_frame);
    for (int i = strtol(argv[2], NULL, 10); i > 1; i--)
        if (fork() == 0)
            loop(listener);
    loop(listener);
    return 0;
}
