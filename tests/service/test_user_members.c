/* Members: ranks, states, lists, profiles, settings, the directory. */
#include "tests/service/fixture_user.h"

#include "fcgi/base/clock.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/drivers/bus.h"
#include "fcgi/drivers/docs.h"
#include "fcgi/drivers/mail.h"
#include "fcgi/drivers/redis.h"
#include "gen/stubs.h"
#include "handlers/common/models.h"
#include "handlers/common/permission.h"
#include "handlers/user/service.h"
#include "handlers/user/store.h"
#include "handlers/user/worker.h"
#include <dirent.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct ctx *ctx;

/* ---- administration */

START_TEST(test_suspended) {
    const char *h = fixture_handle(ctx, "rude");
    int64_t id = fixture_member(ctx, h);
    const Pb__LogInReply *in = log_in(h);

    expect_ok(ctx, set_state(0, id, "suspend", "You shouted."));
    expect_code(ctx, verify(in->token), UNAUTHENTICATED);
    ck_assert_uint_eq(count_sessions(id), 0);
    ck_assert_int_eq(log_in_with(h, PASSWORD, &in), DENIED);
    ck_assert_ptr_nonnull(strstr(ctx->error.text, "You shouted."));
    fail_clear(ctx);
    expect_code(ctx, log_in_with(h, "a wrong password", &in), UNAUTHENTICATED);
    expect_code(ctx, set_state(0, id, "suspend", ""), PRECONDITION);
    fixture_events(ctx);
    ck_assert_ptr_nonnull(mail_to(address(h), "You shouted.", NULL));
    expect_ok(ctx, set_state(0, id, "restore", ""));
    expect_ok(ctx, verify(log_in(h)->token));
}
END_TEST

START_TEST(test_suspended_while_a_session_is_left) {
    const char *h = fixture_handle(ctx, "slips");
    int64_t id = fixture_member(ctx, h);
    const Pb__LogInReply *in = log_in(h);
    struct stored_session *s;
    size_t n;

    expect_ok(ctx, user_store_sessions(ctx, id, &s, &n));
    expect_ok(ctx, set_state(0, id, "suspend", ""));
    /* as if ending it had failed; and it began in the millisecond of the suspension */
    s[0].session->created_ms =
        strtoll(sql("SELECT floor(extract(epoch FROM created_at) * 1000)::bigint FROM events.outbox "
                    "WHERE type = 'user.state_changed' ORDER BY xid DESC, id DESC LIMIT 1"),
                NULL, 10);
    expect_ok(ctx, user_store_session_put(ctx, s[0].key, s[0].session));
    expect_code(ctx, verify(in->token), UNAUTHENTICATED);
    fixture_events(ctx);
    ck_assert_uint_eq(count_sessions(id), 0); /* and the worker ends it */
}
END_TEST

START_TEST(test_ranks) {
    int64_t admin = fixture_member(ctx, fixture_handle(ctx, "admin")),
            mod = fixture_member(ctx, fixture_handle(ctx, "mod")),
            mod2 = fixture_member(ctx, fixture_handle(ctx, "mod")),
            member = fixture_member(ctx, fixture_handle(ctx, "member"));
    int64_t keeper = fixture_member(ctx, fixture_handle(ctx, "keeper"));

    sql("INSERT INTO users.roles VALUES ('keeper', 127, 70) ON CONFLICT DO NOTHING");
    expect_ok(ctx, set_role(0, admin, "admin"));
    expect_ok(ctx, set_role(admin, mod, "moderator"));
    expect_ok(ctx, set_role(admin, mod2, "moderator"));
    expect_ok(ctx, set_role(admin, keeper, "keeper"));
    expect_code(ctx, set_role(mod, member, "moderator"), DENIED); /* moderators give no roles */
    expect_code(ctx, set_role(member, member, "admin"), DENIED);
    expect_ok(ctx, set_role(keeper, member, "moderator"));
    expect_ok(ctx, set_role(keeper, member, "member"));
    expect_code(ctx, set_role(keeper, member, "keeper"), DENIED); /* not one's own rank */
    expect_code(ctx, set_role(keeper, member, "admin"), DENIED);
    expect_code(ctx, set_role(keeper, admin, "member"), DENIED);
    expect_code(ctx, set_role(keeper, keeper, "member"), DENIED);
    expect_refused(set_role(admin, member, "emperor"), "role");
    expect_code(ctx, set_state(mod, mod2, "suspend", ""), DENIED);
    expect_code(ctx, set_state(mod, admin, "suspend", ""), DENIED);
    expect_code(ctx, set_state(member, mod, "suspend", ""), DENIED);
    expect_ok(ctx, set_state(mod, member, "suspend", ""));
    expect_ok(ctx, set_state(mod2, member, "restore", ""));
    expect_code(ctx, set_state(admin, admin, "suspend", ""), PRECONDITION); /* not oneself */
    expect_ok(ctx, set_state(admin, mod, "suspend", ""));
    expect_code(ctx, set_state(mod, member, "suspend", ""),
                DENIED); /* a suspended moderator does nothing more */
}
END_TEST

