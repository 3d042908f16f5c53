/* One's own roles: who may make, change and delete which, what becomes of their members, and that all of it
 * counts at once and is remembered. */
#include <string.h>

#include "fcgi/base/text.h"
#include "gen/stubs.h"
#include "handlers/common/models.h"
#include "handlers/common/permission.h"
#include "handlers/user/service.h"
#include "tests/service/fixture.h"
#include "tests/service/servers.h"

static struct ctx *ctx;
static int64_t admin, chief, member;
static const char *chiefs; /* a role of rank 60 that may give roles, invite, and see members */
static int n_roles;

static const char *role_name(const char *prefix) {
    return arena_printf(ctx->arena, "%s-%d", prefix, ++n_roles);
}

static enum code change(int64_t actor, const char *name, uint64_t permissions, int rank, bool is_new) {
    Pb__ChangeRoleRequest req = PB__CHANGE_ROLE_REQUEST__INIT;

    fixture_as(ctx, actor);
    req.actor_id = actor;
    req.name = name;
    req.permissions = permissions;
    req.rank = rank;
    return is_new ? user_create_role(ctx, &req, NULL) : user_update_role(ctx, &req, NULL);
}

static enum code make(int64_t actor, const char *name, uint64_t permissions, int rank) {
    return change(actor, name, permissions, rank, true);
}

static enum code update(int64_t actor, const char *name, uint64_t permissions, int rank) {
    return change(actor, name, permissions, rank, false);
}

static enum code delete_role(int64_t actor, const char *name, const char *to) {
    Pb__DeleteRoleRequest req = PB__DELETE_ROLE_REQUEST__INIT;

    fixture_as(ctx, actor);
    req.actor_id = actor;
    req.name = name;
    req.to = to;
    return user_delete_role(ctx, &req, NULL);
}

static enum code give(int64_t actor, int64_t who, const char *role) {
    Pb__SetRoleRequest req = PB__SET_ROLE_REQUEST__INIT;

    fixture_as(ctx, actor);
    req.actor_id = actor;
    req.user_id = who;
    req.role = role;
    return user_set_role(ctx, &req, NULL);
}

static const Pb__Role *role_of(const char *name) {
    Pb__Empty nothing = PB__EMPTY__INIT;
    const Pb__RolesReply *roles;

    expect_ok(ctx, user_list_roles(ctx, &nothing, &roles));
    for (size_t i = 0; i < roles->n_roles; i++)
        if (strcmp(roles->roles[i]->name, name) == 0)
            return roles->roles[i];
    return NULL;
}

static void expect_refused(enum code c, const char *field) {
    ck_assert_int_eq(c, INVALID);
    ck_assert_ptr_nonnull(ctx->error.fields);
    ck_assert_str_eq(ctx->error.fields->field, field);
    fail_clear(ctx);
}

/* What running sessions go by. */
static uint64_t may(int64_t id) {
    const Pb__UserCard *card;

    expect_ok(ctx, card_get(ctx, id, &card));
    return card->permissions;
}

static void set_up(void) {
    ctx = fixture_ctx();
    admin = fixture_member(ctx, fixture_handle(ctx, "admin"));
    chief = fixture_member(ctx, fixture_handle(ctx, "chief"));
    member = fixture_member(ctx, fixture_handle(ctx, "member"));
    expect_ok(ctx, give(0, admin, "admin"));
    chiefs = role_name("chief");
    expect_ok(ctx, make(0, chiefs,
                        PERMISSION_POST | PERMISSION_INVITE | PERMISSION_MEMBERS | PERMISSION_ROLES, 60));
    expect_ok(ctx, give(admin, chief, chiefs));
}

START_TEST(making) {
    const char *name = role_name("editor");

    expect_ok(ctx, make(admin, name, PERMISSION_POST | PERMISSION_MODERATE, 20));
    ck_assert_int_eq(role_of(name)->rank, 20);
    ck_assert(!role_of(name)->built_in && role_of("admin")->built_in);
    expect_refused(make(admin, name, PERMISSION_POST, 20), "name");
    expect_refused(make(admin, "Editor", PERMISSION_POST, 20), "name");
    expect_refused(make(admin, "", PERMISSION_POST, 20), "name");
    expect_refused(make(admin, "an-editor-whose-name-is-too-long", PERMISSION_POST, 20), "name");
    expect_refused(make(admin, "x/y", PERMISSION_POST, 20), "name");
    expect_refused(make(admin, role_name("r"), PERMISSION_POST, 0), "rank");
    expect_refused(make(admin, role_name("r"), PERMISSION_POST, 100), "rank");
    expect_refused(make(admin, role_name("r"), UINT64_C(1) << 40, 20), "permissions");
    expect_code(ctx, make(member, role_name("r"), PERMISSION_POST, 20), DENIED);
}
END_TEST

