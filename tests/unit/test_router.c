/* Routes: finding the row, guards by default, validation of fields, forms shown again, errors. */
#include <check.h>
#undef fail /* an old name of Check's for what has another meaning here */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/app.h"
#include "fcgi/base/arena.h"
#include "fcgi/response.h"
#include "fcgi/router.h"

static struct arena *arena;
static struct router *router;
static struct request req;
static int handled;

static enum code handler(struct request *r) {
    handled++;
    buf_puts(respond(r, 200, "text/plain"), r->route->pattern);
    return OK;
}

static enum code silent(struct request *r) {
    (void)r;
    return OK;
}

static enum code fails(struct request *r) {
    respond_header(r, "Cache-Control", "public");
    respond_cookie(r, "kept", "1", 0);
    buf_puts(respond(r, 200, NULL), "half an answer");
    return fail_detail(&r->ctx, INTERNAL, "public words", "private words");
}

static enum code refuses_field(struct request *r) {
    return fail_field(&r->ctx, "name", "That name is taken.");
}

static enum code again(struct request *r) {
    struct buf *b = respond(r, 422, NULL);
    for (const struct field_error *f = r->ctx.error.fields; f != NULL; f = f->next)
        buf_printf(b, "%s: %s [%s]\n", f->field, f->text, field_typed(r, f->field));
    return OK;
}

static const struct field many[] = {
    {.name = "name", .kind = FIELD_LINE, .required = true, .min = 2, .max = 5, .label = "Name"},
    {.name = "text", .kind = FIELD_TEXT, .label = "Text"},
    {.name = "note", .kind = FIELD_TEXT, .max = 5, .label = "Note"},
    {.name = "password", .kind = FIELD_SECRET, .min = 3, .max = 8, .label = "Password"},
    {.name = "handle", .kind = FIELD_HANDLE, .label = "Handle"},
    {.name = "email", .kind = FIELD_EMAIL, .label = "E-mail"},
    {.name = "age", .kind = FIELD_INT, .min = -1, .max = 120, .label = "Age"},
    {.name = "any", .kind = FIELD_INT, .label = "Number"},
    {.name = "post", .kind = FIELD_ID, .label = "Post"},
    {.name = "below", .kind = FIELD_BOUND, .label = "Below"},
    {.name = "above", .kind = FIELD_BOUND, .min = 1, .label = "Above"},
    {.name = "ids", .kind = FIELD_IDS, .max = 2, .label = "Posts"},
    {.name = "on", .kind = FIELD_BOOL, .label = "On"},
    {.name = "choice", .kind = FIELD_CHOICE, .choices = "public|direct", .label = "Audience"},
    {.name = "next", .kind = FIELD_PATH, .label = "Return to"},
    {0},
};

static const struct field lines[] = {{.name = "word", .kind = FIELD_LINES, .max = 5, .label = "Word"}, {0}};