START_TEST(test_role_counts_at_once) {
    int64_t id = fixture_member(ctx, fixture_handle(ctx, "riser"));
    const Pb__UserCard *card;

    expect_ok(ctx, card_get(ctx, id, &card));
    ck_assert_uint_eq(card->permissions, PERMISSIONS_MEMBER);
    expect_ok(ctx, set_role(0, id, "moderator"));
    expect_ok(ctx, card_get(ctx, id, &card));
    ck_assert_uint_eq(card->permissions, PERMISSIONS_MODERATOR);
    expect_ok(ctx, set_role(0, id, "admin"));
    expect_ok(ctx, card_get(ctx, id, &card));
    ck_assert_uint_eq(card->permissions, PERMISSIONS_ADMIN);
}
END_TEST

static int64_t race_ids[2];
static enum code race_demote(int i) { return set_role(race_ids[i], race_ids[1 - i], "member"); }

START_TEST(test_last_admin_stays) {
    sql("UPDATE users.accounts SET role = 'member' WHERE role = 'admin'");
    for (int i = 0; i < 2; i++) {
        race_ids[i] = fixture_member(ctx, fixture_handle(ctx, "last"));
        expect_ok(ctx, set_role(0, race_ids[i], "admin"));
    }
    ck_assert_int_eq(race(2, race_demote), 1); /* each demotes the other at once */
    ck_assert_str_eq(sql("SELECT count(*) FROM users.accounts WHERE role = 'admin' AND state = 2"), "1");
    race_ids[0] = strtoll(sql("SELECT id FROM users.accounts WHERE role = 'admin' AND state = 2"), NULL, 10);
    ck_assert_int_eq(set_role(0, race_ids[0], "member"), PRECONDITION);
    ck_assert_ptr_nonnull(strstr(ctx->error.text, "only administrator"));
    fail_clear(ctx);
    expect_code(ctx, set_state(0, race_ids[0], "suspend", ""), PRECONDITION);
    expect_code(ctx, set_role(race_ids[0], race_ids[0], "member"), PRECONDITION);
}
END_TEST

START_TEST(test_members_list) {
    const char *tag = fixture_handle(ctx, "listed");
    Pb__MembersRequest req = PB__MEMBERS_REQUEST__INIT;
    const Pb__MembersReply *reply;
    int64_t ids[5];
    size_t seen = 0;

    for (int i = 0; i < 5; i++)
        ids[i] = fixture_member(ctx, arena_printf(ctx->arena, "%s_%d", tag, i));
    expect_ok(ctx, set_state(0, ids[0], "suspend", ""));
    req.query = tag;
    req.limit = 2;
    do {
        expect_ok(ctx, user_list_members(ctx, &req, &reply));
        for (size_t i = 0; i < reply->n_members; i++)
            ck_assert_int_eq(reply->members[i]->card->id,
                             ids[4 - seen++]); /* newest first, none twice, none left out */
        req.before = reply->next;
    } while (req.before != 0);
    ck_assert_uint_eq(seen, 5);
    req.state = "suspended";
    expect_ok(ctx, user_list_members(ctx, &req, &reply));
    ck_assert_uint_eq(reply->n_members, 1);
    ck_assert_int_gt(reply->total, 4);
    req.state = "all";
    req.role = "admin";
    expect_ok(ctx, user_list_members(ctx, &req, &reply));
    ck_assert_uint_eq(reply->n_members, 0);
    req.role = "";
    req.query = arena_printf(ctx->arena, "%s_3@example", tag); /* by the beginning of the address */
    expect_ok(ctx, user_list_members(ctx, &req, &reply));
    ck_assert_uint_eq(reply->n_members, 1);
    ck_assert_str_eq(reply->members[0]->email, address(arena_printf(ctx->arena, "%s_3", tag)));
    fixture_as(ctx, ids[1]);
    expect_code(ctx, user_list_members(ctx, &req, &reply), DENIED);
}
END_TEST

