/* Generated pictures for programs, which do not draw SVG: made out of the id alone, so that they need no look
 * at the database, tell nothing about a member and can be kept for ever. */
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/id.h"
#include "fcgi/base/png.h"
#include "fcgi/i18n.h"
#include "handlers/common/page.h"
#include "handlers/user/pages.h"
#include "handlers/user/view.h"

#define CELLS 5 /* the pattern's, in both directions; the right half mirrors the left one */
#define CELL 32
#define AVATAR_SIZE 240
#define BANNER_WIDTH 1200
#define BANNER_HEIGHT 400
#define SHADES 64

static uint32_t mix(uint32_t a, uint32_t b, unsigned part, unsigned of) {
    uint32_t out = 0;

    for (int shift = 16; shift >= 0; shift -= 8) {
        uint32_t from = (a >> shift) & 0xff, to = (b >> shift) & 0xff;

        out |= ((from * (of - part) + to * part) / of) << shift;
    }
    return out;
}

static uint32_t colour_of(int64_t id) { return (uint32_t)strtoul(avatar_colour(id) + 1, NULL, 16); }

static bool is_set(uint64_t pattern, unsigned x, unsigned y) {
    unsigned column = x < CELLS - x - 1 ? x : CELLS - x - 1;

    return ((pattern >> (y * ((CELLS + 1) / 2) + column)) & 1) != 0;
}

static void draw_avatar(struct arena *a, int64_t id, struct png *ret) {
    unsigned char *pixels = arena_zalloc(a, (size_t)AVATAR_SIZE * AVATAR_SIZE);
    uint32_t *colours = arena_many(a, uint32_t, 2);
    uint64_t pattern = ((uint64_t)id * UINT64_C(0x9E3779B97F4A7C15)) >> 40; /* Fibonacci hashing */
    unsigned edge = (AVATAR_SIZE - CELLS * CELL) / 2;

    colours[0] = colour_of(id);
    colours[1] = mix(colours[0], 0xffffff, 4, 5);
    for (unsigned y = 0; y < CELLS * CELL; y++)
        for (unsigned x = 0; x < CELLS * CELL; x++)
            pixels[(size_t)(y + edge) * AVATAR_SIZE + x + edge] = is_set(pattern, x / CELL, y / CELL);
    *ret = (struct png){AVATAR_SIZE, AVATAR_SIZE, pixels, colours, 2};
}

static void draw_banner(struct arena *a, int64_t id, struct png *ret) {
    unsigned char *pixels = arena_zalloc(a, (size_t)BANNER_WIDTH * BANNER_HEIGHT);
    uint32_t *colours = arena_many(a, uint32_t, SHADES), colour = colour_of(id);

    for (unsigned i = 0; i < SHADES; i++)
        colours[i] = mix(colour, 0x0a3540, i, 2 * SHADES);
    for (unsigned y = 0; y < BANNER_HEIGHT; y++)
        for (unsigned x = 0; x < BANNER_WIDTH; x++)
            pixels[(size_t)y * BANNER_WIDTH + x] =
                (unsigned char)((x + y) * SHADES / (BANNER_WIDTH + BANNER_HEIGHT));
    *ret = (struct png){BANNER_WIDTH, BANNER_HEIGHT, pixels, colours, SHADES};
}

static enum code show_drawn(struct request *req, void (*draw)(struct arena *, int64_t, struct png *)) {
    const char *name = req->args[0], *end = strstr(name, ".png");
    struct png png;
    int64_t id;

    if (end == NULL || strcmp(end, ".png") != 0 ||
        !id_parse(arena_strndup(req->ctx.arena, name, (size_t)(end - name)), &id))
        return fail(&req->ctx, NOT_FOUND, tr_mark("There is no such picture."));
    draw(req->ctx.arena, id, &png);
    respond_header(req, "Cache-Control", "public, max-age=31536000, immutable");
    respond_header(req, "Access-Control-Allow-Origin", "*");
    respond_header(req, "Cross-Origin-Resource-Policy", "cross-origin");
    if (!png_write(req->ctx.arena, respond(req, 200, "image/png"), &png))
        return fail(&req->ctx, UNAVAILABLE, tr_mark("This picture can't be drawn right now."));
    respond_etag(req);
    return OK;
}

enum code user_page_avatar_png(struct request *req) { return show_drawn(req, draw_avatar); }

enum code user_page_banner_png(struct request *req) { return show_drawn(req, draw_banner); }
