/* result.json: written inside, read and not believed outside. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"
#include "fcgi/json.h"
#include "handlers/media/derive.h"

#define BYTES_MAX 65536
#define DETAIL_MAX 1000
#define PAGES_MAX 1000000
#define DIGITS "0123456789"
#define RATE_DIGITS 9
#define DURATION_MAX_MS (INT64_C(3600) * 1000 * (DERIVE_HOURS_MAX + 1))

/* ---- writing ---- */

static void put_files(struct json *j, const struct derive_result *r) {
    json_put_array(j, "files");
    for (size_t i = 0; i < r->n; i++) {
        json_open_object(j);
        json_put_str(j, "file", r->made[i].slot->file);
        json_put_int(j, "width", r->made[i].width);
        json_put_int(j, "height", r->made[i].height);
        json_close_object(j);
    }
    json_close_array(j);
}

static bool write_all(const char *path, const char *p, size_t n) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, p, n) == (ssize_t)n;
    return fd >= 0 && close(fd) == 0 && ok;
}

bool derive_write(struct arena *a, const struct derive_result *r) {
    struct buf out;
    struct json j;
    const char *detail = r->detail != NULL ? r->detail : "";
    buf_init(&out, a, BYTES_MAX);
    json_init(&j, &out);
    json_open_object(&j);
    json_put_int(&j, "fault", r->fault);
    json_key(&j, "detail");
    json_strn(&j, detail, strnlen(detail, DETAIL_MAX));
    json_put_str(&j, "type", r->type != NULL ? r->type->name : "");
    json_put_int(&j, "kind", r->kind);
    json_put_str(&j, "blurhash", r->blurhash != NULL ? r->blurhash : "");
    json_put_int(&j, "duration_ms", r->duration_ms);
    json_put_str(&j, "frame_rate", r->frame_rate != NULL ? r->frame_rate : "");
    json_put_int(&j, "pages", r->pages);
    put_files(&j, r);
    json_close_object(&j);
    return !buf_overflowed(&out) && write_all(DERIVE_RESULT, out.p, out.n);
}

/* ---- reading ---- */

static enum code refuse(struct ctx *ctx, const char *why, const char *what) {
    return fail_detail(ctx, INTERNAL, "Something went wrong on our side.", "derive: %s: %s", why, what);
}

