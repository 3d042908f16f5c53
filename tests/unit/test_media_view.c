/* Media as templates show them: sizes, colours, points of focus, what strangers get, and files in a form. */
#include "fcgi/config.h"
#include "fcgi/env.h"
#include "handlers/common/compose_media.h"
#include "handlers/common/media_view.h"

#include <check.h> /* below: its `fail` is a macro */
#include <stdlib.h>
#include <string.h>

static struct arena *arena;
static struct request req;
static struct page page;

static void set_up(void) {
    static struct config config;
    static struct env env = {.config = &config};

    arena = arena_new((size_t)1 << 20);
    req = (struct request){.ctx = {.arena = arena, .env = &env}};
    page = (struct page){.arena = arena, .req = &req};
}

static void tear_down(void) { arena_free(arena); }

static Pb__MediaView medium(int64_t id, bool is_public) {
    static Pb__MediaFile large = PB__MEDIA_FILE__INIT, small = PB__MEDIA_FILE__INIT;
    static Pb__MediaFile *files[] = {&large, &small};
    Pb__MediaView m = PB__MEDIA_VIEW__INIT;

    large.name = "large", large.key = "aa.webp", large.type = "image/webp", large.width = 2000,
    large.height = 1000, large.bytes = 123456;
    small.name = "small", small.key = "bb.webp", small.type = "image/webp", small.width = 640;
    m.id = id;
    m.kind = PB__MEDIA_KIND__MEDIA_IMAGE;
    m.state = PB__MEDIA_STATE__MEDIA_READY;
    m.is_public = is_public;
    m.files = files;
    m.n_files = 2;
    return m;
}

START_TEST(sizes) {
    ck_assert_str_eq(media_size(arena, 0), "0 kB");
    ck_assert_str_eq(media_size(arena, 1), "1 kB");
    ck_assert_str_eq(media_size(arena, 740123), "740 kB");
    ck_assert_str_eq(media_size(arena, 2400000), "2.4 MB");
    ck_assert_str_eq(media_size(arena, 999999999), "999 MB");
    ck_assert_str_eq(media_size(arena, INT64_C(5000000000)), "5 GB");
}
END_TEST

START_TEST(colours) {
    ck_assert_str_eq(media_colour(arena, "LEHV6nWB2yk8pyo0adR*.7kCMdnj"), "#979695");
    ck_assert_ptr_null(media_colour(arena, ""));
    ck_assert_ptr_null(media_colour(arena, "LEHV"));
    ck_assert_ptr_null(media_colour(arena, "LE\"V6nWB"));
}
END_TEST

START_TEST(a_picture) {
    Pb__MediaView m = medium(1, true), *all[] = {&m};
    const struct media_item *item;

    m.focus_x = 1;
    m.focus_y = -0.5;
    item = media_items(&page, all, 1)->items;
    ck_assert_int_eq(item->look, MEDIA_LOOK_PICTURE);
    ck_assert_str_eq(item->main.p, "/m/aa.webp");
    ck_assert_str_eq(item->sets.p, "/m/bb.webp 640w, /m/aa.webp 2000w");
    ck_assert_uint_eq(item->width, 2000);
    ck_assert_str_eq(item->focus, "fx10 fy8");
    ck_assert_str_eq(item->size, "123 kB");
    m.focus_x = m.focus_y = 0;
    ck_assert_str_eq(media_items(&page, all, 1)->items->focus, "");
    m.n_files = 0;
    ck_assert_int_eq(media_items(&page, all, 1)->items->look, MEDIA_LOOK_FAILED);
    m.state = PB__MEDIA_STATE__MEDIA_WAITING;
    ck_assert_int_eq(media_items(&page, all, 1)->items->look, MEDIA_LOOK_WAITING);
}
END_TEST

START_TEST(strangers_get_what_is_public) {
    Pb__MediaView open = medium(1, true), closed = medium(2, false), *all[] = {&closed, &open};
    Pb__PostView post = PB__POST_VIEW__INIT;
    const struct media_list *list;

    post.id = 7;
    post.media = all;
    post.n_media = 2;
    list = media_shown(&page, &post);
    ck_assert_uint_eq(list->n, 1);
    ck_assert_uint_eq(list->n_tiles, 1);
    ck_assert_str_eq(list->items[0].at, "/posts/7/media/2");
}
END_TEST

START_TEST(a_stamp_tells_changes) {
    Pb__MediaView a = medium(1, true), b = medium(2, true), *all[] = {&a, &b}, *turned[] = {&b, &a};
    Pb__PostView post = PB__POST_VIEW__INIT, other = PB__POST_VIEW__INIT;
    uint32_t stamp;

    ck_assert_uint_eq(media_stamp(&post), 0);
    post.media = all, other.media = turned;
    post.n_media = other.n_media = 2;
    stamp = media_stamp(&post);
    ck_assert_uint_ne(stamp, media_stamp(&other));
    b.version++;
    ck_assert_uint_ne(stamp, media_stamp(&post));
}
END_TEST

START_TEST(order) {
    struct compose_media m = {.n = 3, .ids = {1, 2, 3}, .words = {"a", "b", "c"}, .focus = {"", "", ""}};

    compose_media_move(&m, 1, -1);
    compose_media_move(&m, 3, 1);
    compose_media_move(&m, 9, 1);
    ck_assert_int_eq(m.ids[0], 1);
    ck_assert_int_eq(m.ids[2], 3);
    compose_media_move(&m, 3, -1);
    ck_assert_int_eq(m.ids[1], 3);
    ck_assert_str_eq(m.words[1], "c");
    compose_media_remove(&m, 1);
    ck_assert_uint_eq(m.n, 2);
    ck_assert_int_eq(m.ids[0], 3);
    ck_assert_str_eq(m.words[1], "b");
    compose_media_remove(&m, 9);
    ck_assert_uint_eq(m.n, 2);
}
END_TEST

START_TEST(focus) {
    static const char *const wrong[] = {"", "0.5", "0.5,", ",1", "0.5,2", "nan,0", "1,0 ", "x,y", "-1.01,0"};
    double x, y;

    ck_assert(compose_focus_read("-0.25,1", &x, &y));
    ck_assert_double_eq(x, -0.25);
    ck_assert_double_eq(y, 1);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_msg(!compose_focus_read(wrong[i], &x, &y), "%s", wrong[i]);
        ck_assert_double_eq(x, 0);
        ck_assert_double_eq(y, 0);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("media_view");
    TCase *t = tcase_create("all");

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, sizes);
    tcase_add_test(t, colours);
    tcase_add_test(t, a_picture);
    tcase_add_test(t, strangers_get_what_is_public);
    tcase_add_test(t, a_stamp_tells_changes);
    tcase_add_test(t, order);
    tcase_add_test(t, focus);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