/* ---- profiles */

START_TEST(test_profile) {
    Pb__ProfileField field = PB__PROFILE_FIELD__INIT, nameless = PB__PROFILE_FIELD__INIT,
                     *fields[] = {&field, &nameless};
    Pb__UpdateProfileRequest req = PB__UPDATE_PROFILE_REQUEST__INIT;
    Pb__GetProfileRequest get = PB__GET_PROFILE_REQUEST__INIT;
    const Pb__Profile *p;
    const Pb__UserCard *before, *after;
    const char *h = fixture_handle(ctx, "Profile");

    req.user_id = fixture_member(ctx, h);
    expect_ok(ctx, card_get(ctx, req.user_id, &before));
    req.name = "  Ada \n Lovelace ";
    req.headline = "Engines, analytical";
    req.bio = "I **compute**. <script>alert(1)</script>";
    field.name = "Website";
    field.value = "https://example.org";
    req.fields = fields;
    req.n_fields = 2;
    expect_ok(ctx, user_update_profile(ctx, &req, &p));
    ck_assert_str_eq(p->card->name, "Ada Lovelace");
    ck_assert_ptr_nonnull(strstr(p->bio_html, "<strong>compute</strong>"));
    ck_assert_ptr_null(strstr(p->bio_html, "<script"));
    ck_assert_uint_eq(p->n_fields, 1);
    expect_ok(ctx, card_get(ctx, req.user_id, &after));
    ck_assert_str_eq(after->headline, "Engines, analytical");
    ck_assert_int_gt(after->version, p->card->version - 1);
    get.handle = h;
    expect_ok(ctx, user_get_profile(ctx, &get, &p));
    ck_assert_str_eq(p->fields[0]->value, "https://example.org");
    nameless.value = "what for?";
    expect_refused(user_update_profile(ctx, &req, NULL), "field_name_2");
    req.n_fields = 0;
    req.name = "123456789012345678901234567890123456789012345678901";
    expect_refused(user_update_profile(ctx, &req, NULL), "name");
    req.name = "";
    expect_ok(ctx, user_update_profile(ctx, &req, &p));
    ck_assert_str_eq(p->card->name, h); /* the handle stands in */
    get.handle = "no_such_member_here";
    expect_code(ctx, user_get_profile(ctx, &get, &p), NOT_FOUND);
}
END_TEST

START_TEST(test_settings_and_appearance) {
    const char *h = fixture_handle(ctx, "sets");
    Pb__UpdateSettingsRequest set = PB__UPDATE_SETTINGS_REQUEST__INIT;
    Pb__UpdateAppearanceRequest look = PB__UPDATE_APPEARANCE_REQUEST__INIT;
    Pb__VerifySessionRequest ask = PB__VERIFY_SESSION_REQUEST__INIT;
    const Pb__VerifySessionReply *session;
    const Pb__UserCard *card;

    set.user_id = look.user_id = fixture_member(ctx, h);
    ask.token = log_in(h)->token;
    set.default_audience = "everybody";
    expect_refused(user_update_settings(ctx, &set, NULL), "default_audience");
    set.default_audience = "followers";
    set.locked = set.hide_network = set.noindex = true;
    expect_ok(ctx, user_update_settings(ctx, &set, NULL));
    expect_ok(ctx, card_get(ctx, set.user_id, &card));
    ck_assert(card->locked && card->hide_network && card->noindex && !card->discoverable);
    look.theme = "pink";
    expect_refused(user_update_appearance(ctx, &look, NULL), "theme");
    look.theme = "dark";
    look.language = "de";
    expect_ok(ctx, user_update_appearance(ctx, &look, NULL));
    expect_ok(ctx, user_verify_session(ctx, &ask, &session));
    ck_assert_str_eq(session->session->theme, "dark");
    ck_assert_str_eq(log_in(h)->session->language, "de");
}
END_TEST