#define ROW(m, p, ...) \
    { .method = METHOD_##m, .pattern = p, .handler = handler, .auth = AUTH_ANYBODY, __VA_ARGS__ }

static const struct route rows[] = {
    ROW(GET, "/", .summary = "root"),
    ROW(GET, "/posts/new", .summary = ""),
    ROW(GET, "/posts/{id}", .summary = ""),
    ROW(POST, "/posts/{id}", .summary = ""),
    ROW(DELETE, "/posts/{id}", .summary = ""),
    ROW(GET, "/posts/{id}/edit", .summary = ""),
    ROW(GET, "/{page}", .summary = ""),
    ROW(GET, "/@{handle}", .summary = ""),
    ROW(GET, "/@{handle}/{id}", .summary = ""),
    ROW(GET, "/@{handle}/followers", .summary = ""),
    ROW(GET, "/@@{x}", .summary = ""),
    ROW(POST, "/form", .fields = many, .invalid = again),
    ROW(GET, "/query", .fields = many),
    ROW(GET, "/lines", .fields = lines),
    {.method = METHOD_GET, .pattern = "/member", .handler = handler},
    {.method = METHOD_POST, .pattern = "/open", .handler = handler, .auth = AUTH_ANYBODY},
    {.method = METHOD_GET, .pattern = "/may", .handler = handler, .auth = AUTH_ANYBODY, .permission = 1},
    {.method = METHOD_GET, .pattern = "/silent", .handler = silent, .auth = AUTH_ANYBODY},
    {.method = METHOD_GET, .pattern = "/fails", .handler = fails, .auth = AUTH_ANYBODY},
    {.method = METHOD_POST,
     .pattern = "/taken",
     .handler = refuses_field,
     .auth = AUTH_ANYBODY,
     .fields = many + 1,
     .invalid = again},
    {0},
};

static const struct service service = {.name = "test", .routes = rows};
static const struct service *const services[] = {&service, NULL};
static const struct app unguarded = {.services = services};

static enum code let_in(struct request *r) {
    (void)r;
    return OK;
}

static enum code redirects(struct request *r) { return respond_redirect(r, "/login"); }

static void setup(void) {
    arena = arena_new((size_t)8 << 20);
    router = router_new(&unguarded);
    handled = 0;
}

static void teardown(void) {
    router_free(router);
    arena_free(arena);
}

static void ask(enum method method, const char *path) {
    req =
        (struct request){.method = method, .path = path, .query_string = "", .content_type = "", .body = ""};
    req.ctx.arena = arena;
    req.ctx.request_id = "test";
    req.ctx.ip = req.ctx.user_agent = "";
    params_init(&req.query, arena);
    params_init(&req.form, arena);
    params_init(&req.cookies, arena);
    response_init(&req);
}

static void finds(enum method method, const char *path, const char *pattern, const char *arg0,
                  const char *arg1) {
    ask(method, path);
    ck_assert_msg(router_find(router, &req) == OK, "%s not found", path);
    ck_assert_str_eq(req.route->pattern, pattern);
    if (arg0 == NULL)
        ck_assert_ptr_null(req.args[0]);
    else
        ck_assert_str_eq(req.args[0], arg0);
    if (arg1 != NULL)
        ck_assert_str_eq(req.args[1], arg1);
}

START_TEST(finds_rows) {
    finds(METHOD_GET, "/", "/", NULL, NULL);
    finds(METHOD_HEAD, "/", "/", NULL, NULL);
    finds(METHOD_GET, "/posts/new", "/posts/new", NULL, NULL);
    finds(METHOD_GET, "/posts/17", "/posts/{id}", "17", NULL);
    finds(METHOD_DELETE, "/posts/17", "/posts/{id}", "17", NULL);
    finds(METHOD_GET, "/posts/new/edit", "/posts/{id}/edit", "new", NULL);
    finds(METHOD_GET, "/about", "/{page}", "about", NULL);
    finds(METHOD_GET, "/posts", "/{page}", "posts", NULL);
    finds(METHOD_GET, "/@ann", "/@{handle}", "ann", NULL);
    finds(METHOD_GET, "/@@ann", "/@@{x}", "ann", NULL);
    finds(METHOD_GET, "/@", "/{page}", "@", NULL);
    finds(METHOD_GET, "/@ann/followers", "/@{handle}/followers", "ann", NULL);
    finds(METHOD_GET, "/@ann/follower", "/@{handle}/{id}", "ann", "follower");
    finds(METHOD_GET, "/@@ann/x", "/@{handle}/{id}", "@ann", "x");
    finds(METHOD_GET, "/livez", "/livez", NULL, NULL);
    ck_assert_ptr_null(req.args[1]);
}
END_TEST

static void finds_nothing(enum method method, const char *path, int http, const char *allow) {
    ask(method, path);
    ck_assert_int_ne(router_find(router, &req), OK);
    ck_assert_int_eq(error_http_status(&req.ctx.error), http);
    ck_assert_ptr_null(req.route);
    if (allow != NULL)
        ck_assert_str_eq(req.res.headers->value, allow);
    else
        ck_assert_ptr_null(req.res.headers);
}

START_TEST(finds_nothing_else) {
    finds_nothing(METHOD_GET, "/posts/1/2", 404, NULL);
    finds_nothing(METHOD_GET, "/posts/1/edit/2", 404, NULL);
    finds_nothing(METHOD_GET, "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s", 404, NULL);
    finds_nothing(METHOD_POST, "/", 405, "GET, HEAD");
    finds_nothing(METHOD_POST, "/posts/new", 405, "GET, HEAD"); /* an address of its own, not /posts/{id} */
    finds_nothing(METHOD_PUT, "/posts/1", 405, "GET, HEAD, POST, DELETE");
    finds_nothing(METHOD_GET, "/form/x", 404, NULL);
}
END_TEST

static void answers(enum method method, const char *path, int status) {
    ask(method, path);
    router_dispatch(router, &req);
    ck_assert_msg(req.res.status == status, "%s: %d, not %d", path, req.res.status, status);
    ck_assert(req.res.done);
}

START_TEST(denies_by_default) {
    answers(METHOD_GET, "/", 200);
    answers(METHOD_GET, "/member", 401);
    answers(METHOD_POST, "/open", 401);
    answers(METHOD_GET, "/may", 401);
    ck_assert_int_eq(handled, 1);
}
END_TEST

START_TEST(a_guard_decides) {
    static const struct app open = {.services = services, .guard = let_in};
    static const struct app closed = {.services = services, .guard = redirects};
    router_free(router);
    router = router_new(&open);
    answers(METHOD_GET, "/member", 200);
    router_free(router);
    router = router_new(&closed);
    answers(METHOD_GET, "/", 303);
    answers(METHOD_GET, "/livez", 200);
    ck_assert_int_eq(handled, 1);
}
END_TEST

START_TEST(failures_replace_answers) {
    answers(METHOD_GET, "/silent", 500);
    answers(METHOD_GET, "/fails", 500);
    ck_assert_str_eq(buf_str(&req.res.body), "public words\n");
    ck_assert_str_eq(req.res.headers->name, "Set-Cookie");
    ck_assert_ptr_null(req.res.headers->next);
}
END_TEST

/* ---- fields ---- */

static void post(const char *const *pairs) {
    static const struct app open = {.services = services, .guard = let_in};
    router_free(router);
    router = router_new(&open);
    ask(METHOD_POST, "/form");
    for (; *pairs != NULL; pairs += 2)
        params_add(&req.form, pairs[0], pairs[1], strlen(pairs[1]));
    router_dispatch(router, &req);
}

#define POST(...) post((const char *[]){__VA_ARGS__, NULL})

START_TEST(takes_what_fits) {
    POST("name", "  Ann \n B ", "text", " two\r\nlines ", "password", " p ", "handle", "@ann_1", "email",
         "a@b.example", "age", "-1", "any", "-9223372036854775808", "post", "17", "ids[]", "1", "ids[]", "2",
         "on", "yes", "choice", "direct", "next", "/x?y");
    ck_assert_msg(req.res.status == 200, "%s", buf_str(&req.res.body));
    ck_assert_str_eq(field_text(&req, "name"), "Ann B");
    ck_assert_str_eq(field_text(&req, "text"), "two\nlines");
    ck_assert_str_eq(field_text(&req, "password"), " p ");
    ck_assert_str_eq(field_text(&req, "handle"), "ann_1");
    ck_assert_int_eq(field_int(&req, "age"), -1);
    ck_assert(field_int(&req, "any") == INT64_MIN);
    ck_assert_int_eq(field_int(&req, "post"), 17);
    ck_assert_uint_eq(field_get(&req, "ids")->n_ids, 2);
    ck_assert_int_eq(field_get(&req, "ids")->ids[1], 2);
    ck_assert(field_bool(&req, "on"));
    ck_assert_str_eq(field_text(&req, "choice"), "direct");
    ck_assert_str_eq(field_text(&req, "next"), "/x?y");
    POST("name", "Ann", "note", "\r\n  A\r\nnna \n");
    ck_assert_str_eq(field_text(&req, "note"), "A\nnna");
}
END_TEST

START_TEST(a_bound_of_0_is_what_the_row_says) {
    POST("name", "Ann", "below", "0", "above", "0");
    ck_assert_msg(req.res.status == 200, "%s", buf_str(&req.res.body));
    ck_assert_int_eq(field_int(&req, "below"), 0);
    ck_assert_int_eq(field_int(&req, "above"), 1);
    POST("name", "Ann", "below", "17", "above", "");
    ck_assert_int_eq(field_int(&req, "below"), 17);
    ck_assert_int_eq(field_int(&req, "above"), 0);
}
END_TEST

START_TEST(absent_is_absent) {
    POST("name", "Ann", "age", "", "post", "", "choice", "", "on", "", "text", "", "email", "");
    ck_assert_msg(req.res.status == 200, "%s", buf_str(&req.res.body));
    ck_assert(!field_present(&req, "age"));
    ck_assert(!field_present(&req, "post"));
    ck_assert(!field_present(&req, "choice"));
    ck_assert(!field_present(&req, "ids"));
    ck_assert(!field_present(&req, "password"));
    ck_assert(field_present(&req, "on"));
    ck_assert(!field_bool(&req, "on"));
    ck_assert(field_present(&req, "text"));
    ck_assert_str_eq(field_text(&req, "password"), "");
}
END_TEST

static void wrong(const char *name, const char *value, const char *words) {
    post((const char *[]){"name", strcmp(name, "name") == 0 ? value : "Ann", name, value, NULL});
    ck_assert_msg(req.res.status == 422, "%s=%s gave %d", name, value, req.res.status);
    ck_assert_msg(strstr(buf_str(&req.res.body), words) != NULL, "%s does not say %s", buf_str(&req.res.body),
                  words);
    ck_assert_int_eq(handled, 0);
}

START_TEST(says_what_does_not_fit) {
    wrong("name", "", "name: Name is missing. []");
    wrong("name", " \n ", "Name is missing.");
    wrong("name", "A", "Name is too short: at least 2 characters. [A]");
    wrong("name", "Annabel", "Name is too long: at most 5 characters. [Annabel]");
    wrong("name", "éééééé", "Name is too long");
    wrong("note", "Annabel", "Note is too long: at most 5 characters.");
    wrong("note", "Anna\x18\x18", "Note is too long: at most 5 characters."); /* also what is cleaned away */
    wrong("password", "123456789", "Password is too long: at most 8 characters. []");
    wrong("handle", "1x", "Handle may have letters");
    wrong("handle", "a b", "Handle may have letters");
    wrong("email", "nobody", "E-mail must be an e-mail address");
    wrong("age", "121", "Age must be a whole number from -1 to 120.");
    wrong("age", "1x", "Age must be a whole number");
    wrong("any", "9223372036854775808", "Number must be a whole number.");
    wrong("post", "0", "Post is not a valid number.");
    wrong("post", "-1", "Post is not a valid number.");
    wrong("below", "00", "Below is not a valid number.");
    wrong("below", "-1", "Below is not a valid number.");
    wrong("ids", "x", "Posts is not a valid number.");
    wrong("on", "maybe", "On must be yes or no.");
    wrong("choice", "publi", "Audience is none of the choices.");
    wrong("choice", "public|direct", "Audience is none of the choices.");
    wrong("next", "//evil.example", "Return to must be a path on this site.");
    wrong("next", "https://evil.example", "Return to must be a path on this site.");
}
END_TEST

START_TEST(names_every_wrong_field) {
    POST("age", "x", "ids", "1", "ids", "2", "ids", "3");
    ck_assert_int_eq(req.res.status, 422);
    ck_assert_ptr_nonnull(strstr(buf_str(&req.res.body), "name: "));
    ck_assert_ptr_nonnull(strstr(buf_str(&req.res.body), "age: "));
    ck_assert_ptr_nonnull(strstr(buf_str(&req.res.body), "ids: Posts: at most 2 at a time."));
}
END_TEST

START_TEST(a_handler_may_refuse_a_field) {
    static const struct app open = {.services = services, .guard = let_in};
    router_free(router);
    router = router_new(&open);
    answers(METHOD_POST, "/taken", 422);
    ck_assert_str_eq(buf_str(&req.res.body), "name: That name is taken. []\n");
}
END_TEST

START_TEST(queries_have_fields_too) {
    ask(METHOD_GET, "/query");
    params_add(&req.query, "name", "Ann", 3);
    params_add(&req.form, "name", "Eve", 3);
    router_dispatch(router, &req);
    ck_assert_int_eq(req.res.status, 200);
    ck_assert_str_eq(field_text(&req, "name"), "Ann");
    answers(METHOD_GET, "/query", 422);
    ck_assert_str_eq(buf_str(&req.res.body), "Please check the marked fields.\n");
}
END_TEST

START_TEST(lists_of_lines) {
    const struct field_value *v;

    ask(METHOD_GET, "/lines");
    params_add(&req.query, "word[]", " one ", 5);
    params_add(&req.query, "word[]", "", 0);
    params_add(&req.query, "word", "two", 3);
    router_dispatch(router, &req);
    ck_assert_int_eq(req.res.status, 200);
    v = field_get(&req, "word");
    ck_assert_uint_eq(v->n_texts, 2);
    ck_assert_str_eq(v->texts[0], "one");
    ck_assert_str_eq(v->texts[1], "two");
    ask(METHOD_GET, "/lines");
    params_add(&req.query, "word[]", "longer", 6);
    router_dispatch(router, &req);
    ck_assert_int_eq(req.res.status, 422);
    ask(METHOD_GET, "/lines");
    for (int i = 0; i < 21; i++)
        params_add(&req.query, "word[]", "x", 1);
    router_dispatch(router, &req);
    ck_assert_int_eq(req.res.status, 422);
}
END_TEST

START_TEST(undeclared_fields_abort) {
    ask(METHOD_GET, "/query");
    router_find(router, &req);
    field_text(&req, "other");
}
END_TEST

START_TEST(collisions_abort) {
    static const struct route twice[] = {
        ROW(GET, "/x/{a}", .summary = ""), ROW(GET, "/x/{b}", .summary = ""), {0}};
    static const struct service s = {.name = "twice", .routes = twice};
    static const struct service *const list[] = {&s, NULL};
    static const struct app app = {.services = list};
    router_new(&app);
}
END_TEST

int main(void) {
    Suite *s = suite_create("router");
    TCase *t = tcase_create("router");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, finds_rows);
    tcase_add_test(t, finds_nothing_else);
    tcase_add_test(t, denies_by_default);
    tcase_add_test(t, a_guard_decides);
    tcase_add_test(t, failures_replace_answers);
    tcase_add_test(t, takes_what_fits);
    tcase_add_test(t, absent_is_absent);
    tcase_add_test(t, a_bound_of_0_is_what_the_row_says);
    tcase_add_test(t, says_what_does_not_fit);
    tcase_add_test(t, names_every_wrong_field);
    tcase_add_test(t, a_handler_may_refuse_a_field);
    tcase_add_test(t, queries_have_fields_too);
    tcase_add_test(t, lists_of_lines);
    tcase_add_test_raise_signal(t, undeclared_fields_abort, SIGABRT);
    tcase_add_test_raise_signal(t, collisions_abort, SIGABRT);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
