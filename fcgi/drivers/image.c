#include "fcgi/drivers/image.h"

#include <math.h>
#include <string.h>
#include <vips/vips.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/blurhash.h"

#define WEBP_QUALITY 80
#define WEBP_EFFORT 2 /* of 6: more costs several times as long and saves a few percent */
#define JPEG_QUALITY 82
#define HASH_SIDE 32
#define HASH_X 4
#define HASH_Y 3

struct image {
    VipsImage *vips;
};

/* What libvips calls the reader of each format. No other may be chosen by what a file says. */
static const char *const readers[] = {
    [IMAGE_JPEG] = "VipsForeignLoadJpegFile", [IMAGE_PNG] = "VipsForeignLoadPngFile",
    [IMAGE_WEBP] = "VipsForeignLoadWebpFile", [IMAGE_GIF] = "VipsForeignLoadNsgifFile",
    [IMAGE_TIFF] = "VipsForeignLoadTiffFile", [IMAGE_HEIF] = "VipsForeignLoadHeifFile",
};

bool image_begin(int threads) {
    if (VIPS_INIT("deeplink") != 0)
        return false;
    vips_block_untrusted_set(TRUE);
    vips_concurrency_set(threads);
    vips_cache_set_max(0);
    return true;
}

const char *image_words(void) {
    static char words[512];
    snprintf(words, sizeof words, "%s", vips_error_buffer());
    return words;
}

static void unref(void *image) { g_object_unref(image); }

static struct image *keep(struct arena *a, VipsImage *vips) {
    struct image *i = arena_one(a, struct image);
    i->vips = vips;
    arena_defer(a, unref, vips);
    return i;
}

/* Whatever came with it: places, cameras, thumbnails, profiles. Writers are told to leave it out, too, and
 * some of them do not. */
static void forget_all(VipsImage *image) {
    char **names = vips_image_get_fields(image);
    for (char **name = names; name != NULL && *name != NULL; name++)
        vips_image_remove(image, *name); /* what every picture has stays */
    g_strfreev(names);
}

/* Takes over `lazy`: computes it now, so that what is derived of it decodes nothing again. NULL: it fails. */
static struct image *settle(struct arena *a, VipsImage *lazy) {
    VipsImage *whole = vips_image_copy_memory(lazy), *plain = NULL;
    g_object_unref(lazy);
    if (whole == NULL || vips_copy(whole, &plain, NULL) != 0)
        plain = NULL;
    if (whole != NULL)
        g_object_unref(whole);
    if (plain == NULL)
        return NULL;
    forget_all(plain);
    return keep(a, plain);
}

/* ---- looking ---- */

enum image_verdict image_look(const char *path, enum image_format format, int *ret_frames) {
    const char *reader = vips_foreign_find_load(path);
    if (reader == NULL || strcmp(reader, readers[format]) != 0)
        return IMAGE_OTHER;
    VipsImage *head = vips_image_new_from_file(path, "access", VIPS_ACCESS_SEQUENTIAL, NULL);
    if (head == NULL)
        return IMAGE_BROKEN;
    int width = vips_image_get_width(head), height = vips_image_get_height(head);
    *ret_frames = format == IMAGE_GIF || format == IMAGE_WEBP ? vips_image_get_n_pages(head) : 1;
    g_object_unref(head);
    return width > IMAGE_SIDE_MAX || height > IMAGE_SIDE_MAX || (int64_t)width * height > IMAGE_PIXELS_MAX
               ? IMAGE_TOO_LARGE
               : IMAGE_FINE;
}

/* ---- decoding ---- */

/* Whether its colours mean something else than sRGB: it brings a profile, or its colours are inks. The detour
 * by a profile would shift all others. */
static bool is_managed(const char *path) {
    VipsImage *head = vips_image_new_from_file(path, "access", VIPS_ACCESS_SEQUENTIAL, NULL);
    bool is = head != NULL && (vips_image_get_typeof(head, VIPS_META_ICC_NAME) != 0 ||
                               vips_image_get_interpretation(head) == VIPS_INTERPRETATION_CMYK);
    if (head != NULL)
        g_object_unref(head);
    return is;
}

/* The library's own way does all at once: a smaller decode where the format has one, the profile, CMYK, 16
 * bits, turning upright. */
static VipsImage *thumbnail(const char *path, int width, int height, VipsSize size, VipsInteresting cut) {
    VipsImage *out = NULL;
    const char *profile = is_managed(path) ? "export_profile" : NULL; /* NULL ends the list */
    if (vips_thumbnail(path, &out, width, "height", height, "size", size, "crop", cut, "fail_on",
                       VIPS_FAIL_ON_TRUNCATED, profile, "srgb", NULL) != 0)
        return NULL;
    return out;
}

