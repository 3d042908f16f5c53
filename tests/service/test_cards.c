/* Link cards: what a post shows of the page that it links to, from the event to the read model, whatever the
 * other site does, and whatever happens to the post meanwhile. */
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/config.h"
#include "fcgi/drivers/fetch_names.h"
#include "fcgi/drivers/markup.h"
#include "gen/stubs.h"
#include "handlers/media/card_rules.h"
#include "handlers/media/store_card.h"
#include "handlers/media/worker_card.h"
#include "tests/service/fixture_post.h"
#include "tests/service/fixture_web.h"
#include "tests/service/servers.h"

struct ctx *ctx;
static struct web web;

static const char page_html[] =
    "<!doctype html><html lang=en><head><title>Plain</title><meta property=og:title content='Cats &amp; dogs'>"
    "<meta property=og:description content='All about them'><meta property=og:site_name content='The Zoo'>"
    "<meta name=author content='Ann Other'></head><body>";

static void set_up_cards(void) {
    set_up();
    fixture_events(ctx);
    as_admin("UPDATE media.cards SET due_at = NULL");
}

/* Every name is this site's. */
static int here(const char *host, const char *port, struct addrinfo **ret) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};

    (void)host;
    return getaddrinfo("127.0.0.1", port, &hints, ret);
}

static void page(const char *name, const char *html) {
    web_page(&web, name, "text/html", "", html, strlen(html));
}

static const char *at(const char *name) {
    return arena_printf(ctx->arena, "http://127.0.0.1:%d/%s", web.port, name);
}

/* A name that no other test uses. */
static const char *fresh(void) {
    static int n;

    return arena_printf(ctx->arena, "p%d-%d", (int)getpid(), ++n);
}

static void run_timer(void) {
    int64_t wait_ms = 0;

    fixture_as(ctx, 0);
    while (wait_ms == 0) /* each page has its timeout */
        expect_ok(ctx, media_cards_run(ctx, &wait_ms));
}

/* Everything that follows from what was done so far. */
static void work(void) {
    fixture_as(ctx, 0);
    fixture_events(ctx);
    run_timer();
    fixture_events(ctx);
}

static const Pb__LinkCard *card_of(int64_t id) {
    const Pb__PostItem *item = see(ann, id);

    ck_assert_ptr_nonnull(item);
    return item->post->card;
}

static int64_t post_link(const char *url, Pb__Audience audience) {
    return post(ann, arena_printf(ctx->arena, "Look at %s, all of you", url), audience, 0);
}

static long long number(const char *sql) { return strtoll(as_admin(sql), NULL, 10); }

static void edit(int64_t id, const char *text) {
    Pb__EditPostRequest req = PB__EDIT_POST_REQUEST__INIT;

    fixture_as(ctx, ann);
    req.actor_id = ann;
    req.id = id;
    req.text = text;
    expect_ok(ctx, post_edit_post(ctx, &req, NULL));
}

/* ---- The way of a card */

START_TEST(a_post_gets_the_card_of_its_page) {
    const char *name = fresh();
    const Pb__LinkCard *card;
    int64_t id, revision;

    page(name, page_html);
    id = post_link(at(name), PUBLIC);
    revision = see(ann, id)->post->revision;
    ck_assert_ptr_null(card_of(id));
    work();
    card = card_of(id);
    ck_assert_ptr_nonnull(card);
    ck_assert_str_eq(card->title, "Cats & dogs");
    ck_assert_str_eq(card->description, "All about them");
    ck_assert_str_eq(card->provider, "The Zoo");
    ck_assert_str_eq(card->author, "Ann Other");
    ck_assert_str_eq(card->language, "en");
    ck_assert_str_eq(card->type, "link");
    ck_assert_str_eq(card->url, at(name));
    ck_assert_ptr_null(card->image);
    ck_assert_int_eq(see(ann, id)->post->revision, revision + 1);
    fixture_flush_redis(ctx);
    ck_assert_ptr_nonnull(card_of(id)); /* out of PostgreSQL, too */
    work();
    ck_assert_int_eq(see(ann, id)->post->revision, revision + 1); /* said once */
}
END_TEST

