/* What is stored: all of it, for administrators; one's own, for members. */
#include <inttypes.h>

#include "fcgi/base/id.h"
#include "gen/stubs.h"
#include "gen/templates.h"
#include "handlers/common/forms.h"
#include "handlers/common/media.h"
#include "handlers/common/media_view.h"
#include "handlers/common/models.h"
#include "handlers/media/pages.h"
#include "handlers/media/view_storage.h"

#define MINE 40

static const char *kind_words(struct ctx *ctx, Pb__MediaKind kind) {
    static const char *const words[] = {tr_mark("Other files"), tr_mark("Pictures"), tr_mark("Short loops"),
                                        tr_mark("Videos"),      tr_mark("Sounds"),   tr_mark("Documents")};

    return tr(ctx->lang, words[(size_t)kind < sizeof words / sizeof *words ? (size_t)kind : 0]);
}

/* The first of these files that a medium has. */
static const char *path_of(struct ctx *ctx, const Pb__MediaView *m, const char *const *names) {
    const Pb__MediaFile *f = NULL;

    for (size_t i = 0; names[i] != NULL && f == NULL; i++)
        f = media_file(m, names[i]);
    return f != NULL ? media_path(ctx, m, f) : NULL;
}

static struct media_line line_of(struct ctx *ctx, const Pb__MediaView *m, const Pb__UserCard *owner) {
    static const char *const small[] = {"small", "avatar", "poster", "cover", "waveform", "fallback", NULL};
    static const char *const best[] = {"video", "audio", "document", "large", "avatar_large", "banner", NULL};
    struct media_line line = {.media = m,
                              .kind = kind_words(ctx, m->kind),
                              .size = media_size(ctx->arena, m->bytes),
                              .picture = path_of(ctx, m, small),
                              .file = path_of(ctx, m, best),
                              .owner = owner};

    if (m->target_id != 0 && owner != NULL)
        line.place = m->target_kind[0] == 'p'
                         ? arena_printf(ctx->arena, "/@%s/%" PRId64, owner->handle, m->target_id)
                         : arena_printf(ctx->arena, "/@%s", owner->handle);
    return line;
}

/* ---- administrators ---- */

static void fill_kinds(struct ctx *ctx, const Pb__Storage *s, struct media_storage_view *v) {
    struct media_share *kinds = arena_many(ctx->arena, struct media_share, s->n_kinds);

    for (size_t i = 0; i < s->n_kinds; i++)
        kinds[i] = (struct media_share){.name = kind_words(ctx, s->kinds[i]->kind),
                                        .media = s->kinds[i]->media,
                                        .size = media_size(ctx->arena, s->kinds[i]->bytes)};
    v->kinds = kinds;
    v->n_kinds = s->n_kinds;
}

/* Owners and failures, whose members are asked for at once. */
static enum code fill_members(struct ctx *ctx, const Pb__Storage *s, struct media_storage_view *v) {
    size_t n = s->n_owners + s->n_failures;
    int64_t *ids = arena_many(ctx->arena, int64_t, n);
    const Pb__UserCard **cards = arena_many(ctx->arena, const Pb__UserCard *, n);
    struct media_share *owners = arena_many(ctx->arena, struct media_share, s->n_owners);
    struct media_line *failures = arena_many(ctx->arena, struct media_line, s->n_failures);
    enum code c;

    for (size_t i = 0; i < n; i++)
        ids[i] = i < s->n_owners ? s->owners[i]->user_id : s->failures[i - s->n_owners]->owner_id;
    if ((c = cards_get(ctx, ids, n, cards)) != OK)
        return c;
    for (size_t i = 0; i < s->n_owners; i++)
        owners[i] = (struct media_share){.user = cards[i],
                                         .media = s->owners[i]->media,
                                         .size = media_size(ctx->arena, s->owners[i]->bytes)};
    for (size_t i = 0; i < s->n_failures; i++)
        failures[i] = line_of(ctx, s->failures[i], cards[s->n_owners + i]);
    v->owners = owners;
    v->n_owners = s->n_owners;
    v->failures = failures;
    v->n_failures = s->n_failures;
    return OK;
}