START_TEST(nobody_gives_what_they_lack) {
    const char *name = role_name("helper"), *strong = role_name("strong");

    expect_refused(make(chief, name, PERMISSION_POST | PERMISSION_AUDIT, 20), "permissions");
    expect_refused(make(chief, name, PERMISSION_POST, 60), "rank"); /* not below one's own */
    expect_ok(ctx, make(chief, name, PERMISSION_POST | PERMISSION_INVITE, 20));
    expect_refused(update(chief, name, PERMISSION_POST | PERMISSION_MODERATE, 20), "permissions");
    expect_refused(update(chief, name, PERMISSION_POST, 61), "rank");
    expect_ok(ctx, update(chief, name, PERMISSION_POST, 59));
    expect_code(ctx, update(chief, chiefs, PERMISSION_POST, 50), DENIED); /* one's own */
    expect_code(ctx, update(chief, "admin", PERMISSION_POST, 100), PRECONDITION);
    /* a role of a low rank that can more than oneself: neither given nor stripped nor made a role's heir */
    expect_ok(ctx, make(admin, strong, PERMISSION_POST | PERMISSION_AUDIT, 10));
    expect_code(ctx, give(chief, member, strong), DENIED);
    expect_refused(update(chief, strong, PERMISSION_POST, 10), "permissions");
    expect_code(ctx, delete_role(chief, name, strong), DENIED);
    expect_code(ctx, delete_role(chief, name, "admin"), DENIED);
    expect_code(ctx, delete_role(chief, chiefs, "member"), DENIED);
    expect_ok(ctx, give(chief, member, name));
    expect_ok(ctx, delete_role(chief, name, "member"));
}
END_TEST

START_TEST(what_comes_with_the_site_stays) {
    uint64_t moderator = role_of("moderator")->permissions;

    expect_code(ctx, delete_role(admin, "member", "moderator"), PRECONDITION);
    expect_code(ctx, delete_role(admin, "moderator", "member"), PRECONDITION);
    expect_code(ctx, delete_role(0, "admin", "member"), PRECONDITION);
    expect_code(ctx, update(0, "admin", PERMISSION_POST, 100), PRECONDITION);
    expect_code(ctx, update(admin, "admin", PERMISSIONS_ADMIN, 99), PRECONDITION);
    expect_refused(update(admin, "moderator", moderator, 51), "rank");
    expect_ok(ctx, update(admin, "moderator", moderator | PERMISSION_AUDIT, 50));
    expect_ok(ctx, update(admin, "moderator", moderator, 50));
    ck_assert_uint_eq(role_of("admin")->permissions, PERMISSIONS_ADMIN);
}
END_TEST

START_TEST(changes_count_at_once) {
    const char *name = role_name("guide");

    expect_ok(ctx, make(admin, name, PERMISSION_POST, 20));
    expect_ok(ctx, give(admin, member, name));
    ck_assert_int_eq(role_of(name)->members, 1);
    ck_assert_uint_eq(may(member), PERMISSION_POST);
    expect_ok(ctx, update(admin, name, PERMISSION_POST | PERMISSION_INVITE, 20));
    ck_assert_uint_eq(may(member), PERMISSION_POST | PERMISSION_INVITE);
    expect_ok(ctx, delete_role(admin, name, "moderator"));
    ck_assert_uint_eq(may(member), PERMISSIONS_MODERATOR);
    ck_assert_ptr_null(role_of(name));
    fixture_events(ctx); /* and stays so */
    fixture_flush_redis(ctx);
    ck_assert_uint_eq(may(member), PERMISSIONS_MODERATOR);
    expect_refused(delete_role(admin, name, "member"), "name");
    name = role_name("two");
    expect_ok(ctx, make(admin, name, PERMISSION_POST, 20));
    expect_refused(delete_role(admin, name, "nothing-like-it"), "to");
    expect_refused(delete_role(admin, name, name), "to");
}
END_TEST

static int audited(const char *kind, const char *words) {
    struct audit_page page;
    int n = 0;

    fixture_as(ctx, admin);
    expect_ok(ctx, user_service_audit(ctx, &(struct audit_filter){0}, 100, &page));
    for (size_t i = 0; i < page.n; i++)
        n += strcmp(page.items[i].kind, kind) == 0 && strstr(page.items[i].detail, words) != NULL &&
             page.items[i].actor_id == admin;
    return n;
}

START_TEST(all_of_it_is_remembered) {
    const char *name = role_name("archivist");

    expect_ok(ctx, make(admin, name, PERMISSION_POST | PERMISSION_AUDIT, 20));
    expect_ok(ctx, give(admin, member, name));
    expect_ok(ctx, update(admin, name, PERMISSION_POST, 21));
    expect_ok(ctx, update(admin, name, PERMISSION_POST, 21)); /* no change, no entry */
    expect_ok(ctx, delete_role(admin, name, "member"));
    fixture_events(ctx);
    ck_assert_int_eq(audited("role.created", arena_printf(ctx->arena, "%s (20): post, audit", name)), 1);
    ck_assert_int_eq(audited("role.changed", arena_printf(ctx->arena, "%s (21): post", name)), 1);
    ck_assert_int_eq(audited("role.deleted", arena_printf(ctx->arena, "%s → member", name)), 1);
    ck_assert_int_eq(audited("member.role", name), 2); /* given, and what became of the member */
}
END_TEST

int main(void) {
    Suite *suite = suite_create("roles");
    TCase *t = tcase_create("roles");

    tcase_add_checked_fixture(t, set_up, NULL);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, making);
    tcase_add_test(t, nobody_gives_what_they_lack);
    tcase_add_test(t, what_comes_with_the_site_stays);
    tcase_add_test(t, changes_count_at_once);
    tcase_add_test(t, all_of_it_is_remembered);
    suite_add_tcase(suite, t);
    return fixture_main(suite);
}