START_TEST(a_page_is_asked_once_a_day) {
    const char *name = fresh();
    int64_t first, second;

    page(name, page_html);
    first = post_link(at(name), PUBLIC);
    second = post_link(at(name), UNLISTED);
    work();
    ck_assert_int_eq(web_asked(&web, name), 1);
    ck_assert_ptr_nonnull(card_of(first));
    ck_assert_ptr_nonnull(card_of(second));
    ck_assert_ptr_nonnull((post_link(at(name), PUBLIC), work(), card_of(first)));
    ck_assert_int_eq(web_asked(&web, name), 1);
    as_admin("UPDATE media.cards SET fetched_at = fetched_at - interval '25 hours'");
    page(name, "<title>Changed</title>");
    post_link(at(name), PUBLIC);
    work();
    ck_assert_int_eq(web_asked(&web, name), 2);
    ck_assert_str_eq(card_of(first)->title, "Changed");
}
END_TEST

START_TEST(nothing_is_remembered_too) {
    const char *name = fresh();
    int64_t id = post_link(at(name), PUBLIC); /* 404 */

    work();
    ck_assert_ptr_null(card_of(id));
    post_link(at(name), PUBLIC);
    work();
    ck_assert_int_eq(web_asked(&web, name), 1);
}
END_TEST

START_TEST(what_may_pass_is_tried_again) {
    static const char down[] = "HTTP/1.1 503 Down\r\nContent-Length: 0\r\n\r\n";
    const char *name = fresh();
    int64_t id;

    web_raw(&web, name, down, strlen(down));
    id = post_link(at(name), PUBLIC);
    work();
    work();
    ck_assert_int_eq(web_asked(&web, name), 1); /* not at once */
    page(name, page_html);
    as_admin("UPDATE media.cards SET due_at = due_at - interval '1 minute'");
    work();
    ck_assert_ptr_nonnull(card_of(id));
}
END_TEST

START_TEST(what_stays_broken_is_given_up) {
    static const char down[] = "HTTP/1.1 503 Down\r\nContent-Length: 0\r\n\r\n";
    const char *name = fresh();

    web_raw(&web, name, down, strlen(down));
    post_link(at(name), PUBLIC);
    for (int i = 0; i < 6; i++) {
        work();
        as_admin("UPDATE media.cards SET due_at = due_at - interval '1 hour'");
    }
    ck_assert_int_eq(web_asked(&web, name), 3);
}
END_TEST

/* ---- Which posts, which links */

START_TEST(only_posts_for_everybody_are_looked_at) {
    const char *name = fresh();
    int64_t id;

    page(name, page_html);
    id = post_link(at(name), FOLLOWERS);
    post(ann, arena_printf(ctx->arena, "@%s see %s", ben_handle, at(name)), DIRECT, 0);
    work();
    ck_assert_ptr_null(card_of(id));
    ck_assert_int_eq(web_asked(&web, name), 0);
}
END_TEST

static const char *link_in(const char *html) {
    Pb__PostView v = PB__POST_VIEW__INIT;

    v.html = html;
    return card_link_of(ctx, &v);
}

START_TEST(the_first_link_of_another_site) {
    ck_assert_ptr_null(link_in("<p>no link</p>"));
    ck_assert_ptr_null(
        link_in("<a class=\"mention\" href=\"/@ben\">@ben</a> <a class=\"tag\" href=\"/tags/x\">#x</a>"));
    ck_assert_ptr_null(link_in("<a href=\"mailto:a@b.org\" rel=\"x\">m</a>"));
    ck_assert_str_eq(link_in("<a href=\"https://Example.org/a?b=1&amp;c=2#d\" rel=\"x\">e</a>"),
                     "https://example.org/a?b=1&c=2");
    ck_assert_str_eq(
        link_in(arena_printf(ctx->arena, "<a href=\"%s/x\">own</a><a href=\"https://b.org\">b</a>",
                             ctx->env->config->base_url)),
        "https://b.org/");
    ck_assert_str_eq(
        link_in("<a href=\"https://sub.never.example/x\">n</a><a href=\"https://notnever.example/\">b</a>"),
        "https://notnever.example/");
    ck_assert_ptr_null(link_in("<a href=\"https://never.example/x\">n</a>"));
}
END_TEST

