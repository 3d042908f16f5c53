/* The home timeline, from Redis and from SQL, and timelines of lists, against a model of what the rules say.
 */
#include "tests/service/fixture_post.h"

#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/drivers/pg.h"
#include "fcgi/drivers/redis.h"
#include "gen/queries.h"
#include "gen/stubs.h"
#include "handlers/common/act.h"
#include "handlers/post/service.h"
#include "handlers/post/store.h"
#include "handlers/services.h"
#include "tests/service/servers.h"
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct ctx *ctx;

#define PEOPLE 7
#define POSTS_MAX 3000
#define TAGS 3
#define LISTS 2

struct model_post {
    int64_t id;
    int author, parent, original; /* -1: none; parent and original: index of a post */
    Pb__Audience audience;
    bool mentions[PEOPLE];
    const char *language; /* "": none */
    bool tags[TAGS];
    bool dead;
};

static struct {
    int64_t people[PEOPLE];
    const char *handles[PEOPLE];
    bool follows[PEOPLE][PEOPLE], blocks[PEOPLE][PEOPLE], mutes[PEOPLE][PEOPLE];
    bool tags[PEOPLE][TAGS];              /* that somebody follows */
    bool no_reposts[PEOPLE][PEOPLE];      /* of a follow */
    const char *language[PEOPLE][PEOPLE]; /* the only one that a follow brings; NULL: all */
    struct model_list {
        int64_t id;
        bool members[PEOPLE], exclusive;
        Pb__RepliesPolicy replies;
    } lists[PEOPLE][LISTS];
    struct model_post posts[POSTS_MAX];
    int n;
    unsigned seed;
} m;

static int dice(int sides) { return (int)((unsigned)rand_r(&m.seed) % (unsigned)sides); }

static bool severed(int a, int b) { return m.blocks[a][b] || m.blocks[b][a]; }

static bool model_sees(int who, const struct model_post *p) {
    if (p->dead)
        return false;
    if (p->author == who)
        return true;
    if (severed(who, p->author))
        return false;
    if (p->audience <= UNLISTED || p->mentions[who] || (p->parent >= 0 && m.posts[p->parent].author == who))
        return true;
    return p->audience == FOLLOWERS && m.follows[who][p->author];
}

/* Whether a tag brings it, whoever wrote it. */
static bool model_tag_brings(int who, const struct model_post *p) {
    for (int t = 0; t < TAGS; t++)
        if (p->tags[t] && m.tags[who][t] && p->audience == PUBLIC)
            return true;
    return false;
}

/* Whether the follow brings it. */
static bool model_follow_brings(int who, const struct model_post *p) {
    const char *wanted = m.language[who][p->author];

    if (!m.follows[who][p->author])
        return false;
    if (p->original >= 0)
        return !m.no_reposts[who][p->author];
    return wanted == NULL || *p->language == '\0' || strncmp(p->language, wanted, 2) == 0;
}

static bool model_is_exclusive(int who, int author) {
    for (int i = 0; i < LISTS; i++)
        if (m.lists[who][i].exclusive && m.lists[who][i].members[author])
            return true;
    return false;
}

/* Whether a timeline of members can have it, as far as it itself and what it reposts go. */
static bool model_is_shown(int who, const struct model_post *p) {
    if (!model_sees(who, p) || (p->author != who && m.mutes[who][p->author]))
        return false;
    if (p->original < 0)
        return true;
    if (p->author != who && m.posts[p->original].author == who)
        return false; /* one's own stands there already */
    return model_sees(who, &m.posts[p->original]) && !m.mutes[who][m.posts[p->original].author];
}

static bool model_in_home(int who, const struct model_post *p) {
    if (p->parent >= 0 && m.posts[p->parent].author != p->author)
        return false;
    if (p->author != who && !model_tag_brings(who, p) &&
        (!model_follow_brings(who, p) || model_is_exclusive(who, p->author)))
        return false;
    return model_is_shown(who, p);
}

static bool model_in_list(int who, const struct model_list *list, const struct model_post *p) {
    int answered = p->parent >= 0 ? m.posts[p->parent].author : p->author;

    if (!list->members[p->author] || !model_follow_brings(who, p) || !model_is_shown(who, p))
        return false;
    if (answered == p->author || answered == who)
        return true;
    return list->replies == PB__REPLIES_POLICY__REPLIES_LIST
               ? list->members[answered]
               : list->replies == PB__REPLIES_POLICY__REPLIES_FOLLOWED && m.follows[who][answered];
}

static int live_post(void) {
    for (int tries = 0; m.n > 0 && tries < 20; tries++) {
        int i = dice(m.n);

        if (!m.posts[i].dead && m.posts[i].original < 0)
            return i;
    }
    return -1;
}

