/* What `deeplink-derive` makes of every type that is taken, and of what means harm: pixels are looked at. */
#include <math.h>
#include <signal.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/text.h"
#include "fcgi/drivers/sandbox.h"
#include "handlers/media/derive.h"
#include "handlers/media/types.h"
#include "tests/service/media.h"

#define MB (INT64_C(1) << 20)
#define MEMORY_MAX (256 * MB) /* resident, whatever comes */

static struct ctx ctx;
static char folder[512];
static struct sandbox_end end;
static struct derive_result result;

static void set_up(void) { ctx = test_ctx(NULL); }

/* ---- Short ways */

/* A folder that nothing was made in yet. */
static const char *seconds = "120"; /* that it believes to have */

static void fresh_folder(void) {
    static unsigned n;
    snprintf(folder, sizeof folder, "%s/made-%d-%u", server_of("TEST_DIR"), (int)getpid(), ++n);
    ck_assert_int_eq(mkdir(folder, 0700), 0);
}

static void derive_within(const char *file, const char *purpose, const char *x, const char *y,
                          const struct sandbox_bounds *bounds) {
    const char *source = arena_printf(ctx.arena, "%s/%s", corpus(), file);
    struct sandbox_child child;
    unsigned char said = 0;
    fresh_folder();
    const char *argv[] = {derive_program(), folder, source, purpose, x, y, "2", seconds, NULL};
    ck_ok(&ctx, sandbox_start(&ctx, argv, folder, -1, bounds, &child));
    while (sandbox_watch(&child, 200, &said, &end) == SANDBOX_RUNS)
        ;
}

/* AddressSanitizer needs memory of its own, and takes the bound away. */
#ifdef __SANITIZE_ADDRESS__
#define IN_BOUNDS(bytes, most) ((void)(bytes), true)
#else
#define IN_BOUNDS(bytes, most) ((bytes) < (most))
#endif

static void derive_as(const char *file, const char *purpose, const char *x, const char *y) {
    derive_within(file, purpose, x, y, &(struct sandbox_bounds){1024 * MB, 256 * MB, 120});
    ck_assert_msg(end.status == 0, "%s: status %d, signal %d", file, end.status, end.signal);
    ck_ok(&ctx, derive_read(&ctx, folder, &result));
    ck_assert_msg(IN_BOUNDS(end.memory_bytes, MEMORY_MAX), "%s took %lld MB", file,
                  (long long)(end.memory_bytes / MB));
}

static void derive(const char *file) { derive_as(file, "post", "0", "0"); }

static const struct derive_made *made(const char *name) {
    for (size_t i = 0; i < result.n; i++)
        if (strcmp(result.made[i].slot->name, name) == 0)
            return &result.made[i];
    ck_abort_msg("no %s was made", name);
    return NULL;
}

static const char *path_of(const char *name) {
    return arena_printf(ctx.arena, "%s/%s", folder, made(name)->slot->file);
}

/* Its pixels, decoded by somebody else: at the end of a PPM of the file that was looked at last. */
static const unsigned char *decode(const char *path, size_t bytes) {
    static unsigned char ppm[16 << 20];
    static char last[600];
    static size_t n;
    char out[16];
    const char *to = arena_printf(ctx.arena, "%s.ppm", path);
    const char *argv[] = {"vips", "copy", path, to, NULL};
    if (strcmp(last, path) != 0) {
        ck_assert_msg(run_program(argv, out, sizeof out) == 0, "%s can't be decoded", path);
        FILE *f = fopen(to, "rb");
        n = fread(ppm, 1, sizeof ppm, f);
        fclose(f);
        snprintf(last, sizeof last, "%s", path);
    }
    ck_assert_msg(n > bytes && n < bytes + 200, "%s is of another size", path);
    return ppm + n - bytes;
}

/* The colour at a place, each of 0 … 1 from the left and from above. */
static void look(const char *name, double x, double y, double rgb[3]) {
    size_t width = (size_t)made(name)->width, height = (size_t)made(name)->height;
    const unsigned char *pixels = decode(path_of(name), width * height * 3);
    pixels += ((size_t)(y * (double)height) * width + (size_t)(x * (double)width)) * 3;
    for (int i = 0; i < 3; i++)
        rgb[i] = pixels[i];
}

