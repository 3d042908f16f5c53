/* Blurhash (https://github.com/woltapp/blurhash/blob/master/Algorithm.md): a picture's broad colours in some
 * thirty letters. */
#ifndef DEEPLINK_BASE_BLURHASH_H
#define DEEPLINK_BASE_BLURHASH_H

#include <stddef.h>
#include <stdint.h>

/* rgb: width × height pixels of 3 bytes, sRGB; 1 to 9 components each way. out: 4 + 2 × x × y letters and
 * NUL; "" when n is too small. Small pictures do: it costs width × height × x × y. */
void blurhash_write(const uint8_t *rgb, int width, int height, int x, int y, char *out, size_t n);

#endif
