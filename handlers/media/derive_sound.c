/* Sound: MP3 and AAC stay as they are, without their tags; the rest becomes AAC. To look at there is the
 * cover that came with it, or its waveform. */
#include <string.h>

#include "fcgi/base/arena.h"
#include "handlers/media/derive_job.h"

#define COVER 640

static const char *stream(struct derive_job *job, int number) {
    return arena_printf(job->arena, "0:%d", number);
}

static struct tool_end encode(struct derive_job *job, const struct probe *p, const char **ret_file) {
    bool mp3 = strcmp(p->audio_codec, "mp3") == 0, aac = strcmp(p->audio_codec, "aac") == 0;
    struct tool_words w = {.n = 0};

    *ret_file = mp3 ? "audio.mp3" : "audio.m4a";
    TOOL_ADD(&w, FFMPEG, FFMPEG_TELLING, FFMPEG_CAREFULLY(job->type->demuxer), "-i", job->source, "-map",
             stream(job, p->audio));
    if (mp3 || aac)
        TOOL_ADD(&w, "-c:a", "copy");
    else
        TOOL_ADD(&w, FFMPEG_AAC);
    TOOL_ADD(&w, FFMPEG_NO_TAGS, "-movflags", "+faststart", *ret_file);
    return derive_tool(
        job,
        &(struct tool_run){.argv = w.w, .duration_ms = p->duration_ms > 0 ? p->duration_ms : 1, .to = 80});
}

static enum derive_fault draw_waveform(struct derive_job *job, const char *file, const char *demuxer) {
    const char *argv[] = {FFMPEG,
                          FFMPEG_CAREFULLY(demuxer),
                          "-i",
                          file,
                          "-filter_complex",
                          "aformat=channel_layouts=mono,showwavespic=s=1200x300:colors=0x5b7fa6:scale=sqrt",
                          "-frames:v",
                          "1",
                          "picture.png",
                          NULL};
    struct tool_end end = derive_tool(job, &(struct tool_run){.argv = argv});
    return end.status == 0 ? derive_shrunk(job, "picture.png", "waveform.webp", 1200)
                           : derive_tool_fault(job, &end);
}

/* Tells whether there was one that can be shown. */
static bool take_cover(struct derive_job *job, const struct probe *p) {
    const char *argv[] = {FFMPEG,      "-max_pixels", "40000000",    FFMPEG_CAREFULLY(job->type->demuxer),
                          "-i",        job->source,   "-map",        stream(job, p->cover),
                          "-frames:v", "1",           "-c:v",        "png",
                          "-f",        "image2",      "picture.png", NULL};
    return p->cover >= 0 && derive_tool(job, &(struct tool_run){.argv = argv}).status == 0 &&
           derive_shrunk(job, "picture.png", "cover.webp", COVER) == DERIVE_FINE;
}

static enum derive_fault sound(struct derive_job *job, const struct probe *p) {
    const char *file, *demuxer;
    struct probe made;
    struct tool_end end = encode(job, p, &file);
    if (end.status != 0)
        return derive_tool_fault(job, &end);
    demuxer = strstr(file, ".mp3") != NULL ? "mp3" : "mov";
    enum derive_fault f = derive_probe(job, file, demuxer, &made);
    if (f != DERIVE_FINE)
        return f;
    if (made.audio < 0 || made.duration_ms + 1000 + p->duration_ms / 20 < p->duration_ms)
        return derive_because(job, DERIVE_BROKEN, "it ends before it should");
    job->result.kind = PB__MEDIA_KIND__MEDIA_AUDIO;
    job->result.duration_ms = made.duration_ms;
    derive_made(&job->result, file, 0, 0);
    derive_progress(90);
    return take_cover(job, p) ? DERIVE_FINE : draw_waveform(job, file, demuxer);
}

enum derive_fault derive_sound(struct derive_job *job) {
    struct probe p;
    enum derive_fault f = derive_probe(job, job->source, job->type->demuxer, &p);
    if (f != DERIVE_FINE)
        return f;
    return p.audio >= 0 ? sound(job, &p) : derive_because(job, DERIVE_CODEC, "no sound in it");
}
