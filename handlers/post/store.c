/* Changes of posts, each one statement. */
#include "handlers/post/store.h"

#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/drivers/pg.h"
#include "gen/queries.h"
#include "handlers/common/packed.h"
#include "handlers/post/store_media.h"
#include "handlers/services.h"

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_POST]; }

/* Counters in four columns from `col` on; all zero where they are NULL. */
static struct post_counters counters_at(const PGresult *r, int col) {
    return (struct post_counters){pg_get_int(r, 0, col), pg_get_int(r, 0, col + 1), pg_get_int(r, 0, col + 2),
                                  pg_get_int(r, 0, col + 3)};
}

/* ---- Writing posts */

struct mentioned {
    int64_t *ids;
    const char **handles;
    size_t n;
};

static struct mentioned mentioned_in(struct ctx *ctx, const struct text_result *text) {
    struct mentioned m = {arena_many(ctx->arena, int64_t, text->n_mentions),
                          arena_many(ctx->arena, const char *, text->n_mentions), text->n_mentions};

    for (size_t i = 0; i < m.n; i++) {
        m.ids[i] = text->mentions[i].id;
        m.handles[i] = text->mentions[i].handle;
    }
    return m;
}

static struct pg_val created_event(struct ctx *ctx, const Pb__PostView *v, const struct mentioned *m) {
    Pb__PostCreated e = PB__POST_CREATED__INIT;

    e.post_id = v->id;
    e.author_id = v->author_id;
    e.audience = v->audience;
    e.in_reply_to_id = v->in_reply_to_id;
    e.in_reply_to_author_id = v->in_reply_to_author_id;
    e.root_id = v->root_id;
    e.repost_of_id = v->repost_of_id;
    e.n_mentioned_ids = m->n;
    e.mentioned_ids = m->ids;
    e.n_tags = v->n_tags;
    e.tags = v->tags;
    e.media_ids = arena_many(ctx->arena, int64_t, v->n_media);
    for (; e.n_media_ids < v->n_media; e.n_media_ids++)
        e.media_ids[e.n_media_ids] = v->media[e.n_media_ids]->id;
    e.language = v->language;
    return packed_val(ctx, &e.base);
}

enum code post_store_made_before(struct ctx *ctx, const struct post_draft *draft, int64_t *ret_id) {
    PGresult *r;
    enum code c;

    *ret_id = 0;
    if (draft->key == NULL)
        return OK;
    if ((c = pg_run(ctx, db(ctx), &Q_POST_BY_KEY, &r, pg_i8(draft->view.author_id), pg_text(draft->key))) !=
        OK)
        return c;
    if (PQntuples(r) > 0)
        *ret_id = pg_get_int(r, 0, 0);
    return OK;
}

static enum code create_plain(struct ctx *ctx, const struct post_draft *draft) {
    const Pb__PostView *v = &draft->view;
    struct mentioned m = mentioned_in(ctx, draft->text);

    return pg_run(
        ctx, db(ctx), &Q_POST_CREATE_PLAIN, NULL, pg_i8(v->id), pg_i8(v->author_id), pg_i4((int)v->audience),
        pg_bool(v->sensitive), pg_text(draft->source), pg_text(v->html), pg_text(v->text),
        pg_text(v->warning), pg_text(v->language), pg_ids(m.ids, m.n), pg_texts(m.handles, m.n),
        pg_time(v->created_ms), created_event(ctx, v, &m), pg_text(v->app_name), pg_text(v->app_website),
        pg_texts(draft->text->tags, draft->text->n_tags), pg_texts(draft->text->folded, draft->text->n_tags));
}

