/* What was made becomes blobs, and the medium ready: in the order that store_work.h gives. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"
#include "fcgi/drivers/blob.h"
#include "handlers/media/worker_make.h"

#define BLOBS_MAX (DERIVE_FILES_MAX + 2)
#define PLAYLIST_MAX (1 << 20)
#define TRIES 5 /* against members who change its words meanwhile */

struct blobs {
    struct media_blob b[BLOBS_MAX];
    size_t n;
};

static enum code refuse(struct ctx *ctx, const char *why) {
    return fail_detail(ctx, INTERNAL, "Something went wrong on our side.", "media: %s", why);
}

/* ---- playlists: names of files become keys, which are addresses beside their own ---- */

struct rewriting {
    const struct derive_made *made; /* what a playlist may name: the pieces and playlists before it */
    const struct blobs *blobs;      /* the same, as they are kept */
    struct buf out;
};

/* Which of them the line names; none: how many there are. */
static size_t named_in(const struct rewriting *w, const char *line, size_t n) {
    size_t i = 0;
    for (; i < w->blobs->n; i++) {
        const struct derive_slot *s = w->made[i].slot;
        if (strchr(s->name, '/') != NULL && memmem(line, n, s->file, strlen(s->file)) != NULL)
            break;
    }
    return i;
}

/* A line is a tag, whose only address may be that of a file, or the file. */
static bool write_line(struct rewriting *w, const char *line, size_t n) {
    size_t which = named_in(w, line, n);
    if (which == w->blobs->n) {
        buf_add(&w->out, line, n);
        buf_putc(&w->out, '\n');
        return n >= 4 && memcmp(line, "#EXT", 4) == 0 && memmem(line, n, "URI", 3) == NULL;
    }
    const char *file = w->made[which].slot->file, *at = memmem(line, n, file, strlen(file));
    if (line[0] != '#' && n != strlen(file))
        return false;
    buf_add(&w->out, line, (size_t)(at - line));
    buf_puts(&w->out, w->blobs->b[which].key);
    buf_add(&w->out, at + strlen(file), n - (size_t)(at - line) - strlen(file));
    buf_putc(&w->out, '\n');
    return line[0] != '#' || n < 200;
}

static bool write_lines(struct rewriting *w, const char *text) {
    for (size_t n; *text != '\0'; text += n + (text[n] == '\n')) {
        n = strcspn(text, "\n");
        if (n > 0 && !write_line(w, text, n))
            return false;
    }
    return !buf_overflowed(&w->out);
}

static bool read_text(const char *path, char *into, size_t room) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd >= 0 ? read(fd, into, room - 1) : -1;
    if (fd >= 0)
        close(fd);
    into[n > 0 ? n : 0] = '\0';
    return n > 0 && (size_t)n < room - 1;
}

static bool write_text(const char *path, const struct buf *text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, text->p, text->n) == (ssize_t)text->n;
    return fd >= 0 && close(fd) == 0 && ok;
}

static enum code rewrite_playlist(struct media_job *job, const struct blobs *blobs, const char **path) {
    struct arena *a = job->ctx->arena;
    struct rewriting w = {.made = job->result.made, .blobs = blobs};
    const char *to = arena_printf(a, "%s.keys", *path);
    char *text = arena_alloc(a, PLAYLIST_MAX);
    buf_init(&w.out, a, PLAYLIST_MAX);
    if (!read_text(*path, text, PLAYLIST_MAX) || !write_lines(&w, text) || !write_text(to, &w.out))
        return refuse(job->ctx, "a playlist is not one");
    *path = to;
    return OK;
}

/* ---- which blobs there are to be ---- */

static enum code add(struct media_job *job, struct blobs *blobs, const char *name, const char *path,
                     const char *extension, const char *type) {
    struct media_blob *b = &blobs->b[blobs->n++];
    struct stat st;
    *b = (struct media_blob){.name = name, .path = path, .type = type};
    if (stat(path, &st) != 0)
        return refuse(job->ctx, arena_printf(job->ctx->arena, "%s: %s", path, strerror(errno)));
    b->bytes = st.st_size;
    return blob_key_of(job->ctx, path, extension, &b->key);
}

/* The blobs are those of result.made, in its order. */
static enum code add_made(struct media_job *job, struct blobs *blobs) {
    enum code c = OK;
    for (size_t i = 0; i < job->result.n && c == OK; i++) {
        const struct derive_slot *s = job->result.made[i].slot;
        const char *path = arena_printf(job->ctx->arena, "%s/%s", job->folder, s->file);
        if (strcmp(s->extension, "m3u8") == 0)
            c = rewrite_playlist(job, blobs, &path);
        if (c == OK)
            c = add(job, blobs, s->name, path, s->extension, s->type);
    }
    return c;
}

