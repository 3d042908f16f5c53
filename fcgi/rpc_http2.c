#include "fcgi/rpc_http2.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fcgi/rpc_tls.h"

#define AT_ONCE ((size_t)64 << 10)

nghttp2_nv rpc_field(const char *name, const char *value) {
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                        .value = (uint8_t *)(uintptr_t)value,
                        .namelen = strlen(name),
                        .valuelen = strlen(value)};
}

bool rpc_pipe_is_open(const struct rpc_pipe *p) { return p->tls == NULL || rpc_tls_is_open(p->tls); }

/* Gathers frames, so that a small answer is one write, and one record of TLS. */
static bool gather_frames(struct rpc_pipe *p) {
    while (p->out.n < AT_ONCE) {
        const uint8_t *bytes;
        ssize_t n = nghttp2_session_mem_send(p->session, &bytes);
        if (n <= 0)
            return n == 0;
        buf_add(&p->out, bytes, (size_t)n);
    }
    return !buf_overflowed(&p->out);
}

static bool gather(struct rpc_pipe *p) {
    bool ok = !rpc_pipe_is_open(p) || gather_frames(p);
    return ok && (p->tls == NULL || rpc_tls_seal(p->tls, &p->out));
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

static enum rpc_moved take(struct rpc_pipe *p, const uint8_t *bytes, size_t n) {
    return nghttp2_session_mem_recv(p->session, bytes, n) < 0 ? RPC_DEAD : RPC_MOVED;
}

static enum rpc_moved take_sealed(struct rpc_pipe *p, const uint8_t *bytes, size_t n) {
    static uint8_t plain[AT_ONCE];
    enum rpc_moved m = RPC_MOVED;
    ssize_t k = 0;
    rpc_tls_put(p->tls, bytes, n);
    while (m == RPC_MOVED && (k = rpc_tls_get(p->tls, plain, sizeof plain)) > 0)
        m = take(p, plain, (size_t)k);
    return k < 0 ? RPC_DEAD : m;
}

enum rpc_moved rpc_pipe_receive(struct rpc_pipe *p) {
    static uint8_t bytes[AT_ONCE];
    ssize_t n = recv(p->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? RPC_BLOCKED : RPC_DEAD;
    if (n == 0)
        return RPC_DEAD;
    return p->tls != NULL ? take_sealed(p, bytes, (size_t)n) : take(p, bytes, (size_t)n);
}

/* Says goodbye where the socket takes that at once. */
static void leave(struct rpc_pipe *p) {
    if (p->tls == NULL || p->at < p->out.n)
        return;
    p->at = p->out.n = 0;
    rpc_tls_leave(p->tls, &p->out);
    if (p->out.n > 0)
        send(p->fd, p->out.p, p->out.n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void rpc_pipe_close(struct rpc_pipe *p) {
    leave(p);
    nghttp2_session_del(p->session);
    rpc_tls_free(p->tls);
    if (p->fd >= 0)
        close(p->fd);
    buf_free(&p->out);
    *p = (struct rpc_pipe){.fd = -1};
}
