/* A picture that stands for a video until it plays. */
#include "fcgi/base/arena.h"
#include "handlers/media/derive_job.h"

#define POSTER 1280
#define SMALL 640
#define TRIES 4
#define DARK 24.0 /* of 255: what is not brighter shows nothing */

static bool take_frame(struct derive_job *job, int64_t ms) {
    const char *argv[] = {FFMPEG,
                          "-ss",
                          arena_printf(job->arena, "%.3f", (double)ms / 1000),
                          FFMPEG_CAREFULLY("mov"),
                          "-i",
                          "video.mp4",
                          "-frames:v",
                          "1",
                          "-c:v",
                          "png",
                          "-compression_level",
                          "1",
                          "frame.png",
                          NULL};
    return derive_tool(job, &(struct tool_run){.argv = argv}).status == 0;
}

/* The first frame that is not dark, of some along the way; else the brightest of them. */
static struct image *find_frame(struct derive_job *job, int64_t duration_ms) {
    struct image *best = NULL, *frame;
    for (int i = 0; i < (duration_ms > 0 ? TRIES : 1); i++) {
        int64_t at = i == 0 ? (duration_ms > 10000 ? 1000 : duration_ms / 10) : duration_ms * i / TRIES;
        if (!take_frame(job, at) || image_fit(job->arena, "frame.png", POSTER, &frame) != IMAGE_FINE)
            continue;
        if (best == NULL || image_brightness(frame) > image_brightness(best))
            best = frame;
        if (image_brightness(best) > DARK)
            break;
    }
    return best;
}

enum derive_fault derive_poster(struct derive_job *job, int64_t duration_ms) {
    struct image *frame = find_frame(job, duration_ms);
    if (frame == NULL || !image_save_webp(frame, "poster.webp"))
        return derive_because(job, DERIVE_BROKEN, "no frame can be shown");
    derive_made(&job->result, "poster.webp", image_width(frame), image_height(frame));
    return derive_shrunk(job, "poster.webp", "small.webp", SMALL);
}
