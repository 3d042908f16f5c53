/* The null handler: what FastCGI behind nginx can do at best. It answers as many bytes as it is asked for,
 * with the headers that the product sends, and does nothing else.
 *
 *   null SOCKET WORKERS HEADERS
 *
 * HEADERS is a file with the lines of the answer's head, without Status and Content-Length. In the query,
 * bytes=N says how long the body is to be, and status=N its status (200). Like the product it forks its
 * workers before they accept, serves one request at a time on a connection of its own, reads the request to
 * its end and hands the answer to the kernel whole. */
#define _GNU_SOURCE
#include <errno.h>
#include <fastcgi.h>
#include <fcgiapp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BODY_MAX ((size_t)1024 * 1024)
#define HEAD_MAX ((size_t)8 * 1024)
#define RECORD_MAX ((size_t)65528)

static char headers[HEAD_MAX];
static char body[BODY_MAX];
static char answer[BODY_MAX + HEAD_MAX + 1024];

static void die(const char *what) {
    perror(what);
    exit(2);
}

static size_t number(const char *query, const char *name, size_t otherwise) {
    const char *p = query != NULL ? strstr(query, name) : NULL;

    return p != NULL ? strtoul(p + strlen(name), NULL, 10) : otherwise;
}

static char *put(char *to, const void *from, size_t n) {
    memcpy(to, from, n);
    return to + n;
}

static char *put_header(char *to, int type, int id, size_t n) {
    FCGI_Header h = {.version = FCGI_VERSION_1,
                     .type = (unsigned char)type,
                     .requestIdB1 = (unsigned char)(id >> 8),
                     .requestIdB0 = (unsigned char)id,
                     .contentLengthB1 = (unsigned char)(n >> 8),
                     .contentLengthB0 = (unsigned char)n};

    return put(to, &h, sizeof h);
}

/* Both parts of the output as records, each as long as a record may be. */
static char *put_output(char *to, int id, const char *head, size_t head_n, size_t body_n) {
    size_t first = body_n < RECORD_MAX - head_n ? body_n : RECORD_MAX - head_n;

    to = put_header(to, FCGI_STDOUT, id, head_n + first);
    to = put(to, head, head_n);
    to = put(to, body, first);
    for (size_t at = first, n; at < body_n; at += n) {
        n = body_n - at < RECORD_MAX ? body_n - at : RECORD_MAX;
        to = put_header(to, FCGI_STDOUT, id, n);
        to = put(to, body + at, n);
    }
    return put_header(to, FCGI_STDOUT, id, 0);
}

static void respond(const FCGX_Request *request, size_t status, size_t n) {
    static const FCGI_EndRequestBody done = {.protocolStatus = FCGI_REQUEST_COMPLETE};
    char head[HEAD_MAX + 128], *end;
    int head_n =
        snprintf(head, sizeof head, "Status: %zu OK\r\n%sContent-Length: %zu\r\n\r\n", status, headers, n);

    end = put_output(answer, request->requestId, head, (size_t)head_n, n);
    end = put_header(end, FCGI_END_REQUEST, request->requestId, sizeof done);
    end = put(end, &done, sizeof done);
    for (const char *p = answer; p < end;) {
        ssize_t sent = write(request->ipcFd, p, (size_t)(end - p));
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return;
        p += sent;
    }
}

static void serve(int socket) {
    FCGX_Request request;
    char waste[4096];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    FCGX_Init();
    FCGX_InitRequest(&request, socket, 0);
    while (FCGX_Accept_r(&request) == 0) {
        const char *query = FCGX_GetParam("QUERY_STRING", request.envp);
        size_t n = number(query, "bytes=", 0);

        while (FCGX_GetStr(waste, sizeof waste, request.in) > 0)
            ;
        respond(&request, number(query, "status=", 200), n < BODY_MAX ? n : BODY_MAX);
        FCGX_Free(&request, 1);
    }
    _exit(1);
}

/* The workers first: they are waited for. */
static void end(int sig) {
    signal(sig, SIG_IGN);
    kill(0, sig);
}

/* A page's worth of text. What it says is of no consequence: nothing on the way looks at it. */
static void fill_body(void) {
    static const char line[] = "<p class=\"post\">The quick brown fox jumps over the lazy dog.</p>\n";

    for (size_t i = 0; i < sizeof body; i++)
        body[i] = line[i % (sizeof line - 1)];
}

static void read_headers(const char *path) {
    FILE *f = fopen(path, "re");
    char line[4096];
    size_t n = 0;

    if (f == NULL)
        die(path);
    while (fgets(line, sizeof line, f) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        if (line[0] != '\0' && n + strlen(line) + 3 < sizeof headers)
            n += (size_t)snprintf(headers + n, sizeof headers - n, "%s\r\n", line);
    }
    fclose(f);
}

int main(int argc, char **argv) {
    int socket, workers;

    if (argc != 4 || (workers = (int)strtol(argv[2], NULL, 10)) < 1) {
        fputs("usage: null SOCKET WORKERS HEADERS\n", stderr);
        return 2;
    }
    read_headers(argv[3]);
    fill_body();
    unlink(argv[1]);
    socket = FCGX_OpenSocket(argv[1], 1024);
    if (socket < 0)
        die(argv[1]);
    for (int i = 0; i < workers; i++) {
        pid_t pid = fork();
        if (pid < 0)
            die("fork");
        if (pid == 0)
            serve(socket);
    }
    signal(SIGTERM, end);
    while (wait(NULL) > 0 || errno == EINTR)
        ;
    return 0;
}