/* ---- What happens to the post meanwhile */

START_TEST(an_edit_changes_the_card_or_takes_it_away) {
    const char *name = fresh(), *other = fresh();
    int64_t id;

    page(name, page_html);
    page(other, "<title>Other</title>");
    id = post_link(at(name), PUBLIC);
    work();
    edit(id, arena_printf(ctx->arena, "Now %s", at(other)));
    work();
    ck_assert_str_eq(card_of(id)->title, "Other");
    edit(id, "no link any more");
    work();
    ck_assert_ptr_null(card_of(id));
    ck_assert_int_eq(
        number(arena_printf(ctx->arena, "SELECT count(*) FROM media.card_posts WHERE post_id = %lld",
                            (long long)id)),
        0);
}
END_TEST

START_TEST(a_deleted_post_needs_no_card) {
    const char *name = fresh();
    int64_t id, wait_ms;

    page(name, page_html);
    id = post_link(at(name), PUBLIC);
    fixture_as(ctx, 0);
    fixture_events(ctx);
    del(ann, id);
    run_timer(); /* the page was noted, the deletion was not heard of yet */
    work();
    ck_assert_int_eq(
        number(arena_printf(ctx->arena, "SELECT count(*) FROM media.card_posts WHERE post_id = %lld",
                            (long long)id)),
        0);
    ck_assert_int_eq(number(arena_printf(
                         ctx->arena, "SELECT count(*) FROM posts.posts WHERE id = %lld AND card IS NOT NULL",
                         (long long)id)),
                     0);
    as_admin("UPDATE media.cards SET used_at = now() - interval '8 days', due_at = NULL");
    as_admin("DELETE FROM media.card_posts");
    expect_ok(ctx, media_cards_tidy_run(ctx, &wait_ms));
    ck_assert_int_eq(number("SELECT count(*) FROM media.cards"), 0);
}
END_TEST

START_TEST(events_that_come_again_change_nothing) {
    const char *name = fresh();
    int64_t id, revision;

    page(name, page_html);
    id = post_link(at(name), PUBLIC);
    work();
    revision = see(ann, id)->post->revision;
    expect_ok(ctx, media_store_card_link(ctx, id, ann, at(name)));
    work();
    ck_assert_int_eq(see(ann, id)->post->revision, revision);
    ck_assert_int_eq(web_asked(&web, name), 1);
}
END_TEST

/* ---- Several workers */

START_TEST(two_workers_ask_once) {
    const char *names[8];
    pid_t pids[3];

    for (int i = 0; i < 8; i++) {
        names[i] = fresh();
        page(names[i], page_html);
        post_link(at(names[i]), PUBLIC);
    }
    fixture_as(ctx, 0);
    fixture_events(ctx);
    fflush(NULL);
    for (int i = 0; i < 3; i++)
        if ((pids[i] = fork()) == 0) {
            ctx = fixture_ctx();
            run_timer();
            _exit(0);
        }
    for (int i = 0; i < 3; i++) {
        int status;

        ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
        ck_assert_int_eq(status, 0);
    }
    for (int i = 0; i < 8; i++)
        ck_assert_msg(
            web_asked(&web, names[i]) == 1, "%s was asked %d times: %s", names[i], web_asked(&web, names[i]),
            as_admin("SELECT string_agg(concat_ws(' ', url, attempts, due_at - now(), error), '; ') "
                     "FROM media.cards WHERE attempts > 0 OR due_at IS NOT NULL"));
}
END_TEST

