/* Pictures: a large and a small one as WebP, and a JPEG for whoever reads nothing newer. */
#include <string.h>

#include "fcgi/base/arena.h"
#include "handlers/media/derive_job.h"

#define LARGE 2048
#define SMALL 640
#define FALLBACK 1280
#define AVATAR 128
#define AVATAR_LARGE 400
#define BANNER_WIDTH 1500
#define BANNER_HEIGHT 500

enum derive_fault derive_verdict(struct derive_job *job, enum image_verdict v) {
    static const enum derive_fault faults[] = {[IMAGE_FINE] = DERIVE_FINE,
                                               [IMAGE_BROKEN] = DERIVE_BROKEN,
                                               [IMAGE_TOO_LARGE] = DERIVE_LARGE,
                                               [IMAGE_OTHER] = DERIVE_CODEC};
    return v == IMAGE_FINE ? DERIVE_FINE : derive_because(job, faults[v], image_words());
}

static enum derive_fault save(struct derive_job *job, const struct image *i, const char *file) {
    bool jpeg = strstr(file, ".jpg") != NULL;
    if (i == NULL || !(jpeg ? image_save_jpeg(i, file) : image_save_webp(i, file)))
        return derive_because(job, DERIVE_INTERNAL, image_words());
    derive_made(&job->result, file, image_width(i), image_height(i));
    return DERIVE_FINE;
}

static void note_blurhash(struct derive_job *job, const struct image *i) {
    char *hash = arena_alloc(job->arena, IMAGE_BLURHASH_MAX);
    image_blurhash(job->arena, i, hash);
    job->result.blurhash = hash;
}

enum derive_fault derive_shrunk(struct derive_job *job, const char *path, const char *file, int max) {
    struct image *i;
    enum derive_fault f = derive_verdict(job, image_fit(job->arena, path, max, &i));
    if (f == DERIVE_FINE && (f = save(job, i, file)) == DERIVE_FINE)
        note_blurhash(job, i);
    return f;
}

/* The others are made of the largest, so that the source is decoded once. */
static enum derive_fault for_posts(struct derive_job *job, const char *path) {
    struct image *large;
    enum derive_fault f = derive_verdict(job, image_fit(job->arena, path, LARGE, &large));
    if (f != DERIVE_FINE || (f = save(job, large, "large.webp")) != DERIVE_FINE)
        return f;
    derive_progress(50);
    struct image *fallback = image_fit_of(job->arena, large, FALLBACK);
    if ((f = save(job, fallback, "fallback.jpg")) != DERIVE_FINE)
        return f;
    derive_progress(75);
    struct image *small = image_fit_of(job->arena, fallback, SMALL);
    if ((f = save(job, small, "small.webp")) == DERIVE_FINE)
        note_blurhash(job, small);
    return f;
}

static enum derive_fault for_avatar(struct derive_job *job, const char *path) {
    struct image *large;
    enum derive_fault f = derive_verdict(
        job, image_cut(job->arena, path, AVATAR_LARGE, AVATAR_LARGE, job->focus_x, job->focus_y, &large));
    if (f != DERIVE_FINE || (f = save(job, large, "avatar_large.webp")) != DERIVE_FINE ||
        (f = save(job, large, "fallback.jpg")) != DERIVE_FINE)
        return f;
    note_blurhash(job, large);
    return save(job, image_fit_of(job->arena, large, AVATAR), "avatar.webp");
}

static enum derive_fault for_banner(struct derive_job *job, const char *path) {
    struct image *banner;
    enum derive_fault f = derive_verdict(
        job, image_cut(job->arena, path, BANNER_WIDTH, BANNER_HEIGHT, job->focus_x, job->focus_y, &banner));
    if (f != DERIVE_FINE || (f = save(job, banner, "banner.webp")) != DERIVE_FINE)
        return f;
    note_blurhash(job, banner);
    return save(job, banner, "fallback.jpg");
}

static enum derive_fault still(struct derive_job *job, const char *path) {
    job->result.kind = PB__MEDIA_KIND__MEDIA_IMAGE;
    if (strcmp(job->purpose, "avatar") == 0)
        return for_avatar(job, path);
    return strcmp(job->purpose, "banner") == 0 ? for_banner(job, path) : for_posts(job, path);
}

enum derive_fault derive_picture(struct derive_job *job) {
    int frames = 1;
    enum derive_fault f = derive_verdict(job, image_look(job->source, job->type->format, &frames));
    if (f != DERIVE_FINE)
        return f;
    return frames > 1 && strcmp(job->purpose, "post") == 0 ? derive_loop(job) : still(job, job->source);
}

/* What the image library leaves to others is made a PNG first. */
enum derive_fault derive_bitmap(struct derive_job *job) {
    const char *argv[] = {
        FFMPEG, FFMPEG_CAREFULLY(job->type->demuxer), "-i", job->source, "-frames:v", "1", "picture.png",
        NULL};
    struct probe p;
    enum derive_fault f = derive_probe(job, job->source, job->type->demuxer, &p);
    if (f == DERIVE_FRAME || (f == DERIVE_FINE && (int64_t)p.width * p.height > IMAGE_PIXELS_MAX))
        return DERIVE_LARGE;
    if (f != DERIVE_FINE)
        return f;
    struct tool_end end = derive_tool(job, &(struct tool_run){.argv = argv});
    return end.status == 0 ? still(job, "picture.png") : derive_tool_fault(job, &end);
}
