/* Threads larger than a page: whoever follows what is offered comes by every comment once, whatever is
 * hidden, deleted or added meanwhile; and a page costs the same however large its thread is. */
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/env.h"
#include "gen/stubs.h"
#include "tests/service/fixture.h"
#include "tests/service/servers.h"

#define COMMENTS 2000
#define ROOM (COMMENTS + 400)
#define PUBLIC PB__AUDIENCE__AUDIENCE_PUBLIC
#define DIRECT PB__AUDIENCE__AUDIENCE_DIRECT

static struct ctx *ctx;
static int64_t ann, ben, eve, zoe, root;
static const char *ann_handle;

/* What was written, as a model of it. */
struct said {
    int64_t id, author;
    size_t parent; /* index; ROOM: the post itself */
    bool direct, deleted, late, seen;
};
static struct said said[ROOM];
static size_t n_said;

static void set_up(void) {
    ctx = fixture_ctx();
    ann_handle = fixture_handle(ctx, "ann");
    ann = fixture_member(ctx, ann_handle);
    ben = fixture_member(ctx, fixture_handle(ctx, "ben"));
    eve = fixture_member(ctx, fixture_handle(ctx, "eve"));
    zoe = fixture_member(ctx, fixture_handle(ctx, "zoe"));
    n_said = 0;
}

static int64_t post(int64_t author, const char *text, Pb__Audience audience, int64_t parent) {
    Pb__CreatePostRequest req = PB__CREATE_POST_REQUEST__INIT;
    const Pb__PostReply *reply;

    fixture_as(ctx, author);
    req.author_id = author;
    req.text = text;
    req.audience = audience;
    req.in_reply_to_id = parent;
    expect_ok(ctx, post_create_post(ctx, &req, &reply));
    return reply->item->post->id;
}

static void del(int64_t actor, int64_t id) {
    Pb__PostRequest req = PB__POST_REQUEST__INIT;

    fixture_as(ctx, actor);
    req.viewer_id = actor;
    req.id = id;
    expect_ok(ctx, post_delete_post(ctx, &req, NULL));
}

static void block(int64_t actor, int64_t target) {
    Pb__EdgeRequest req = PB__EDGE_REQUEST__INIT;

    fixture_as(ctx, actor);
    req.actor_id = actor;
    req.target_id = target;
    expect_ok(ctx, connection_block(ctx, &req, NULL));
}

/* Another comment: on the post, on the last one, or anywhere. */
static void say(bool late) {
    struct said *s = &said[n_said];
    int where = rand() % 10;
    int64_t authors[] = {ben, ben, eve, zoe};

    s->parent = n_said == 0 || where < 4 ? ROOM : where < 7 ? n_said - 1 : (size_t)rand() % n_said;
    while (s->parent != ROOM && (said[s->parent].deleted || said[s->parent].direct))
        s->parent = said[s->parent].parent;
    s->author = authors[late ? 0 : rand() % 4]; /* by then ann blocks the others */
    s->direct = s->author == ben && rand() % 12 == 0;
    s->late = late;
    s->id =
        post(s->author, "said", s->direct ? DIRECT : PUBLIC, s->parent == ROOM ? root : said[s->parent].id);
    n_said++;
    env_settle(ctx->env);
    arena_reset(ctx->arena);
}

static void unsay(size_t i) {
    if (said[i].deleted)
        return;
    del(said[i].author, said[i].id);
    said[i].deleted = true;
    env_settle(ctx->env);
    arena_reset(ctx->arena);
}

static struct said *find(int64_t id) {
    for (size_t i = 0; i < n_said; i++)
        if (said[i].id == id)
            return &said[i];
    ck_abort_msg("a comment that nobody wrote");
}

/* Pages still to be read. */
struct door {
    int64_t id, below, after;
};
static struct door doors[4 * ROOM];
static size_t n_doors;

static void open_door(int64_t id, int64_t below, int64_t after) {
    ck_assert_uint_lt(n_doors, 4 * ROOM);
    doors[n_doors++] = (struct door){id, below, after};
}

