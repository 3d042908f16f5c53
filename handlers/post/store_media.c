#include "handlers/post/store_media.h"

#include "fcgi/base/buf.h"
#include "fcgi/base/text.h"
#include "fcgi/rpc.h"
#include "gen/queries.h"
#include "handlers/services.h"

#define WORDS_MAX 16384

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_POST]; }

/* ---- As they stand in a column */

struct pg_val post_media_value(struct ctx *ctx, Pb__MediaView **media, size_t n) {
    Pb__MediaViews all = PB__MEDIA_VIEWS__INIT;
    const unsigned char *packed;
    size_t size;

    if (n == 0)
        return pg_null();
    all.media = media;
    all.n_media = n;
    rpc_pack(ctx, &all.base, &packed, &size);
    return pg_bytes(packed, size);
}

const char *post_media_words(struct ctx *ctx, Pb__MediaView *const *media, size_t n) {
    struct buf words;

    buf_init(&words, ctx->arena, WORDS_MAX);
    for (size_t i = 0; i < n; i++) {
        if (text_is_empty(media[i]->description))
            continue;
        if (words.n > 0)
            buf_putc(&words, '\n');
        buf_puts(&words, media[i]->description);
    }
    return buf_str(&words);
}

size_t post_media_read(struct ctx *ctx, const PGresult *r, int row, int col, Pb__MediaView ***ret) {
    const Pb__MediaViews *all;
    const void *packed;
    size_t size;

    *ret = NULL;
    if (pg_is_null(r, row, col))
        return 0;
    packed = pg_get_bytes(r, row, col, &size);
    all = (const Pb__MediaViews *)rpc_unpack(ctx, &pb__media_views__descriptor, packed, size);
    if (all == NULL)
        return 0;
    *ret = all->media;
    return all->n_media;
}

/* ---- Of posts and their versions */

enum code post_store_media_of(struct ctx *ctx, const int64_t *posts, size_t n, struct post_media **ret,
                              size_t *ret_n) {
    PGresult *r;
    enum code c = pg_run(ctx, db(ctx), &Q_POST_MEDIA_OF, &r, pg_ids(posts, n));

    *ret_n = c == OK ? (size_t)PQntuples(r) : 0;
    *ret = arena_many(ctx->arena, struct post_media, *ret_n);
    for (int i = 0; i < (int)*ret_n; i++) {
        struct post_media *m = &(*ret)[i];

        m->post = pg_get_int(r, i, 0);
        m->author = pg_get_int(r, i, 1);
        m->audience = (Pb__Audience)pg_get_int(r, i, 2);
        m->revision = pg_get_int(r, i, 3);
        m->number = pg_get_int(r, i, 4);
        m->n = post_media_read(ctx, r, i, 5, &m->views);
    }
    return c;
}

static enum code renew_post(struct ctx *ctx, const struct post_media *m, bool *ret_done) {
    Pb__PostChanged e = PB__POST_CHANGED__INIT;
    const unsigned char *event;
    size_t size;
    PGresult *r;
    enum code c;

    e.post_id = m->post;
    e.author_id = m->author;
    e.media = true;
    rpc_pack(ctx, &e.base, &event, &size);
    c = pg_run(ctx, db(ctx), &Q_POST_MEDIA_RENEW, &r, pg_i8(m->post), pg_i4((int)m->revision),
               post_media_value(ctx, m->views, m->n), pg_text(post_media_words(ctx, m->views, m->n)),
               pg_bytes(event, size));
    *ret_done = c == OK && PQntuples(r) > 0;
    return c;
}

enum code post_store_media_renew(struct ctx *ctx, const struct post_media *m, bool *ret_done) {
    if (m->number == 0)
        return renew_post(ctx, m, ret_done);
    *ret_done = true;
    return pg_run(ctx, db(ctx), &Q_POST_MEDIA_RENEW_VERSION, NULL, pg_i8(m->post), pg_i4((int)m->number),
                  post_media_value(ctx, m->views, m->n));
}

/* ---- The notes */

enum code post_store_attaching_begin(struct ctx *ctx, int64_t post) {
    return pg_run(ctx, db(ctx), &Q_POST_ATTACHING, NULL, pg_i8(post));
}

enum code post_store_attaching_over(struct ctx *ctx, const int64_t *posts, size_t n) {
    return pg_run(ctx, db(ctx), &Q_POST_ATTACHING_OVER, NULL, pg_ids(posts, n));
}

static bool is_among(const PGresult *r, int64_t id) {
    for (int i = 0; i < PQntuples(r); i++)
        if (pg_get_int(r, i, 0) == id)
            return true;
    return false;
}

enum code post_store_attaching_none(struct ctx *ctx, int64_t *posts, size_t *n) {
    PGresult *r;
    size_t k = 0;
    enum code c = *n > 0 ? pg_run(ctx, db(ctx), &Q_POST_ATTACHING_NOW, &r, pg_ids(posts, *n)) : OK;

    if (*n == 0 || c != OK)
        return c;
    for (size_t i = 0; i < *n; i++)
        if (!is_among(r, posts[i]))
            posts[k++] = posts[i];
    *n = k;
    return OK;
}

enum code post_store_attaching_stop(struct ctx *ctx, int64_t post, bool *ret_stopped) {
    PGresult *r;
    enum code c = pg_run(ctx, db(ctx), &Q_POST_ATTACHING_STOP, &r, pg_i8(post));

    *ret_stopped = c == OK && PQntuples(r) > 0;
    return c;
}

enum code post_store_attaching_left(struct ctx *ctx, size_t limit, int64_t **ret, size_t *ret_n) {
    PGresult *r;
    enum code c = pg_run(ctx, db(ctx), &Q_POST_ATTACHING_LEFT, &r, pg_i8((int64_t)limit));

    *ret_n = c == OK ? (size_t)PQntuples(r) : 0;
    *ret = arena_many(ctx->arena, int64_t, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[i] = pg_get_int(r, (int)i, 0);
    return c;
}
