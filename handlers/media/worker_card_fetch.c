/* Looking at a page: what it says of itself, and its picture, which becomes a medium like any other: the
 * worker in its sandbox makes files of it, so that nothing of another site is shown as it came. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/drivers/fetch_page.h"
#include "fcgi/drivers/fetch_place.h"
#include "fcgi/lane.h"
#include "fcgi/log.h"
#include "gen/stubs.h"
#include "handlers/media/card_rules.h"
#include "handlers/media/store_card.h"
#include "handlers/media/worker_card.h"

#define PICTURE_MAX (4 * 1024 * 1024)
#define PICTURE_MS 15000
#define ATTEMPTS 3
#define AGAIN_S 60 /* after the first failure that may pass; ten times that after the second */

/* A look at a page, and what has come of it. */
struct look {
    struct ctx *ctx;
    struct flight *flight;
    const struct card_job *job;
    const Pb__LinkCard *card;
    const char *image_url;
    int64_t image_id;
    bool is_new_image;
    const char *path; /* of the file that the picture is fetched into, in the spool */
    int fd;
};

/* ---- What came of it */

/* The medium is the card's from now on. It may have become ready before the card knew its number: then its
 * event told nobody, and it is seen here. */
static enum code attach(const struct look *l) {
    Pb__AttachMediaRequest req = PB__ATTACH_MEDIA_REQUEST__INIT;
    const Pb__MediaViews *reply;
    struct ctx *ctx = l->ctx;
    int64_t id = l->image_id;
    enum code c;

    req.ids = &id;
    req.n_ids = 1;
    req.target_kind = "card";
    req.target_id = l->job->id;
    req.public_ = true;
    if ((c = media_attach_media(ctx, &req, &reply)) != OK)
        return c;
    for (size_t i = 0; i < reply->n_media && c == OK; i++)
        if (reply->media[i]->state != PB__MEDIA_STATE__MEDIA_WAITING)
            c = media_store_card_picture(ctx, reply->media[i],
                                         reply->media[i]->state == PB__MEDIA_STATE__MEDIA_READY);
    return c;
}

static enum code note_found(struct look *l) {
    bool taken;
    enum code c = media_store_card_found(l->ctx, l->job, l->card, l->image_url, l->image_id,
                                         l->card != NULL ? "" : "it says too little of itself", &taken);

    return c == OK && taken && l->is_new_image ? attach(l) : c; /* what belongs to nothing goes by itself */
}

static enum code note_missed(struct look *l, enum code why) {
    struct ctx *ctx = l->ctx;
    const struct card_job *job = l->job;
    const char *words =
        text_ellipsis(ctx->arena, ctx->error.detail != NULL ? ctx->error.detail : code_name(why), 200);
    int64_t wait_s = job->attempts < 2 ? AGAIN_S : 10 * AGAIN_S;
    bool again = why == CANCELLED || (fetch_may_pass(why) && job->attempts < ATTEMPTS);

    fail_clear(ctx);
    return media_store_card_missed(ctx, job, again ? clock_now_ms() + wait_s * 1000 : 0, words);
}

/* What can't be noted now is looked at again when the lease is over. */
static void land(struct look *l, enum code noted) {
    if (noted != OK)
        log_warn(l->ctx, "it can't be noted what came of a linked page", "url=%s cause=%s", l->job->url,
                 l->ctx->error.detail != NULL ? l->ctx->error.detail : code_name(noted));
    flight_over(l->flight);
}

/* ---- The picture */

static enum code make_medium(struct ctx *ctx, const char *path, int64_t *ret_id) {
    Pb__CreateMediaRequest req = PB__CREATE_MEDIA_REQUEST__INIT;
    const Pb__MediaReply *reply;
    enum code c;

    req.path = path;
    req.file_name = "picture";
    req.purpose = "card";
    if ((c = media_create_media(ctx, &req, &reply)) == OK)
        *ret_id = reply->media->id;
    return c;
}