static enum code page(int64_t viewer, const struct door *d, const Pb__ThreadReply **reply) {
    Pb__ThreadRequest req = PB__THREAD_REQUEST__INIT;

    fixture_as(ctx, viewer);
    req.viewer_id = viewer;
    req.id = d->id;
    req.below = d->below;
    req.after = d->after;
    req.down = 60;
    req.top = 20;
    req.width = 4;
    return post_get_thread(ctx, &req, reply);
}

static void read_page(const struct door *d, const Pb__ThreadReply *reply) {
    ck_assert_uint_le(reply->n_descendants, 60);
    for (size_t i = 0; i < reply->n_descendants; i++) {
        const Pb__PostItem *item = reply->descendants[i];

        if (item->author != NULL) {
            struct said *s = find(item->post->id);

            ck_assert_msg(!s->seen, "comment %zu came twice", (size_t)(s - said));
            s->seen = true;
        }
        if (item->more && item->author != NULL)
            open_door(item->post->id, 0, item->more_after);
        else if (item->more)
            open_door(d->id, item->post->id, item->more_after);
    }
    if (reply->next != 0)
        open_door(d->id, d->below, reply->next);
}

typedef void meanwhile(size_t pages);

/* Follows everything, in any order; what was deleted since it was offered stands on the post's page. */
static void walk(int64_t viewer, meanwhile *happens) {
    for (size_t i = 0; i < n_said; i++)
        said[i].seen = false;
    n_doors = 0;
    open_door(root, 0, 0);
    for (size_t pages = 0; n_doors > 0; pages++) {
        size_t k = (size_t)rand() % n_doors;
        struct door d = doors[k];
        const Pb__ThreadReply *reply;
        enum code c;

        doors[k] = doors[--n_doors];
        if ((c = page(viewer, &d, &reply)) == NOT_FOUND && d.id != root) {
            struct said *gone = find(d.id);

            fail_clear(ctx);
            if (!gone->deleted)
                continue; /* its author is blocked by now */
            d = (struct door){root, d.below != 0 ? d.below : d.id, d.after};
            c = page(viewer, &d, &reply);
        }
        if (c == NOT_FOUND && d.below != 0 && !find(d.below)->deleted) {
            fail_clear(ctx);
            continue;
        }
        expect_ok(ctx, c);
        read_page(&d, reply);
        if (happens != NULL)
            happens(pages);
        env_settle(ctx->env);
        arena_reset(ctx->arena);
    }
}

/* Direct ones reach whom they answer. */
static bool hidden(const struct said *s, bool from_zoe) {
    return !s->deleted &&
           ((s->direct && s->parent != ROOM) || s->author == eve || (from_zoe && s->author == zoe));
}

/* Whether a reader who blocks eve (and zoe) has to come by it. */
static bool must_be_seen(const struct said *s, bool from_zoe) {
    if (s->deleted || s->late || hidden(s, from_zoe))
        return false;
    while (s->parent != ROOM) {
        s = &said[s->parent];
        if (hidden(s, from_zoe))
            return false;
    }
    return true;
}

static size_t expect_walked(bool from_zoe) {
    size_t n = 0;

    for (size_t i = 0; i < n_said; i++) {
        if (!must_be_seen(&said[i], from_zoe))
            continue;
        ck_assert_msg(said[i].seen, "comment %zu was never come by", i);
        n++;
    }
    return n;
}

static void change_things(size_t pages) {
    if (pages % 5 == 0 && n_said < ROOM)
        say(true);
    if (pages % 7 == 0)
        unsay((size_t)rand() % n_said);
    if (pages == 40)
        block(ann, zoe);
}

START_TEST(every_comment_once) {
    srand(7);
    root = post(ann, "What do you think?", PUBLIC, 0);
    while (n_said < COMMENTS)
        say(false);
    for (int i = 0; i < 200; i++)
        unsay((size_t)rand() % n_said);
    block(ann, eve);
    walk(ann, NULL);
    ck_assert_uint_gt(expect_walked(false), 300);
    for (size_t i = 0; i < n_said; i++)
        if (hidden(&said[i], false))
            ck_assert(!said[i].seen);
    walk(ann, change_things);
    ck_assert_uint_gt(expect_walked(true), 100);
}
END_TEST