static void expect_colour(const char *name, double x, double y, int r, int g, int b, int off) {
    double rgb[3];
    look(name, x, y, rgb);
    ck_assert_msg(fabs(rgb[0] - r) <= off && fabs(rgb[1] - g) <= off && fabs(rgb[2] - b) <= off,
                  "%s at %.2f %.2f is %.0f %.0f %.0f, not %d %d %d", name, x, y, rgb[0], rgb[1], rgb[2], r, g,
                  b);
}

/* Red and green above, blue and white below. */
static void expect_quarters(const char *name, int off) {
    expect_colour(name, 0.25, 0.25, 0xe0, 0x10, 0x10, off);
    expect_colour(name, 0.75, 0.25, 0x10, 0xc0, 0x10, off);
    expect_colour(name, 0.25, 0.75, 0x10, 0x10, 0xe0, off);
    expect_colour(name, 0.75, 0.75, 0xf8, 0xf8, 0xf8, off);
}

static void expect_fault(const char *file, enum derive_fault fault) {
    derive(file);
    ck_assert_msg(result.fault == fault, "%s: fault %d, not %d: %s", file, (int)result.fault, (int)fault,
                  result.detail);
    ck_assert_uint_eq(result.n, 0);
}

static void expect_kind(Pb__MediaKind kind) {
    ck_assert_msg(result.fault == DERIVE_FINE, "fault %d: %s", (int)result.fault, result.detail);
    ck_assert_int_eq(result.kind, kind);
}

/* Whether a file that was made has some bytes in it. */
static bool holds(const char *name, const char *bytes) {
    static char text[8 << 20];
    FILE *f = fopen(path_of(name), "rb");
    size_t n = fread(text, 1, sizeof text, f);
    fclose(f);
    return memmem(text, n, bytes, strlen(bytes)) != NULL;
}

/* ---- pictures */

static bool tells_place(const char *path) {
    static char out[1 << 16];
    const char *argv[] = {"vipsheader", "-a", path, NULL};
    ck_assert_int_eq(run_program(argv, out, sizeof out), 0);
    return strstr(out, "GPSLatitude") != NULL || strstr(out, "ImageDescription") != NULL;
}

START_TEST(every_orientation_is_upright_and_tells_no_place) {
    derive(arena_printf(ctx.arena, "exif%d.jpg", _i));
    if (_i == 6)
        ck_assert(tells_place(arena_printf(ctx.arena, "%s/exif6.jpg", corpus())));
    expect_kind(PB__MEDIA_KIND__MEDIA_IMAGE);
    ck_assert_int_eq(made("large")->width, 120);
    ck_assert_int_eq(made("large")->height, 80);
    static const char *const names[] = {"large", "small", "fallback"};
    for (size_t i = 0; i < 3; i++) {
        expect_quarters(names[i], 24);
        ck_assert(!holds(names[i], "52.5200"));
        if (_i == 6)
            ck_assert(!tells_place(path_of(names[i])));
    }
    ck_assert_uint_eq(strlen(result.blurhash), 28);
}
END_TEST

START_TEST(pictures_of_every_type_are_taken) {
    static const char *const files[] = {"plain.png",  "plain.webp", "plain.tiff", "plain.bmp",
                                        "plain.avif", "plain.heic", "deep.png",   "wide.png"};
    if (access(arena_printf(ctx.arena, "%s/%s", corpus(), files[_i]), R_OK) != 0)
        return; /* nobody here writes it */
    derive(files[_i]);
    expect_kind(PB__MEDIA_KIND__MEDIA_IMAGE);
    expect_quarters("large", 24);
    expect_quarters("fallback", 24);
}
END_TEST

/* Ink is not light: near is right. */
START_TEST(cmyk_and_grey_become_srgb) {
    derive("cmyk.jpg");
    expect_kind(PB__MEDIA_KIND__MEDIA_IMAGE);
    expect_colour("large", 0.75, 0.75, 0xf8, 0xf8, 0xf8, 20);
    expect_colour("large", 0.25, 0.25, 0xe0, 0x10, 0x10, 70);
    derive("grey.png");
    expect_kind(PB__MEDIA_KIND__MEDIA_IMAGE);
    expect_colour("large", 0.75, 0.75, 0xf8, 0xf8, 0xf8, 12);
}
END_TEST

