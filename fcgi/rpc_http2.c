#include "fcgi/rpc_http2.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define AT_ONCE ((size_t)64 << 10)

nghttp2_nv rpc_field(const char *name, const char *value) {
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                        .value = (uint8_t *)(uintptr_t)value,
                        .namelen = strlen(name),
                        .valuelen = strlen(value)};
}

/* Gathers frames, so that a small answer is one write. */
static bool gather(struct rpc_pipe *p) {
    while (p->out.n < AT_ONCE) {
        const uint8_t *bytes;
        ssize_t n = nghttp2_session_mem_send(p->session, &bytes);
        if (n <= 0)
            return n == 0;
        buf_add(&p->out, bytes, (size_t)n);
    }
    return !buf_overflowed(&p->out);
}

enum rpc_moved rpc_pipe_send(struct rpc_pipe *p) {
    if (p->out.max == 0)
        buf_init(&p->out, NULL, 4 * AT_ONCE);
    for (;;) {
        if (p->at == p->out.n) {
            p->at = p->out.n = 0;
            if (!gather(p))
                return RPC_DEAD;
            if (p->out.n == 0)
                return RPC_MOVED;
        }
        ssize_t n = send(p->fd, p->out.p + p->at, p->out.n - p->at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return RPC_BLOCKED;
        if (n < 0 && errno != EINTR)
            return RPC_DEAD;
        p->at += n > 0 ? (size_t)n : 0;
    }
}

enum rpc_moved rpc_pipe_receive(struct rpc_pipe *p) {
    static uint8_t bytes[AT_ONCE];
    ssize_t n = recv(p->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? RPC_BLOCKED : RPC_DEAD;
    if (n == 0 || nghttp2_session_mem_recv(p->session, bytes, (size_t)n) < 0)
        return RPC_DEAD;
    return RPC_MOVED;
}

void rpc_pipe_close(struct rpc_pipe *p) {
    nghttp2_session_del(p->session);
    if (p->fd >= 0)
        close(p->fd);
    buf_free(&p->out);
    *p = (struct rpc_pipe){.fd = -1};
}
