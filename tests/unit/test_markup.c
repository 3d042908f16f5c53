/* What pages say of themselves, in whatever letters, and pages that are made to do harm. */
#include <check.h>
#undef fail
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/text.h"
#include "fcgi/ctx.h"
#include "fcgi/drivers/markup.h"

static struct ctx ctx;

static void setup(void) {
    static char path[4096];

    snprintf(path, sizeof path, "%s/deeplink-markup", getenv("TEST_BUILD"));
    markup_program = path;
    ctx = (struct ctx){.arena = arena_new((size_t)64 << 20), .request_id = "", .ip = ""};
}
static void teardown(void) { arena_free(ctx.arena); }

static struct markup read_as(const char *html, const char *charset) {
    struct markup m;

    fail_clear(&ctx);
    ck_assert_msg(markup_read(&ctx, html, strlen(html), charset, &m) == OK, "%s: %s", html, ctx.error.detail);
    return m;
}

static struct markup read_page(const char *html) { return read_as(html, ""); }

START_TEST(the_best_source_wins) {
    struct markup m = read_page(
        "<!doctype html><html lang='de-AT'><head><title>Plain</title>"
        "<script type='application/ld+json'>{\"@type\":[\"Article\"],\"headline\":\"LD\",\"description\":\"ld text\","
        "\"author\":[{\"name\":\"Ann\"}],\"publisher\":{\"name\":\"The Paper\"},\"image\":{\"url\":\"/ld.jpg\"}}</script>"
        "<meta name=twitter:title content=Tw><meta property=og:title content='Open &amp; Graph'>"
        "<meta name=description content=Meta><meta property='og:image' content='//cdn.example.org/a.png'>"
        "<meta property=og:image:alt content='A cat'><meta property=og:locale content=en_US>"
        "<base href='/sub/'></head><body><svg><title>No</title></svg>");

    ck_assert_str_eq(m.title, "Open & Graph");
    ck_assert_str_eq(m.description, "ld text");
    ck_assert_str_eq(m.author, "Ann");
    ck_assert_str_eq(m.site_name, "The Paper");
    ck_assert_str_eq(m.image, "//cdn.example.org/a.png");
    ck_assert_str_eq(m.image_words, "A cat");
    ck_assert_str_eq(m.language, "de-AT");
    ck_assert_str_eq(m.base, "/sub/");
    ck_assert(!m.no_snippet && !m.no_image);
}
END_TEST

START_TEST(less_is_enough) {
    struct markup m = read_page("<title>\n Just\ta   title </title>");

    ck_assert_str_eq(m.title, "Just a title");
    ck_assert_str_eq(m.description, "");
    m = read_page("<svg><title>No</title></svg><p>text");
    ck_assert_str_eq(m.title, "");
    m = read_page(
        "<link rel='shortcut image_src' href=/i.jpg><meta name=robots content='noindex, NoSnippet'>");
    ck_assert_str_eq(m.image, "/i.jpg");
    ck_assert(m.no_snippet && m.no_image);
}
END_TEST

