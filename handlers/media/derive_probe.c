/* What ffprobe says of a recording. */
#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/json.h"
#include "handlers/media/derive_job.h"

#define WANTED                                                                                  \
    "format=duration,bit_rate:stream=index,codec_type,codec_name,profile,pix_fmt,width,height," \
    "sample_aspect_ratio,color_transfer,avg_frame_rate,r_frame_rate,duration:stream_disposition=attached_pic:stream_side_data=rotation"
#define STREAMS_MAX 32

static struct json_object *at(struct json_object *o, const char *name) {
    struct json_object *v = NULL;
    return o != NULL && json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, name, &v)
               ? v
               : NULL;
}

static const char *text_at(struct json_object *o, const char *name) {
    struct json_object *v = at(o, name);
    return v != NULL ? json_object_get_string(v) : "";
}

static int64_t int_at(struct json_object *o, const char *name) {
    struct json_object *v = at(o, name);
    return v != NULL ? json_object_get_int64(v) : 0;
}

/* "30000/1001", "8:9"; 0 when it is neither. */
static double ratio(const char *s) {
    char *end;
    double above = strtod(s, &end), below = *end == '/' || *end == ':' ? strtod(end + 1, NULL) : 1;
    return below > 0 && above > 0 ? above / below : 0;
}

static int64_t ms_of(const char *seconds) {
    double s = strtod(seconds, NULL);
    return s > 0 && s < 1e9 ? (int64_t)(s * 1000) : 0;
}

static bool is_turned(struct json_object *stream, bool *ret_any) {
    struct json_object *list = at(stream, "side_data_list");
    size_t n =
        list != NULL && json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < n; i++) {
        int64_t degrees = int_at(json_object_array_get_idx(list, i), "rotation");
        *ret_any = *ret_any || degrees % 360 != 0;
        if (degrees % 180 != 0)
            return true;
    }
    return false;
}

/* The transfer functions of ITU-R BT.2100, PQ and HLG. */
static const char *hdr_of(const char *transfer) {
    bool is_hdr = strcmp(transfer, "smpte2084") == 0 || strcmp(transfer, "arib-std-b67") == 0;
    return is_hdr ? transfer : NULL;
}

static void look_at_video(struct json_object *s, struct probe *p) {
    double pixel = ratio(text_at(s, "sample_aspect_ratio"));
    int64_t w = int_at(s, "width"), h = int_at(s, "height");
    bool across = is_turned(s, &p->turned);
    p->square = pixel == 0 || fabs(pixel - 1) < 0.001;
    if (!p->square && w < INT32_MAX)
        w = (int64_t)fmin(1e6, round((double)w * pixel));
    p->video = (int)int_at(s, "index");
    p->width = (int)(across ? h : w);
    p->height = (int)(across ? w : h);
    p->video_codec = text_at(s, "codec_name");
    p->profile = text_at(s, "profile");
    p->pixels = text_at(s, "pix_fmt");
    p->hdr = hdr_of(text_at(s, "color_transfer"));
    p->frame_rate = text_at(s, "avg_frame_rate");
    if (ratio(p->frame_rate) == 0)
        p->frame_rate = text_at(s, "r_frame_rate");
    p->fps = ratio(p->frame_rate);
    if (p->fps == 0)
        p->frame_rate = "";
}

/* The first of each kind counts. */
static void look_at(struct json_object *s, struct probe *p) {
    const char *type = text_at(s, "codec_type");
    bool picture = int_at(at(s, "disposition"), "attached_pic") != 0;
    int64_t ms = ms_of(text_at(s, "duration"));
    if (strcmp(type, "video") == 0 && picture && p->cover < 0)
        p->cover = (int)int_at(s, "index");
    else if (strcmp(type, "video") == 0 && !picture && p->video < 0)
        look_at_video(s, p);
    else if (strcmp(type, "audio") == 0 && p->audio < 0) {
        p->audio = (int)int_at(s, "index");
        p->audio_codec = text_at(s, "codec_name");
    }
    p->duration_ms = ms > p->duration_ms ? ms : p->duration_ms;
}

static enum derive_fault read_probe(struct json_object *o, struct probe *p) {
    struct json_object *streams = at(o, "streams"), *format = at(o, "format");
    size_t n = streams != NULL && json_object_is_type(streams, json_type_array)
                   ? json_object_array_length(streams)
                   : 0;
    *p = (struct probe){.video = -1,
                        .audio = -1,
                        .cover = -1,
                        .video_codec = "",
                        .audio_codec = "",
                        .profile = "",
                        .pixels = "",
                        .frame_rate = ""};
    p->duration_ms = ms_of(text_at(format, "duration"));
    p->bits = strtoll(text_at(format, "bit_rate"), NULL, 10);
    for (size_t i = 0; i < n && i < STREAMS_MAX; i++)
        look_at(json_object_array_get_idx(streams, i), p);
    if (p->duration_ms > (int64_t)DERIVE_HOURS_MAX * 3600 * 1000)
        return DERIVE_LONG;
    if (p->width > DERIVE_FRAME_MAX || p->height > DERIVE_FRAME_MAX)
        return DERIVE_FRAME;
    return n > 0 ? DERIVE_FINE : DERIVE_BROKEN;
}

enum derive_fault derive_probe(struct derive_job *job, const char *path, const char *demuxer,
                               struct probe *ret) {
    const char *argv[] = {"/usr/bin/ffprobe", "-v",   "error", "-threads", "1",  FFMPEG_CAREFULLY(demuxer),
                          "-show_entries",    WANTED, "-of",   "json",     path, NULL};
    struct tool_end end = derive_tool(job, &(struct tool_run){.argv = argv});
    struct json_object *o = NULL;
    struct error wrong = {0};
    if (end.status != 0)
        return derive_tool_fault(job, &end);
    if (json_read(job->arena, end.out, strlen(end.out), &json_limits_body, &o, &wrong) != OK)
        return derive_because(job, DERIVE_BROKEN, "ffprobe says nothing");
    return read_probe(o, ret);
}
