/* Members' pictures. A new one is attached beside the one that is shown, and takes its place once the media
 * service has made it ready; until then, and where that fails, the old one stays. Each change of a row says
 * so in an event, whose consumer makes what is attached what the row says, and looks whether what comes next
 * is ready by now: the media service's own event may have come before the row was there. */
#include "handlers/user/service_pictures.h"

#include <inttypes.h>
#include <string.h>

#include "fcgi/base/text.h"
#include "fcgi/i18n.h"
#include "fcgi/log.h"
#include "gen/stubs.h"
#include "handlers/common/media.h"
#include "handlers/user/service_shared.h"
#include "handlers/user/store_pictures.h"

#define WORDS_MAX 1500

static const char *target(bool is_banner) { return is_banner ? "banner" : "avatar"; }

static const struct picture_media *media_of(const struct pictures *p, bool is_banner) {
    return is_banner ? &p->banner : &p->avatar;
}

/* ---- What is attached */

/* Those of the ids that are any. */
static enum code attach(struct ctx *ctx, int64_t user, bool is_banner, const int64_t *ids, size_t n,
                        const Pb__MediaViews **ret) {
    Pb__AttachMediaRequest ask = PB__ATTACH_MEDIA_REQUEST__INIT;

    ask.owner_id = user;
    ask.ids = arena_many(ctx->arena, int64_t, n);
    for (size_t i = 0; i < n; i++)
        if (ids[i] != 0 && (i == 0 || ids[i] != ids[0]))
            ask.ids[ask.n_ids++] = ids[i];
    ask.target_kind = target(is_banner);
    ask.target_id = user;
    ask.public_ = true;
    return media_attach_media(ctx, &ask, ret);
}

static enum code detach(struct ctx *ctx, int64_t user, bool is_banner) {
    Pb__DetachTargetsRequest ask = PB__DETACH_TARGETS_REQUEST__INIT;

    ask.target_kind = target(is_banner);
    ask.target_ids = &user;
    ask.n_target_ids = 1;
    return media_detach_targets(ctx, &ask, NULL);
}

/* *ret NULL: there is no such medium. */
static enum code look(struct ctx *ctx, int64_t user, int64_t id, const Pb__MediaView **ret) {
    Pb__GetMediaRequest ask = PB__GET_MEDIA_REQUEST__INIT;
    const Pb__MediaViews *found;
    enum code c;

    ask.owner_id = user;
    ask.ids = &id;
    ask.n_ids = 1;
    *ret = NULL;
    if ((c = media_get_media(ctx, &ask, &found)) == OK && found->n_media > 0)
        *ret = found->media[0];
    return c;
}

/* ---- What is shown */

static const char *key_of(const Pb__MediaView *m, const char *name) {
    const Pb__MediaFile *f = media_file(m, name);

    return f != NULL ? f->key : "";
}

static struct picture picture_of(bool is_banner, const Pb__MediaView *m) {
    return (struct picture){.is_banner = is_banner,
                            .media = m->id,
                            .small = key_of(m, "avatar"),
                            .large = key_of(m, is_banner ? "banner" : "avatar_large"),
                            .words = m->description};
}

/* Whether it is what can be shown there: it has been uploaded for that. */
static bool is_fit(const struct picture *p) {
    return !text_is_empty(p->large) && (p->is_banner || !text_is_empty(p->small));
}

static enum code unfit(struct ctx *ctx) {
    return fail_field(
        ctx, "media_id",
        tr_mark("This was not uploaded as such a picture. Upload it here, as JPEG, PNG or WebP."));
}

/* ---- Changing */

/* Puts a picture in that is ready. */
static enum code show(struct ctx *ctx, int64_t user, bool is_banner, const Pb__MediaView *m) {
    struct picture p = picture_of(is_banner, m);
    bool ok;
    enum code c;

    if (!is_fit(&p))
        return unfit(ctx);
    c = user_store_picture_show(ctx, user, &p, 0, 0, &ok);
    return user_changed_or_gone(ctx, c, &ok);
}

static enum code come_next(struct ctx *ctx, int64_t user, bool is_banner, int64_t media) {
    bool ok;
    enum code c = user_store_picture_next(ctx, user, is_banner, media, &ok);

    return user_changed_or_gone(ctx, c, &ok);
}

static const Pb__MediaView *view_of(const Pb__MediaViews *views, int64_t id) {
    for (size_t i = 0; i < views->n_media; i++)
        if (views->media[i]->id == id)
            return views->media[i];
    return NULL;
}

/* Words are the medium's own. */
static enum code describe(struct ctx *ctx, const Pb__SetPictureRequest *req) {
    Pb__UpdateMediaRequest ask = PB__UPDATE_MEDIA_REQUEST__INIT;
    const char *words;
    enum code c = user_text(ctx, "words", req->words, WORDS_MAX, &words);

    if (c != OK || text_is_empty(words))
        return c;
    ask.owner_id = req->user_id;
    ask.id = req->media_id;
    ask.has_description = true;
    ask.description = words;
    return media_update_media(ctx, &ask, NULL);
}

static enum code set(struct ctx *ctx, const Pb__SetPictureRequest *req, bool is_banner) {
    const Pb__MediaViews *views;
    const Pb__MediaView *m;
    struct pictures now;
    enum code c;

