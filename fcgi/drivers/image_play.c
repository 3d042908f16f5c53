/* Animated pictures: a tall one of all frames, of which only a strip is in memory at a time. */
#include <string.h>
#include <vips/vips.h>

#include "fcgi/base/arena.h"
#include "fcgi/drivers/image.h"

#define SHORTEST_MS 20 /* what browsers make of less is DEFAULT_MS */
#define DEFAULT_MS 100

struct delays {
    int *ms, n;
};

static int delay_of(const struct delays *d, int frame) {
    int ms = frame < d->n ? d->ms[frame] : DEFAULT_MS;
    return ms < SHORTEST_MS ? DEFAULT_MS : ms;
}

/* Everything that is not yet three bytes on white. Takes over `in`; NULL: it fails. */
static VipsImage *three_bytes(VipsImage *in) {
    VipsImage *srgb = NULL, *flat = NULL, *bytes = NULL;
    double white[] = {255, 255, 255};
    VipsArrayDouble *background = vips_array_double_new(white, 3);
    if (vips_colourspace(in, &srgb, VIPS_INTERPRETATION_sRGB, NULL) == 0 && vips_image_hasalpha(srgb) &&
        vips_flatten(srgb, &flat, "background", background, NULL) != 0)
        flat = NULL;
    else if (srgb != NULL && flat == NULL)
        flat = g_object_ref(srgb);
    if (flat != NULL)
        vips_cast_uchar(flat, &bytes, NULL);
    vips_area_unref(VIPS_AREA(background));
    if (srgb != NULL)
        g_object_unref(srgb);
    if (flat != NULL)
        g_object_unref(flat);
    g_object_unref(in);
    return bytes;
}

static bool show_rows(VipsRegion *region, const VipsRect *at, uint8_t *rgb,
                      bool (*show)(void *arg, const uint8_t *rgb, int width, int height, int ms), void *arg,
                      int ms) {
    size_t row = (size_t)at->width * 3;
    for (int y = 0; y < at->height; y++)
        memcpy(rgb + (size_t)y * row, VIPS_REGION_ADDR(region, at->left, at->top + y), row);
    return show(arg, rgb, at->width, at->height, ms);
}

enum image_verdict image_play(struct arena *a, const char *path,
                              bool (*show)(void *arg, const uint8_t *rgb, int width, int height, int ms),
                              void *arg) {
    VipsImage *all = vips_image_new_from_file(path, "n", -1, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on",
                                              VIPS_FAIL_ON_TRUNCATED, NULL);
    struct delays delays = {0};
    if (all == NULL)
        return IMAGE_BROKEN;
    int width = vips_image_get_width(all), height = vips_image_get_page_height(all), *ms = NULL;
    int frames = vips_image_get_height(all) / height;
    if (vips_image_get_typeof(all, "delay") != 0 &&
        vips_image_get_array_int(all, "delay", &ms, &delays.n) == 0)
        delays.ms = arena_memdup(a, ms, (size_t)delays.n * sizeof *ms);
    if ((all = three_bytes(all)) == NULL)
        return IMAGE_BROKEN;
    VipsRegion *region = vips_region_new(all);
    uint8_t *rgb = arena_alloc(a, (size_t)width * (size_t)height * 3);
    enum image_verdict verdict = vips_image_get_bands(all) == 3 ? IMAGE_FINE : IMAGE_BROKEN;
    for (int i = 0; i < frames && verdict == IMAGE_FINE; i++) {
        VipsRect at = {0, i * height, width, height};
        if (vips_region_prepare(region, &at) != 0)
            verdict = IMAGE_BROKEN;
        else if (!show_rows(region, &at, rgb, show, arg, delay_of(&delays, i)))
            break;
    }
    g_object_unref(region);
    g_object_unref(all);
    return verdict;
}
