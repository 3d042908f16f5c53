#include "handlers/common/media_view.h"

#include <inttypes.h>
#include <string.h>

#include "fcgi/base/text.h"
#include "handlers/common/media.h"

#define HASH_MIN 6 /* a blurhash has its size, its contrast and the average colour at least */
#define FOCUS_STEPS 10

/* ---- Files */

static struct safe_url address(const struct page *page, const Pb__MediaView *m, const Pb__MediaFile *f) {
    struct ctx *ctx = (struct ctx *)(uintptr_t)&page->req->ctx; /* for its arena and the site's secret */

    return (struct safe_url){f != NULL ? media_path(ctx, m, f) : NULL};
}

static struct safe_url address_of(const struct page *page, const Pb__MediaView *m, const char *name) {
    return address(page, m, media_file(m, name));
}

/* The first of these files that there is. */
static const Pb__MediaFile *first_of(const Pb__MediaView *m, const char *const *names) {
    const Pb__MediaFile *f = NULL;

    for (; f == NULL && *names != NULL; names++)
        f = media_file(m, *names);
    return f;
}

static const char *const main_names[][4] = {
    [MEDIA_LOOK_WAITING] = {NULL},
    [MEDIA_LOOK_FAILED] = {NULL},
    [MEDIA_LOOK_PICTURE] = {"large", "avatar_large", "banner", "fallback"},
    [MEDIA_LOOK_LOOP] = {"video", NULL},
    [MEDIA_LOOK_VIDEO] = {"video", NULL},
    [MEDIA_LOOK_SOUND] = {"audio", NULL},
    [MEDIA_LOOK_DOCUMENT] = {"document", NULL},
};

static const Pb__MediaFile *main_file(const struct media_item *item) {
    const char *names[5] = {NULL};

    memcpy(names, main_names[item->look], sizeof main_names[0]);
    return first_of(item->m, names);
}

static const char *sets_of(const struct page *page, const struct media_item *item, const Pb__MediaFile *large,
                           const Pb__MediaFile *small) {
    if (large == NULL || small == NULL || small->width == 0 || small->width >= large->width)
        return item->main.p;
    return arena_printf(page->arena, "%s %uw, %s %uw", item->small.p, small->width, item->main.p,
                        large->width);
}

/* ---- Words */

const char *media_size(struct arena *a, int64_t bytes) {
    static const char *const units[] = {"kB", "MB", "GB", "TB"};
    int64_t tenths = bytes / 100; /* of a kB */
    size_t unit = 0;

    while (unit < 3 && tenths >= 10000) {
        tenths /= 1000;
        unit++;
    }
    if (tenths < 100 && tenths % 10 != 0)
        return arena_printf(a, "%" PRId64 ".%" PRId64 " %s", tenths / 10, tenths % 10, units[unit]);
    return arena_printf(a, "%" PRId64 " %s", bytes > 0 && tenths < 10 ? 1 : tenths / 10, units[unit]);
}

const char *media_name(const struct page *page, const struct media_item *item) {
    bool named = item->look == MEDIA_LOOK_SOUND || item->look == MEDIA_LOOK_DOCUMENT;

    if (!text_is_empty(item->m->description))
        return item->m->description;
    if (named && !text_is_empty(item->m->file_name))
        return item->m->file_name;
    if (item->look == MEDIA_LOOK_PICTURE)
        return tr_fill(page->arena, page->lang, tr_mark("Picture {number}, not described"), "number",
                       arena_printf(page->arena, "%zu", item->number), NULL);
    return tr_fill(page->arena, page->lang, tr_mark("File {number}, not described"), "number",
                   arena_printf(page->arena, "%zu", item->number), NULL);
}

const char *media_type_words(const struct page *page, const struct media_item *item) {
    static const struct {
        const char *part, *words;
    } kinds[] = {
        {"pdf", tr_mark("PDF")},
        {"csv", tr_mark("Table")},
        {"spreadsheet", tr_mark("Table")},
        {"excel", tr_mark("Table")},
        {"presentation", tr_mark("Slides")},
        {"powerpoint", tr_mark("Slides")},
        {"text/plain", tr_mark("Text")},
        {"zip", tr_mark("Archive")},
    };

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strstr(item->type, kinds[i].part) != NULL)
            return tr(page->lang, kinds[i].words);
    return tr(page->lang, tr_mark("Document"));
}

static const char *length_of(struct arena *a, int64_t ms) {
    int64_t s = (ms + 500) / 1000;

    if (ms <= 0)
        return NULL;
    if (s >= 3600)
        return arena_printf(a, "%" PRId64 ":%02" PRId64 ":%02" PRId64, s / 3600, s / 60 % 60, s % 60);
    return arena_printf(a, "%" PRId64 ":%02" PRId64, s / 60, s % 60);
}

/* Base 83 of blurhashes; -1: no digit of it. */
static int64_t digits83(const char *s, size_t n) {
    static const char digits[] =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~";
    int64_t value = 0;

    for (size_t i = 0; i < n; i++) {
        const char *at = strchr(digits, s[i]);

        if (at == NULL)
            return -1;
        value = value * 83 + (at - digits);
    }
    return value;
}