/* A card is no worse for lacking its picture: nothing that is wrong with it counts. */
static void leave_picture_out(struct look *l) {
    log_info(l->ctx, "a linked page's picture was left out", "url=%s cause=%s", l->image_url,
             l->ctx->error.detail != NULL ? l->ctx->error.detail : l->ctx->error.text);
    fail_clear(l->ctx);
    l->image_url = "";
}

static enum code file_failed(const struct look *l) {
    return fail_detail(l->ctx, INTERNAL, "Something went wrong on our side.", "%s: %s", l->path,
                       strerror(errno));
}

/* The file becomes a medium, or it is said why not. */
static void picture_came(void *arg, enum code c, const struct fetch_reply *reply) {
    struct look *l = arg;

    (void)reply;
    if (close(l->fd) != 0 && c == OK)
        c = file_failed(l);
    if (c == OK)
        c = make_medium(l->ctx, l->path, &l->image_id);
    unlink(l->path); /* the medium has a link of its own */
    l->is_new_image = c == OK;
    if (c != OK)
        leave_picture_out(l);
    land(l, note_found(l));
}

static enum code fetch_picture(struct look *l) {
    static const char *const types[] = {"image/jpeg", "image/png",  "image/webp",
                                        "image/gif",  "image/avif", NULL};

    l->path = arena_printf(l->ctx->arena, "%s/card-%" PRId64, l->ctx->env->config->media_spool, id_next());
    l->fd = open(l->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (l->fd < 0)
        return file_failed(l);
    return fetch_file_begin(
        l->ctx, &(struct fetch_request){.url = l->image_url,
                                        .schemes = "http,https",
                                        .accept = "image/webp,image/avif,image/jpeg,image/png,image/gif",
                                        .types = types,
                                        .max = PICTURE_MAX,
                                        .to_file = true,
                                        .fd = l->fd,
                                        .timeout_ms = PICTURE_MS,
                                        .done = picture_came,
                                        .arg = l});
}

/* The picture is on its way now; else the look is over. */
static bool is_picture_fetched(struct look *l) {
    if (text_is_empty(l->image_url))
        return false;
    if (l->job->image_id != 0 && strcmp(l->image_url, l->job->image_url) == 0) {
        l->image_id = l->job->image_id;
        return false;
    }
    if (fetch_picture(l) == OK)
        return true;
    leave_picture_out(l);
    return false;
}

/* ---- The page */

static void page_came(void *arg, enum code c, const struct fetch_page *page) {
    struct look *l = arg;

    if (c != OK) {
        land(l, note_missed(l, c));
        return;
    }
    if (!card_is_never(l->ctx, fetch_host(l->ctx, page->reply.url))) /* a redirect may lead there */
        l->card = card_of_page(l->ctx, &page->reply, &page->markup, &l->image_url);
    if (!is_picture_fetched(l))
        land(l, note_found(l));
}

/* One that has ended the process each time is given up. */
static enum code begin(struct look *l) {
    if (l->job->attempts > ATTEMPTS) {
        fail_detail(l->ctx, INVALID, "This page can't be read.", "given up after %d attempts",
                    l->job->attempts - 1);
        land(l, note_missed(l, INVALID));
        return OK;
    }
    return fetch_page_begin(l->ctx,
                            &(struct fetch_page_request){
                                .url = l->job->url, .schemes = "http,https", .done = page_came, .arg = l});
}

enum code media_card_look(struct flight *f, bool *ret_due) {
    struct card_job *job;
    struct look *l;
    enum code c = media_store_card_take(&f->ctx, id_next(), &job);

    *ret_due = c == OK && job != NULL;
    if (!*ret_due)
        return c;
    l = arena_one(f->ctx.arena, struct look);
    *l = (struct look){.ctx = &f->ctx, .flight = f, .job = job, .image_url = ""};
    return begin(l);
}