enum code post_store_create(struct ctx *ctx, const struct post_draft *draft, bool *ret_made, int64_t *ret_id,
                            struct post_counters *ret_parent) {
    const Pb__PostView *v = &draft->view;
    const struct text_result *text = draft->text;
    struct mentioned m = mentioned_in(ctx, text);
    PGresult *r;
    enum code c;

    *ret_parent = (struct post_counters){0};
    *ret_id = v->id;
    *ret_made = true;
    if (draft->key == NULL && v->in_reply_to_id == 0 && v->n_media == 0)
        return create_plain(ctx, draft);
    c = pg_run(ctx, db(ctx), &Q_POST_CREATE, &r, pg_i8(v->id), pg_i8(v->author_id),
               pg_i8_or_null(v->in_reply_to_id), pg_i8_or_null(v->in_reply_to_author_id), pg_i8(v->root_id),
               pg_i4((int)v->audience), pg_bool(v->sensitive), pg_bool(draft->counted),
               pg_text(draft->source), pg_text(v->html), pg_text(v->text), pg_text(v->warning),
               pg_text(v->language), pg_ids(m.ids, m.n), pg_texts(m.handles, m.n),
               pg_texts(text->tags, text->n_tags), pg_texts(text->folded, text->n_tags),
               pg_time(v->created_ms), pg_text(draft->key), created_event(ctx, v, &m), pg_text(v->app_name),
               pg_text(v->app_website), post_media_value(ctx, v->media, v->n_media),
               pg_text(post_media_words(ctx, v->media, v->n_media)));
    if (c != OK)
        return c;
    *ret_made = PQntuples(r) > 0;
    if (!*ret_made)
        return post_store_made_before(ctx, draft, ret_id);
    *ret_parent = counters_at(r, 0);
    return OK;
}

static Pb__PostChanged change_of(const Pb__PostView *v) {
    Pb__PostChanged e = PB__POST_CHANGED__INIT;

    e.post_id = v->id;
    e.author_id = v->author_id;
    return e;
}

static struct pg_val changed_event(struct ctx *ctx, const Pb__PostView *v) {
    Pb__PostChanged e = change_of(v);

    return packed_val(ctx, &e.base);
}

static struct pg_val edited_event(struct ctx *ctx, const Pb__PostView *v) {
    Pb__PostChanged e = change_of(v);

    e.edited = true;
    return packed_val(ctx, &e.base);
}

static int64_t revision_of(const PGresult *r) { return PQntuples(r) > 0 ? pg_get_int(r, 0, 0) : 0; }

enum code post_store_edit(struct ctx *ctx, const struct post_draft *draft, int64_t *ret_revision) {
    const Pb__PostView *v = &draft->view;
    const struct text_result *text = draft->text;
    struct mentioned m = mentioned_in(ctx, text);
    PGresult *r;
    enum code c;

    c = pg_run(ctx, db(ctx), &Q_POST_EDIT, &r, pg_i8(v->id), pg_i8(v->author_id), pg_text(draft->source),
               pg_text(v->html), pg_text(v->text), pg_text(v->warning), pg_bool(v->sensitive),
               pg_text(v->language), pg_ids(m.ids, m.n), pg_texts(m.handles, m.n),
               pg_texts(text->tags, text->n_tags), pg_texts(text->folded, text->n_tags),
               pg_time(v->edited_ms), edited_event(ctx, v), pg_bool(draft->has_media),
               post_media_value(ctx, v->media, v->n_media),
               pg_text(post_media_words(ctx, v->media, v->n_media)));
    if (c == OK)
        *ret_revision = revision_of(r);
    return c;
}

static void gone_read(struct ctx *ctx, const PGresult *r, int64_t id, struct post_gone *ret) {
    *ret = (struct post_gone){
        .revision = pg_get_int(r, 0, 0), .parent = pg_get_int(r, 0, 1), .counters = counters_at(r, 2)};
    pb__source_reply__init(&ret->source);
    ret->source.id = id;
    ret->source.text = pg_get_str(r, 0, 6);
    ret->source.warning = pg_get_str(r, 0, 7);
    ret->source.sensitive = pg_get_bool(r, 0, 8);
    ret->source.language = pg_get_str(r, 0, 9);
    ret->source.audience = (Pb__Audience)pg_get_int(r, 0, 10);
    ret->n_tags = pg_get_texts(ctx, r, 0, 11, &ret->tags);
}

enum code post_store_delete(struct ctx *ctx, const Pb__PostView *post, struct post_gone *ret) {
    Pb__PostDeleted e = PB__POST_DELETED__INIT;
    PGresult *r;
    enum code c;

    e.post_id = post->id;
    e.author_id = post->author_id;
    e.in_reply_to_id = post->in_reply_to_id;
    e.n_tags = post->n_tags;
    e.tags = post->tags;
    e.by_id = ctx->viewer_id != post->author_id ? ctx->viewer_id : 0;
    c = pg_run(ctx, db(ctx), &Q_POST_DELETE, &r, pg_i8(post->id), pg_time(clock_now_ms()),
               packed_val(ctx, &e.base));
    if (c != OK)
        return c;
    if (PQntuples(r) == 0)
        return fail_http(ctx, 410, NOT_FOUND, "This post was deleted.");
    gone_read(ctx, r, post->id, ret);
    return OK;
}

