/* Inside `deeplink-derive`: one upload, and the ways to make files of it. Each of them writes into the
 * working directory, notes what it has made in job->result, and returns why it could not. */
#ifndef DEEPLINK_MEDIA_DERIVE_JOB_H
#define DEEPLINK_MEDIA_DERIVE_JOB_H

#include <stdio.h>
#include <sys/types.h>

#include "handlers/media/derive.h"

struct derive_job {
    struct arena *arena;
    const char *source;  /* what was uploaded; to be read only */
    const char *purpose; /* post, avatar, banner */
    double focus_x, focus_y;
    int threads;
    int64_t until_us; /* when all of it is to be done, by the clock of clock_mono_us() */
    const struct derive_type *type;
    struct derive_result result;
};

enum derive_fault derive_picture(struct derive_job *job); /* also animated ones */
enum derive_fault derive_bitmap(struct derive_job *job);
enum derive_fault derive_film(struct derive_job *job);
enum derive_fault derive_sound(struct derive_job *job);
enum derive_fault derive_pdf(struct derive_job *job);

/* An animated picture as a silent video (derive_loop.c). */
enum derive_fault derive_loop(struct derive_job *job);
/* Of video.mp4: poster.webp, small.webp, the blurhash (derive_poster.c). */
enum derive_fault derive_poster(struct derive_job *job, int64_t duration_ms);
/* Of a picture that a tool has written: `file` at most max pixels a side, and the blurhash. */
enum derive_fault derive_shrunk(struct derive_job *job, const char *path, const char *file, int max);

/* What a verdict of the image driver means; notes its words. */
enum derive_fault derive_verdict(struct derive_job *job, enum image_verdict v);
/* Notes the operator's words; returns fault. */
enum derive_fault derive_because(struct derive_job *job, enum derive_fault fault, const char *detail);
/* Tells the parent how far this is, of 100. */
void derive_progress(int percent);

/* ---- other programs (derive_tool.c) ---- */

struct tool_end {
    int status;        /* exit status; -1: killed, or not started */
    const char *out;   /* what it wrote, at most 64 kB of it; in the arena */
    const char *words; /* what it complained of, at most 1 kB */
};
/* A command line that is put together. */
struct tool_words {
    const char *w[128];
    size_t n;
};
void derive_tool_add(struct tool_words *to, const char *const *w);
#define TOOL_ADD(to, ...) derive_tool_add((to), (const char *const[]){__VA_ARGS__, NULL})
/* Runs argv to its end. duration_ms other than 0: it is ffmpeg with FFMPEG_TELLING, and how far it is of that
 * many milliseconds is told on, as a part of from … to percent. */
struct tool_run {
    const char *const *argv;
    int64_t duration_ms;
    int from, to;
    unsigned seconds; /* killed when it takes longer; 0: never */
};
struct tool_end derive_tool(struct derive_job *job, const struct tool_run *run);
/* What it means that a tool failed: killed, it is to be tried again; without memory, it is too large; else
 * its file is broken. Notes its words. */
enum derive_fault derive_tool_fault(struct derive_job *job, const struct tool_end *end);
/* Runs argv with a stream that it reads: *ret is to be written to, and handed to derive_tool_fed(). */
pid_t derive_tool_feed(const char *const *argv, FILE **ret);
/* Closes the stream and waits; the exit status, -1 when it was killed. */
int derive_tool_fed(pid_t pid, FILE *stream);

/* ---- what is in a recording (derive_probe.c) ---- */

struct probe {
    int video, audio, cover; /* numbers of streams; -1: there is none */
    const char *video_codec, *audio_codec, *profile, *pixels;
    int width, height; /* as shown: turned, pixels made square */
    bool turned, square;
    const char *hdr;           /* the transfer function of a high dynamic range; NULL: of common screens */
    const char *frame_rate;    /* "30000/1001"; "": not known */
    double fps;                /* the same; 0: not known */
    int64_t duration_ms, bits; /* bits a second; 0: not known */
};
/* DERIVE_BROKEN: ffprobe makes nothing of it; DERIVE_FRAME, DERIVE_LONG. */
enum derive_fault derive_probe(struct derive_job *job, const char *path, const char *demuxer,
                               struct probe *ret);

/* ---- videos (derive_film.c, derive_pieces.c) ---- */

struct frame {
    int width, height;
};
/* The largest frame within those sides, never larger than the source; even, as H.264 wants it. */
struct frame derive_fit(const struct probe *p, int long_side, int short_side);
/* The filter that scales to it, in the colours of common screens. */
const char *derive_scale(struct derive_job *job, const struct probe *p, struct frame f);
/* A playlist of video.mp4 in pieces. Progress from this percent on. */
#define PIECES_FROM 60
enum derive_fault derive_pieces(struct derive_job *job, const struct probe *p);

/* How ffmpeg is told to read a file of a stranger: no network, no playlists, no other format than the one
 * that its content has. Words of a command line. */
#define FFMPEG_CAREFULLY(demuxer) \
    "-protocol_whitelist", "file,pipe", "-format_whitelist", (demuxer), "-f", (demuxer)
/* Nothing of the source's tags, chapters, our version. */
#define FFMPEG_NO_TAGS                                                                             \
    "-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", \
        "-flags:a", "+bitexact"
#define FFMPEG "/usr/bin/ffmpeg", "-v", "error", "-nostdin", "-y"
#define FFMPEG_TELLING "-progress", "pipe:1", "-stats_period", "1" /* how far it is */
#define FFMPEG_AAC "-c:a", "aac", "-b:a", "160k", "-ac", "2"

#endif
