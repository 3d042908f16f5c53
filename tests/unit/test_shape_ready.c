/* Shapes of which parts are ready: booleans that may be absent, lists of ready JSON, objects whose beginning
 * is kept. */
#include <check.h>
#undef fail /* an old name of Check's for what has another meaning here */
#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"
#include "fcgi/json.h"
#include "fcgi/shape.h"
#include "handlers/common/api_status.h"
#include "handlers/post/api.h"

struct view {
    enum shape_maybe left_out, or_null;
    struct shape_json list;
};

static const struct shape_field fields[] = {
    {.name = "left_out", .kind = SHAPE_MAYBE, .at = offsetof(struct view, left_out), .optional = true},
    {.name = "or_null", .kind = SHAPE_MAYBE, .at = offsetof(struct view, or_null), .nullable = true},
    {.name = "list", .kind = SHAPE_RAWS, .at = offsetof(struct view, list), .of = &api_status_shape},
    {0},
};
static const struct shape shape = {.name = "View", .size = sizeof(struct view), .fields = fields};

static struct arena *arena;
static struct buf out;
static struct json json;

static void begin(void) {
    buf_init(&out, arena, (size_t)1 << 20);
    json_init(&json, &out);
}

static void set_up(void) {
    arena = arena_new((size_t)4 << 20);
    begin();
}

static void tear_down(void) { arena_free(arena); }

START_TEST(a_boolean_may_be_absent) {
    struct view v = {0};

    shape_write(&json, &shape, &v);
    ck_assert_str_eq(buf_str(&out), "{\"or_null\":null,\"list\":[]}");
    begin();
    v = (struct view){MAYBE_NO, MAYBE_YES, {"[{},{}]", 7}};
    shape_write(&json, &shape, &v);
    ck_assert_str_eq(buf_str(&out), "{\"left_out\":false,\"or_null\":true,\"list\":[{},{}]}");
}
END_TEST

START_TEST(an_object_goes_on_behind_its_beginning) {
    struct view v = {MAYBE_NO, MAYBE_NO, {0}};

    json_open_array(&json);
    shape_write_on(&json, "{\"id\":\"1\"", 9, &shape, &v);
    shape_write_on(&json, "{\"id\":\"2\"", 9, &shape, &v);
    json_close_array(&json);
    ck_assert_str_eq(buf_str(&out), "[{\"id\":\"1\",\"left_out\":false,\"or_null\":false,\"list\":[]},"
                                    "{\"id\":\"2\",\"left_out\":false,\"or_null\":false,\"list\":[]}]");
    ck_assert_int_eq(json.depth, 0);
}
END_TEST

static void describes(const struct shape *s, const char *what) {
    begin();
    shape_schema(&json, s);
    ck_assert_msg(strstr(buf_str(&out), what) != NULL, "%s is not in %s", what, buf_str(&out));
}

START_TEST(schemas_say_so) {
    describes(&shape, "\"left_out\":{\"type\":\"boolean\"}");
    describes(&shape, "\"or_null\":{\"type\":[\"boolean\",\"null\"]}");
    describes(&shape, "\"list\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/Status\"}}");
    describes(&shape, "\"required\":[\"or_null\",\"list\"]");
    describes(&api_status_shape, "\"account\":{\"$ref\":\"#/components/schemas/Account\"}");
    describes(&api_status_shape, "\"reblog\":{\"anyOf\":[{\"$ref\":\"#/components/schemas/Status\"}");
    describes(&post_api_context_shape, "\"descendants\":{\"type\":\"array\"");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("shape_ready");
    TCase *tests = tcase_create("shape_ready");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_boolean_may_be_absent);
    tcase_add_test(tests, an_object_goes_on_behind_its_beginning);
    tcase_add_test(tests, schemas_say_so);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