START_TEST(large_ones_become_smaller) {
    derive("large.jpg"); /* 3000 × 2000 */
    expect_kind(PB__MEDIA_KIND__MEDIA_IMAGE);
    ck_assert_int_eq(made("large")->width, 2048);
    ck_assert_int_eq(made("fallback")->width, 1280);
    ck_assert_int_eq(made("small")->width, 640);
    ck_assert_str_eq(made("fallback")->slot->type, "image/jpeg");
    expect_quarters("small", 24);
}
END_TEST

START_TEST(avatars_and_banners_are_cut_around_the_focus) {
    derive_as("large.jpg", "avatar", "-1", "1");
    expect_kind(PB__MEDIA_KIND__MEDIA_IMAGE);
    ck_assert_int_eq(made("avatar")->width, 128);
    ck_assert_int_eq(made("avatar")->height, 128);
    ck_assert_int_eq(made("avatar_large")->width, 400);
    expect_colour("avatar_large", 0.1, 0.2, 0xe0, 0x10, 0x10, 24); /* the left is in it */
    derive_as("large.jpg", "avatar", "1", "0");
    expect_colour("avatar_large", 0.5, 0.2, 0x10, 0xc0, 0x10, 24); /* the right is in the middle */
    derive_as("large.jpg", "banner", "0", "-1");
    ck_assert_int_eq(made("banner")->width, 1500);
    ck_assert_int_eq(made("banner")->height, 500);
    expect_colour("banner", 0.25, 0.5, 0x10, 0x10, 0xe0, 24);
    derive_as("film.mp4", "avatar", "0", "0");
    ck_assert_int_eq(result.fault, DERIVE_TYPE);
    derive_as("moving.gif", "avatar", "0", "0");
    expect_kind(PB__MEDIA_KIND__MEDIA_IMAGE);
}
END_TEST

START_TEST(animated_ones_become_silent_videos) {
    derive(_i == 0 ? "moving.gif" : "moving.webp");
    expect_kind(PB__MEDIA_KIND__MEDIA_GIFV);
    ck_assert_str_eq(result.frame_rate, "30/1");
    ck_assert_int_ge(result.duration_ms, 1900);
    ck_assert_int_le(result.duration_ms, 2100);
    expect_quarters("poster", 40);
    ck_assert_int_eq(made("video")->width, 120);
}
END_TEST

/* ---- recordings */

static const char *probe(const char *name, const char *what) {
    static char out[4096];
    const char *argv[] = {"ffprobe",      "-v",          "error", "-show_entries", what, "-of",
                          "default=nw=1", path_of(name), NULL};
    ck_assert_int_eq(run_program(argv, out, sizeof out), 0);
    return out;
}

START_TEST(videos_are_what_browsers_play) {
    static const char *const files[] = {"film.mp4", "film.mov", "film.mkv", "film.webm"};
    derive(files[_i]);
    expect_kind(PB__MEDIA_KIND__MEDIA_VIDEO);
    ck_assert_str_eq(result.frame_rate, "25/1");
    ck_assert_int_ge(result.duration_ms, 3900);
    ck_assert_int_le(result.duration_ms, 4200);
    const char *said = probe("video", "stream=codec_name,pix_fmt,width");
    ck_assert_msg(strstr(said, "codec_name=h264") != NULL && strstr(said, "codec_name=aac") != NULL &&
                      strstr(said, "yuv420p") != NULL && strstr(said, "width=320") != NULL,
                  "%s", said);
    ck_assert(!holds("video", "52.5200"));
    ck_assert_int_eq(made("poster")->width, 320);
    ck_assert_uint_gt(strlen(result.blurhash), 20);
    ck_assert_uint_eq(result.n, 3); /* no pieces of a short one */
}
END_TEST