/* One look for all that follows: 8 bits sRGB, with or without a fourth band. */
static VipsImage *plain(VipsImage *in) {
    VipsImage *srgb = NULL, *bytes = NULL;
    if (vips_colourspace(in, &srgb, VIPS_INTERPRETATION_sRGB, NULL) == 0) {
        vips_cast_uchar(srgb, &bytes, NULL);
        g_object_unref(srgb);
    }
    g_object_unref(in);
    return bytes;
}

enum image_verdict image_fit(struct arena *a, const char *path, int max, struct image **ret) {
    VipsImage *lazy = thumbnail(path, max, max, VIPS_SIZE_DOWN, VIPS_INTERESTING_NONE);
    if (lazy != NULL)
        lazy = plain(lazy);
    *ret = lazy != NULL ? settle(a, lazy) : NULL;
    return *ret != NULL ? IMAGE_FINE : IMAGE_BROKEN;
}

struct image *image_fit_of(struct arena *a, struct image *from, int max) {
    VipsImage *out = NULL;
    if (vips_thumbnail_image(from->vips, &out, max, "height", max, "size", VIPS_SIZE_DOWN, "no_rotate", TRUE,
                             NULL) != 0)
        return NULL;
    return settle(a, out);
}

/* Where a piece of `piece` begins within `whole` so that the focus is as near its middle as can be. */
static int begin_at(int whole, int piece, double focus) {
    double middle = (focus + 1) / 2 * whole, at = middle - piece / 2.0;
    return (int)fmax(0, fmin(whole - piece, round(at)));
}

enum image_verdict image_cut(struct arena *a, const char *path, int width, int height, double focus_x,
                             double focus_y, struct image **ret) {
    bool aimed = focus_x != 0 || focus_y != 0;
    VipsImage *out = NULL, *lazy = NULL;
    *ret = NULL;
    if (!aimed)
        lazy = thumbnail(path, width, height, VIPS_SIZE_BOTH, VIPS_INTERESTING_ATTENTION);
    else if ((lazy = thumbnail(path, width, height, VIPS_SIZE_BOTH, VIPS_INTERESTING_ALL)) != NULL) {
        struct image *whole = settle(a, lazy);
        lazy = NULL;
        if (whole != NULL &&
            vips_extract_area(whole->vips, &out, begin_at(image_width(whole), width, focus_x),
                              begin_at(image_height(whole), height, -focus_y), width, height, NULL) == 0)
            lazy = out;
    }
    if (lazy != NULL)
        lazy = plain(lazy);
    *ret = lazy != NULL ? settle(a, lazy) : NULL;
    return *ret != NULL ? IMAGE_FINE : IMAGE_BROKEN;
}

int image_width(const struct image *i) { return vips_image_get_width(i->vips); }

int image_height(const struct image *i) { return vips_image_get_height(i->vips); }

double image_brightness(const struct image *i) {
    double mean = 0;
    return vips_avg(i->vips, &mean, NULL) == 0 ? mean : 0;
}

/* ---- writing ---- */

/* On white, without the fourth band. The caller lets go of it. */
static VipsImage *opaque(const struct image *i) {
    VipsImage *out = NULL;
    double white[] = {255, 255, 255};
    if (!vips_image_hasalpha(i->vips))
        return g_object_ref(i->vips);
    VipsArrayDouble *background = vips_array_double_new(white, 3);
    if (vips_flatten(i->vips, &out, "background", background, NULL) != 0)
        out = NULL;
    vips_area_unref(VIPS_AREA(background));
    return out;
}

bool image_save_webp(const struct image *i, const char *path) {
    return vips_webpsave(i->vips, path, "Q", WEBP_QUALITY, "effort", WEBP_EFFORT, "strip", TRUE, NULL) == 0;
}

bool image_save_jpeg(const struct image *i, const char *path) {
    VipsImage *flat = opaque(i);
    bool ok = flat != NULL && vips_jpegsave(flat, path, "Q", JPEG_QUALITY, "optimize_coding", TRUE,
                                            "interlace", TRUE, "strip", TRUE, NULL) == 0;
    if (flat != NULL)
        g_object_unref(flat);
    return ok;
}

void image_blurhash(struct arena *a, const struct image *i, char out[IMAGE_BLURHASH_MAX]) {
    struct image *small = image_fit_of(a, (struct image *)(uintptr_t)i, HASH_SIDE);
    VipsImage *flat = small != NULL ? opaque(small) : NULL;
    size_t n = 0;
    uint8_t *rgb =
        flat != NULL && vips_image_get_bands(flat) == 3 ? vips_image_write_to_memory(flat, &n) : NULL;
    out[0] = '\0';
    if (rgb != NULL)
        blurhash_write(rgb, vips_image_get_width(flat), vips_image_get_height(flat), HASH_X, HASH_Y, out,
                       IMAGE_BLURHASH_MAX);
    g_free(rgb);
    if (flat != NULL)
        g_object_unref(flat);
}
