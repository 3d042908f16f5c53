/* Markdown to HTML: what is kept, what is linked, and that nothing of what is typed becomes markup of its
 * own. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fcgi/base/buf.h"
#include "handlers/common/entities.h"
#include "handlers/common/markdown.h"

#include <check.h> /* last: it makes a macro of fail() */

static struct ctx ctx;

static void set_up(void) {
    memset(&ctx, 0, sizeof ctx);
    ctx.arena = arena_new((size_t)64 << 20);
    ctx.request_id = "test";
}

static void tear_down(void) { arena_free(ctx.arena); }

static unsigned asked; /* how many handles were looked up */

/* Everybody exists whose handle begins with 'a', and writes it in capitals. */
static enum code resolve(struct ctx *c, const char *const *handles, size_t n, struct text_mention *ret) {
    asked += (unsigned)n;
    for (size_t i = 0; i < n; i++) {
        char *handle = arena_strdup(c->arena, handles[i]);

        if (handle[0] != 'a' && handle[0] != 'A')
            continue;
        for (char *p = handle; *p != '\0'; p++)
            if (*p >= 'a' && *p <= 'z')
                *p = (char)(*p - 'a' + 'A');
        ret[i] = (struct text_mention){(int64_t)i + 1, handle};
    }
    return OK;
}

static struct text_result rendered(const char *src) {
    struct text_result r;

    asked = 0;
    ck_assert_int_eq(text_render_with(&ctx, src, resolve, &r), OK);
    return r;
}

struct pair {
    const char *src, *html;
};

static void check_pairs(const struct pair *pairs, size_t n) {
    for (size_t i = 0; i < n; i++)
        ck_assert_str_eq(rendered(pairs[i].src).html.p, pairs[i].html);
}

#define CHECK(pairs) check_pairs((pairs), sizeof(pairs) / sizeof *(pairs))
#define REL " rel=\"nofollow noopener ugc\""
#define TAG(folded, shown) "<a class=\"tag\" href=\"/tags/" folded "\">#" shown "</a>"
#define WHO(handle) "<a class=\"mention\" href=\"/@" handle "\">@" handle "</a>"
#define URL(href, shown) "<a href=\"" href "\"" REL ">" shown "</a>"

START_TEST(markdown) {
    static const struct pair pairs[] = {
        {"", ""},
        {"one\ntwo\n\nthree", "<p>one<br>two</p><p>three</p>"},
        {"two spaces  \nbreak", "<p>two spaces<br>break</p>"},
        {"*a* **b** `c<d`", "<p><em>a</em> <strong>b</strong> <code>c&lt;d</code></p>"},
        {"# Title\ntext", "<p><strong>Title</strong></p><p>text</p>"},
        {"> quote", "<blockquote><p>quote</p></blockquote>"},
        {"- a\n- b\n  - c", "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>"},
        {"3. c\n4. d", "<ol start=\"3\"><li>c</li><li>d</li></ol>"},
        {"1. c\n\n2. d", "<ol><li><p>c</p></li><li><p>d</p></li></ol>"},
        {"```js\nlet a = \"<b>\";\n```", "<pre><code>let a = &quot;&lt;b&gt;&quot;;\n</code></pre>"},
        {"***", "<hr>"},
        {"[x](https://example.org/a?b=1&c=2)", "<p>" URL("https://example.org/a?b=1&amp;c=2", "x") "</p>"},
        {"<https://example.org>", "<p>" URL("https://example.org", "https://example.org") "</p>"},
        {"[m](mailto:ada@example.org)", "<p>" URL("mailto:ada@example.org", "m") "</p>"},
        {"![a cat](https://example.org/cat.png)", "<p>" URL("https://example.org/cat.png", "a cat") "</p>"},
        {"![](https://example.org/cat.png)",
         "<p>" URL("https://example.org/cat.png", "https://example.org/cat.png") "</p>"},
        {"[a ![b](https://b.org) c](https://a.org)", "<p>" URL("https://a.org", "a b c") "</p>"},
        {"![a [b](https://b.org) c](https://a.org)", "<p>" URL("https://a.org", "a b c") "</p>"},
    };
    CHECK(pairs);
}
END_TEST