    if ((c = user_store_pictures(ctx, req->user_id, &now)) != OK || (c = describe(ctx, req)) != OK ||
        (c = attach(ctx, req->user_id, is_banner,
                    (int64_t[]){req->media_id, media_of(&now, is_banner)->shown}, 2, &views)) != OK)
        return c;
    if ((m = view_of(views, req->media_id)) == NULL)
        return fail_field(ctx, "media_id", tr_mark("There is no such picture. Upload it again."));
    if (m->state == PB__MEDIA_STATE__MEDIA_FAILED)
        return fail_field(ctx, "media_id", m->error);
    return m->state == PB__MEDIA_STATE__MEDIA_READY ? show(ctx, req->user_id, is_banner, m)
                                                    : come_next(ctx, req->user_id, is_banner, m->id);
}

static enum code remove_it(struct ctx *ctx, int64_t user, bool is_banner) {
    struct picture none = {.is_banner = is_banner, .small = "", .large = "", .words = ""};
    bool ok;
    enum code c = user_store_picture_show(ctx, user, &none, 0, 0, &ok);

    return user_changed_or_gone(ctx, c, &ok);
}

/* What cannot be settled now is by the event; after a failure there is none, so nothing may be forgotten. */
static void try_settle(struct ctx *ctx, int64_t user) {
    struct error why = ctx->error;

    fail_clear(ctx);
    if (user_pictures_settle(ctx, user) != OK)
        log_warn(ctx, "a member's pictures are not settled yet", "user=%" PRId64 " cause=%s", user,
                 ctx->error.detail != NULL ? ctx->error.detail : ctx->error.text);
    ctx->error = why;
}

enum code user_service_set_picture(struct ctx *ctx, const Pb__SetPictureRequest *req, Pb__Profile *reply) {
    Pb__GetProfileRequest get = PB__GET_PROFILE_REQUEST__INIT;
    bool is_banner = strcmp(req->kind, "banner") == 0;
    struct person *p;
    enum code c;

    if (!is_banner && strcmp(req->kind, "avatar") != 0)
        return fail_field(ctx, "kind", tr_mark("This is avatar or banner."));
    if ((c = user_person(ctx, req->user_id, &p)) != OK)
        return c;
    c = req->media_id != 0 ? set(ctx, req, is_banner) : remove_it(ctx, req->user_id, is_banner);
    try_settle(ctx, req->user_id);
    if (c != OK)
        return c;
    user_publish(ctx, req->user_id);
    get.id = req->user_id;
    return user_service_get_profile(ctx, &get, reply);
}

/* ---- Settling */

/* Whether what is said of the medium is what the card shows already. */
static bool is_shown(const struct picture *p, const Pb__UserCard *card) {
    if (p->is_banner)
        return strcmp(p->large, card->banner) == 0 && strcmp(p->words, card->banner_words) == 0;
    return strcmp(p->small, card->avatar) == 0 && strcmp(p->large, card->avatar_large) == 0 &&
           strcmp(p->words, card->avatar_words) == 0;
}

/* What comes next is shown once it is ready; gone, nothing comes next. */
static enum code settle_next(struct ctx *ctx, int64_t user, bool is_banner, int64_t media) {
    const Pb__MediaView *m;
    struct picture p;
    bool ok;
    enum code c = look(ctx, user, media, &m);

    if (c != OK)
        return c;
    if (m == NULL)
        return user_store_picture_next(ctx, user, is_banner, 0, &ok);
    p = picture_of(is_banner, m);
    if (m->state != PB__MEDIA_STATE__MEDIA_READY || !is_fit(&p))
        return OK;
    return user_store_picture_show(ctx, user, &p, 0, media, &ok);
}

/* Words that have changed are shown, and what is gone is not. */
static enum code settle_shown(struct ctx *ctx, const Pb__UserCard *card, bool is_banner, int64_t media) {
    struct picture p = {.is_banner = is_banner, .small = "", .large = "", .words = ""};
    const Pb__MediaView *m;
    bool ok;
    enum code c = look(ctx, card->id, media, &m);

    if (c != OK)
        return c;
    if (m != NULL)
        p = picture_of(is_banner, m);
    if (m != NULL && (m->state != PB__MEDIA_STATE__MEDIA_READY || is_shown(&p, card)))
        return OK; /* being made anew, or so already */
    return user_store_picture_show(ctx, card->id, &p, media, 0, &ok);
}

static enum code settle(struct ctx *ctx, const Pb__UserCard *card, bool is_banner) {
    const Pb__MediaViews *views;
    struct pictures now;
    const struct picture_media *m = media_of(&now, is_banner);
    enum code c;

    if ((c = user_store_pictures(ctx, card->id, &now)) != OK)
        return c;
    if (m->next != 0 && (c = settle_next(ctx, card->id, is_banner, m->next)) != OK)
        return c;
    if (m->next == 0 && m->shown != 0 && (c = settle_shown(ctx, card, is_banner, m->shown)) != OK)
        return c;
    if ((c = user_store_pictures(ctx, card->id, &now)) != OK)
        return c;
    return m->shown == 0 && m->next == 0
               ? detach(ctx, card->id, is_banner)
               : attach(ctx, card->id, is_banner, (int64_t[]){m->shown, m->next}, 2, &views);
}

enum code user_pictures_settle(struct ctx *ctx, int64_t user) {
    struct person *p = NULL;
    enum code c;

    if ((c = user_store_person(ctx, user, &p)) != OK || p == NULL ||
        p->card->state == PB__ACCOUNT_STATE__STATE_DELETED) /* may come back; else all of it is erased */
        return c;
    c = settle(ctx, p->card, false);
    return c == OK ? settle(ctx, p->card, true) : c;
}