enum code post_store_forget(struct ctx *ctx, int64_t id) {
    return pg_run(ctx, db(ctx), &Q_POST_FORGET, NULL, pg_i8(id), pg_time(clock_now_ms()));
}

enum code post_store_source(struct ctx *ctx, int64_t id, Pb__SourceReply *ret) {
    PGresult *r;
    enum code c;

    if ((c = pg_run(ctx, db(ctx), &Q_POST_SOURCE, &r, pg_i8(id))) != OK)
        return c;
    if (PQntuples(r) == 0)
        return fail(ctx, NOT_FOUND, "There is no such post.");
    ret->id = id;
    ret->text = pg_get_str(r, 0, 0);
    ret->warning = pg_get_str(r, 0, 1);
    ret->sensitive = pg_get_bool(r, 0, 2);
    ret->language = pg_get_str(r, 0, 3);
    ret->audience = (Pb__Audience)pg_get_int(r, 0, 4);
    return OK;
}

enum code post_store_revisions(struct ctx *ctx, int64_t id, Pb__Revision ***ret, size_t *ret_n) {
    PGresult *r;
    enum code c;

    if ((c = pg_run(ctx, db(ctx), &Q_POST_REVISIONS, &r, pg_i8(id))) != OK)
        return c;
    *ret_n = (size_t)PQntuples(r);
    *ret = arena_many(ctx->arena, Pb__Revision *, *ret_n);
    for (int i = 0; i < PQntuples(r); i++) {
        Pb__Revision *v = (*ret)[i] = arena_one(ctx->arena, Pb__Revision);

        pb__revision__init(v);
        v->number = pg_get_int(r, i, 0);
        v->text = pg_get_str(r, i, 1);
        v->html = pg_get_str(r, i, 2);
        v->warning = pg_get_str(r, i, 3);
        v->sensitive = pg_get_bool(r, i, 4);
        v->at_ms = pg_get_time(r, i, 5);
        v->n_media = post_media_read(ctx, r, i, 6, &v->media);
    }
    return OK;
}

/* ---- Reactions */

/* It ends before the version, which the statement puts behind it. */
static struct pg_val reacted_event(struct ctx *ctx, int64_t viewer, const Pb__PostView *post,
                                   const char *kind, bool on) {
    static uint8_t version[8];
    Pb__Reacted e = PB__REACTED__INIT;
    struct pg_val val;

    e.post_id = post->id;
    e.user_id = viewer;
    e.author_id = post->author_id;
    e.kind = kind;
    e.on = on;
    e.version = (ProtobufCBinaryData){sizeof version, version};
    val = packed_val(ctx, &e.base);
    val.n -= sizeof version;
    return val;
}

/* What a statement of the reactions answered. */
static enum code change_read(enum code c, const PGresult *r, struct post_change *ret) {
    *ret = (struct post_change){0};
    if (c == OK && PQntuples(r) > 0) {
        ret->changed = true;
        ret->counters = counters_at(r, 0);
    }
    return c;
}

enum code post_store_like(struct ctx *ctx, int64_t viewer, const Pb__PostView *post, bool on,
                          struct post_change *ret) {
    struct pg_val event = reacted_event(ctx, viewer, post, "like", on);
    PGresult *r = NULL;
    enum code c =
        on ? pg_run(ctx, db(ctx), &Q_POST_LIKE, &r, pg_i8(viewer), pg_i8(post->id), pg_i8(id_next()), event)
           : pg_run(ctx, db(ctx), &Q_POST_UNLIKE, &r, pg_i8(viewer), pg_i8(post->id), event);

    return change_read(c, r, ret);
}

enum code post_store_bookmark(struct ctx *ctx, int64_t viewer, const Pb__PostView *post, bool on,
                              struct post_change *ret) {
    PGresult *r = NULL;
    enum code c =
        on ? pg_run(ctx, db(ctx), &Q_POST_BOOKMARK, &r, pg_i8(viewer), pg_i8(post->id), pg_i8(id_next()))
           : pg_run(ctx, db(ctx), &Q_POST_UNBOOKMARK, &r, pg_i8(viewer), pg_i8(post->id));

    return change_read(c, r, ret);
}

