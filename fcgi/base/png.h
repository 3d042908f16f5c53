/* Small pictures of few colours as PNG (https://www.w3.org/TR/png-3/), for what is drawn by program. */
#ifndef DEEPLINK_BASE_PNG_H
#define DEEPLINK_BASE_PNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct buf;

struct png {
    uint32_t width, height;
    const unsigned char *pixels; /* width * height indexes into colours, line by line */
    const uint32_t *colours;     /* 0xRRGGBB */
    size_t n_colours;            /* 1 to 256 */
};

/* Adds the file to out. false when there is no memory for it. */
bool png_write(struct arena *a, struct buf *out, const struct png *png);

#endif