START_TEST(letters_of_other_charsets) {
    static const struct {
        const char *html, *charset, *title;
    } rows[] = {
        {"<title>gr\xc3\xbc\xc3\x9f</title>", "", "grüß"},
        {"<title>gr\xfc\xdf</title>", "", "grüß"},
        {"<title>gr\xfc\xdf \x80</title>", "ISO-8859-1", "grüß €"},
        {"<meta charset=Shift_JIS><title>\x93\xfa\x96\x7b</title>", "", "日本"},
        {"<meta http-equiv=content-type content='text/html; charset=koi8-r'><title>\xcd\xc9\xd2</title>", "",
         "мир"},
        {"<title>\xcd\xc9\xd2</title>", "KOI8-R", "мир"},
        {"<meta charset=utf-8><title>\xe9</title>", "iso-8859-1", "é"}, /* the header counts more */
        {"\xef\xbb\xbf<title>\xc3\xa9</title>", "iso-8859-1", "é"},     /* and a mark in the page most */
        {"<meta charset=utf-16><title>\xc3\xa9</title>", "", "é"},
        {"<title>\xc3\xa9</title>", "no-such-charset", "é"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ck_assert_str_eq(read_as(rows[i].html, rows[i].charset).title, rows[i].title);
}
END_TEST

/* What is said of the letters and what they are need not agree: something is shown, and it is valid. */
START_TEST(charsets_that_lie) {
    static const char *const charsets[] = {"utf-8",  "utf-16", "utf-32",           "utf-7",    "shift_jis",
                                           "ebcdic", "koi8-r", "../../etc/passwd", "x//TRANS", "iso-2022-jp"};
    static const char *const pages[] = {"<title>gr\xfc\xdf \xff\xfe</title>",
                                        "<title>\xc3\x28 \xa0\xa1</title>",
                                        "<meta charset=utf-8><title>\x93\xfa\x96\x7b \x1b$B</title>"};

    for (size_t i = 0; i < sizeof charsets / sizeof *charsets; i++)
        for (size_t k = 0; k < sizeof pages / sizeof *pages; k++) {
            const char *title = read_as(pages[k], charsets[i]).title;

            ck_assert_msg(text_utf8_valid(title, strlen(title)), "%s as %s", pages[k], charsets[i]);
        }
    ck_assert_str_eq(read_as("<title>t\xc3\xa9</title>", "../../etc/passwd").title, "té");
}
END_TEST

START_TEST(nuls_and_marks_of_direction) {
    static const char html[] = "<title>a\0b</title><meta property=og:title content='one\0two'>"
                               "<meta name=description content='\xe2\x81\xa6x\xe2\x80\xae"
                               "fdp.exe\xe2\x80\xac&#x202e;&#8238;y'>"
                               "<meta name=author content='&#0;Ann&#x0;'>";
    struct markup m;

    fail_clear(&ctx);
    ck_assert_int_eq(markup_read(&ctx, html, sizeof html - 1, "utf-8", &m), OK);
    ck_assert_str_eq(m.description, "xfdp.exey"); /* written as it is read */
    ck_assert_str_eq(m.title, "one two");
    ck_assert_str_eq(read_as("<title>t</title>", "utf-16").title, "");
    ck_assert_ptr_null(strstr(m.author, "&#"));
    ck_assert(text_utf8_valid(m.title, strlen(m.title)) && text_utf8_valid(m.author, strlen(m.author)));
}
END_TEST

/* The parser has no file and no socket, and a program that is none is said to be so. */
START_TEST(the_program_locks_itself_in) {
    static const char *no_program = "/nonexistent/deeplink-markup";
    const char *before = markup_program;
    unsigned holds = 0;
    struct markup m;

    ck_assert_int_eq(sandbox_ask(&ctx, markup_program, &holds), OK);
    ck_assert_uint_eq(holds & SANDBOX_SECCOMP, SANDBOX_SECCOMP);
    markup_program = no_program;
    ck_assert_int_eq(markup_read(&ctx, "<title>t</title>", 16, "", &m), INVALID);
    markup_program = before;
}
END_TEST

START_TEST(texts_are_cleaned_and_cut) {
    struct buf b;
    struct markup m;

    buf_init(&b, ctx.arena, 1 << 20);
    buf_puts(&b, "<meta property=og:title content='\xe2\x80\xaexe\x01vil'><meta name=description content='");
    for (int i = 0; i < 3000; i++)
        buf_puts(&b, "ä");
    buf_puts(&b, "'><html lang='x y z'>");
    m = read_page(buf_str(&b));
    ck_assert_str_eq(m.title, "xevil");
    ck_assert_uint_lt(strlen(m.description), 900);
    ck_assert_str_eq(m.description + strlen(m.description) - 3, "…");
}
END_TEST

START_TEST(links_to_oneself) {
    struct markup m = read_page("<a rel='nofollow ME noopener' href='https://social.example.org/@ann'>x</a>"
                                "<link rel=me href=/b><a rel=meme href=/c><a href=/d rel=friend><a rel=me>");

    ck_assert_uint_eq(m.n_me, 2);
    ck_assert_str_eq(m.me[0], "https://social.example.org/@ann");
    ck_assert_str_eq(m.me[1], "/b");
}
END_TEST

/* Each is as large as what is read of a page; what comes of it does not matter, but it comes: after ten
 * seconds the child is ended, however busy the machine is. */
START_TEST(pages_made_to_do_harm) {
    static const char *const pieces[] = {"<a b",        "<div>",    "<b><i>", " a",
                                         "&amp",        "<!--",     "<meta ", "]]>",
                                         "<table><tr>", "<script>", "\xff",   "<a rel=me href=x>"};

    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct markup m;
        struct buf b;
        int64_t begun_us = clock_mono_us();

        buf_init(&b, ctx.arena, 2 << 20);
        buf_puts(&b, i == 3 ? "<a" : "<title>t</title>");
        for (int n = 0; b.n < 1000000; n++) {
            buf_puts(&b, pieces[i]);
            if (i == 3)
                buf_int(&b, n); /* ever more attributes */
        }
        (void)markup_read(&ctx, b.p, b.n, "", &m);
        fail_clear(&ctx);
        ck_assert_msg(clock_mono_us() - begun_us < 15000000, "%s", pieces[i]);
    }
}
END_TEST

START_TEST(nothing_outside_is_read) {
    struct markup m =
        read_page("<!DOCTYPE html [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><title>a&x;b</title>");

    ck_assert_ptr_null(strstr(m.title, "root"));
    m = read_page("");
    ck_assert_str_eq(m.title, "");
}
END_TEST

int main(void) {
    Suite *s = suite_create("markup");
    TCase *t = tcase_create("all");

    tcase_set_timeout(t, 90);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, the_best_source_wins);
    tcase_add_test(t, less_is_enough);
    tcase_add_test(t, letters_of_other_charsets);
    tcase_add_test(t, charsets_that_lie);
    tcase_add_test(t, nuls_and_marks_of_direction);
    tcase_add_test(t, the_program_locks_itself_in);
    tcase_add_test(t, texts_are_cleaned_and_cut);
    tcase_add_test(t, links_to_oneself);
    tcase_add_test(t, pages_made_to_do_harm);
    tcase_add_test(t, nothing_outside_is_read);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