START_TEST(nothing_typed_is_markup) {
    static const struct pair pairs[] = {
        {"<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"},
        {"a <b onclick=x>c</b>", "<p>a &lt;b onclick=x&gt;c&lt;/b&gt;</p>"},
        {"<!-- x -->\n<div\nclass=y>", "<p>&lt;!-- x --&gt;</p><p>&lt;div<br>class=y&gt;</p>"},
        {"[x](javascript:alert(1))", "<p>x</p>"},
        {"[x](JaVaScRiPt:alert(1))", "<p>x</p>"},
        {"[x](data:text/html,<script>)", "<p>x</p>"},
        {"[x](vbscript:x)", "<p>x</p>"},
        {"[x](//evil.example)", "<p>x</p>"},
        {"[x](/logout)", "<p>x</p>"},
        {"[x](&#106;avascript:alert(1))", "<p>x</p>"},
        {"[x](java\nscript:alert(1))", "<p>[x](java<br>script:alert(1))</p>"},
        {"<javascript:alert(1)>", "<p>javascript:alert(1)</p>"},
        {"[x](https://user:pass@example.org)", "<p>x</p>"},
        {"[x](mailto:a@b.org\"onmouseover=alert(1))", "<p>x</p>"},
        {"[x](https://example.org/\"onmouseover=alert(1))", "<p>x</p>"},
        {"[x](<https://example.org/a b>)", "<p>x</p>"},
        {"[x](https://example.org \"ti\\\"tle\")", "<p>" URL("https://example.org", "x") "</p>"},
        {"![x](javascript:alert(1))", "<p>x</p>"},
        {"&lt;img src=x onerror=alert(1)&gt;", "<p>&lt;img src=x onerror=alert(1)&gt;</p>"},
        {"`</code><script>`", "<p><code>&lt;/code&gt;&lt;script&gt;</code></p>"},
        {"```\"><script>\nx\n```", "<pre><code>x\n</code></pre>"},
        {"#<script>", "<p>#&lt;script&gt;</p>"},
        {"https://example.org/<script>",
         "<p>" URL("https://example.org/", "example.org/") "&lt;script&gt;</p>"},
        {"https://example.org/'x", "<p>" URL("https://example.org/&#39;x", "example.org/&#39;x") "</p>"},
        {"[a]: javascript:alert(1)\n\n[a]", "<p>a</p>"},
    };
    CHECK(pairs);
}
END_TEST