/* Of this run alone: other tests run at the same time. */
static const char *tag_names[TAGS];

static void model_write(int who) {
    struct model_post *p = &m.posts[m.n];
    int parent = dice(3) == 0 ? live_post() : -1;
    const char *text = "words";

    if (m.n == POSTS_MAX || (parent >= 0 && !model_sees(who, &m.posts[parent])))
        return;
    memset(p, 0, sizeof *p);
    for (int i = 0; i < PEOPLE; i++) {
        if (i != who && dice(PEOPLE) == 0) {
            p->mentions[i] = true;
            text = arena_printf(ctx->arena, "%s @%s", text, m.handles[i]);
        }
    }
    p->author = who;
    p->parent = parent;
    p->original = -1;
    p->audience = (Pb__Audience)(dice(2) ? 0 : dice(4));
    if (p->audience == DIRECT && strcmp(text, "words") == 0)
        p->audience = PUBLIC;
    for (int t = 0; t < TAGS; t++) {
        p->tags[t] = dice(4) == 0;
        if (p->tags[t])
            text = arena_printf(ctx->arena, "%s #%s", text, tag_names[t]);
    }
    p->language = (const char *[]){"", "de", "en", "en-GB"}[dice(4)];
    p->id = post_in(m.people[who], text, p->audience, parent >= 0 ? m.posts[parent].id : 0, p->language);
    if (parent >= 0 && p->audience < m.posts[parent].audience)
        p->audience = m.posts[parent].audience;
    m.n++;
}

static int repost_of(int who, int original) {
    for (int i = 0; i < m.n; i++)
        if (m.posts[i].author == who && m.posts[i].original == original && !m.posts[i].dead)
            return i;
    return -1;
}

/* The newest item of one's own profile is the repost just made. */
static int64_t newest_of(int64_t author) {
    Pb__PageRequest req = ask(author, 1);

    req.author_id = author;
    req.with_replies = true;
    return timeline(post_author_timeline, req)->items[0]->post->id;
}

static void model_repost(int who) {
    int original = live_post(), before;

    if (original < 0 || m.n == POSTS_MAX || !model_sees(who, &m.posts[original]) ||
        m.posts[original].audience > UNLISTED)
        return;
    before = repost_of(who, original);
    react(m.people[who], m.posts[original].id, "repost", before < 0);
    if (before >= 0) {
        m.posts[before].dead = true;
        return;
    }
    m.posts[m.n++] = (struct model_post){
        .id = newest_of(m.people[who]), .author = who, .parent = -1, .original = original, .language = ""};
}

static void model_delete(void) {
    int i = live_post();

    if (i < 0)
        return;
    del(m.people[m.posts[i].author], m.posts[i].id);
    m.posts[i].dead = true;
    for (int k = 0; k < m.n; k++)
        if (m.posts[k].original == i)
            m.posts[k].dead = true;
}

/* Follows, or follows otherwise than before. */
static void model_follow(int who, int other) {
    static const char *const wanted[] = {NULL, "de", "en"};
    Pb__EdgeRequest req = PB__EDGE_REQUEST__INIT;
    Pb__FollowOptions options = PB__FOLLOW_OPTIONS__INIT;
    const char *language = wanted[dice(3)];
    bool no_reposts = dice(3) == 0;

    req.actor_id = m.people[who];
    req.target_id = m.people[other];
    options.reposts = no_reposts ? PB__WISH__WISH_NO : PB__WISH__WISH_YES;
    options.set_languages = true;
    options.languages = &language;
    options.n_languages = language != NULL;
    req.options = dice(3) ? &options : NULL; /* else as it was, or as usual */
    fixture_as(ctx, req.actor_id);
    expect_ok(ctx, connection_follow(ctx, &req, NULL));
    if (req.options != NULL || !m.follows[who][other]) {
        m.no_reposts[who][other] = req.options != NULL && no_reposts;
        m.language[who][other] = req.options != NULL ? language : NULL;
    }
    m.follows[who][other] = true;
}

/* Whoever is followed no longer is on no list. */
static void model_unfollow(int who, int other) {
    m.follows[who][other] = false;
    for (int i = 0; i < LISTS; i++)
        m.lists[who][i].members[other] = false;
}

static void model_edge(int who) {
    int other = (who + 1 + dice(PEOPLE - 1)) % PEOPLE;
    int64_t a = m.people[who], b = m.people[other];

    switch (dice(10)) {
    case 0:
        edge(connection_block, a, b);
        m.blocks[who][other] = true;
        model_unfollow(who, other);
        model_unfollow(other, who);
        break;
    case 1:
    case 2:
        edge(connection_unblock, a, b);
        m.blocks[who][other] = false;
        break;
    case 3:
        edge(connection_mute, a, b);
        m.mutes[who][other] = true;
        break;
    case 4:
        edge(connection_unmute, a, b);
        m.mutes[who][other] = false;
        break;
    case 5:
        edge(connection_unfollow, a, b);
        model_unfollow(who, other);
        break;
    default:
        if (severed(who, other))
            break;
        model_follow(who, other);
    }
}