/* The index comes before the pictures, so that playing begins at once. */
START_TEST(videos_begin_at_once) {
    static char text[4 << 20];
    derive("film.mov");
    FILE *f = fopen(path_of("video"), "rb");
    size_t n = fread(text, 1, sizeof text, f);
    fclose(f);
    char *index = memmem(text, n, "moov", 4), *data = memmem(text, n, "mdat", 4);
    ck_assert(index != NULL && data != NULL && index < data);
}
END_TEST

/* White at 203 nits, as ITU-R BT.2408 has it, is not grey where there are 100 at most. */
START_TEST(bright_ones_look_right_on_common_screens) {
    static const char *const files[] = {"pq.mp4", "hlg.mp4"};
    derive(files[_i]);
    expect_kind(PB__MEDIA_KIND__MEDIA_VIDEO);
    const char *said = probe("video", "stream=color_transfer,color_primaries,color_space,pix_fmt");
    ck_assert_msg(strstr(said, "color_transfer=bt709") != NULL &&
                      strstr(said, "color_primaries=bt709") != NULL &&
                      strstr(said, "color_space=bt709") != NULL && strstr(said, "pix_fmt=yuv420p\n") != NULL,
                  "%s", said);
    expect_quarters("poster", 40);
}
END_TEST

START_TEST(the_poster_is_not_black) {
    double rgb[3];
    derive("dark.mp4"); /* black for two seconds, then red */
    expect_kind(PB__MEDIA_KIND__MEDIA_VIDEO);
    look("poster", 0.5, 0.5, rgb);
    ck_assert_msg(rgb[0] > 150 && rgb[1] < 60, "%.0f %.0f %.0f", rgb[0], rgb[1], rgb[2]);
}
END_TEST

START_TEST(long_ones_come_in_pieces_too) {
    derive("long.mp4");
    expect_kind(PB__MEDIA_KIND__MEDIA_VIDEO);
    ck_assert(holds("hls", "#EXT-X-ENDLIST"));
    ck_assert(holds("hls", "hls-0001.mp4"));
    ck_assert(strstr(probe("hls", "format=duration"), "duration=70") != NULL);
}
END_TEST

/* And large ones for slow lines, too. */
START_TEST(long_and_large_ones_come_in_two_qualities) {
    derive("long_large.mp4");
    expect_kind(PB__MEDIA_KIND__MEDIA_VIDEO);
    ck_assert_uint_eq(result.n,
                      8); /* video, poster, small; twice pieces and their playlist; the one of both */
    ck_assert(holds("hls", "RESOLUTION=1280x720\nhls-high.m3u8\n"));
    ck_assert(holds("hls", "RESOLUTION=854x480\nhls-low.m3u8\n"));
    ck_assert(holds("hls", "BANDWIDTH="));
    ck_assert(holds("hls/high", "hls-0001.mp4") && !holds("hls/high", "hls-0002.mp4"));
    ck_assert(holds("hls/low", "hls-0002.mp4") && holds("hls/low", "#EXT-X-ENDLIST"));
    const char *high = probe("hls/high", "stream=width,height,codec_name:format=duration");
    ck_assert_msg(strstr(high, "width=1280") != NULL && strstr(high, "duration=70") != NULL, "%s", high);
    const char *low = probe("hls/low", "stream=width,height,codec_name:format=duration");
    ck_assert_msg(strstr(low, "width=854") != NULL && strstr(low, "height=480") != NULL &&
                      strstr(low, "codec_name=aac") != NULL && strstr(low, "duration=70") != NULL,
                  "%s", low);
}
END_TEST

/* The smaller one is left out rather than that there be nothing. */
START_TEST(two_qualities_are_for_those_who_have_the_time) {
    seconds = "19";
    derive("long_large.mp4");
    expect_kind(PB__MEDIA_KIND__MEDIA_VIDEO);
    ck_assert_uint_eq(result.n, 5);
    ck_assert(holds("hls", "hls-0001.mp4"));
}
END_TEST

