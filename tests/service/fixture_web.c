#include "tests/service/fixture_web.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "fcgi/drivers/markup.h"
#include "tests/service/fixture.h"
#include "tests/service/servers.h"

static bool send_all(int fd, const void *p, size_t n) {
    for (size_t at = 0; at < n;) {
        ssize_t k = send(fd, (const char *)p + at, n - at, MSG_NOSIGNAL);

        if (k <= 0)
            return false;
        at += (size_t)k;
    }
    return true;
}

static bool say(int fd, const char *s) { return send_all(fd, s, strlen(s)); }

/* ---- Misbehaving */

static void endless(int fd) {
    static char block[1 << 16];

    memset(block, 'a', sizeof block);
    say(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<title>endless</title>");
    while (send_all(fd, block, sizeof block))
        ;
}

static void drip(int fd) {
    say(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n");
    while (say(fd, "x"))
        nanosleep(&(struct timespec){0, 100000000}, NULL);
}

static void drip_headers(int fd) {
    say(fd, "HTTP/1.1 200 OK\r\nX-Slow: ");
    while (say(fd, "x"))
        nanosleep(&(struct timespec){0, 100000000}, NULL);
}

static void silent(int fd) {
    char c;

    while (recv(fd, &c, 1, 0) > 0)
        ;
}

static void headers(int fd) {
    say(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n");
    for (int i = 0; i < 100000 && say(fd, "X-Much: 0123456789012345678901234567890123456789\r\n"); i++)
        ;
}

/* 256 MB of zeros in a quarter of a MB. */
static void bomb(int fd) {
    static unsigned char in[1 << 16], out[1 << 16];
    z_stream z = {0};

    ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    say(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\n\r\n");
    for (int i = 0; i < 4096; i++) {
        z.next_in = in;
        z.avail_in = sizeof in;
        while (z.avail_in > 0) {
            z.next_out = out;
            z.avail_out = sizeof out;
            deflate(&z, Z_NO_FLUSH);
            if (!send_all(fd, out, sizeof out - z.avail_out)) {
                deflateEnd(&z);
                return;
            }
        }
    }
    deflateEnd(&z);
}

static const struct {
    const char *path;
    void (*serve)(int fd);
} habits[] = {
    {"endless", endless}, {"drip", drip},       {"drip-headers", drip_headers},
    {"silent", silent},   {"headers", headers}, {"bomb", bomb},
};

/* ---- Serving */

static void copy(int fd, int file) {
    char block[1 << 14];
    ssize_t n;

    while ((n = read(file, block, sizeof block)) > 0 && send_all(fd, block, (size_t)n))
        ;
}

/* In one piece, since others write beside. */
static void note(const struct web *w, const char *name) {
    char path[160], line[80];
    int fd, n = snprintf(line, sizeof line, "%s\n", name);

    snprintf(path, sizeof path, "%s/log", w->folder);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0 && write(fd, line, (size_t)n) == n)
        close(fd);
}

static void serve(const struct web *w, int fd) {
    char request[8192] = "", name[64] = "", path[160];
    size_t n = 0;
    ssize_t k;
    int file;

    while (n < sizeof request - 1 && strstr(request, "\r\n\r\n") == NULL &&
           (k = recv(fd, request + n, sizeof request - 1 - n, 0)) > 0)
        n += (size_t)k;
    if (sscanf(request, "GET /%60[a-z0-9-]", name) != 1)
        strcpy(name, "index");
    note(w, name);
    for (size_t i = 0; i < sizeof habits / sizeof *habits; i++)
        if (strcmp(habits[i].path, name) == 0)
            habits[i].serve(fd);
    snprintf(path, sizeof path, "%s/page-%s", w->folder, name);
    file = open(path, O_RDONLY | O_CLOEXEC);
    if (file >= 0)
        copy(fd, file);
    else
        say(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
}

/* ---- https: a process each that takes what is said in and out of TLS */

static SSL_CTX *tls_of(const struct web *w) {
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    char path[128];

    snprintf(path, sizeof path, "%s/web.pem", w->folder);
    if (SSL_CTX_use_certificate_file(tls, path, SSL_FILETYPE_PEM) != 1)
        abort();
    snprintf(path, sizeof path, "%s/web.key", w->folder);
    if (SSL_CTX_use_PrivateKey_file(tls, path, SSL_FILETYPE_PEM) != 1)
        abort();
    return tls;
}

static bool pass_in(SSL *ssl, int to) {
    char block[1 << 14];
    int n;

    do
        if ((n = SSL_read(ssl, block, sizeof block)) <= 0 || !send_all(to, block, (size_t)n))
            return false;
    while (SSL_pending(ssl) > 0);
    return true;
}

static bool pass_out(int from, SSL *ssl) {
    char block[1 << 14];
    ssize_t n = recv(from, block, sizeof block, 0);

    return n > 0 && SSL_write(ssl, block, (int)n) > 0;
}

static void serve_tls(const struct web *w, int fd) {
    SSL *ssl = SSL_new(tls_of(w));
    struct pollfd at[2] = {{fd, POLLIN, 0}};
    int ends[2];

    signal(SIGPIPE, SIG_IGN);
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) != 1 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return;
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ends[0]);
        serve(w, ends[1]);
        _exit(0);
    }
    close(ends[1]);
    at[1] = (struct pollfd){ends[0], POLLIN, 0};
    while (poll(at, 2, -1) > 0)
        if ((at[0].revents != 0 && !pass_in(ssl, ends[0])) || (at[1].revents != 0 && !pass_out(ends[0], ssl)))
            break;
    SSL_shutdown(ssl);
}

enum { FOUR, SIX, TLS, PLACES };

static void run(const struct web *w, const int *places) {
    struct pollfd at[PLACES];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < PLACES; i++)
        at[i] = (struct pollfd){places[i], POLLIN, 0}; /* poll(2) passes over -1 */
    while (poll(at, PLACES, -1) > 0)
        for (int i = 0; i < PLACES; i++) {
            int fd = at[i].revents != 0 ? accept(at[i].fd, NULL, NULL) : -1;

            if (fd < 0)
                continue;
            if (fork() == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                (i == TLS ? serve_tls : serve)(w, fd);
                _exit(0);
            }
            close(fd);
        }
}

