/* Pictures by libvips: looked at before they are decoded, turned upright, brought to sRGB, made smaller,
 * written without metadata. Only for programs that have locked themselves in (fcgi/drivers/sandbox.h). What
 * fails says why by image_words(). */
#ifndef DEEPLINK_DRIVERS_IMAGE_H
#define DEEPLINK_DRIVERS_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

#define IMAGE_PIXELS_MAX INT64_C(40000000)
#define IMAGE_SIDE_MAX 16384
#define IMAGE_BLURHASH_MAX 40 /* with NUL */

enum image_format { IMAGE_JPEG, IMAGE_PNG, IMAGE_WEBP, IMAGE_GIF, IMAGE_TIFF, IMAGE_HEIF };
enum image_verdict { IMAGE_FINE, IMAGE_BROKEN, IMAGE_TOO_LARGE, IMAGE_OTHER };

/* A picture in memory, upright, sRGB, 8 bits; belongs to the arena. */
struct image;

/* Once a process. False: the library does not start. */
bool image_begin(int threads);
/* What went wrong last, for the log. Static. */
const char *image_words(void);

/* Reads the head alone: whether it is of that format (IMAGE_OTHER: it is not, or nothing here reads it), and
 * not larger than the bounds above, all of its frames counted as one picture each. */
enum image_verdict image_look(const char *path, enum image_format format, int *ret_frames);

/* Decodes it to at most max pixels a side, never larger than it is. IMAGE_BROKEN: damaged or cut off. */
enum image_verdict image_fit(struct arena *a, const char *path, int max, struct image **ret);
/* The same of one that is there; NULL when memory is short. */
struct image *image_fit_of(struct arena *a, struct image *from, int max);

/* Decodes and cuts it to exactly width × height, around the focus (-1 left or bottom … 1 right or top) or,
 * where that is 0 0, around what draws the eye. */
enum image_verdict image_cut(struct arena *a, const char *path, int width, int height, double focus_x,
                             double focus_y, struct image **ret);

int image_width(const struct image *i);
int image_height(const struct image *i);
/* 0 black … 255 white. */
double image_brightness(const struct image *i);

bool image_save_webp(const struct image *i, const char *path);
bool image_save_jpeg(const struct image *i, const char *path); /* what shows through becomes white */

/* What stands for it while it loads (https://blurha.sh), 4 × 3 components; "" when memory is short. */
void image_blurhash(struct arena *a, const struct image *i, char out[IMAGE_BLURHASH_MAX]);

/* Frames of an animated picture, one after the other, as they are to be shown: 3 bytes a pixel, on white.
 * ms: for how long. Stops when show() says false. */
enum image_verdict image_play(struct arena *a, const char *path,
                              bool (*show)(void *arg, const uint8_t *rgb, int width, int height, int ms),
                              void *arg);

#endif
