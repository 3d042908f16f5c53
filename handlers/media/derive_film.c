/* Videos: MP4 with H.264 and AAC, which every browser plays; copied where they are that already. */
#include <math.h>
#include <string.h>

#include "fcgi/base/arena.h"
#include "handlers/media/derive_job.h"

#define LONG_SIDE 1920
#define SHORT_SIDE 1080
#define FPS_MAX 60.5
#define BITS_MAX 12000000 /* a second, of what is copied */
#define HLS_FROM_MS 60000

static bool fits(const struct probe *p) {
    int longer = p->width > p->height ? p->width : p->height, shorter = p->width + p->height - longer;
    return longer <= LONG_SIDE && shorter <= SHORT_SIDE && p->fps <= FPS_MAX;
}

/* Whether browsers play the picture as it is. */
static bool is_fine(const struct probe *p) {
    bool profile = strcmp(p->profile, "Constrained Baseline") == 0 || strcmp(p->profile, "Baseline") == 0 ||
                   strcmp(p->profile, "Main") == 0 || strcmp(p->profile, "High") == 0;
    return strcmp(p->video_codec, "h264") == 0 && profile && strcmp(p->pixels, "yuv420p") == 0 &&
           p->hdr == NULL && p->square && !p->turned && fits(p) && p->bits <= BITS_MAX && p->width % 2 == 0 &&
           p->height % 2 == 0;
}

static int even(double v) {
    int n = (int)(v / 2 + 0.5) * 2;
    return n < 2 ? 2 : n;
}

struct frame derive_fit(const struct probe *p, int long_side, int short_side) {
    int longer = p->width > p->height ? p->width : p->height, shorter = p->width + p->height - longer;
    double by = fmin(1, fmin((double)long_side / longer, (double)short_side / shorter));
    return (struct frame){even(p->width * by), even(p->height * by)};
}

/* From light in nits, of BT.2020's colours, to what BT.709 can show; the brightest is bent, not cut off. */
static const char *tone_map(struct derive_job *job, const struct probe *p) {
    return p->hdr == NULL
               ? ""
               : arena_printf(job->arena,
                              ",zscale=tin=%s:pin=bt2020:min=bt2020nc:t=linear:npl=100,format=gbrpf32le,"
                              "zscale=p=bt709,tonemap=mobius:desat=0,zscale=t=bt709:m=bt709:r=tv",
                              p->hdr);
}

const char *derive_scale(struct derive_job *job, const struct probe *p, struct frame f) {
    return arena_printf(job->arena, "scale=%d:%d,setsar=1%s,format=yuv420p", f.width, f.height,
                        tone_map(job, p));
}

static void add_video(struct derive_job *job, const struct probe *p, struct tool_words *w) {
    if (is_fine(p)) {
        TOOL_ADD(w, "-c:v", "copy");
        return;
    }
    TOOL_ADD(w, "-vf", derive_scale(job, p, derive_fit(p, LONG_SIDE, SHORT_SIDE)), "-c:v", "libx264",
             "-preset", "veryfast", "-crf", "23", "-maxrate", "6M", "-bufsize", "12M", "-profile:v", "high",
             "-colorspace", "bt709", "-force_key_frames", "expr:gte(t,n_forced*3)");
    if (p->fps > FPS_MAX)
        TOOL_ADD(w, "-r", "60");
}

static void add_audio(const struct probe *p, struct tool_words *w) {
    if (strcmp(p->audio_codec, "aac") == 0)
        TOOL_ADD(w, "-c:a", "copy");
    else
        TOOL_ADD(w, FFMPEG_AAC);
}

static struct tool_end transcode(struct derive_job *job, const struct probe *p) {
    struct tool_words w = {.n = 0};
    const char *threads = arena_printf(job->arena, "%d", job->threads);
    TOOL_ADD(&w, FFMPEG, FFMPEG_TELLING, "-threads", threads, "-max_pixels", "40000000",
             FFMPEG_CAREFULLY(job->type->demuxer), "-i", job->source, "-map",
             arena_printf(job->arena, "0:%d", p->video));
    if (p->audio >= 0)
        TOOL_ADD(&w, "-map", arena_printf(job->arena, "0:%d", p->audio));
    add_video(job, p, &w);
    add_audio(p, &w);
    TOOL_ADD(&w, "-sn", "-dn", "-threads", threads, "-filter_threads", "1", "-max_muxing_queue_size", "1024",
             FFMPEG_NO_TAGS, "-movflags", "+faststart", "video.mp4");
    return derive_tool(job, &(struct tool_run){.argv = w.w,
                                               .duration_ms = p->duration_ms > 0 ? p->duration_ms : 1,
                                               .to = p->duration_ms > HLS_FROM_MS ? PIECES_FROM : 85});
}

/* A file that was cut off plays up to there without a complaint: what is made of it must be as long. */
static enum derive_fault check_whole(struct derive_job *job, const struct probe *source,
                                     const struct probe *made) {
    if (made->video < 0 || made->duration_ms == 0)
        return derive_because(job, DERIVE_BROKEN, "no picture in it");
    if (made->duration_ms + 1000 + source->duration_ms / 20 < source->duration_ms)
        return derive_because(job, DERIVE_BROKEN, "it ends before it should");
    return DERIVE_FINE;
}

static enum derive_fault film(struct derive_job *job, const struct probe *p) {
    struct probe made;
    struct tool_end end = transcode(job, p);
    if (end.status != 0)
        return derive_tool_fault(job, &end);
    enum derive_fault f = derive_probe(job, "video.mp4", "mov", &made);
    if (f != DERIVE_FINE || (f = check_whole(job, p, &made)) != DERIVE_FINE)
        return f;
    job->result.kind = PB__MEDIA_KIND__MEDIA_VIDEO;
    job->result.duration_ms = made.duration_ms;
    job->result.frame_rate = made.frame_rate;
    derive_made(&job->result, "video.mp4", made.width, made.height);
    if ((f = derive_poster(job, made.duration_ms)) != DERIVE_FINE)
        return f;
    derive_progress(made.duration_ms > HLS_FROM_MS ? PIECES_FROM : 92);
    return made.duration_ms > HLS_FROM_MS ? derive_pieces(job, &made) : DERIVE_FINE;
}

enum derive_fault derive_film(struct derive_job *job) {
    struct probe p;
    enum derive_fault f = derive_probe(job, job->source, job->type->demuxer, &p);
    if (f != DERIVE_FINE)
        return f;
    if (p.video < 0)
        return p.audio >= 0 ? derive_sound(job)
                            : derive_because(job, DERIVE_CODEC, "neither picture nor sound");
    return p.width > 0 && p.height > 0 ? film(job, &p) : derive_because(job, DERIVE_CODEC, "no size");
}