/* A file of that folder, never one that a link leads to, never a device that waits. -1: none. */
static int open_plain(const char *folder, const char *name, struct arena *a, int64_t *ret_bytes) {
    struct stat st;
    int fd = open(arena_printf(a, "%s/%s", folder, name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1) {
        *ret_bytes = st.st_size;
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool has(const unsigned char *head, ssize_t n, size_t at, const char *bytes, size_t k) {
    return n >= (ssize_t)(at + k) && memcmp(head + at, bytes, k) == 0;
}

static bool signature_fits(const unsigned char *h, ssize_t n, const char *type) {
    if (strcmp(type, "image/webp") == 0)
        return has(h, n, 0, "RIFF", 4) && has(h, n, 8, "WEBP", 4);
    if (strcmp(type, "image/jpeg") == 0)
        return has(h, n, 0, "\xff\xd8\xff", 3);
    if (strcmp(type, "video/mp4") == 0 || strcmp(type, "audio/mp4") == 0)
        return has(h, n, 4, "ftyp", 4);
    if (strcmp(type, "audio/mpeg") == 0)
        return has(h, n, 0, "ID3", 3) || (n >= 2 && h[0] == 0xff && (h[1] & 0xe0) == 0xe0);
    return strcmp(type, "application/vnd.apple.mpegurl") == 0 && has(h, n, 0, "#EXTM3U", 7);
}

static enum code check_file(struct ctx *ctx, const char *folder, struct derive_made *m) {
    unsigned char head[16];
    int fd = open_plain(folder, m->slot->file, ctx->arena, &m->bytes);
    if (fd < 0)
        return refuse(ctx, "a file is not there", m->slot->file);
    ssize_t n = read(fd, head, sizeof head);
    close(fd);
    return signature_fits(head, n, m->slot->type) ? OK
                                                  : refuse(ctx, "a file is of another type", m->slot->file);
}

/* A whole number of an object; -1, which no bound allows, when it is missing or past the bound. */
static int64_t number_of(struct json_object *o, const char *name, int64_t max) {
    struct json_object *v;
    if (!json_object_object_get_ex(o, name, &v) || !json_object_is_type(v, json_type_int))
        return -1;
    int64_t n = json_object_get_int64(v);
    return n >= 0 && n <= max ? n : -1;
}

static const char *text_of(struct ctx *ctx, struct json_object *o, const char *name) {
    struct json_object *v;
    bool is = json_object_object_get_ex(o, name, &v) && json_object_is_type(v, json_type_string);
    return is ? arena_strdup(ctx->arena, json_object_get_string(v)) : "";
}

static enum code read_file(struct ctx *ctx, const char *folder, struct json_object *o,
                           struct derive_result *ret) {
    const struct derive_slot *slot = derive_slot_find(text_of(ctx, o, "file"));
    int64_t width = number_of(o, "width", IMAGE_SIDE_MAX), height = number_of(o, "height", IMAGE_SIDE_MAX);
    if (slot == NULL || width < 0 || height < 0 || ret->n == DERIVE_FILES_MAX)
        return refuse(ctx, "not one of the files that are made", text_of(ctx, o, "file"));
    for (size_t i = 0; i < ret->n; i++)
        if (strcmp(ret->made[i].slot->name, slot->name) == 0)
            return refuse(ctx, "a file is there twice", slot->name);
    struct derive_made *m = &ret->made[ret->n++];
    *m = (struct derive_made){.slot = slot, .width = (int)width, .height = (int)height};
    return check_file(ctx, folder, m);
}

static enum code read_files(struct ctx *ctx, const char *folder, struct json_object *o,
                            struct derive_result *ret) {
    struct json_object *files;
    enum code c = OK;
    if (!json_object_object_get_ex(o, "files", &files) || !json_object_is_type(files, json_type_array))
        return refuse(ctx, "no list of files", folder);
    for (size_t i = 0; i < json_object_array_length(files) && c == OK; i++)
        c = read_file(ctx, folder, json_object_array_get_idx(files, i), ret);
    return c;
}

static bool is_blurhash(const char *s) {
    return strlen(s) < IMAGE_BLURHASH_MAX &&
           strspn(s, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~") ==
               strlen(s);
}

/* "" or "30000/1001". */
static bool is_frame_rate(const char *s) {
    size_t above = strspn(s, DIGITS), below = s[above] == '/' ? strspn(s + above + 1, DIGITS) : 0;
    return *s == '\0' || (above > 0 && above <= RATE_DIGITS && below > 0 && below <= RATE_DIGITS &&
                          s[above + 1 + below] == '\0');
}

static enum code read_object(struct ctx *ctx, const char *folder, struct json_object *o,
                             struct derive_result *ret) {
    int64_t fault = number_of(o, "fault", DERIVE_FAULTS - 1),
            kind = number_of(o, "kind", PB__MEDIA_KIND__MEDIA_DOCUMENT);
    int64_t duration = number_of(o, "duration_ms", DURATION_MAX_MS), pages = number_of(o, "pages", PAGES_MAX);
    if (fault < 0 || kind < 0 || duration < 0 || pages < 0)
        return refuse(ctx, "a number is out of bounds", folder);
    *ret = (struct derive_result){.fault = (enum derive_fault)fault,
                                  .detail = text_of(ctx, o, "detail"),
                                  .type = derive_type_find(text_of(ctx, o, "type")),
                                  .kind = (Pb__MediaKind)kind,
                                  .blurhash = text_of(ctx, o, "blurhash"),
                                  .duration_ms = duration,
                                  .frame_rate = text_of(ctx, o, "frame_rate"),
                                  .pages = (int)pages};
    if (fault != DERIVE_FINE)
        return OK;
    if (!is_frame_rate(ret->frame_rate))
        return refuse(ctx, "no frame rate", ret->frame_rate);
    if (ret->type == NULL || kind == PB__MEDIA_KIND__MEDIA_UNKNOWN || !is_blurhash(ret->blurhash))
        return refuse(ctx, "neither type nor kind", folder);
    return read_files(ctx, folder, o, ret);
}

enum code derive_read(struct ctx *ctx, const char *folder, struct derive_result *ret) {
    struct json_object *o = NULL;
    struct error wrong = {0};
    char *text = arena_alloc(ctx->arena, BYTES_MAX);
    int64_t bytes;
    int fd = open_plain(folder, DERIVE_RESULT, ctx->arena, &bytes);
    if (fd < 0)
        return refuse(ctx, "there is no result", folder);
    ssize_t n = read(fd, text, BYTES_MAX);
    close(fd);
    if (n < 0 || bytes > BYTES_MAX ||
        json_read(ctx->arena, text, (size_t)n, &json_limits_body, &o, &wrong) != OK ||
        !json_object_is_type(o, json_type_object))
        return refuse(ctx, "the result can't be read", wrong.text != NULL ? wrong.text : strerror(errno));
    return read_object(ctx, folder, o, ret);
}
