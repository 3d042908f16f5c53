/* Prints the sample templates, in every language of locale/, for test_template.c to compare with
 * expected.txt. */
#include <stdio.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"
#include "fcgi/i18n.h"
#include "gen/templates.h"
#include "handlers/common/page.h"
#include "view.h"

static const struct post posts[] = {
    {.id = 9007199254740993,
     .author = "A \"quoted\" <b>",
     .html = {"<p>raw & ready</p>", 18},
     .n_comments = 1},
    {.id = 2, .author = "Bo", .html = {"<p>two</p>", 10}, .n_comments = 5, .liked = true},
};
static const char *const tags[] = {"a&b", "c"};

const char *shout(const char *s) { return s != NULL ? "HEY" : NULL; }

static void print(const char *what, struct buf *out) {
    printf("== %s\n%s\n", what, buf_str(out));
    buf_free(out);
}

static void print_pages(void) {
    struct page page = {.lang = 0};
    struct view v = {.name = "Zoë <&\"'>",
                     .handle = "zoe",
                     .url = "javascript:alert(1)",
                     .profile = {"/@zoe?a=1&b=2"},
                     .posts = posts,
                     .n_posts = 2,
                     .tags = tags,
                     .n_tags = 2,
                     .big = UINT64_MAX,
                     .small = 200,
                     .negative = -7,
                     .mood = MOOD_LOUD,
                     .pinned = &posts[0]};
    struct buf out;
    buf_init(&out, NULL, 1 << 16);
    tpl_user_profile(&out, &page, &v);
    print("profile", &out);
    v.url = "https://example.org/?a=1&b=<";
    v.n_posts = 0;
    v.pinned = NULL;
    buf_init(&out, NULL, 1 << 16);
    tpl_user_profile(&out, &page, &v);
    print("profile without posts", &out);
    v.name = NULL;
    buf_init(&out, NULL, 1 << 16);
    tpl_user_account(&out, &page, &v);
    print("account without a name", &out);
    buf_init(&out, NULL, 1 << 16);
    tpl_user_tags(&out, &page, &v);
    print("tags", &out);
    v.n_tags = 0;
    buf_init(&out, NULL, 1 << 16);
    tpl_user_tags(&out, &page, &v);
    print("no tags", &out);
}

static void print_language(int lang) {
    static const int64_t counts[] = {0, 1, 2, 3, 5, 11, 21, 22, 100, 101};
    struct page page = {.lang = lang};
    struct arena *a = arena_new(1 << 20);
    struct buf out;
    buf_init(&out, NULL, 1 << 16);
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        tpl_count(&out, &page, counts[i]);
        buf_puts(&out, "; ");
    }
    buf_puts(&out, "\n");
    tpl_words(&out, &page, "<Zoë>", 3);
    buf_printf(&out, "\n%s|%s|%s|%s", tr(lang, "Plain \"words\" & more"), tr(lang, "not known"),
               tr_n(lang, "{n} person", "{n} people", 2), tr_n(lang, "one", "many", 2));
    buf_printf(&out, "\n%s", tr_fill(a, lang, "{b} then {a} {c}", "a", "A", "b", "<B>", "n", NULL, NULL));
    char title[64];
    snprintf(title, sizeof(title), "%s %s %s", i18n_code(lang), i18n_name(lang), i18n_dir(lang));
    print(title, &out);
    arena_free(a);
}

int main(void) {
    print_pages();
    for (int lang = -1; lang <= i18n_count(); lang++)
        print_language(lang);
    printf("== find\n%d %d %d %d\n", i18n_find("DE"), i18n_find("de-AT"), i18n_find("xx"), i18n_find(NULL));
    printf("== negotiate\n%d %d %d %d %d\n", i18n_negotiate(NULL), i18n_negotiate("xx, de;q=0.5, ru;q=0.75"),
           i18n_negotiate("de-CH, en;q=0.9"), i18n_negotiate("ru;q=0, *;q=0.1"),
           i18n_negotiate(" ;,q=,,de;q=9,zh"));
    return 0;
}