START_TEST(sound_has_something_to_look_at) {
    static const char *const files[] = {"tone.mp3",  "tone.wav", "tone.ogg",
                                        "tone.flac", "tone.m4a", "tone.aac"};
    derive(files[_i]);
    expect_kind(PB__MEDIA_KIND__MEDIA_AUDIO);
    ck_assert_int_ge(result.duration_ms, 3900);
    ck_assert_int_le(result.duration_ms, 4200);
    ck_assert_str_eq(result.frame_rate, "");
    ck_assert_str_eq(made("audio")->slot->type, _i == 0 ? "audio/mpeg" : "audio/mp4");
    ck_assert_int_eq(made("waveform")->width, 1200);
}
END_TEST

START_TEST(a_cover_is_shown) {
    derive("cover.mp3");
    expect_kind(PB__MEDIA_KIND__MEDIA_AUDIO);
    expect_quarters("cover", 24);
}
END_TEST

START_TEST(documents_show_their_first_page) {
    derive("pages.pdf");
    expect_kind(PB__MEDIA_KIND__MEDIA_DOCUMENT);
    ck_assert_int_eq(result.pages, 2);
    expect_colour("page", 0.5, 0.5, 255, 0, 0, 12);
    derive("words.txt");
    expect_kind(PB__MEDIA_KIND__MEDIA_DOCUMENT);
    ck_assert_uint_eq(result.n, 0);
}
END_TEST

/* ---- what means harm */

START_TEST(what_is_broken_or_hostile_is_refused) {
    static const struct {
        const char *file;
        enum derive_fault fault;
    } rows[] = {{"bomb.png", DERIVE_LARGE},   {"script.svg", DERIVE_TYPE}, {"page.jpg", DERIVE_TYPE},
                {"cut.jpg", DERIVE_BROKEN},   {"cut.mp4", DERIVE_BROKEN},  {"cut.mov", DERIVE_BROKEN},
                {"endless.mp4", DERIVE_TYPE}, {"cut.pdf", DERIVE_BROKEN}};
    expect_fault(rows[_i].file, rows[_i].fault);
    ck_assert_uint_gt(strlen(derive_words(result.fault)), 20);
}
END_TEST

/* By its head alone. */
START_TEST(a_bomb_is_refused_cheaply) {
    derive("bomb.png");
    ck_assert_int_eq(result.fault, DERIVE_LARGE);
    ck_assert_msg(end.cpu_ms < 2000, "%lld ms", (long long)end.cpu_ms);
    ck_assert_msg(IN_BOUNDS(end.memory_bytes, 96 * MB), "%lld MB", (long long)(end.memory_bytes / MB));
}
END_TEST

#ifndef __SANITIZE_ADDRESS__
START_TEST(time_and_memory_run_out_without_harm) {
    derive_within("slow.mp4", "post", "0", "0", &(struct sandbox_bounds){1024 * MB, 256 * MB, 1});
    ck_assert(!end.in_time);
    ck_assert_int_ne(derive_read(&ctx, folder, &result), OK);
    fail_clear(&ctx);
    derive_within("large.jpg", "post", "0", "0", &(struct sandbox_bounds){160 * MB, 256 * MB, 60});
    ck_assert_msg(end.status != 0 || derive_read(&ctx, folder, &result) != OK || result.fault != DERIVE_FINE,
                  "160 MB were enough");
    ck_assert_msg(end.memory_bytes < 160 * MB, "%lld MB", (long long)(end.memory_bytes / MB));
    fail_clear(&ctx);
}
END_TEST
#endif

/* A child that was taken over may leave what it likes. */
static void leave(const char *name, const char *text) {
    FILE *f = fopen(arena_printf(ctx.arena, "%s/%s", folder, name), "wb");
    ck_assert_msg(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0, "%s", name);
}

static enum code read_rate_left(const char *rate, const char *files) {
    leave(DERIVE_RESULT,
          arena_printf(ctx.arena,
                       "{\"fault\":0,\"detail\":\"\",\"type\":\"image/png\",\"kind\":1,\"blurhash\":\"\","
                       "\"frame_rate\":\"%s\",\"duration_ms\":0,\"pages\":0,\"files\":[%s]}",
                       rate, files));
    enum code c = derive_read(&ctx, folder, &result);
    fail_clear(&ctx);
    return c;
}

static enum code read_left(const char *files) { return read_rate_left("", files); }

