/* Long videos in pieces of 6 seconds, so that a player reads only what it shows, and a second time at 480p
 * for slow lines where the video is larger than that. All pieces of a rendition stand in one file, of which
 * its playlist names parts: a few blobs a video rather than thousands. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/clock.h"
#include "handlers/media/derive_job.h"

#define LOW_LONG 854
#define LOW_SHORT 480
#define LOW_FPS_MAX 30.5
#define LOW_SECONDS_MIN 10
#define LINE_MAX_BYTES 512

struct rendition {
    const char *pieces, *list;
    struct frame frame;
};

/* The end of a command line that cuts. */
static void add_cut(struct tool_words *w, const struct rendition *r) {
    TOOL_ADD(w, FFMPEG_NO_TAGS, "-f", "hls", "-hls_time", "6", "-hls_playlist_type", "vod",
             "-hls_segment_type", "fmp4", "-hls_flags", "single_file", "-hls_segment_filename", r->pieces,
             r->list);
}

/* The video as it is. */
static enum derive_fault cut_up(struct derive_job *job, const struct rendition *r) {
    struct tool_words w = {.n = 0};
    TOOL_ADD(&w, FFMPEG, FFMPEG_CAREFULLY("mov"), "-i", "video.mp4", "-c", "copy");
    add_cut(&w, r);
    struct tool_end end = derive_tool(job, &(struct tool_run){.argv = w.w});
    return end.status == 0 ? DERIVE_FINE : derive_tool_fault(job, &end);
}

/* ---- the smaller one ---- */

/* It may take half of the time that is left, so that it never costs what there would be without it. */
static int64_t seconds_for_low(const struct derive_job *job) {
    return (job->until_us - clock_mono_us()) / 2000000;
}

/* Whether it was made; without it there is one quality. */
static bool make_low(struct derive_job *job, const struct probe *p, const struct rendition *r) {
    struct tool_words w = {.n = 0};
    const char *threads = arena_printf(job->arena, "%d", job->threads);
    int64_t seconds = seconds_for_low(job);
    if (seconds < LOW_SECONDS_MIN)
        return false;
    TOOL_ADD(&w, FFMPEG, FFMPEG_TELLING, "-threads", threads, FFMPEG_CAREFULLY("mov"), "-i", "video.mp4",
             "-vf", derive_scale(job, p, r->frame), "-c:v", "libx264", "-preset", "veryfast", "-crf", "26",
             "-maxrate", "1M", "-bufsize", "2M", "-profile:v", "main", "-force_key_frames",
             "expr:gte(t,n_forced*6)", "-c:a", "aac", "-b:a", "96k", "-ac", "2", "-threads", threads,
             "-filter_threads", "1");
    if (p->fps > LOW_FPS_MAX)
        TOOL_ADD(&w, "-r", "30");
    add_cut(&w, r);
    return derive_tool(job, &(struct tool_run){.argv = w.w,
                                               .duration_ms = p->duration_ms,
                                               .from = PIECES_FROM,
                                               .to = 92,
                                               .seconds = (unsigned)seconds})
               .status == 0;
}

/* ---- the playlist of both ---- */

static bool value_of(const char *line, const char *tag, double *ret) {
    if (strncmp(line, tag, strlen(tag)) != 0)
        return false;
    *ret = strtod(line + strlen(tag), NULL);
    return true;
}

/* Bits a second, of the piece that has most and of all of them. */
static void rates_of(const char *list, int64_t *ret_most, int64_t *ret_mean) {
    char line[LINE_MAX_BYTES];
    double bytes, all_bytes = 0, seconds = 0, all_seconds = 0, most = 0;
    FILE *f = fopen(list, "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (value_of(line, "#EXTINF:", &seconds) || !value_of(line, "#EXT-X-BYTERANGE:", &bytes))
            continue;
        all_bytes += bytes;
        all_seconds += seconds;
        if (seconds > 0 && bytes * 8 / seconds > most)
            most = bytes * 8 / seconds;
    }
    if (f != NULL)
        fclose(f);
    *ret_most = (int64_t)most + 1;
    *ret_mean = all_seconds > 0 ? (int64_t)(all_bytes * 8 / all_seconds) + 1 : *ret_most;
}

static void name(FILE *f, const struct rendition *r) {
    int64_t most, mean;
    rates_of(r->list, &most, &mean);
    fprintf(f, "#EXT-X-STREAM-INF:BANDWIDTH=%" PRId64 ",AVERAGE-BANDWIDTH=%" PRId64 ",RESOLUTION=%dx%d\n%s\n",
            most, mean, r->frame.width, r->frame.height, r->list);
}

static enum derive_fault name_both(struct derive_job *job, const struct rendition *high,
                                   const struct rendition *low) {
    FILE *f = fopen("hls.m3u8", "we");
    if (f == NULL)
        return derive_because(job, DERIVE_INTERNAL, "no playlist can be written");
    fputs("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n", f);
    name(f, high);
    name(f, low);
    return fclose(f) == 0 ? DERIVE_FINE : derive_because(job, DERIVE_INTERNAL, "no playlist was written");
}

/* ---- all of it ---- */

static void tell(struct derive_job *job, const struct rendition *r, bool is_one_of_two) {
    derive_made(&job->result, r->pieces, 0, 0);
    if (is_one_of_two)
        derive_made(&job->result, r->list, 0, 0);
}

enum derive_fault derive_pieces(struct derive_job *job, const struct probe *p) {
    struct rendition high = {"hls-0001.mp4", "hls.m3u8", {p->width, p->height}};
    struct rendition low = {"hls-0002.mp4", "hls-low.m3u8", derive_fit(p, LOW_LONG, LOW_SHORT)};
    bool both = low.frame.width < p->width && low.frame.height < p->height && make_low(job, p, &low);
    if (both)
        high.list = "hls-high.m3u8";
    enum derive_fault f = cut_up(job, &high);
    if (f == DERIVE_FINE && both)
        f = name_both(job, &high, &low);
    if (f != DERIVE_FINE)
        return f;
    tell(job, &high, both);
    if (both)
        tell(job, &low, both);
    derive_made(&job->result, "hls.m3u8", 0, 0);
    return DERIVE_FINE;
}