static int listen_at(const struct sockaddr *sa, socklen_t n, int *ret_port) {
    struct sockaddr_in6 got;
    socklen_t got_n = sizeof got;
    int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, sa, n) != 0 || listen(fd, 64) != 0)
        return -1;
    getsockname(fd, (struct sockaddr *)&got, &got_n);
    *ret_port = ntohs(got.sin6_port); /* at the same place in both families */
    return fd;
}

/* In the test's own folder, with which it goes. */
static void make_folder(struct web *w) {
    *w = (struct web){0};
    int n = snprintf(w->folder, sizeof w->folder, "%s/web-XXXXXX", server_of("TEST_DIR"));
    if (n >= (int)sizeof w->folder || mkdtemp(w->folder) == NULL)
        abort();
    snprintf(w->ca, sizeof w->ca, "%s/ca.pem", w->folder);
}

static void start(struct web *w, int tls) {
    struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int places[PLACES] = {[FOUR] = listen_at((struct sockaddr *)&a4, sizeof a4, &w->port),
                          [SIX] = listen_at((struct sockaddr *)&a6, sizeof a6, &w->port6),
                          [TLS] = tls};

    if (places[FOUR] < 0)
        abort();
    fflush(NULL);
    w->pid = fork();
    if (w->pid == 0) {
        run(w, places);
        _exit(0);
    }
    for (int i = 0; i < PLACES; i++)
        if (places[i] >= 0)
            close(places[i]);
}

void web_start(struct web *w) {
    make_folder(w);
    start(w, -1);
}

static void make_certificate(const struct web *w, const char *hosts) {
    char script[4096], word[300];
    int status = -1;
    pid_t pid;

    snprintf(script, sizeof script, "%s/stack/certificates.sh", getenv("TEST_ROOT"));
    snprintf(word, sizeof word, "web=%s", hosts);
    if ((pid = fork()) == 0) {
        execlp("bash", "bash", script, w->folder, word, (char *)NULL);
        _exit(127);
    }
    if (waitpid(pid, &status, 0) != pid || status != 0)
        abort();
}

void web_start_tls(struct web *w, const char *hosts) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int tls;

    make_folder(w);
    make_certificate(w, hosts);
    if ((tls = listen_at((struct sockaddr *)&at, sizeof at, &w->port_tls)) < 0)
        abort();
    start(w, tls);
}

void web_stop(struct web *w) {
    char command[160];

    kill(w->pid, SIGKILL);
    waitpid(w->pid, NULL, 0);
    snprintf(command, sizeof command, "%s/log", w->folder);
    unlink(command);
}

int web_main(struct web *w, Suite *suite) {
    static char program[4096];
    char addresses[64];
    int failed;

    web_start_tls(w, "127.0.0.1,localhost");
    snprintf(addresses, sizeof addresses, "127.0.0.1:%d 127.0.0.1:%d", w->port, w->port_tls);
    setenv("DEEPLINK_FETCH_ALLOW", addresses, 1);
    setenv("DEEPLINK_FETCH_CA", w->ca, 1);
    snprintf(program, sizeof program, "%s/deeplink-markup", server_of("TEST_BUILD"));
    markup_program = program;
    failed = fixture_main(suite);
    web_stop(w);
    return failed;
}

void web_raw(const struct web *w, const char *name, const char *bytes, size_t n) {
    char path[160], fresh[170];
    FILE *f;

    snprintf(path, sizeof path, "%s/page-%s", w->folder, name);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    f = fopen(fresh, "we");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
    fclose(f);
    ck_assert_int_eq(rename(fresh, path), 0);
}

void web_page(const struct web *w, const char *name, const char *type, const char *more, const char *body,
              size_t n) {
    char *all = malloc(n + 4096);
    int head;

    ck_assert_ptr_nonnull(all);
    head = snprintf(all, 4096, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s\r\n", type,
                    n, more);
    memcpy(all + head, body, n);
    web_raw(w, name, all, (size_t)head + n);
    free(all);
}

int web_asked(const struct web *w, const char *name) {
    char path[160], line[80];
    int n = 0;
    FILE *f;

    snprintf(path, sizeof path, "%s/log", w->folder);
    f = fopen(path, "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        n += strcmp(name, "*") == 0 || strcmp(name, line) == 0;
    }
    if (f != NULL)
        fclose(f);
    return n;
}