START_TEST(a_result_is_not_believed) {
    static const char *const rates[] = {"30", "/1", "30/", "30/1/1", "-30/1", "<b>", "3/1 ", "1234567890/1"};
    static const char webp[] = "{\"file\":\"large.webp\",\"width\":1,\"height\":1}";
    fresh_folder();
    leave("large.webp", "RIFFxxxxWEBPVP8 ");
    ck_assert_int_eq(read_left(webp), OK);
    ck_assert_int_eq(read_rate_left("30000/1001", webp), OK);
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
        ck_assert_msg(read_rate_left(rates[i], webp) == INTERNAL, "%s", rates[i]);
    ck_assert_int_eq(read_left("{\"file\":\"../large.webp\",\"width\":1,\"height\":1}"), INTERNAL);
    ck_assert_int_eq(read_left("{\"file\":\"large.webp\",\"width\":-1,\"height\":1}"), INTERNAL);
    ck_assert_int_eq(read_left("{\"file\":\"large.webp\",\"width\":1,\"height\":99999999}"), INTERNAL);
    ck_assert_int_eq(read_left(arena_printf(ctx.arena, "%s,%s", webp, webp)), INTERNAL);
    ck_assert_int_eq(read_left("{\"file\":\"small.webp\",\"width\":1,\"height\":1}"), INTERNAL);
    leave("large.webp", "<html>not a picture");
    ck_assert_int_eq(read_left(webp), INTERNAL);
    ck_assert_int_eq(remove(arena_printf(ctx.arena, "%s/large.webp", folder)), 0);
    ck_assert_int_eq(symlink("/etc/passwd", arena_printf(ctx.arena, "%s/large.webp", folder)), 0);
    ck_assert_int_eq(read_left(webp), INTERNAL);
    leave(DERIVE_RESULT, "{\"fault\":0");
    ck_assert_int_eq(derive_read(&ctx, folder, &result), INTERNAL);
    fail_clear(&ctx);
}
END_TEST

/* Who takes uploads in and who makes files of them name the same types. */
START_TEST(what_is_taken_in_can_be_made) {
    size_t n;
    const char *const *types = media_types_all(&ctx, &n);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(derive_type_find(types[i]) != NULL, "%s", types[i]);
    for (int i = 1; i < DERIVE_FAULTS; i++)
        ck_assert_ptr_nonnull(derive_words((enum derive_fault)i));
}
END_TEST

int main(void) {
    Suite *s = suite_create("derive");
    TCase *t = tcase_create("derive");
    corpus();
    tcase_add_checked_fixture(t, set_up, NULL);
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, every_orientation_is_upright_and_tells_no_place, 1, 9);
    tcase_add_loop_test(t, pictures_of_every_type_are_taken, 0, 8);
    tcase_add_test(t, cmyk_and_grey_become_srgb);
    tcase_add_test(t, large_ones_become_smaller);
    tcase_add_test(t, avatars_and_banners_are_cut_around_the_focus);
    tcase_add_loop_test(t, animated_ones_become_silent_videos, 0, 2);
    tcase_add_loop_test(t, videos_are_what_browsers_play, 0, 4);
    tcase_add_test(t, videos_begin_at_once);
    tcase_add_loop_test(t, bright_ones_look_right_on_common_screens, 0, 2);
    tcase_add_test(t, the_poster_is_not_black);
    tcase_add_test(t, long_ones_come_in_pieces_too);
    tcase_add_test(t, long_and_large_ones_come_in_two_qualities);
    tcase_add_test(t, two_qualities_are_for_those_who_have_the_time);
    tcase_add_loop_test(t, sound_has_something_to_look_at, 0, 6);
    tcase_add_test(t, a_cover_is_shown);
    tcase_add_test(t, documents_show_their_first_page);
    tcase_add_loop_test(t, what_is_broken_or_hostile_is_refused, 0, 8);
    tcase_add_test(t, a_bomb_is_refused_cheaply);
#ifndef __SANITIZE_ADDRESS__
    tcase_add_test(t, time_and_memory_run_out_without_harm);
#endif
    tcase_add_test(t, a_result_is_not_believed);
    tcase_add_test(t, what_is_taken_in_can_be_made);
    suite_add_tcase(s, t);
    return run_suite(s);
}
