/* The catalogues: no text of the product is missing in a language that is offered. */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/i18n.h"

/* Whether each {name} of one text stands in the other. */
static bool names_stand_in(const char *text, const char *other) {
    char name[64];
    for (const char *p = strchr(text, '{'); p != NULL; p = strchr(p + 1, '{')) {
        size_t n = strcspn(p, "}");
        if (p[n] != '}' || n + 2 > sizeof name)
            continue;
        memcpy(name, p, n + 1);
        name[n + 1] = '\0';
        if (strstr(other, name) == NULL)
            return false;
    }
    return true;
}

static void expect_whole(const struct i18n_message *m, int lang) {
    const struct i18n_text *t = &m->texts[lang * m->stride];
    ck_assert_msg(t->html != NULL, "locale/%s.po lacks: %s", i18n_code(lang), m->id);
    ck_assert_msg(*t->raw != '\0', "locale/%s.po is empty for: %s", i18n_code(lang), m->id);
    ck_assert_msg(names_stand_in(m->id, t->raw) && names_stand_in(t->raw, m->id),
                  "locale/%s.po has other names in braces: %s / %s", i18n_code(lang), m->id, t->raw);
}

START_TEST(test_every_text_in_every_language) {
    int seen = 0;
    for (uint32_t i = 0; i < i18n_n_slots; i++)
        for (int lang = 1; i18n_slots[i] != NULL && lang < i18n_count(); lang++, seen++)
            expect_whole(i18n_slots[i], lang);
    ck_assert_int_gt(seen, 500);
}
END_TEST

START_TEST(test_german_is_offered) {
    int de = i18n_find("de");
    ck_assert_int_gt(de, 0);
    ck_assert_str_eq(i18n_name(de), "Deutsch");
    ck_assert_str_eq(tr(de, "Log in"), "Anmelden");
    ck_assert_str_eq(tr_n(de, "{n} comment", "{n} comments", 1), "{n} Kommentar");
    ck_assert_str_eq(tr_n(de, "{n} comment", "{n} comments", 0), "{n} Kommentare");
}
END_TEST

int main(void) {
    Suite *s = suite_create("catalogue");
    TCase *t = tcase_create("catalogue");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_test(t, test_every_text_in_every_language);
    tcase_add_test(t, test_german_is_offered);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