enum code media_page_storage(struct request *req) {
    struct ctx *ctx = &req->ctx;
    Pb__StorageRequest ask = PB__STORAGE_REQUEST__INIT;
    struct media_storage_view v = {0};
    const Pb__Storage *s;
    enum code c;

    if ((c = media_get_storage(ctx, &ask, &s)) != OK || (c = fill_members(ctx, s, &v)) != OK)
        return c;
    fill_kinds(ctx, s, &v);
    v.storage = s;
    v.size = media_size(ctx->arena, s->bytes);
    v.blob_size = media_size(ctx->arena, s->blob_bytes);
    v.loose_size = media_size(ctx->arena, s->loose_bytes);
    tpl_media_storage(form_html(req), page_new(req, PLACE_ADMIN, tr(ctx->lang, tr_mark("Files"))), &v);
    return OK;
}

static enum code ask_of(struct request *req, int64_t owner, Pb__MediaRequest *ret) {
    pb__media_request__init(ret);
    ret->owner_id = owner;
    return id_parse(req->args[0], &ret->id)
               ? OK
               : fail(&req->ctx, NOT_FOUND, tr_mark("There is no such file, or it is not yours."));
}

enum code media_page_storage_retry(struct request *req) {
    Pb__MediaRequest ask;
    enum code c = ask_of(req, 0, &ask); /* whoever's it is */

    if (c != OK || (c = media_retry_media(&req->ctx, &ask, NULL)) != OK)
        return c;
    return form_go_back(req, "/admin/storage", "file-retried");
}

/* ---- members ---- */

enum code media_page_mine(struct request *req) {
    struct ctx *ctx = &req->ctx;
    Pb__ListMediaRequest ask = PB__LIST_MEDIA_REQUEST__INIT;
    Pb__QuotaRequest about = PB__QUOTA_REQUEST__INIT;
    const Pb__MediaPage *page;
    const Pb__Quota *quota;
    const Pb__UserCard *me;
    struct media_mine_view v = {0};
    struct media_line *lines;
    enum code c;

    ask.owner_id = about.user_id = ctx->viewer_id;
    ask.before = field_int(req, "before");
    ask.limit = MINE;
    if ((c = card_get(ctx, ctx->viewer_id, &me)) != OK || (c = media_list_media(ctx, &ask, &page)) != OK ||
        (c = media_get_quota(ctx, &about, &quota)) != OK)
        return c;
    v.lines = lines = arena_many(ctx->arena, struct media_line, page->n_media);
    for (v.n = 0; v.n < page->n_media; v.n++)
        lines[v.n] = line_of(ctx, page->media[v.n], me);
    v.used = media_size(ctx->arena, quota->used);
    v.limit = quota->limit > 0 ? media_size(ctx->arena, quota->limit) : NULL;
    v.percent = quota->limit > 0 ? (uint32_t)(quota->used * 100 / quota->limit) : 0;
    v.files = quota->files;
    if (page->next != 0)
        v.pager.older = arena_printf(ctx->arena, "/settings/media?before=%" PRId64, page->next);
    if (ask.before != 0)
        v.pager.newer = "/settings/media";
    tpl_media_mine(form_html(req), page_new(req, PLACE_SETTINGS, tr(ctx->lang, tr_mark("Your files"))), &v);
    return OK;
}

enum code media_page_mine_delete(struct request *req) {
    Pb__MediaRequest ask;
    enum code c = ask_of(req, req->ctx.viewer_id, &ask);

    if (c != OK || (c = media_delete_media(&req->ctx, &ask, NULL)) != OK)
        return c;
    return form_go_back(req, "/settings/media", "file-deleted");
}

enum code media_page_mine_retry(struct request *req) {
    Pb__MediaRequest ask;
    enum code c = ask_of(req, req->ctx.viewer_id, &ask);

    if (c != OK || (c = media_retry_media(&req->ctx, &ask, NULL)) != OK)
        return c;
    return form_go_back(req, "/settings/media", "file-retried");
}
