#include "handlers/common/pictures.h"

#include "fcgi/config.h"
#include "gen/stubs.h"
#include "gen/templates.h"
#include "handlers/common/forms.h"
#include "handlers/common/media_view.h"
#include "handlers/user/view.h"

static const struct media_item *find(const struct media_list *list, int64_t id) {
    for (size_t i = 0; i < list->n; i++)
        if (list->items[i].m->id == id)
            return &list->items[i];
    return NULL;
}

/* The media behind both pictures; without that service the page shows the pictures alone. */
static const struct media_list *get_media(struct request *req, const struct page *page,
                                          const Pb__Account *account) {
    int64_t ids[] = {account->avatar_media_id, account->avatar_next_id, account->banner_media_id,
                     account->banner_next_id};
    Pb__GetMediaRequest ask = PB__GET_MEDIA_REQUEST__INIT;
    const Pb__MediaViews *views;

    ask.owner_id = req->ctx.viewer_id;
    ask.ids = arena_many(page->arena, int64_t, 4);
    for (size_t i = 0; i < 4; i++)
        if (ids[i] != 0)
            ask.ids[ask.n_ids++] = ids[i];
    if (ask.n_ids == 0)
        return media_items(page, NULL, 0);
    if (media_get_media(&req->ctx, &ask, &views) == OK)
        return media_items(page, views->media, views->n_media);
    fail_clear(&req->ctx);
    return media_items(page, NULL, 0);
}

static struct picture_form form_of(const char *kind, const char *wrong, const struct media_list *media,
                                   int64_t shown, int64_t next) {
    return (struct picture_form){
        .kind = kind,
        .banner = strcmp(kind, "banner") == 0,
        .wrong = wrong != NULL && strcmp(wrong, kind) == 0,
        .media = shown,
        .shown = find(media, shown),
        .next = next != shown ? find(media, next) : NULL,
    };
}

enum code pictures_page(struct request *req, const char *wrong) {
    struct ctx *ctx = &req->ctx;
    struct error failure = ctx->error;
    Pb__GetAccountRequest ask = PB__GET_ACCOUNT_REQUEST__INIT;
    struct settings_picture_view v = {0};
    const struct media_list *media;
    const Pb__Account *account;
    struct page *page;
    enum code c;

    fail_clear(ctx);
    ask.user_id = ctx->viewer_id;
    if ((c = user_get_account(ctx, &ask, &account)) != OK)
        return c;
    page = page_new(req, PLACE_SETTINGS, tr(ctx->lang, tr_mark("Picture and banner")));
    media = get_media(req, page, account);
    ctx->error = failure;
    page->error = ctx_failed(ctx) ? &ctx->error : NULL;
    v.card = account->card;
    v.max_mb = ctx->env->config->media_image_mb;
    v.avatar = form_of("avatar", wrong, media, account->avatar_media_id, account->avatar_next_id);
    v.banner = form_of("banner", wrong, media, account->banner_media_id, account->banner_next_id);
    tpl_user_settings_picture(form_html(req), page, &v);
    return OK;
}