START_TEST(a_worker_that_died_is_taken_over) {
    const char *name = fresh();
    struct card_job *job;
    bool taken;
    int64_t id;

    page(name, page_html);
    id = post_link(at(name), PUBLIC);
    fixture_as(ctx, 0);
    fixture_events(ctx);
    expect_ok(ctx, media_store_card_take(ctx, 77, &job)); /* … and is not heard of again */
    ck_assert_ptr_nonnull(job);
    run_timer();
    ck_assert_int_eq(web_asked(&web, name), 0);
    as_admin("UPDATE media.cards SET lease_until = now() - interval '1 second' WHERE lease = 77");
    work();
    ck_assert_ptr_nonnull(card_of(id));
    expect_ok(ctx, media_store_card_found(ctx, job, NULL, "", 0, "late", &taken));
    ck_assert(!taken);
    work();
    ck_assert_ptr_nonnull(card_of(id));
}
END_TEST

/* ---- Members by turns */

static const char *named(const char *host, const char *name) {
    return arena_printf(ctx->arena, "http://%s:%d/%s", host, web.port, name);
}

static int64_t post_of(int64_t who, const char *url) {
    return post(who, arena_printf(ctx->arena, "Look at %s", url), PUBLIC, 0);
}

/* Waits, by the timer's turns, until there is a card of that post. */
static void run_until_card(int64_t id) {
    int64_t wait_ms;

    fixture_as(ctx, 0);
    for (int i = 0; card_of(id) == NULL; i++) {
        ck_assert_int_lt(i, 1000);
        fixture_as(ctx, 0);
        expect_ok(ctx, media_cards_run(ctx, &wait_ms));
        fixture_events(ctx);
    }
}

static long long looked_at(void) {
    return number("SELECT count(*) FROM media.cards WHERE lease_until > now() AND url LIKE '%/drip'");
}

/* Ten pages that come a byte at a time: none of them has come to its end when another member's is there, and
 * no more of them than a member's share are looked at at once. */
START_TEST(many_slow_pages_of_one_member_hold_up_no_others) {
    const char *name = fresh();
    int64_t id, wait_ms;

    page(name, page_html);
    for (int i = 0; i < 10; i++)
        post_of(ann, named(arena_printf(ctx->arena, "slow%d.example", i), "drip"));
    fixture_as(ctx, 0);
    fixture_events(ctx);
    while (looked_at() < CARDS_OF_MEMBER) /* the first of them are under way */
        expect_ok(ctx, media_cards_run(ctx, &wait_ms));
    id = post_of(ben, at(name));
    fixture_as(ctx, 0);
    fixture_events(ctx);
    run_until_card(id);
    ck_assert_int_eq(looked_at(), CARDS_OF_MEMBER);
    ck_assert_int_eq(number("SELECT count(*) FROM media.cards WHERE url LIKE '%/drip' AND (attempts > 1 OR "
                            "fetched_at IS NOT NULL OR error <> '')"),
                     0);
    media_cards_finish(ctx);
    ck_assert_int_eq(looked_at(), 0); /* given back: the next process begins them anew */
    ck_assert_int_eq(number("SELECT count(*) FROM media.cards WHERE url LIKE '%/drip' AND due_at IS NULL"),
                     0);
    as_admin("DELETE FROM media.card_posts");
    as_admin("DELETE FROM media.cards");
}
END_TEST

static const char *next_url(void) {
    struct card_job *job;
    int64_t lease = id_next();

    expect_ok(ctx, media_store_card_take(ctx, lease, &job));
    return job != NULL ? job->url : NULL;
}

