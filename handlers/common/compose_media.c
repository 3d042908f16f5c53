#include "handlers/common/compose_media.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/text.h"
#include "gen/stubs.h"

/* tr_mark("File") tr_mark("The description") tr_mark("The focus") */

#define FOCUS_SAME 0.005 /* closer than that is the same point */

/* ---- What a form says */

static const struct field_value *value_at(const struct request *req, const char *name, size_t place) {
    char field[16];

    snprintf(field, sizeof field, "%s_%zu", name, place);
    return field_get(req, field);
}

static bool declares(const struct request *req) {
    const struct field *f = req->route->fields;

    while (f != NULL && f->name != NULL && strcmp(f->name, "media_1") != 0)
        f++;
    return f != NULL && f->name != NULL;
}

static bool has_id(const struct compose_media *m, int64_t id) {
    for (size_t i = 0; i < m->n; i++)
        if (m->ids[i] == id)
            return true;
    return false;
}

void compose_media_read(const struct request *req, struct compose_media *ret) {
    *ret = (struct compose_media){0};
    for (size_t place = 1; declares(req) && place <= MEDIA_MAX; place++) {
        int64_t id = value_at(req, "media", place)->number;
        const char *focus = value_at(req, "focus", place)->text;

        if (id == 0 || has_id(ret, id))
            continue;
        ret->ids[ret->n] = id;
        ret->words[ret->n] = value_at(req, "words", place)->text;
        ret->focus[ret->n++] = focus != NULL ? focus : "";
    }
}

void compose_media_of(const Pb__PostView *post, struct compose_media *ret) {
    *ret = (struct compose_media){0};
    for (size_t i = 0; i < post->n_media && i < MEDIA_MAX; i++) {
        ret->ids[i] = post->media[i]->id;
        ret->focus[i] = "";
        ret->n++;
    }
}

static size_t place_of(const struct compose_media *m, int64_t id) {
    size_t i = 0;

    while (i < m->n && m->ids[i] != id)
        i++;
    return i;
}

static void swap(struct compose_media *m, size_t a, size_t b) {
    struct compose_media was = *m;

    m->ids[a] = was.ids[b], m->words[a] = was.words[b], m->focus[a] = was.focus[b];
    m->ids[b] = was.ids[a], m->words[b] = was.words[a], m->focus[b] = was.focus[a];
}

void compose_media_move(struct compose_media *m, int64_t id, int by) {
    size_t at = place_of(m, id), to = at + (size_t)by; /* below the first it wraps, and is too large */

    if (at < m->n && to < m->n)
        swap(m, at, to);
}

void compose_media_remove(struct compose_media *m, int64_t id) {
    size_t at = place_of(m, id);

    if (at == m->n)
        return;
    for (; at + 1 < m->n; at++)
        swap(m, at, at + 1);
    m->n--;
}

/* ---- What the media service says of them */

static enum code get(struct request *req, const struct compose_media *m, const Pb__MediaViews **ret) {
    Pb__GetMediaRequest ask = PB__GET_MEDIA_REQUEST__INIT;

    ask.owner_id = req->ctx.viewer_id;
    ask.ids = (int64_t *)(uintptr_t)m->ids;
    ask.n_ids = m->n;
    return media_get_media(&req->ctx, &ask, ret);
}

/* In place of what can not be asked for now. */
static const Pb__MediaViews *unknown(struct arena *a, const struct compose_media *m) {
    Pb__MediaViews *views = arena_one(a, Pb__MediaViews);

    pb__media_views__init(views);
    views->media = arena_many(a, Pb__MediaView *, m->n);
    for (; views->n_media < m->n; views->n_media++) {
        Pb__MediaView *view = views->media[views->n_media] = arena_one(a, Pb__MediaView);

        pb__media_view__init(view);
        view->id = m->ids[views->n_media];
    }
    return views;
}

static void attach(struct arena *a, const struct compose_media *m, const struct media_item *item,
                   size_t place, struct attached *ret) {
    size_t at = place_of(m, item->m->id);
    const char *words = at < m->n ? m->words[at] : NULL, *focus = at < m->n ? m->focus[at] : "";

    ret->item = item;
    ret->place = place;
    ret->words = words != NULL ? words : item->m->description;
    ret->focus = *focus != '\0' ? focus : arena_printf(a, "%.2f,%.2f", item->m->focus_x, item->m->focus_y);
    ret->words_field = arena_printf(a, "words_%zu", place);
}

const struct attached *compose_media_one(const struct page *page, Pb__MediaView *view) {
    static const struct compose_media nothing;
    struct attached *attached = arena_one(page->arena, struct attached);
    const struct media_list *list = media_items(page, &view, 1);

    attach(page->arena, &nothing, &list->items[0], 1, attached);
    attached->first = attached->last = true;
    return attached;
}

const struct attached *compose_media_attached(struct request *req, const struct page *page,
                                              const struct compose_media *m, size_t *ret_n) {
    struct attached *attached = arena_many(page->arena, struct attached, m->n);
    struct error wrong = req->ctx.error;
    const Pb__MediaViews *views;
    const struct media_list *list;

    *ret_n = 0;
    if (m->n == 0)
        return NULL;
    fail_clear(&req->ctx);
    if (get(req, m, &views) != OK)
        views = unknown(page->arena, m);
    fail_clear(&req->ctx);
    req->ctx.error = wrong;
    list = media_items(page, views->media, views->n_media);
    for (size_t i = 0; i < list->n; i++) {
        attach(page->arena, m, &list->items[i], i + 1, &attached[i]);
        attached[i].first = i == 0;
        attached[i].last = i + 1 == list->n;
    }
    *ret_n = list->n;
    return attached;
}

/* ---- Saving */

static bool read_number(const char **at, double *ret) {
    char *end;

    *ret = strtod(*at, &end);
    if (end == *at || !(*ret >= -1 && *ret <= 1))
        return false;
    *at = end;
    return true;
}

bool compose_focus_read(const char *s, double *ret_x, double *ret_y) {
    if (read_number(&s, ret_x) && *s++ == ',' && read_number(&s, ret_y) && *s == '\0')
        return true;
    *ret_x = *ret_y = 0;
    return false;
}

static bool differs(double a, double b) { return a - b > FOCUS_SAME || b - a > FOCUS_SAME; }

static enum code save_one(struct request *req, const Pb__MediaView *view, const char *words,
                          const char *focus) {
    Pb__UpdateMediaRequest ask = PB__UPDATE_MEDIA_REQUEST__INIT;

    ask.owner_id = req->ctx.viewer_id;
    ask.id = view->id;
    ask.has_description = words != NULL && strcmp(words, view->description) != 0;
    ask.description = words != NULL ? words : "";
    ask.has_focus = compose_focus_read(focus, &ask.focus_x, &ask.focus_y) &&
                    (differs(ask.focus_x, view->focus_x) || differs(ask.focus_y, view->focus_y));
    if (!ask.has_description && !ask.has_focus)
        return OK;
    return media_update_media(&req->ctx, &ask, NULL);
}

enum code compose_media_save(struct request *req, const struct compose_media *m) {
    const Pb__MediaViews *views;
    enum code c = m->n > 0 ? get(req, m, &views) : OK;

    if (m->n == 0 || c != OK)
        return c;
    for (size_t i = 0; i < views->n_media; i++) {
        size_t at = place_of(m, views->media[i]->id);

        if (at < m->n && (c = save_one(req, views->media[i], m->words[at], m->focus[at])) != OK)
            return c;
    }
    return OK;
}