/* The store may take a file over; the source stays in the spool until all is done. */
static enum code add_source(struct media_job *job, struct blobs *blobs) {
    const char *path = arena_printf(job->ctx->arena, "%s/source", job->folder);
    const struct derive_type *t = job->result.type;
    if (link(job->source, path) != 0)
        return refuse(job->ctx, arena_printf(job->ctx->arena, "link %s: %s", job->source, strerror(errno)));
    enum code c = add(job, blobs, "original", path, t->extension, t->name);
    if (c != OK || job->result.kind != PB__MEDIA_KIND__MEDIA_DOCUMENT)
        return c;
    blobs->b[blobs->n] = blobs->b[blobs->n - 1];
    blobs->b[blobs->n++].name = "document";
    return OK;
}

/* ---- the view ---- */

static bool is_shown(const char *name) { return strcmp(name, "original") != 0 && strchr(name, '/') == NULL; }

static Pb__MediaFile *file_of(struct media_job *job, const struct media_blob *b) {
    Pb__MediaFile *f = arena_one(job->ctx->arena, Pb__MediaFile);
    pb__media_file__init(f);
    f->name = b->name;
    f->key = b->key;
    f->type = b->type;
    f->bytes = b->bytes;
    for (size_t i = 0; i < job->result.n; i++)
        if (job->result.made[i].slot->name == b->name) {
            f->width = (uint32_t)job->result.made[i].width;
            f->height = (uint32_t)job->result.made[i].height;
        }
    return f;
}

static void describe(struct media_job *job, const struct blobs *blobs, Pb__MediaView *v) {
    pb__media_view__init(v);
    v->files = arena_many(job->ctx->arena, Pb__MediaFile *, blobs->n);
    for (size_t i = 0; i < blobs->n; i++)
        if (is_shown(blobs->b[i].name))
            v->files[v->n_files++] = file_of(job, &blobs->b[i]);
    v->blurhash = job->result.blurhash;
    v->duration_ms = job->result.duration_ms;
    v->frame_rate = job->result.frame_rate;
    v->pages = (uint32_t)job->result.pages;
}

/* ---- putting, and the end ---- */

/* The lease is long enough for the slowest store, and no longer: a worker that is killed here is made up for
 * as soon as that. */
static enum code hold(struct media_job *job, int64_t bytes, bool *ret_ours) {
    int seconds = MEDIA_LEASE_S + (int)(bytes / MEDIA_PUT_BYTES_S);
    return media_work_beat(job->ctx, job->row.id, job->lease, seconds, 95, ret_ours);
}

static enum code put(struct media_job *job, const struct blobs *blobs, bool *ret_ours) {
    enum code c = OK;
    for (size_t i = 0; i < blobs->n && c == OK && *ret_ours; i++) {
        const struct media_blob *b = &blobs->b[i];
        if (i > 0 && strcmp(b->key, blobs->b[i - 1].key) == 0)
            continue;
        if ((c = hold(job, b->bytes, ret_ours)) == OK && *ret_ours)
            c = blob_put(job->ctx, media_blobs(), b->key, b->path, b->type);
    }
    return c;
}

static enum code finish(struct media_job *job, json_object *made, bool *ret_ours, bool *ret_ok) {
    struct ctx *ctx = job->ctx;
    struct media_row row;
    Pb__MediaView *view;
    enum code c = media_work_row(ctx, job->row.id, job->lease, &row, ret_ours);
    if (c != OK || !*ret_ours || (c = media_store_doc_set(ctx, &row, made)) != OK)
        return c;
    row.state = PB__MEDIA_STATE__MEDIA_READY;
    row.kind = (int)job->result.kind;
    if ((c = media_store_view(ctx, &row, &view)) != OK)
        return c;
    view->version++;
    return media_work_done(ctx, &row, job->lease, view, ret_ok);
}

enum code media_files_keep(struct media_job *job, bool *ret_ours) {
    struct ctx *ctx = job->ctx;
    struct blobs blobs = {.n = 0};
    Pb__MediaView made;
    bool ok = false;
    enum code c;
    *ret_ours = true;
    if ((c = hold(job, job->row.bytes, ret_ours)) != OK || !*ret_ours || (c = add_made(job, &blobs)) != OK ||
        (c = add_source(job, &blobs)) != OK ||
        (c = media_work_blobs(ctx, job->row.id, job->lease, blobs.b, blobs.n, ret_ours)) != OK ||
        !*ret_ours || (c = put(job, &blobs, ret_ours)) != OK || !*ret_ours)
        return c;
    describe(job, &blobs, &made);
    for (int i = 0; i < TRIES && c == OK && *ret_ours && !ok; i++)
        c = finish(job, media_doc_made(ctx, &made), ret_ours, &ok);
    if (c == OK && *ret_ours && !ok)
        return fail_detail(ctx, UNAVAILABLE, "Something went wrong on our side.",
                           "media: it changes all the time");
    return c == OK && ok ? media_spool_remove(ctx, job->row.source) : c;
}