/* Hosts that are looked at by others, and members who have enough under way, are passed over. */
START_TEST(turns_are_by_member_and_host) {
    as_admin("DELETE FROM media.card_posts");
    as_admin("DELETE FROM media.cards");
    fixture_as(ctx, 0);
    for (int i = 0; i < 5; i++)
        expect_ok(ctx, media_store_card_link(ctx, 100 + i, ann,
                                             arena_printf(ctx->arena, "https://a%d.example/", i)));
    for (int i = 0; i < 4; i++)
        expect_ok(ctx, media_store_card_link(ctx, 200 + i, ben,
                                             arena_printf(ctx->arena, "https://www.b.example/%d", i)));
    ck_assert_str_eq(next_url(), "https://a0.example/");
    ck_assert_str_eq(next_url(),
                     "https://www.b.example/0"); /* the second one's first before the first one's second */
    ck_assert_str_eq(next_url(), "https://a1.example/");
    ck_assert_str_eq(next_url(), "https://www.b.example/1");
    ck_assert_str_eq(next_url(), "https://a2.example/");
    ck_assert_ptr_null(next_url()); /* that is enough of one, and of the other's host */
    expect_ok(ctx, media_store_card_link(ctx, 204, ben, "https://c.example/"));
    ck_assert_str_eq(next_url(), "https://c.example/");
    expect_ok(ctx,
              media_store_card_link(ctx, 300, eve, "https://a4.example/")); /* the last of the first one's */
    ck_assert_str_eq(next_url(), "https://a4.example/");
    ck_assert_ptr_null(next_url());
    as_admin(
        "UPDATE media.cards SET lease_until = now() - interval '1 second' WHERE url = 'https://a0.example/'");
    ck_assert_ptr_nonnull(next_url());
    ck_assert_ptr_null(next_url());
    as_admin("DELETE FROM media.card_posts");
    as_admin("DELETE FROM media.cards");
}
END_TEST

/* ---- The picture */

/* A medium as the media service tells of it, without its worker. */
static void tell_ready(int64_t medium) {
    Pb__MediaFile small = PB__MEDIA_FILE__INIT, *files[] = {&small};
    Pb__MediaView v = PB__MEDIA_VIEW__INIT;
    Pb__MediaChanged e = PB__MEDIA_CHANGED__INIT;
    unsigned char body[2000];
    struct event event = {.id = 1, .topic = "media.v1", .type = "media.ready", .key = medium, .body = body};

    small.name = "small";
    small.key = "0123456789012345678901234567890123456789012345678901234567890123.webp";
    small.width = 640;
    small.height = 360;
    v.id = medium;
    v.state = PB__MEDIA_STATE__MEDIA_READY;
    v.is_public = true;
    v.files = files;
    v.n_files = 1;
    e.media = &v;
    event.n = pb__media_changed__pack(&e, body);
    expect_ok(ctx, media_card_media_events(ctx, &event, 1));
}

START_TEST(a_picture_comes_when_it_is_ready) {
    const char *name = fresh();
    int64_t id;

    page(name, page_html);
    id = post_link(at(name), PUBLIC);
    work();
    as_admin(arena_printf(ctx->arena, "UPDATE media.cards SET image_id = 4711 WHERE url = '%s'", at(name)));
    tell_ready(4711);
    work();
    ck_assert_ptr_nonnull(card_of(id)->image);
    ck_assert_str_eq(card_of(id)->image->files[0]->name, "small");
    tell_ready(4711);
    tell_ready(4712); /* of no card */
    work();
    ck_assert_ptr_nonnull(card_of(id)->image);
}
END_TEST

/* A picture of one pixel. */
static const unsigned char png[] = {
    0x89, 'P',  'N',  'G',  '\r', '\n', 0x1a, '\n', 0,    0,    0,    13,   'I',  'H',  'D',  'R', 0, 0,
    0,    1,    0,    0,    0,    1,    8,    6,    0,    0,    0,    0x1f, 0x15, 0xc4, 0x89, 0,   0, 0,
    13,   'I',  'D',  'A',  'T',  0x78, 0x9c, 0x63, 0xf8, 0xcf, 0xc0, 0xf0, 0x1f, 0,    5,    0,   1, 0xff,
    0x89, 0x99, 0x3d, 0x1d, 0,    0,    0,    0,    'I',  'E',  'N',  'D',  0xae, 0x42, 0x60, 0x82};