enum code post_store_repost(struct ctx *ctx, int64_t viewer, const Pb__PostView *post, Pb__Audience audience,
                            struct post_change *ret) {
    Pb__PostView v = PB__POST_VIEW__INIT;
    PGresult *r = NULL;
    enum code c;

    v.id = v.root_id = id_next();
    v.author_id = viewer;
    v.repost_of_id = post->id;
    v.audience = audience;
    c = pg_run(ctx, db(ctx), &Q_POST_REPOST, &r, pg_i8(viewer), pg_i8(post->id), pg_i8(v.id),
               pg_i4((int)audience), pg_i8(post->author_id), pg_time(id_time_ms(v.id)),
               created_event(ctx, &v, &(struct mentioned){0}),
               reacted_event(ctx, viewer, post, "repost", true));
    c = change_read(c, r, ret);
    ret->repost = ret->changed ? v.id : 0;
    ret->repost_revision = 1;
    return c;
}

enum code post_store_unrepost(struct ctx *ctx, int64_t viewer, const Pb__PostView *post,
                              struct post_change *ret) {
    Pb__PostDeleted e = PB__POST_DELETED__INIT;
    PGresult *r = NULL;
    enum code c;

    e.author_id = viewer;
    e.repost_of_id = post->id;
    c = pg_run(ctx, db(ctx), &Q_POST_UNREPOST, &r, pg_i8(viewer), pg_i8(post->id), pg_time(clock_now_ms()),
               reacted_event(ctx, viewer, post, "repost", false), packed_val(ctx, &e.base));
    c = change_read(c, r, ret);
    if (ret->changed) {
        ret->repost = pg_get_int(r, 0, 4);
        ret->repost_revision = pg_get_int(r, 0, 5);
    }
    return c;
}

enum code post_store_pin(struct ctx *ctx, const Pb__PostView *post, int most, int64_t *ret_revision) {
    PGresult *r;
    enum code c = pg_run(ctx, db(ctx), &Q_POST_PIN, &r, pg_i8(post->id), pg_i8(post->author_id),
                         pg_time(clock_now_ms()), pg_i4(most), changed_event(ctx, post));

    if (c == OK)
        *ret_revision = revision_of(r);
    return c;
}

enum code post_store_unpin(struct ctx *ctx, const Pb__PostView *post, int64_t *ret_revision) {
    PGresult *r;
    enum code c = pg_run(ctx, db(ctx), &Q_POST_UNPIN, &r, pg_i8(post->id), pg_i8(post->author_id),
                         changed_event(ctx, post));

    if (c == OK)
        *ret_revision = revision_of(r);
    return c;
}

enum code post_store_weeks(struct ctx *ctx, int64_t *ret, size_t n) {
    int64_t week = (clock_now_ms() - ID_EPOCH_MS) / ID_WEEK_MS, first = week - (int64_t)n + 1;
    PGresult *r = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_POST_WEEKS, &r, pg_i8(first));

    memset(ret, 0, n * sizeof *ret);
    for (int row = 0; c == OK && row < PQntuples(r); row++)
        if (pg_get_int(r, row, 0) >= first && pg_get_int(r, row, 0) <= week)
            ret[week - pg_get_int(r, row, 0)] = pg_get_int(r, row, 1);
    return c;
}

void post_store_acts_ahead(struct ctx *ctx, const Pb__ActsRequest *req) {
    size_t n = req->n_post_ids;

    pg_ahead(ctx, db(ctx), &Q_POST_ACTS, pg_ids(req->user_ids, n), pg_ids(req->post_ids, n),
             pg_ids(req->told_ids, n));
}

enum code post_store_acts(struct ctx *ctx, const Pb__ActsRequest *req, uint32_t *ret) {
    size_t n = req->n_post_ids;
    PGresult *r;
    enum code c = pg_run(ctx, db(ctx), &Q_POST_ACTS, &r, pg_ids(req->user_ids, n), pg_ids(req->post_ids, n),
                         pg_ids(req->told_ids, n));

    for (size_t i = 0; c == OK && i < n; i++)
        ret[i] = (uint32_t)pg_get_int(r, (int)i, 0);
    return c;
}

enum code post_store_total(struct ctx *ctx, int64_t *ret) {
    PGresult *r;
    enum code c = pg_run(ctx, db(ctx), &Q_POST_TOTAL, &r);

    if (c == OK)
        *ret = pg_get_int(r, 0, 0);
    return c;
}