/* 300 deep and 300 wide, for a stranger. */
START_TEST(deep_and_wide) {
    size_t last = ROOM;

    root = post(ann, "deep", PUBLIC, 0);
    for (int i = 0; i < 600; i++, n_said++) {
        said[n_said] = (struct said){.author = ben, .parent = i < 300 ? last : ROOM};
        said[n_said].id = post(ben, "x", PUBLIC, i < 300 && last != ROOM ? said[last].id : root);
        last = n_said;
        env_settle(ctx->env);
        arena_reset(ctx->arena);
    }
    walk(0, NULL);
    ck_assert_uint_eq(expect_walked(true), 600);
}
END_TEST

START_TEST(what_is_hidden_is_not_offered) {
    const Pb__ThreadReply *reply;
    struct door d = {0};
    int64_t c;

    d.id = root = post(ann, "x", PUBLIC, 0);
    c = post(ben, "a", PUBLIC, root);
    post(ann, "for ben alone", DIRECT, c);
    for (int i = 0; i < 8; i++)
        post(ben, "between us", DIRECT, c);
    expect_ok(ctx, page(0, &d, &reply));
    ck_assert_uint_eq(reply->n_descendants, 1);
    ck_assert(!reply->more && !reply->descendants[0]->more);
    expect_ok(ctx, page(ben, &d, &reply));
    ck_assert(reply->more && reply->descendants[0]->more);
    /* a comment of another thread is none of this one */
    d.below = post(ben, "b", PUBLIC, post(ann, "y", PUBLIC, 0));
    expect_code(ctx, page(0, &d, &reply), NOT_FOUND);
    /* a hundred hidden ones are passed over */
    d = (struct door){.id = root};
    block(ann, eve);
    for (int i = 0; i < 70; i++)
        post(eve, "spam", PUBLIC, c);
    post(ben, "after it", PUBLIC, c);
    d.id = c;
    expect_ok(ctx, page(ann, &d, &reply));
    ck_assert_uint_gt(reply->n_descendants, 0);
}
END_TEST

/* 10,000 comments: most direct, one with 3,000 below it, one chain of 500. */
START_TEST(a_page_costs_the_same) {
    const Pb__ThreadReply *reply;
    struct door d = {0};
    int64_t begun;
    size_t used;

    d.id = root = post(ann, "very large", PUBLIC, 0);
    as_admin(arena_printf(
        ctx->arena,
        "INSERT INTO posts.posts (id, author_id, in_reply_to_id, in_reply_to_author_id, root_id, audience, "
        "source, html, excerpt, created_at) SELECT %lld + i, %lld, %lld + CASE WHEN i <= 6500 THEN 0 "
        "WHEN i <= 9500 THEN 3 WHEN i = 9501 THEN 5 ELSE i - 1 END, %lld, %lld, 0, 'x', '<p>x</p>', 'x', now() "
        "FROM generate_series(1, 10000) AS i",
        (long long)root, (long long)ben, (long long)root, (long long)ann, (long long)root));
    env_settle(ctx->env);
    arena_reset(ctx->arena);
    for (int i = 0; i < 3; i++) {
        used = arena_used(ctx->arena);
        begun = clock_mono_us();
        expect_ok(ctx, page(0, &d, &reply));
        printf("page %d of 10,000 comments: %lld us, %zu kB\n", i, (long long)(clock_mono_us() - begun),
               (arena_used(ctx->arena) - used) / 1024);
        ck_assert_uint_le(reply->n_descendants, 60);
        ck_assert_uint_le(arena_used(ctx->arena) - used, (size_t)4 << 20);
        d.after = reply->next;
        ck_assert_int_ne(reply->next, 0);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("thread");
    TCase *t = tcase_create("thread");

    tcase_add_checked_fixture(t, set_up, NULL);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, every_comment_once);
    tcase_add_test(t, deep_and_wide);
    tcase_add_test(t, what_is_hidden_is_not_offered);
    tcase_add_test(t, a_page_costs_the_same);
    suite_add_tcase(suite, t);
    return fixture_main(suite);
}
