/* Animated pictures: a silent video, a tenth of the bytes, that plays everywhere. */
#include <stdlib.h>

#include "fcgi/base/arena.h"
#include "handlers/media/derive_job.h"

#define FPS 30 /* of the video: each frame is shown for as many of these as it lasts */
#define FPS_WORD "30"
#define LASTS_MAX_MS 120000
#define SIDE "1280"
/* At most that large, and even, as the codec wants it. */
#define SCALE                                                                           \
    "scale='min(" SIDE ",iw)':'min(" SIDE ",ih)':force_original_aspect_ratio=decrease," \
    "pad='max(2,ceil(iw/2)*2)':'max(2,ceil(ih/2)*2)',format=yuv420p"

struct loop {
    struct derive_job *job;
    pid_t pid;
    FILE *stream;
    int64_t ms, shown; /* how long it is, and how many frames of the video that was */
};

static bool begin(struct loop *l, int width, int height) {
    struct arena *a = l->job->arena;
    const char *argv[] = {FFMPEG,
                          "-f",
                          "rawvideo",
                          "-pix_fmt",
                          "rgb24",
                          "-s",
                          arena_printf(a, "%dx%d", width, height),
                          "-r",
                          FPS_WORD,
                          "-i",
                          "pipe:0",
                          "-vf",
                          SCALE,
                          "-c:v",
                          "libx264",
                          "-preset",
                          "veryfast",
                          "-crf",
                          "23",
                          "-threads",
                          arena_printf(a, "%d", l->job->threads),
                          "-movflags",
                          "+faststart",
                          FFMPEG_NO_TAGS,
                          "video.mp4",
                          NULL};
    l->pid = derive_tool_feed(argv, &l->stream);
    return l->stream != NULL;
}

static bool show(void *arg, const uint8_t *rgb, int width, int height, int ms) {
    struct loop *l = arg;
    if (l->stream == NULL && !begin(l, width, height))
        return false;
    l->ms += ms;
    for (; l->shown * 1000 < l->ms * FPS; l->shown++)
        if (fwrite(rgb, 3, (size_t)width * (size_t)height, l->stream) != (size_t)width * (size_t)height)
            return false;
    return l->ms < LASTS_MAX_MS;
}

enum derive_fault derive_loop(struct derive_job *job) {
    struct loop l = {.job = job, .pid = -1};
    struct probe p;
    enum image_verdict v = image_play(job->arena, job->source, show, &l);
    int status = l.pid > 0 ? derive_tool_fed(l.pid, l.stream) : -1;
    if (v != IMAGE_FINE)
        return derive_verdict(job, v);
    if (status != 0)
        return derive_because(job, DERIVE_INTERNAL, "ffmpeg made no video of the frames");
    derive_progress(80);
    enum derive_fault f = derive_probe(job, "video.mp4", "mov", &p);
    if (f != DERIVE_FINE)
        return f;
    job->result.kind = PB__MEDIA_KIND__MEDIA_GIFV;
    job->result.duration_ms = p.duration_ms;
    job->result.frame_rate = p.frame_rate;
    derive_made(&job->result, "video.mp4", p.width, p.height);
    return derive_poster(job, 0);
}