static int64_t medium_of(const char *name) {
    return number(
        arena_printf(ctx->arena, "SELECT coalesce(image_id, 0) FROM media.cards WHERE url = '%s'", at(name)));
}

START_TEST(a_picture_becomes_a_medium_of_the_cards_own) {
    const char *name = fresh(), *picture = fresh();
    int64_t id, medium;

    page(name, arena_printf(ctx->arena, "<title>t</title><meta property=og:image content='/%s'>", picture));
    web_page(&web, picture, "image/png", "", (const char *)png, sizeof png);
    id = post_link(at(name), PUBLIC);
    work();
    medium = medium_of(name);
    ck_assert_int_ne(medium, 0);
    ck_assert_int_eq(
        number(arena_printf(ctx->arena,
                            "SELECT count(*) FROM media.items i JOIN media.cards c ON c.image_id = i.id "
                            "WHERE i.id = %lld AND i.owner_id = 0 AND i.purpose = 'card' "
                            "AND i.target_kind = 'card' AND i.target_id = c.id AND i.public",
                            (long long)medium)),
        1);
    ck_assert_ptr_null(card_of(id)->image); /* not ready */
    tell_ready(medium);
    work();
    ck_assert_ptr_nonnull(card_of(id)->image);
    as_admin("UPDATE media.cards SET fetched_at = fetched_at - interval '25 hours'");
    post_link(at(name), PUBLIC);
    work();
    ck_assert_int_eq(web_asked(&web, picture), 1); /* the same address: the same picture */
    ck_assert_int_eq(medium_of(name), medium);
}
END_TEST

START_TEST(a_picture_that_is_none_is_left_out) {
    const char *name = fresh(), *picture = fresh(), *away = fresh();
    int64_t id, far;

    page(name, arena_printf(ctx->arena, "<title>t</title><meta property=og:image content='/%s'>", picture));
    web_page(&web, picture, "image/png", "", "<script>alert(1)</script>", 25);
    page(away, "<title>t</title><meta property=og:image content='http://127.0.0.1:1/x.png'>");
    id = post_link(at(name), PUBLIC);
    far = post_link(at(away), PUBLIC);
    work();
    ck_assert_str_eq(card_of(id)->title, "t");
    ck_assert_str_eq(card_of(far)->title, "t");
    ck_assert_int_eq(medium_of(name), 0);
    ck_assert_int_eq(medium_of(away), 0);
    ck_assert_int_eq(number("SELECT count(*) FROM media.items WHERE target_id IS NULL AND purpose = 'card'"),
                     0);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {a_post_gets_the_card_of_its_page,
                                  a_page_is_asked_once_a_day,
                                  nothing_is_remembered_too,
                                  what_may_pass_is_tried_again,
                                  what_stays_broken_is_given_up,
                                  only_posts_for_everybody_are_looked_at,
                                  the_first_link_of_another_site,
                                  an_edit_changes_the_card_or_takes_it_away,
                                  a_deleted_post_needs_no_card,
                                  events_that_come_again_change_nothing,
                                  two_workers_ask_once,
                                  many_slow_pages_of_one_member_hold_up_no_others,
                                  turns_are_by_member_and_host,
                                  a_worker_that_died_is_taken_over,
                                  a_picture_comes_when_it_is_ready,
                                  a_picture_becomes_a_medium_of_the_cards_own,
                                  a_picture_that_is_none_is_left_out};
    Suite *s = suite_create("cards");
    TCase *t = tcase_create("cards");
    char spool[300];

    fetch_look_up = here;
    setenv("DEEPLINK_LINK_CARDS_NEVER", "never.example, other.example", 1);
    setenv("DEEPLINK_BASE_URL", "https://social.example.org", 1);
    snprintf(spool, sizeof spool, "%s/spool", server_of("TEST_DIR"));
    mkdir(spool, 0700);
    setenv("DEEPLINK_MEDIA_SPOOL", spool, 0);
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, set_up_cards, NULL);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(t, tests[i]);
    suite_add_tcase(s, t);
    return web_main(&web, s);
}