static void model_tag(int who) {
    int tag = dice(TAGS);

    m.tags[who][tag] = dice(2);
    follow_tag(m.people[who], tag_names[tag], m.tags[who][tag]);
}

/* Other words, with other tags. */
static void model_edit(void) {
    int i = live_post(), tag = dice(TAGS);
    Pb__EditPostRequest req = PB__EDIT_POST_REQUEST__INIT;
    const char *text = "other words";

    if (i < 0)
        return;
    for (int k = 0; k < PEOPLE; k++)
        if (m.posts[i].mentions[k])
            text = arena_printf(ctx->arena, "%s @%s", text, m.handles[k]);
    memset(m.posts[i].tags, 0, sizeof m.posts[i].tags);
    m.posts[i].tags[tag] = true;
    fixture_as(ctx, m.people[m.posts[i].author]);
    req.actor_id = m.people[m.posts[i].author];
    req.id = m.posts[i].id;
    req.text = arena_printf(ctx->arena, "%s #%s", text, tag_names[tag]);
    expect_ok(ctx, post_edit_post(ctx, &req, NULL));
}

/* Somebody more or less on a list, or the list is otherwise. */
static void model_list(int who) {
    struct model_list *list = &m.lists[who][dice(LISTS)];
    int other = dice(PEOPLE);

    if (m.follows[who][other] && dice(3)) {
        list_put(m.people[who], list->id, m.people[other], !list->members[other]);
        list->members[other] = !list->members[other];
        return;
    }
    list->exclusive = dice(2);
    list->replies = (Pb__RepliesPolicy)(1 + dice(3));
    list_change(m.people[who], list->id, list->replies, list->exclusive);
}

static void model_step(void) {
    int who = dice(PEOPLE);

    switch (dice(16)) {
    case 14:
    case 15:
        model_list(who);
        break;
    case 12:
        model_tag(who);
        break;
    case 13:
        model_edit();
        break;
    case 0:
        model_delete();
        break;
    case 1:
    case 2:
        model_edge(who);
        break;
    case 3:
    case 4:
        model_repost(who);
        break;
    default:
        model_write(who);
    }
}

static int newest_first(const void *a, const void *b) {
    const int64_t *x = a, *y = b;

    return *x < *y ? 1 : *x > *y ? -1 : 0;
}

static int64_t model_shown(int64_t id) {
    for (int i = 0; i < m.n; i++)
        if (m.posts[i].id == id)
            return m.posts[i].original >= 0 ? m.posts[m.posts[i].original].id : id;
    return 0;
}

static bool model_same(int64_t a, int64_t b) { return model_shown(a) == model_shown(b); }

/* What pages downwards show of rows, newest first: a post once a page, where it was brought up last. */
static size_t model_down(const int64_t *rows, size_t n, size_t limit, int64_t *ret) {
    size_t shown = 0, page = 0, last = 0; /* the page's first; the row of what it shows last */

    for (size_t i = 0; i < n; i++) {
        bool there = false;
        for (size_t k = page; k < shown; k++)
            there = there || model_same(ret[k], rows[i]);
        if (there)
            continue;
        if (shown - page == limit) { /* there is another page, which begins behind the last row */
            page = shown;
            i = last;
            continue;
        }
        ret[shown++] = rows[i];
        last = i;
    }
    return shown;
}

/* The same upwards, of rows oldest first: what is brought up again moves. */
static size_t model_up(const int64_t *rows, size_t n, size_t limit, int64_t *ret) {
    size_t shown = 0, page = 0;

    for (size_t i = 0; i < n; i++) {
        for (size_t k = page; k < shown; k++)
            if (model_same(ret[k], rows[i])) {
                memmove(&ret[k], &ret[k + 1], (--shown - k) * sizeof *ret);
                break;
            }
        ret[shown++] = rows[i];
        if (shown - page > limit) {
            page = --shown;
            while (rows[i] != ret[page - 1])
                i--;
        }
    }
    return shown;
}

static void check_same(const int64_t *expected, size_t n, const int64_t *got, size_t n_got, const char *how,
                       int who) {
    for (size_t i = 0; i < n && i < n_got; i++)
        ck_assert_msg(expected[i] == got[i], "%s: member %d, row %zu: %lld instead of %lld", how, who, i,
                      (long long)got[i], (long long)expected[i]);
    ck_assert_msg(n == n_got, "%s: member %d: %zu rows instead of %zu", how, who, n_got, n);
}