START_TEST(entities) {
    static const struct pair pairs[] = {
        {"@ada", "<p>" WHO("ADA") "</p>"},
        {"(@ada, @Ada_2!) @bob", "<p>(" WHO("ADA") ", " WHO("ADA_2") "!) @bob</p>"},
        {"a@ada.org x@ada /@ada @@ada @ada@host.org @ada/core",
         "<p>a@ada.org x@ada /@ada @@ada @ada@host.org @ada/core</p>"},
        {"@1a @_a @aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "<p>@1a @_a @aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa</p>"},
        {"@a_b_c", "<p>" WHO("A_B_C") "</p>"},
        {"\u00e9@ada \u201c@ada\u201d", "<p>\u00e9@ada \u201c" WHO("ADA") "\u201d</p>"},
        {"`@ada` [@ada](https://a.org)", "<p><code>@ada</code> " URL("https://a.org", "@ada") "</p>"},
        {"#tea #T_2 #2026 #1st",
         "<p>" TAG("tea", "tea") " " TAG("t_2", "T_2") " #2026 " TAG("1st", "1st") "</p>"},
        {"#\u041f\u0440\u0438\u0432\u0435\u0442!",
         "<p>" TAG("%D0%BF%D1%80%D0%B8%D0%B2%D0%B5%D1%82", "\u041f\u0440\u0438\u0432\u0435\u0442") "!</p>"},
        {"#\u65e5\u672c\u8a9e\u3001x",
         "<p>" TAG("%E6%97%A5%E6%9C%AC%E8%AA%9E", "\u65e5\u672c\u8a9e") "\u3001x</p>"},
        {"a#b ##c &#d /#e #", "<p>a#b ##c &amp;#d /#e #</p>"},
        {"`#code`", "<p><code>#code</code></p>"},
        {"see https://example.org/a_(b)_c, or (https://example.org).",
         "<p>see " URL("https://example.org/a_(b)_c",
                       "example.org/a_(b)_c") ", or (" URL("https://example.org", "example.org") ").</p>"},
        {"HTTP://EXAMPLE.org/?a=1&b=2#c",
         "<p>" URL("HTTP://EXAMPLE.org/?a=1&amp;b=2#c", "EXAMPLE.org/?a=1&amp;b=2#c") "</p>"},
        {"xhttps://example.org ftp://example.org https://",
         "<p>xhttps://example.org ftp://example.org https://</p>"},
        {"https://example.org/0123456789012345678901234567890123456789",
         "<p>" URL("https://example.org/0123456789012345678901234567890123456789",
                   "example.org/012345678901234567890123456789012345\u2026") "</p>"},
        {"https://example.org/\u00fc", "<p>" URL("https://example.org/%C3%BC", "example.org/\u00fc") "</p>"},
    };
    CHECK(pairs);
}
END_TEST

START_TEST(what_is_found) {
    struct text_result r = rendered("@ada @ADA @bob #Tea #tea #\uff34\uff25\uff21 #b `@abc #no`\n\n> @ann");

    ck_assert_uint_eq(asked, 3);
    ck_assert_uint_eq(r.n_mentions, 2);
    ck_assert_str_eq(r.mentions[0].handle, "ADA");
    ck_assert_str_eq(r.mentions[1].handle, "ANN");
    ck_assert_uint_eq(r.n_tags, 2);
    ck_assert_str_eq(r.tags[0], "Tea");
    ck_assert_str_eq(r.folded[0], "tea");
    ck_assert_str_eq(r.folded[1], "b");
}
END_TEST

START_TEST(excerpts) {
    char *many = arena_alloc(ctx.arena, 1001);
    struct text_result r;

    ck_assert_str_eq(rendered("# A\n\nb *c*\nd `e` [f](https://f.org)\n\n- g\n- h\n\n```\ni\n```").excerpt,
                     "A b c d e f g h i");
    memset(many, 'x', 1000);
    many[1000] = '\0';
    r = rendered(many);
    ck_assert_uint_eq(strlen(r.excerpt), TEXT_EXCERPT_MAX + 3);
    ck_assert_str_eq(r.excerpt + TEXT_EXCERPT_MAX, "\u2026");
    ck_assert_str_eq(rendered("").excerpt, "");
}
END_TEST

static char *repeated(const char *what, size_t bytes) {
    size_t n = strlen(what), times = bytes / n;
    char *s = arena_alloc(ctx.arena, times * n + 1);

    for (size_t i = 0; i < times; i++)
        memcpy(s + i * n, what, n);
    s[times * n] = '\0';
    return s;
}

/* Counts how deep elements stand in each other. */
static int depth_of(const char *html) {
    int depth = 0, deepest = 0;

    for (const char *p = html; (p = strchr(p, '<')) != NULL; p++) {
        if (p[1] == '/')
            depth--;
        else if (strncmp(p, "<br>", 4) != 0 && strncmp(p, "<hr>", 4) != 0 && ++depth > deepest)
            deepest = depth;
    }
    ck_assert_int_eq(depth, 0);
    return deepest;
}

START_TEST(depth_is_capped) {
    static const char *const nests[] = {">",  "> ", "- ", "1. ", "*_", "**a ", "[",
                                        "![", "<",  "`",  "\\",  "&",  "- > "};

    for (size_t i = 0; i < sizeof nests / sizeof *nests; i++) {
        struct text_result r = rendered(arena_printf(ctx.arena, "%sx", repeated(nests[i], 5000)));

        ck_assert_int_le(depth_of(r.html.p), 60);
    }
}
END_TEST

START_TEST(sizes_are_capped) {
    struct text_result r;
    struct buf b;

    ck_assert_int_eq(text_render_with(&ctx, repeated("x", TEXT_SOURCE_MAX + 1), resolve, &r), INVALID);
    ctx.error = (struct error){0};
    ck_assert_int_eq(text_render_with(&ctx, repeated("http://a.b/ ", TEXT_SOURCE_MAX), resolve, &r), INVALID);
    ctx.error = (struct error){0};
    r = rendered(repeated("@a1 ", 4000));
    ck_assert_uint_eq(r.n_mentions, 1);
    buf_init(&b, ctx.arena, 20000);
    for (int i = 0; i < 100; i++)
        buf_printf(&b, "@a%d #t%d ", i, i);
    r = rendered(buf_str(&b));
    ck_assert_uint_eq(asked, TEXT_MENTIONS_MAX);
    ck_assert_uint_eq(r.n_mentions, TEXT_MENTIONS_MAX);
    ck_assert_uint_eq(r.n_tags, TEXT_TAGS_MAX);
}
END_TEST

static double seconds(void) {
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Twenty thousand letters of anything take a fraction of a second. */
START_TEST(no_input_is_slow) {
    static const char *const shapes[] = {"*a_ ",     "[a](",      "![[]()",      "<!--",     "`a``",
                                         "a**b",     "_a __b",    "\n> - a",     "&amp;",    "@a",
                                         "#a\u3001", "http://((", "http://a.b*", "[a]: b\n", "<a ",
                                         "\\[",      "***",       "|a|\n",       "~~~\n",    "]("};

    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const char *src = repeated(shapes[i], 20000);
        double start = seconds();
        struct text_result r;

        text_render_with(&ctx, src, resolve, &r);
        ck_assert_msg(seconds() - start < 1.0, "%s took %.2f s", shapes[i], seconds() - start);
        ctx.error = (struct error){0};
        arena_reset(ctx.arena);
    }
}
END_TEST

START_TEST(tags_by_name) {
    ck_assert(entity_is_tag("tea"));
    ck_assert(entity_is_tag("\u65e5\u672c"));
    ck_assert(!entity_is_tag(""));
    ck_assert(!entity_is_tag("2026"));
    ck_assert(!entity_is_tag("a b"));
    ck_assert(!entity_is_tag("a/b"));
    ck_assert(!entity_is_tag("\xff"));
}
END_TEST

int main(void) {
    Suite *s = suite_create("markdown");
    TCase *t = tcase_create("markdown");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, markdown);
    tcase_add_test(t, nothing_typed_is_markup);
    tcase_add_test(t, entities);
    tcase_add_test(t, what_is_found);
    tcase_add_test(t, excerpts);
    tcase_add_test(t, depth_is_capped);
    tcase_add_test(t, sizes_are_capped);
    tcase_add_test(t, no_input_is_slow);
    tcase_add_test(t, tags_by_name);
    suite_add_tcase(s, t);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
