#include "fcgi/base/blurhash.h"

#include <math.h>

#define MAX 9

struct colour {
    double r, g, b;
};

static double to_linear(uint8_t v) {
    double f = v / 255.0;
    return f <= 0.04045 ? f / 12.92 : pow((f + 0.055) / 1.055, 2.4);
}

static int to_srgb(double v) {
    double f = fmax(0, fmin(1, v));
    return (int)((f <= 0.0031308 ? f * 12.92 : 1.055 * pow(f, 1 / 2.4) - 0.055) * 255 + 0.5);
}

/* How much there is of one wave across and down. */
static struct colour component(const uint8_t *rgb, int width, int height, int x, int y) {
    struct colour sum = {0};
    for (int j = 0; j < height; j++)
        for (int i = 0; i < width; i++) {
            const uint8_t *p = rgb + ((size_t)j * (size_t)width + (size_t)i) * 3;
            double wave = cos(M_PI * x * i / width) * cos(M_PI * y * j / height);
            sum.r += wave * to_linear(p[0]);
            sum.g += wave * to_linear(p[1]);
            sum.b += wave * to_linear(p[2]);
        }
    double scale = (x == 0 && y == 0 ? 1.0 : 2.0) / ((double)width * height);
    return (struct colour){sum.r * scale, sum.g * scale, sum.b * scale};
}

static char *put(char *out, int value, int digits) {
    static const char letters[] =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~";
    for (int i = digits - 1; i >= 0; i--, value /= 83)
        out[i] = letters[value % 83];
    return out + digits;
}

/* -1 … 1 in 19 steps, finer near 0. */
static int step(double v, double most) {
    double f = v / most;
    return (int)fmax(0, fmin(18, floor(copysign(sqrt(fabs(f)), f) * 9 + 9.5)));
}

static double largest(const struct colour *c, int n) {
    double most = 0;
    for (int i = 1; i < n; i++)
        most = fmax(most, fmax(fabs(c[i].r), fmax(fabs(c[i].g), fabs(c[i].b))));
    return most;
}

void blurhash_write(const uint8_t *rgb, int width, int height, int x, int y, char *out, size_t n) {
    struct colour c[MAX * MAX];
    out[0] = '\0';
    if (x < 1 || x > MAX || y < 1 || y > MAX || n < (size_t)(5 + 2 * x * y))
        return;
    for (int j = 0; j < y; j++)
        for (int i = 0; i < x; i++)
            c[j * x + i] = component(rgb, width, height, i, j);
    int scale = x * y > 1 ? (int)fmax(0, fmin(82, floor(largest(c, x * y) * 166 - 0.5))) : 0;
    double most = (scale + 1) / 166.0;
    out = put(out, (x - 1) + (y - 1) * 9, 1);
    out = put(out, scale, 1);
    out = put(out, to_srgb(c[0].r) << 16 | to_srgb(c[0].g) << 8 | to_srgb(c[0].b), 4);
    for (int i = 1; i < x * y; i++)
        out = put(out, (step(c[i].r, most) * 19 + step(c[i].g, most)) * 19 + step(c[i].b, most), 2);
    *out = '\0';
}