const char *media_colour(struct arena *a, const char *blurhash) {
    int64_t rgb;

    if (strlen(blurhash) < HASH_MIN || (rgb = digits83(blurhash + 2, 4)) < 0 || rgb > 0xffffff)
        return NULL;
    return arena_printf(a, "#%06" PRIx64, rgb);
}

/* Steps of a tenth are enough to keep a face in view, and can be classes: styles may not stand in a page. */
static const char *focus_of(struct arena *a, const Pb__MediaView *m) {
    int x = (int)((m->focus_x + 1) * FOCUS_STEPS / 2 + 0.5),
        y = (int)((1 - m->focus_y) * FOCUS_STEPS / 2 + 0.5);

    if ((x == FOCUS_STEPS / 2 && y == FOCUS_STEPS / 2) || x < 0 || y < 0 || x > FOCUS_STEPS ||
        y > FOCUS_STEPS)
        return "";
    return arena_printf(a, "fx%d fy%d", x, y);
}

/* ---- Items */

static enum media_look look_of(const Pb__MediaView *m) {
    if (m->state == PB__MEDIA_STATE__MEDIA_FAILED)
        return MEDIA_LOOK_FAILED;
    if (m->state != PB__MEDIA_STATE__MEDIA_READY)
        return MEDIA_LOOK_WAITING;
    switch (m->kind) {
    case PB__MEDIA_KIND__MEDIA_IMAGE:
        return MEDIA_LOOK_PICTURE;
    case PB__MEDIA_KIND__MEDIA_GIFV:
        return MEDIA_LOOK_LOOP;
    case PB__MEDIA_KIND__MEDIA_VIDEO:
        return MEDIA_LOOK_VIDEO;
    case PB__MEDIA_KIND__MEDIA_AUDIO:
        return MEDIA_LOOK_SOUND;
    default:
        return MEDIA_LOOK_DOCUMENT;
    }
}

static void set_files(const struct page *page, struct media_item *item) {
    static const char *const stills[] = {"poster", "cover", "waveform", "page", NULL};
    const Pb__MediaView *m = item->m;
    const Pb__MediaFile *large = main_file(item), *small = media_file(m, "small"),
                        *still = first_of(m, stills);
    const Pb__MediaFile *sized = large != NULL && large->width != 0 ? large : still;

    item->main = address(page, m, large);
    item->small = address(page, m, small);
    item->plain = address_of(page, m, "fallback");
    item->poster = address(page, m, still);
    item->sets = (struct safe_url){sets_of(page, item, large, small)};
    item->hls = address_of(page, m, "hls");
    item->type = large != NULL ? large->type : "";
    item->width = sized != NULL ? sized->width : 0;
    item->height = sized != NULL ? sized->height : 0;
    item->bytes = large != NULL && large->bytes > 0 ? large->bytes : m->bytes;
    item->size = media_size(page->arena, item->bytes);
}

static void fill(const struct page *page, const Pb__MediaView *m, size_t number, int64_t post,
                 struct media_item *ret) {
    *ret = (struct media_item){.m = m, .look = look_of(m), .number = number, .post = post};
    ret->focus = focus_of(page->arena, m);
    ret->colour = media_colour(page->arena, m->blurhash);
    ret->length = length_of(page->arena, m->duration_ms);
    set_files(page, ret);
    ret->at =
        post != 0 ? arena_printf(page->arena, "/posts/%" PRId64 "/media/%zu", post, number) : ret->main.p;
    if (ret->look >= MEDIA_LOOK_PICTURE && ret->main.p == NULL)
        ret->look = MEDIA_LOOK_FAILED; /* nothing of it could be shown */
}

static const struct media_list *make_list(const struct page *page, Pb__MediaView *const *media, size_t n,
                                          int64_t post) {
    struct media_item *items = arena_many(page->arena, struct media_item, n);
    struct media_list *list = arena_one(page->arena, struct media_list);

    for (size_t i = 0; i < n; i++) {
        if (page->viewer == NULL && !media[i]->is_public)
            continue;
        fill(page, media[i], i + 1, post, &items[list->n]);
        list->n_tiles += media_is_tile(&items[list->n]);
        list->n++;
    }
    list->items = items;
    return list;
}

bool media_is_tile(const struct media_item *item) {
    return item->look != MEDIA_LOOK_SOUND && item->look != MEDIA_LOOK_DOCUMENT;
}

bool media_has_page(const struct media_item *item) {
    return media_is_tile(item) && item->look >= MEDIA_LOOK_PICTURE;
}

const struct media_list *media_shown(const struct page *page, const Pb__PostView *post) {
    return make_list(page, post->media, post->n_media, post->id);
}

const struct media_list *media_items(const struct page *page, Pb__MediaView *const *media, size_t n) {
    return make_list(page, media, n, 0);
}

uint32_t media_stamp(const Pb__PostView *post) {
    uint32_t stamp = 0;

    for (size_t i = 0; i < post->n_media; i++)
        stamp = (stamp ^ (uint32_t)post->media[i]->version ^ (uint32_t)post->media[i]->id) * 0x9E3779B1u + 1;
    return stamp;
}

struct safe_url media_at_key(const struct page *page, const char *key) {
    return (struct safe_url){text_is_empty(key) ? NULL : arena_printf(page->arena, "/m/%s", key)};
}
