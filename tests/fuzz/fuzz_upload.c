/* A body that came as a file: the first line of the input is the Content-Type, the rest the body. Each file
 * in it lies within it, can be made a file of its own with the same bytes, and is gone with the request. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi/base/arena.h"
#include "fcgi/config.h"
#include "fcgi/request.h"
#include "tests/fuzz/fuzz.h"

static char spool[64], incoming[96], body_path[96];
static struct config config = {.media_spool = spool, .max_body_bytes = 65536};
static struct env env = {.config = &config};

static void remove_all(void) {
    unlink(body_path);
    rmdir(incoming);
    rmdir(spool);
}

static void prepare(void) {
    if (spool[0] != '\0')
        return;
    snprintf(spool, sizeof spool, "/tmp/deeplink-fuzz-XXXXXX");
    must(mkdtemp(spool) != NULL);
    snprintf(incoming, sizeof incoming, "%s/incoming", spool);
    snprintf(body_path, sizeof body_path, "%s/body", spool);
    atexit(remove_all);
}

static void write_body(const char *p, size_t n) {
    int fd = open(body_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    must(fd >= 0 && write(fd, p, n) == (ssize_t)n && close(fd) == 0);
}

static void must_hold(const char *path, const char *p, size_t n) {
    int fd = open(path, O_RDONLY);
    char *got = malloc(n + 1);

    must(fd >= 0 && read(fd, got, n + 1) == (ssize_t)n && memcmp(got, p, n) == 0);
    free(got);
    close(fd);
}

static void look(struct request *req, const char *body, size_t n) {
    for (size_t i = 0; i < req->form.n; i++) {
        struct request_file file;
        const char *saved, *name = req->form.items[i].name;

        must(request_file(req, name, &file) == OK);
        if (file.path == NULL)
            continue;
        must(file.offset >= 0 && file.bytes >= 0 && file.offset + file.bytes <= (int64_t)n);
        must(request_file_save(req, &file, &saved) == OK);
        must_hold(saved, body + file.offset, (size_t)file.bytes);
    }
}

static size_t lying(void) {
    DIR *d = opendir(incoming);
    size_t n = 0;

    while (d != NULL && readdir(d) != NULL)
        n++;
    if (d != NULL)
        closedir(d);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *s = (const char *)data, *eol = size > 0 ? memchr(s, '\n', size) : NULL;
    const char *body = eol != NULL ? eol + 1 : s;
    size_t n = size - (size_t)(body - s);
    struct request req = {.ctx = {.arena = arena_new(32 << 20), .env = &env}};
    enum code c;

    prepare();
    write_body(body, n);
    params_init(&req.form, req.ctx.arena);
    req.content_type = eol != NULL ? arena_strndup(req.ctx.arena, s, (size_t)(eol - s)) : "";
    c = upload_take(&req, body_path, NULL);
    if (c == OK)
        look(&req, body, n);
    else
        must(c == INVALID && req.ctx.error.text != NULL);
    arena_free(req.ctx.arena);
    must(lying() <= 2);
    return 0;
}
