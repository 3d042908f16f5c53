#include "fcgi/base/png.h"

#include <string.h>
#include <zlib.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"

#define DEPTH 8   /* bits of an index */
#define PALETTE 3 /* colour type */

static void put_be32(unsigned char to[4], uint32_t v) {
    for (int i = 0; i < 4; i++)
        to[i] = (unsigned char)(v >> (24 - 8 * i));
}

/* Length, name, content, and the check sum of the latter two. */
static void put_chunk(struct buf *out, const char name[4], const unsigned char *p, size_t n) {
    unsigned char number[4];
    uLong sum = crc32(crc32(0, (const unsigned char *)name, 4), p, (uInt)n);

    put_be32(number, (uint32_t)n);
    buf_add(out, number, 4);
    buf_add(out, name, 4);
    buf_add(out, p, n);
    put_be32(number, (uint32_t)sum);
    buf_add(out, number, 4);
}

static void put_head(struct buf *out, const struct png *png) {
    unsigned char head[13] = {0};

    put_be32(head, png->width);
    put_be32(head + 4, png->height);
    head[8] = DEPTH;
    head[9] = PALETTE;
    buf_add(out, "\x89PNG\r\n\x1a\n", 8);
    put_chunk(out, "IHDR", head, sizeof head);
}

static void put_colours(struct buf *out, const struct png *png) {
    unsigned char colours[3 * 256];

    for (size_t i = 0; i < png->n_colours; i++)
        for (size_t k = 0; k < 3; k++)
            colours[3 * i + k] = (unsigned char)(png->colours[i] >> (16 - 8 * k));
    put_chunk(out, "PLTE", colours, 3 * png->n_colours);
}

bool png_write(struct arena *a, struct buf *out, const struct png *png) {
    size_t line = (size_t)png->width + 1, n = line * png->height;
    unsigned char *raw = arena_zalloc(a, n), *packed; /* each line begins with a 0: no filter */
    uLongf packed_n = compressBound((uLong)n);

    packed = arena_alloc(a, packed_n);
    for (size_t y = 0; y < png->height; y++)
        memcpy(raw + y * line + 1, png->pixels + y * png->width, png->width);
    if (compress2(packed, &packed_n, raw, (uLong)n, Z_BEST_COMPRESSION) != Z_OK)
        return false;
    put_head(out, png);
    put_colours(out, png);
    put_chunk(out, "IDAT", packed, packed_n);
    put_chunk(out, "IEND", (const unsigned char *)"", 0);
    return true;
}