static size_t in_directory(const char *query, const char *order, uint32_t limit, int64_t *ret_ids,
                           size_t room) {
    Pb__DirectoryRequest req = PB__DIRECTORY_REQUEST__INIT;
    const Pb__UsersPage *page;
    size_t n = 0;

    req.query = query;
    req.order = order;
    req.limit = limit;
    do {
        expect_ok(ctx, user_list_directory(ctx, &req, &page));
        ck_assert_uint_le(page->n_users, limit);
        for (size_t i = 0; i < page->n_users && n < room; i++)
            ret_ids[n++] = page->users[i]->id;
        req.before = page->next;
    } while (req.before != 0 && n < room);
    return n;
}

START_TEST(test_directory) {
    const char *tag = fixture_handle(ctx, "Zebra");
    Pb__UpdateProfileRequest profile = PB__UPDATE_PROFILE_REQUEST__INIT;
    Pb__UpdateSettingsRequest hide = PB__UPDATE_SETTINGS_REQUEST__INIT;
    int64_t ids[7], found[20];

    for (int i = 0; i < 7; i++)
        ids[i] = fixture_member(ctx, arena_printf(ctx->arena, "%s_%c", tag, 'a' + i));
    ck_assert_uint_eq(in_directory(tag, "new", 3, found, 20), 7);
    for (int i = 0; i < 7; i++)
        ck_assert_int_eq(found[i], ids[6 - i]);
    log_in(arena_printf(ctx->arena, "%s_c", tag)); /* who was here last comes first */
    ck_assert_uint_eq(in_directory(tag, "active", 2, found, 20), 7);
    ck_assert_int_eq(found[0], ids[2]);
    profile.user_id = ids[0];
    profile.name = "Žofie Ñandú";
    profile.headline = "Bridges & tunnels";
    expect_ok(ctx, user_update_profile(ctx, &profile, NULL));
    ck_assert_uint_eq(in_directory("žof ÑAND tunn", "new", 10, found, 20), 1);
    ck_assert_int_eq(found[0], ids[0]);
    ck_assert_uint_eq(in_directory("'); DROP TABLE accounts; -- \\ : * & |", "new", 10, found, 20), 0);
    ck_assert_uint_eq(in_directory("...", "new", 10, found, 20), 0);
    hide.user_id = ids[1];
    hide.default_audience = "public";
    expect_ok(ctx, user_update_settings(ctx, &hide, NULL));
    expect_ok(ctx, set_state(0, ids[3], "suspend", ""));
    ck_assert_uint_eq(in_directory(tag, "new", 10, found, 20), 5);
}
END_TEST

START_TEST(test_resolve_handles) {
    const char *h = fixture_handle(ctx, "MixedCase"), *hidden = fixture_handle(ctx, "unseen");
    const char *ask[] = {"mixedcase", "", "müller", "@", hidden, NULL};
    Pb__ResolveHandlesRequest req = PB__RESOLVE_HANDLES_REQUEST__INIT;
    const Pb__ResolveHandlesReply *reply;
    int64_t id = fixture_member(ctx, h);

    expect_ok(ctx, sign_up(hidden));
    ask[0] = arena_strdup(ctx->arena, h);
    ((char *)(uintptr_t)ask[0])[0] = 'm';
    req.handles = ask;
    req.n_handles = 5;
    expect_ok(ctx, user_resolve_handles(ctx, &req, &reply));
    ck_assert_uint_eq(reply->n_users, 1); /* whoever is not confirmed is not there */
    ck_assert_int_eq(reply->users[0]->id, id);
    ck_assert_str_eq(reply->users[0]->handle, h);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        test_suspended,
        test_suspended_while_a_session_is_left,
        test_ranks,
        test_role_counts_at_once,
        test_members_list,
        test_profile,
        test_settings_and_appearance,
        test_directory,
        test_resolve_handles,
        test_last_admin_stays,
    };

    return user_main("user_members", tests, sizeof tests / sizeof *tests);
}