/* A timeline of these rows, down to its end and up again. */
static void check_walks(page_rpc *rpc, Pb__PageRequest req, int64_t *rows, size_t n, const char *how,
                        int who) {
    static int64_t expected[POSTS_MAX], got[POSTS_MAX];
    size_t k;

    qsort(rows, n, sizeof *rows, newest_first);
    k = model_down(rows, n, req.limit, expected);
    check_same(expected, k, got, walk_down(rpc, req, got, POSTS_MAX), how, who);
    for (size_t i = 0; i < n / 2; i++) {
        int64_t row = rows[i];
        rows[i] = rows[n - 1 - i];
        rows[n - 1 - i] = row;
    }
    k = model_up(rows, n, req.limit, expected);
    check_same(expected, k, got, walk_up(rpc, req, got, POSTS_MAX), how, who);
}

static void check_home(int who, unsigned limit, const char *how) {
    static int64_t rows[POSTS_MAX];
    size_t n = 0;

    for (int i = 0; i < m.n; i++)
        if (model_in_home(who, &m.posts[i]))
            rows[n++] = m.posts[i].id;
    if (dice(2)) /* as the route does, by a guess at what stands there */
        post_home_prefetch(ctx, m.people[who], 0, limit);
    check_walks(post_home_timeline, ask(m.people[who], limit), rows, n, how, who);
    redis_settle(ctx->env->redis); /* the request is over, and with it what nobody took */
}

static void check_list(int who, const struct model_list *list, unsigned limit) {
    static int64_t rows[POSTS_MAX];
    Pb__PageRequest req = ask(m.people[who], limit);
    size_t n = 0;

    for (int i = 0; i < m.n; i++)
        if (model_in_list(who, list, &m.posts[i]))
            rows[n++] = m.posts[i].id;
    req.list_id = list->id;
    check_walks(post_list_timeline, req, rows, n, "a list", who);
}

static void check_lists(unsigned limit) {
    for (int who = 0; who < PEOPLE; who++)
        for (int i = 0; i < LISTS; i++)
            check_list(who, &m.lists[who][i], limit);
}

static void check_homes(unsigned limit, const char *how) {
    for (int who = 0; who < PEOPLE; who++)
        check_home(who, limit, how);
}

static void model_start(unsigned seed) {
    memset(&m, 0, sizeof m);
    m.seed = seed;
    for (int t = 0; t < TAGS; t++) /* as people write them: folded they are the same */
        tag_names[t] = arena_printf(ctx->arena, "%s%s",
                                    t == 0   ? "Tea"
                                    : t == 1 ? "ÄPFEL"
                                             : "x",
                                    fixture_handle(ctx, "t"));
    for (int i = 0; i < PEOPLE; i++) {
        m.handles[i] = fixture_handle(ctx, "m");
        m.people[i] = fixture_member(ctx, m.handles[i]);
    }
    for (int i = 0; i < PEOPLE; i++)
        for (int k = 0; k < PEOPLE; k++)
            if (i != k && dice(2)) {
                edge(connection_follow, m.people[i], m.people[k]);
                m.follows[i][k] = true;
            }
    for (int i = 0; i < PEOPLE; i++)
        for (int k = 0; k < LISTS; k++) {
            m.lists[i][k].replies = (Pb__RepliesPolicy)(1 + dice(3));
            m.lists[i][k].exclusive = k == 1;
            m.lists[i][k].id = list_new(m.people[i], m.lists[i][k].replies, k == 1);
        }
}

static void drop_home_keys(int who) {
    ck_assert_ptr_nonnull(redis_do(ctx, ctx->env->redis, "DEL post:home:%lld", (long long)m.people[who]));
}

START_TEST(home_and_lists_are_what_the_rules_say) {
    const char *seed = getenv("TEST_SEED");

    model_start(seed != NULL ? (unsigned)atol(seed) : 20261122);
    for (int round = 0; round < 12; round++) {
        for (int i = 0; i < 40; i++)
            model_step();
        fixture_events(ctx);
        check_homes(3 + (unsigned)round % 5, "cached");
        check_lists(3 + (unsigned)round % 5);
        for (int again = 0; again < 3; again++) /* what is the same twice is guessed */
            check_homes(20, "cached again");
        if (round % 4 == 1)
            drop_home_keys(dice(PEOPLE));
        if (round % 4 == 3) {
            fixture_flush_redis(ctx);
            check_homes(20, "after a flush");
        }
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("home_model");
    TCase *t = tcase_create("home");

    tcase_add_checked_fixture(t, set_up, NULL);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, home_and_lists_are_what_the_rules_say);
    suite_add_tcase(suite, t);
    return fixture_main(suite);
}
