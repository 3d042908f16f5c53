/* What clients say of a post's media when they edit it. */
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/i18n.h"
#include "fcgi/router.h"
#include "handlers/post/api_shared.h"

#define PREFIX "media_attributes["
#define CHANGES_MAX 20

/* ---- media_ids: a list that is empty is one, too */

static void read_ids(struct request *req, Pb__EditPostRequest *ask) {
    const struct field_value *ids = field_get(req, "media_ids");

    ask->has_media = ids->present;
    ask->media_ids = (int64_t *)(uintptr_t)ids->ids;
    ask->n_media_ids = ids->n_ids;
}

/* ---- media_attributes[<key>][id], […][description], […][focus]: a key stands for one of them, an empty one
 * for the one begun last, until it says something twice */

struct sent {
    const char *key;
    size_t key_n;
    const char *id, *description, *focus;
};

static const char **part_of(struct sent *s, const char *name) {
    return strcmp(name, "][id]") == 0            ? &s->id
           : strcmp(name, "][description]") == 0 ? &s->description
           : strcmp(name, "][focus]") == 0       ? &s->focus
                                                 : NULL;
}

static struct sent *sent_of(struct sent *all, size_t *n, const char *key, size_t key_n, const char *name) {
    for (size_t i = key_n == 0 && *n > 0 ? *n - 1 : 0; i < *n; i++)
        if (all[i].key_n == key_n && memcmp(all[i].key, key, key_n) == 0 &&
            (key_n > 0 || *part_of(&all[i], name) == NULL))
            return &all[i];
    if (*n == CHANGES_MAX)
        return NULL;
    all[*n] = (struct sent){.key = key, .key_n = key_n};
    return &all[(*n)++];
}

static enum code read_sent(struct request *req, struct sent *all, size_t *ret_n) {
    size_t prefix = strlen(PREFIX);

    *ret_n = 0;
    for (size_t i = 0; i < req->form.n; i++) {
        const struct param *p = &req->form.items[i];
        const char *key = p->name + prefix, *end;
        struct sent none = {0}, *to;

        if (p->filename != NULL || !text_starts(p->name, PREFIX) || (end = strchr(key, ']')) == NULL ||
            part_of(&none, end) == NULL)
            continue;
        if ((to = sent_of(all, ret_n, key, (size_t)(end - key), end)) == NULL)
            return fail_field(&req->ctx, "media_attributes", tr_mark("These are too many. Send fewer."));
        *part_of(to, end) = p->value;
    }
    return OK;
}

/* "x,y" */
static bool read_focus(const char *text, double *ret_x, double *ret_y) {
    char *end;

    *ret_x = strtod(text, &end);
    if (end == text || *end != ',')
        return false;
    text = end + 1;
    *ret_y = strtod(text, &end);
    return end != text && *end == '\0';
}

static enum code change_of(struct request *req, const struct sent *s, Pb__UpdateMediaRequest *ret) {
    pb__update_media_request__init(ret);
    if (s->id == NULL || !id_parse(s->id, &ret->id))
        return fail_field(&req->ctx, "media_attributes", tr_mark("Say the id of each attachment."));
    ret->has_description = s->description != NULL;
    ret->description = s->description != NULL ? s->description : "";
    ret->has_focus = !text_is_empty(s->focus);
    if (ret->has_focus && !read_focus(s->focus, &ret->focus_x, &ret->focus_y))
        return fail_field(&req->ctx, "media_attributes",
                          tr_mark("A focus is two numbers from -1 to 1 with a comma between them."));
    return OK;
}

enum code post_api_media_edit(struct request *req, Pb__EditPostRequest *ask) {
    struct sent all[CHANGES_MAX];
    size_t n;
    enum code c = read_sent(req, all, &n);

    read_ids(req, ask);
    ask->media_changes = arena_many(req->ctx.arena, Pb__UpdateMediaRequest *, n);
    for (size_t i = 0; i < n && c == OK; i++) {
        Pb__UpdateMediaRequest *change = arena_one(req->ctx.arena, Pb__UpdateMediaRequest);

        ask->media_changes[ask->n_media_changes++] = change;
        c = change_of(req, &all[i], change);
    }
    return c;
}
