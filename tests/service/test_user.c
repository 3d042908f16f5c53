/* The user service on real servers: every rule, the races, what must not be told to strangers, and what
 * servers that forget or stop do. */
#include "tests/service/fixture.h"

#include <dirent.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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

#define PASSWORD "correct horse battery"
#define OTHER_PASSWORD "purple monkey dishwasher"

static struct ctx *ctx;

/* ---- helpers */

static void registration(const char *mode) {
    ((struct config *)(uintptr_t)ctx->env->config)->registration = mode;
}

static void setup(void) {
    ctx = fixture_ctx();
    ctx->ip = "192.0.2.1";
    ctx->user_agent = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0";
    fixture_flush_redis(ctx); /* the throttles of the test before */
    registration("open");
}

static const char *address(const char *handle) { return arena_printf(ctx->arena, "%s@example.org", handle); }

/* Runs SQL as the databases' administrator; the first value, "" when there is none. */
static const char *sql(const char *text) {
    PGconn *conn = PQconnectdb(getenv("TEST_PG_ADMIN"));
    PGresult *r = PQexec(conn, text);
    const char *value;

    ck_assert_msg(PQresultStatus(r) == PGRES_TUPLES_OK || PQresultStatus(r) == PGRES_COMMAND_OK, "%s",
                  PQerrorMessage(conn));
    value = arena_strdup(ctx->arena, PQntuples(r) > 0 ? PQgetvalue(r, 0, 0) : "");
    PQclear(r);
    PQfinish(conn);
    return value;
}

/* A file's bytes with quoted-printable undone as far as addresses need it. */
static char *read_mail(const char *path) {
    FILE *f = fopen(path, "rb");
    char *s = arena_alloc(ctx->arena, 262144), *to = s;
    size_t n;

    ck_assert_ptr_nonnull(f);
    n = fread(s, 1, 262143, f);
    s[n] = '\0';
    fclose(f);
    for (char *p = s; *p != '\0'; p++) {
        if (strncmp(p, "=\r\n", 3) == 0)
            p += 2;
        else if (strncmp(p, "=3D", 3) == 0)
            *to++ = '=', p += 2;
        else
            *to++ = *p;
    }
    *to = '\0';
    return s;
}

/* The newest mail to an address that says these words; *ret_n (may be NULL) how many there are. NULL when
 * there is none. */
static const char *mail_to(const char *email, const char *words, int *ret_n) {
    const char *folder = strchr(ctx->env->config->mail, ':') + 1, *found = NULL;
    const char *to = arena_printf(ctx->arena, "To: <%s>", email),
               *to_plain = arena_printf(ctx->arena, "To: %s", email);
    char newest[256] = "";
    DIR *dir = opendir(folder);
    int n = 0;

    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        char *text;

        if (strncmp(e->d_name, "user-", 5) != 0)
            continue;
        text = read_mail(arena_printf(ctx->arena, "%s/%s", folder, e->d_name));
        if ((strstr(text, to) == NULL && strstr(text, to_plain) == NULL) || strstr(text, words) == NULL)
            continue;
        n++;
        if (strcmp(e->d_name, newest) > 0) {
            snprintf(newest, sizeof newest, "%s", e->d_name);
            found = text;
        }
    }
    if (dir != NULL)
        closedir(dir);
    if (ret_n != NULL)
        *ret_n = n;
    return found;
}

/* The token behind /confirm/ or /reset/ in the newest such mail to an address. */
static const char *token_to(const char *email, const char *path) {
    const char *mail = mail_to(email, path, NULL);

    ck_assert_msg(mail != NULL, "no mail with %s to %s", path, email);
    return arena_strndup(ctx->arena, strstr(mail, path) + strlen(path), 43);
}

static enum code sign_up_as(const char *handle, const char *email, const char *invite, const char *reason) {
    Pb__SignUpRequest req = PB__SIGN_UP_REQUEST__INIT;

    req.handle = handle;
    req.email = email;
    req.password = PASSWORD;
    req.name = "Ada Lovelace";
    req.invite = invite;
    req.reason = reason;
    req.agreement = true;
    return user_sign_up(ctx, &req, NULL);
}

static enum code sign_up(const char *handle) { return sign_up_as(handle, address(handle), "", ""); }

static enum code confirm(const char *token, const Pb__ConfirmReply **ret) {
    Pb__TokenRequest req = PB__TOKEN_REQUEST__INIT;

    req.token = token;
    return user_confirm_email(ctx, &req, ret);
}

static enum code log_in_with(const char *login, const char *password, const Pb__LogInReply **ret) {
    Pb__LogInRequest req = PB__LOG_IN_REQUEST__INIT;

    req.login = login;
    req.password = password;
    return user_log_in(ctx, &req, ret);
}

static const Pb__LogInReply *log_in(const char *login) {
    const Pb__LogInReply *reply;

    expect_ok(ctx, log_in_with(login, PASSWORD, &reply));
    return reply;
}

static enum code verify(const char *token) {
    Pb__VerifySessionRequest req = PB__VERIFY_SESSION_REQUEST__INIT;

    req.token = token;
    return user_verify_session(ctx, &req, NULL);
}

static enum code set_state(int64_t actor, int64_t user, const char *action, const char *note) {
    Pb__SetStateRequest req = PB__SET_STATE_REQUEST__INIT;

    req.actor_id = actor;
    req.user_id = user;
    req.action = action;
    req.note = note;
    return user_set_state(ctx, &req, NULL);
}

static enum code set_role(int64_t actor, int64_t user, const char *role) {
    Pb__SetRoleRequest req = PB__SET_ROLE_REQUEST__INIT;

    req.actor_id = actor;
    req.user_id = user;
    req.role = role;
    return user_set_role(ctx, &req, NULL);
}

static size_t count_sessions(int64_t user) {
    Pb__SessionsRequest req = PB__SESSIONS_REQUEST__INIT;
    const Pb__SessionsReply *reply;

    req.user_id = user;
    expect_ok(ctx, user_list_sessions(ctx, &req, &reply));
    return reply->n_sessions;
}

static Pb__AccountState state_of(int64_t id) {
    Pb__GetUsersRequest req = PB__GET_USERS_REQUEST__INIT;
    const Pb__GetUsersReply *reply;

    req.ids = &id;
    req.n_ids = 1;
    expect_ok(ctx, user_get_users(ctx, &req, &reply));
    return reply->n_users == 1 ? reply->users[0]->state : PB__ACCOUNT_STATE__STATE_DELETED;
}

static int64_t id_of(const char *handle) {
    struct person *p;

    expect_ok(ctx, user_store_person_by_handle(ctx, handle, &p));
    return p == NULL ? 0 : p->card->id;
}

/* The failure's words about a field; NULL when it is not about it. Forgets the failure. */
static const char *refused(enum code c, const char *field) {
    const struct field_error *f = ctx->error.fields;

    for (; f != NULL && strcmp(f->field, field) != 0; f = f->next) {
    }
    fail_clear(ctx);
    return c == OK || f == NULL ? NULL : f->text;
}
#define expect_refused(call, field) \
    ck_assert_msg(refused((call), (field)) != NULL, "%s is not refused for its %s", #call, field)

/* Runs fn(i) in n processes that begin at once; how many came back OK. */
static int race(int n, enum code (*fn)(int i)) {
    int start[2], ok = 0;

    ck_assert_int_eq(pipe(start), 0);
    fflush(NULL);
    for (int i = 0; i < n; i++) {
        if (fork() == 0) {
            char c;

            ctx = fixture_ctx();
            registration("open");
            close(start[1]);
            if (read(start[0], &c, 1) != 0)
                _exit(99);
            _exit(fn(i));
        }
    }
    close(start[0]);
    usleep(700 * 1000); /* until they are connected */
    close(start[1]);
    for (int i = 0; i < n; i++) {
        int status;

        ck_assert_int_gt(wait(&status), 0);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) < 20, "a racer crashed: %d", status);
        ok += WEXITSTATUS(status) == OK;
    }
    return ok;
}

/* ---- signing up */

START_TEST(test_sign_up_confirm_log_in) {
    const char *h = fixture_handle(ctx, "ada"), *token;
    const Pb__ConfirmReply *confirmed;
    const Pb__LogInReply *in;

    expect_ok(ctx, sign_up(h));
    ck_assert_int_eq(state_of(id_of(h)), PB__ACCOUNT_STATE__STATE_UNCONFIRMED);
    expect_code(ctx, log_in_with(h, PASSWORD, &in), PRECONDITION); /* told only with the right password … */
    expect_code(ctx, log_in_with(h, "not this one", &in), UNAUTHENTICATED); /* … and not without */
    fixture_events(ctx);
    token = token_to(address(h), "/confirm/");
    expect_ok(ctx, confirm(token, &confirmed));
    ck_assert_str_eq(confirmed->purpose, "signup");
    ck_assert_int_eq(confirmed->state, PB__ACCOUNT_STATE__STATE_ACTIVE);
    ck_assert_int_eq(confirm(token, &confirmed), PRECONDITION);
    ck_assert_int_eq(error_http_status(&ctx->error), 410);
    ck_assert_ptr_nonnull(strstr(ctx->error.text, "used"));
    fail_clear(ctx);
    expect_code(ctx, confirm("nonsense", &confirmed), NOT_FOUND);
    in = log_in(address(h));
    ck_assert_str_eq(in->card->handle, h);
    ck_assert_str_eq(in->card->role, "member");
    expect_ok(ctx, verify(in->token));
    ck_assert_str_eq(log_in(arena_printf(ctx->arena, "@%s", h))->card->handle, h);
}
END_TEST

START_TEST(test_links_run_out) {
    const char *h = fixture_handle(ctx, "late"), *token;
    const Pb__ConfirmReply *reply;

    expect_ok(ctx, sign_up(h));
    fixture_events(ctx);
    token = token_to(address(h), "/confirm/");
    sql(arena_printf(ctx->arena, "UPDATE users.tokens SET expires_at = now() WHERE user_id = %" PRId64,
                     id_of(h)));
    ck_assert_int_eq(confirm(token, &reply), PRECONDITION);
    ck_assert_ptr_nonnull(strstr(ctx->error.text, "too old"));
    fail_clear(ctx);
    ck_assert_int_eq(state_of(id_of(h)), PB__ACCOUNT_STATE__STATE_UNCONFIRMED);
    ck_assert_str_eq(
        sql(arena_printf(ctx->arena,
                         "SELECT count(*) FROM users.tokens WHERE encode(hash, 'escape') LIKE '%%%s%%'",
                         token)),
        "0");
}
END_TEST

START_TEST(test_sign_up_refuses) {
    Pb__SignUpRequest req = PB__SIGN_UP_REQUEST__INIT;
    const char *h = fixture_handle(ctx, "Grace");

    ck_assert_int_eq(user_sign_up(ctx, &req, NULL), INVALID); /* all that is wrong is said at once */
    ck_assert_ptr_nonnull(ctx->error.fields->next->next->next);
    fail_clear(ctx);
    expect_ok(ctx, sign_up(h));
    expect_refused(sign_up_as(arena_printf(ctx->arena, "g%s", h + 1), address("x1"), "", ""),
                   "handle"); /* whatever its case */
    expect_refused(sign_up_as("Admin", address("x2"), "", ""), "handle");
    expect_refused(sign_up_as("1abc", address("x3"), "", ""), "handle");
    expect_refused(sign_up_as("a234567890123456789012345678901", address("x4"), "", ""), "handle");
    expect_refused(sign_up_as("fine_one", "not an address", "", ""), "email");
    req.handle = "fine_two";
    req.email = "fine_two@example.org";
    req.name = "Fine";
    req.password = PASSWORD;
    expect_refused(user_sign_up(ctx, &req, NULL), "agreement");
    req.agreement = true;
    req.password = "short";
    expect_refused(user_sign_up(ctx, &req, NULL), "password");
    req.password = "Password123";
    expect_refused(user_sign_up(ctx, &req, NULL), "password");
    req.password = "FINE_two@example.org";
    expect_refused(user_sign_up(ctx, &req, NULL), "password");
    req.password = "abcdefghijklmno";
    expect_refused(user_sign_up(ctx, &req, NULL), "password");
    ck_assert_int_eq(id_of("fine_two"), 0);
}
END_TEST

START_TEST(test_registration_modes) {
    const char *h = fixture_handle(ctx, "waits"), *r = fixture_handle(ctx, "refused");
    const Pb__ConfirmReply *confirmed;
    const Pb__LogInReply *in;
    int n;

    registration("closed");
    expect_code(ctx, sign_up(h), PRECONDITION);
    registration("invite");
    expect_code(ctx, sign_up(h), PRECONDITION);
    expect_refused(sign_up_as(h, address(h), "no-such-code", ""), "invite");
    registration("approval");
    expect_refused(sign_up(h), "reason");
    expect_ok(ctx, sign_up_as(h, address(h), "", "I build bridges."));
    expect_ok(ctx, sign_up_as(r, address(r), "", "Buy my pills."));
    expect_code(ctx, set_state(0, id_of(h), "approve", ""), PRECONDITION); /* not confirmed yet */
    fixture_events(ctx);
    expect_ok(ctx, confirm(token_to(address(h), "/confirm/"), &confirmed));
    expect_ok(ctx, confirm(token_to(address(r), "/confirm/"), &confirmed));
    ck_assert_int_eq(confirmed->state, PB__ACCOUNT_STATE__STATE_PENDING);
    expect_code(ctx, log_in_with(h, PASSWORD, &in), PRECONDITION);
    expect_ok(ctx, set_state(0, id_of(h), "approve", ""));
    expect_ok(ctx, set_state(0, id_of(r), "reject", "No advertising here."));
    log_in(h);
    ck_assert_int_eq(id_of(r), 0);
    fixture_events(ctx);
    ck_assert_ptr_nonnull(mail_to(address(h), "Welcome", &n));
    ck_assert_ptr_nonnull(mail_to(address(r), "No advertising here.", &n));
    registration("open");
    expect_ok(ctx, sign_up(r)); /* nobody ever saw it: the handle is free again */
}
END_TEST

static const char *race_handle;
static enum code race_sign_up(int i) {
    return sign_up_as(race_handle, arena_printf(ctx->arena, "%s%d@example.org", race_handle, i), "", "");
}

START_TEST(test_two_want_one_handle) {
    race_handle = fixture_handle(ctx, "wanted");
    ck_assert_int_eq(race(4, race_sign_up), 1);
    ck_assert_str_eq(
        sql(arena_printf(ctx->arena, "SELECT count(*) FROM users.accounts WHERE lower(handle) = lower('%s')",
                         race_handle)),
        "1");
}
END_TEST

static const Pb__Invite *invite(int64_t by, int uses, int days) {
    Pb__CreateInviteRequest req = PB__CREATE_INVITE_REQUEST__INIT;
    const Pb__Invite *made;

    req.actor_id = by;
    req.max_uses = uses;
    req.days = days;
    expect_ok(ctx, user_create_invite(ctx, &req, &made));
    return made;
}

static const char *race_code;
static enum code race_invite(int i) {
    const char *h = arena_printf(ctx->arena, "%s_%d", race_handle, i);

    return sign_up_as(h, address(h), race_code, "");
}

START_TEST(test_invite_used_once) {
    const Pb__Invite *one = invite(0, 1, 7), *open;

    race_handle = fixture_handle(ctx, "guest");
    race_code = one->code;
    ck_assert_int_eq(race(4, race_invite), 1);
    ck_assert_str_eq(
        sql(arena_printf(ctx->arena, "SELECT uses FROM users.invites WHERE id = %" PRId64, one->id)), "1");
    expect_code(ctx, user_service_invite_open(ctx, one->code, &open), NOT_FOUND);
}
END_TEST

START_TEST(test_invites) {
    int64_t member = fixture_member(ctx, fixture_handle(ctx, "host")),
            moderator = fixture_member(ctx, fixture_handle(ctx, "mod"));
    Pb__CreateInviteRequest make = PB__CREATE_INVITE_REQUEST__INIT;
    Pb__RevokeInviteRequest revoke = PB__REVOKE_INVITE_REQUEST__INIT;
    Pb__InvitesRequest list = PB__INVITES_REQUEST__INIT;
    const Pb__InvitesReply *all;
    const Pb__ConfirmReply *confirmed;
    const Pb__Invite *i, *other;
    const char *h = fixture_handle(ctx, "guest");

    make.actor_id = member;
    make.max_uses = make.days = 1;
    expect_code(ctx, user_create_invite(ctx, &make, NULL), DENIED);
    expect_ok(ctx, set_role(0, moderator, "moderator"));
    make.actor_id = moderator;
    make.days = 9999;
    expect_refused(user_create_invite(ctx, &make, NULL), "days");
    i = invite(moderator, 2, 7);
    other = invite(0, 1, 1);
    registration("approval");
    expect_ok(ctx,
              sign_up_as(h, address(h), i->code, "")); /* who is invited needs neither reason nor approval */
    fixture_events(ctx);
    expect_ok(ctx, confirm(token_to(address(h), "/confirm/"), &confirmed));
    ck_assert_int_eq(confirmed->state, PB__ACCOUNT_STATE__STATE_ACTIVE);
    list.actor_id = moderator;
    expect_ok(ctx, user_list_invites(ctx, &list, &all));
    ck_assert_uint_eq(all->n_invites, 1);
    ck_assert_int_eq(all->invites[0]->uses, 1);
    revoke.actor_id = moderator;
    revoke.id = other->id;
    expect_code(ctx, user_revoke_invite(ctx, &revoke, NULL), NOT_FOUND); /* somebody else's */
    revoke.id = i->id;
    expect_ok(ctx, user_revoke_invite(ctx, &revoke, NULL));
    expect_refused(sign_up_as(fixture_handle(ctx, "late"), address("late"), i->code, ""), "invite");
    sql(arena_printf(ctx->arena, "UPDATE users.invites SET expires_at = now() WHERE id = %" PRId64,
                     other->id));
    expect_refused(sign_up_as(fixture_handle(ctx, "late"), address("late"), other->code, ""), "invite");
}
END_TEST

/* ---- what strangers must not learn */

START_TEST(test_taken_address_looks_free) {
    const char *owner = fixture_handle(ctx, "owner"), *thief = fixture_handle(ctx, "thief");
    int64_t id = fixture_member(ctx, owner);
    const Pb__LogInReply *in;
    Pb__EmailRequest ask = PB__EMAIL_REQUEST__INIT;

    expect_ok(ctx, sign_up_as(thief, address(owner), "", ""));         /* same answer as for a free one */
    expect_code(ctx, log_in_with(thief, PASSWORD, &in), PRECONDITION); /* … and afterwards, too */
    expect_refused(sign_up(thief), "handle");
    fixture_events(ctx);
    ck_assert_ptr_nonnull(mail_to(address(owner), "already", NULL));
    ck_assert_ptr_null(
        mail_to(address(owner), "/confirm/", NULL)); /* nothing that would give the thief the address */
    ck_assert_int_eq(log_in(address(owner))->card->id, id);
    ask.email = address("nobody_at_all");
    expect_ok(ctx, user_resend_confirmation(ctx, &ask, NULL));
    expect_ok(ctx, user_request_reset(ctx, &ask, NULL));
    ask.email = address(owner);
    expect_ok(ctx, user_resend_confirmation(ctx, &ask, NULL));
    fixture_events(ctx);
    ck_assert_ptr_null(mail_to(address("nobody_at_all"), "", NULL));
    ck_assert_ptr_null(mail_to(address(owner), "/confirm/", NULL));
}
END_TEST

START_TEST(test_unconfirmed_address_is_nobodys) {
    const char *first = fixture_handle(ctx, "squatter"), *second = fixture_handle(ctx, "rightful"),
               *email = address(second);
    const Pb__ConfirmReply *confirmed;

    expect_ok(ctx, sign_up_as(first, email, "", ""));
    fixture_events(ctx);
    expect_ok(ctx, sign_up_as(second, email, "", ""));
    fixture_events(ctx);
    expect_ok(ctx, confirm(token_to(email, "/confirm/"), &confirmed));
    ck_assert_int_eq(confirmed->id, id_of(second));
    ck_assert_int_eq(id_of(first), 0); /* and its handle is free again */
    expect_ok(ctx, sign_up(first));
}
END_TEST

static int by_size(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static int64_t median_login(const char *const *names, int n) {
    int64_t us[16];

    for (int i = 0; i < n; i++) {
        const Pb__LogInReply *in;
        int64_t start = clock_mono_us();

        expect_code(ctx, log_in_with(names[i], "a wrong password", &in), UNAUTHENTICATED);
        us[i] = clock_mono_us() - start;
    }
    qsort(us, (size_t)n, sizeof *us, by_size);
    return us[n / 2];
}

START_TEST(test_log_in_takes_as_long_for_nobody) {
    const char *known[7], *unknown[7];
    int64_t a, b;

    for (int i = 0; i < 7; i++) {
        known[i] = fixture_handle(ctx, "timed");
        unknown[i] = fixture_handle(ctx, "untimed");
        fixture_member(ctx, known[i]);
    }
    a = median_login(known, 7);
    b = median_login(unknown, 7);
    ck_assert_msg(a < 2 * b && b < 2 * a, "%" PRId64 " µs for members, %" PRId64 " µs for nobody", a, b);
}
END_TEST

START_TEST(test_same_words_for_nobody) {
    const char *h = fixture_handle(ctx, "known"), *text;
    const Pb__LogInReply *in;

    fixture_member(ctx, h);
    ck_assert_int_eq(log_in_with(h, "a wrong password", &in), UNAUTHENTICATED);
    text = ctx->error.text;
    fail_clear(ctx);
    ck_assert_int_eq(log_in_with("nobody_here", "a wrong password", &in), UNAUTHENTICATED);
    ck_assert_str_eq(ctx->error.text, text);
    fail_clear(ctx);
    expect_code(ctx, log_in_with("\xff\xfe", "x", &in), UNAUTHENTICATED);
    expect_code(ctx, log_in_with("", "", &in), UNAUTHENTICATED);
}
END_TEST

/* ---- throttles */

static void five_wrong(const char *login) {
    const Pb__LogInReply *in;

    for (int i = 0; i < 5; i++) {
        ctx->ip = arena_printf(ctx->arena, "198.51.100.%d", i); /* the name's throttle does not care */
        expect_code(ctx, log_in_with(login, "a wrong password", &in), UNAUTHENTICATED);
    }
}

static void wait_ends(const char *login) {
    unsigned char hash[CRYPTO_HASH_BYTES];
    const char *folded = text_fold(ctx->arena, login);

    crypto_digest(hash, folded, strlen(folded));
    ck_assert_ptr_nonnull(
        redis_do(ctx, ctx->env->redis, "HSET throttle:login:%s open 0", text_hex(ctx->arena, hash, 16)));
}

START_TEST(test_throttle_of_an_account) {
    const char *h = fixture_handle(ctx, "guarded"), *nobody = fixture_handle(ctx, "nobody");
    const Pb__LogInReply *in;

    fixture_member(ctx, h);
    five_wrong(h);
    ck_assert_int_eq(log_in_with(h, PASSWORD, &in), EXHAUSTED); /* the right one waits, too */
    ck_assert_int_eq(error_http_status(&ctx->error), 429);
    ck_assert_int_gt(ctx->error.retry_after, 20);
    ck_assert_int_le(ctx->error.retry_after, 30);
    ck_assert_ptr_nonnull(strstr(ctx->error.text, "seconds"));
    fail_clear(ctx);
    /* The address is counted apart: a wait would tell whose it is. */
    expect_code(ctx, log_in_with(address(h), "a wrong password", &in), UNAUTHENTICATED);
    five_wrong(nobody); /* what is nobody's is no different */
    expect_code(ctx, log_in_with(nobody, PASSWORD, &in), EXHAUSTED);
    /* The time is over: one more wrong one, and the wait is twice as long. */
    wait_ends(h);
    expect_code(ctx, log_in_with(h, "a wrong password", &in), UNAUTHENTICATED);
    ck_assert_int_eq(log_in_with(h, PASSWORD, &in), EXHAUSTED);
    ck_assert_int_gt(ctx->error.retry_after, 50);
    fail_clear(ctx);
    wait_ends(h);
    log_in(h); /* and a right one forgets them all */
    five_wrong(h);
}
END_TEST

START_TEST(test_throttle_of_an_address) {
    const char *h = fixture_handle(ctx, "elsewhere");
    const Pb__LogInReply *in;

    fixture_member(ctx, h);
    for (int i = 0; i < 20; i++) {
        ctx->ip = arena_printf(ctx->arena, "2001:db8::%x", i + 1); /* one network, however many addresses */
        expect_code(ctx, log_in_with(fixture_handle(ctx, "guess"), "a wrong password", &in), UNAUTHENTICATED);
    }
    expect_code(ctx, log_in_with(h, PASSWORD, &in), EXHAUSTED);
    ctx->ip = "192.0.2.77";
    log_in(h);
}
END_TEST

static enum code race_guess(int i) {
    const Pb__LogInReply *in;
    enum code c = OK;

    for (int k = 0; k < 5 && c != EXHAUSTED; k++) {
        ctx->ip = arena_printf(ctx->arena, "198.51.100.%d", 10 * i + k);
        c = log_in_with(race_handle, "a wrong password", &in);
        fail_clear(ctx);
    }
    return c == EXHAUSTED ? OK : UNKNOWN;
}

START_TEST(test_throttle_holds_against_many_at_once) {
    race_handle = fixture_handle(ctx, "besieged");
    fixture_member(ctx, race_handle);
    ck_assert_int_eq(race(4, race_guess), 4); /* twenty guesses; but no more than five were looked at */
    ck_assert_str_eq(
        sql(arena_printf(
            ctx->arena,
            "SELECT count(*) FROM events.outbox WHERE topic = 'user.security.v1' AND key = %" PRId64
            " AND position('login.failed'::bytea in body) > 0",
            id_of(race_handle))),
        "5");
}
END_TEST

/* ---- passwords */

static enum code reset_with(const char *token, const char *password) {
    Pb__ResetRequest req = PB__RESET_REQUEST__INIT;

    req.token = token;
    req.password = password;
    return user_complete_reset(ctx, &req, NULL);
}

static const char *ask_reset(const char *email) {
    Pb__EmailRequest ask = PB__EMAIL_REQUEST__INIT;

    ask.email = email;
    expect_ok(ctx, user_request_reset(ctx, &ask, NULL));
    fixture_events(ctx);
    return token_to(email, "/reset/");
}

START_TEST(test_reset) {
    const char *h = fixture_handle(ctx, "forgot"), *older, *token;
    const Pb__LogInReply *in, *before;
    const Pb__ConfirmReply *confirmed;

    fixture_member(ctx, h);
    before = log_in(h);
    older = ask_reset(address(h));
    token = ask_reset(address(h));
    expect_refused(reset_with(token, "short"), "password");  /* and the link still works */
    expect_code(ctx, confirm(token, &confirmed), NOT_FOUND); /* a link opens one door only */
    expect_ok(ctx, reset_with(token, OTHER_PASSWORD));
    ck_assert_int_eq(reset_with(token, PASSWORD), PRECONDITION);
    ck_assert_ptr_nonnull(strstr(ctx->error.text, "used"));
    fail_clear(ctx);
    expect_code(ctx, reset_with(older, PASSWORD), PRECONDITION);
    expect_code(ctx, verify(before->token), UNAUTHENTICATED);
    expect_code(ctx, log_in_with(h, PASSWORD, &in), UNAUTHENTICATED);
    expect_ok(ctx, log_in_with(h, OTHER_PASSWORD, &in));
    fixture_events(ctx);
    ck_assert_ptr_nonnull(mail_to(address(h), "has been changed", NULL));
    expect_ok(ctx,
              verify(in->token)); /* the worker repeats what was done, and ends nothing that came after it */
}
END_TEST

static enum code race_reset(int i) {
    return reset_with(race_code, arena_printf(ctx->arena, "%s %d", OTHER_PASSWORD, i));
}

START_TEST(test_reset_used_twice_at_once) {
    const char *h = fixture_handle(ctx, "twice");

    fixture_member(ctx, h);
    race_code = ask_reset(address(h));
    ck_assert_int_eq(race(4, race_reset), 1);
}
END_TEST

START_TEST(test_reset_mails_are_few) {
    const char *h = fixture_handle(ctx, "bombed");
    Pb__EmailRequest ask = PB__EMAIL_REQUEST__INIT;
    int n;

    fixture_member(ctx, h);
    ask.email = address(h);
    for (int i = 0; i < 12; i++)
        expect_ok(ctx, user_request_reset(ctx, &ask, NULL));
    fixture_events(ctx);
    ck_assert_ptr_nonnull(mail_to(address(h), "/reset/", &n));
    ck_assert_int_eq(n, 5);
}
END_TEST

static enum code change_password(int64_t id, const char *current, const char *next, int64_t keep) {
    Pb__ChangePasswordRequest req = PB__CHANGE_PASSWORD_REQUEST__INIT;

    req.user_id = id;
    req.current = current;
    req.password = next;
    req.keep_session = keep;
    return user_change_password(ctx, &req, NULL);
}

START_TEST(test_change_password) {
    const char *h = fixture_handle(ctx, "changes");
    int64_t id = fixture_member(ctx, h);
    const Pb__LogInReply *here = log_in(h), *there = log_in(h);

    expect_refused(change_password(id, "wrong", OTHER_PASSWORD, 0), "current");
    expect_refused(change_password(id, PASSWORD, address(h), 0), "password");
    expect_ok(ctx, change_password(id, PASSWORD, OTHER_PASSWORD, here->session->id));
    expect_ok(ctx, verify(here->token));
    expect_code(ctx, verify(there->token), UNAUTHENTICATED);
    fixture_events(ctx);
    expect_ok(ctx, verify(here->token));
}
END_TEST

START_TEST(test_hash_is_renewed) {
    const char *h = fixture_handle(ctx, "older"), *old, *renewed, *query;
    struct config *config = (struct config *)(uintptr_t)ctx->env->config;
    int ops = config->argon2_ops;

    fixture_member(ctx, h);
    query = arena_printf(ctx->arena, "SELECT password_hash FROM users.accounts WHERE handle = '%s'", h);
    old = sql(query);
    config->argon2_ops = ops + 1;
    log_in(h);
    renewed = sql(query);
    log_in(h);
    ck_assert_str_ne(old, renewed);
    ck_assert_str_eq(sql(query), renewed);
    config->argon2_ops = ops;
}
END_TEST

/* ---- e-mail address */

static enum code change_email(int64_t id, const char *email, const char *password) {
    Pb__ChangeEmailRequest req = PB__CHANGE_EMAIL_REQUEST__INIT;

    req.user_id = id;
    req.email = email;
    req.password = password;
    return user_change_email(ctx, &req, NULL);
}

START_TEST(test_change_email) {
    const char *h = fixture_handle(ctx, "moves"), *other = fixture_handle(ctx, "settled");
    const char *new_email = arena_printf(ctx->arena, "%s@new.example.org", h);
    int64_t id = fixture_member(ctx, h);
    const Pb__ConfirmReply *confirmed;
    const Pb__LogInReply *in;

    fixture_member(ctx, other);
    expect_refused(change_email(id, new_email, "wrong"), "password");
    expect_refused(change_email(id, address(h), PASSWORD), "email");
    expect_ok(ctx, change_email(id, address(other), PASSWORD)); /* taken, but that is not told */
    fixture_events(ctx);
    ck_assert_ptr_null(mail_to(address(other), "/confirm/", NULL));
    ck_assert_ptr_nonnull(mail_to(address(other), "already", NULL));
    expect_ok(ctx, change_email(id, new_email, PASSWORD));
    fixture_events(ctx);
    ck_assert_ptr_nonnull(mail_to(address(h), new_email, NULL)); /* the old one is told at once … */
    log_in(address(h)); /* … and stays until the new one is confirmed */
    expect_ok(ctx, confirm(token_to(new_email, "/confirm/"), &confirmed));
    ck_assert_str_eq(confirmed->purpose, "email");
    log_in(new_email);
    expect_code(ctx, log_in_with(address(h), PASSWORD, &in), UNAUTHENTICATED);
    fixture_events(ctx);
    ck_assert_ptr_nonnull(mail_to(address(h), "is now", NULL));
}
END_TEST

/* ---- sessions */

static enum code end_session(int64_t user, int64_t session, int64_t except) {
    Pb__RevokeSessionsRequest req = PB__REVOKE_SESSIONS_REQUEST__INIT;

    req.user_id = user;
    req.session_id = session;
    req.except_id = except;
    return user_revoke_sessions(ctx, &req, NULL);
}

START_TEST(test_sessions) {
    const char *h = fixture_handle(ctx, "roams");
    int64_t id = fixture_member(ctx, h), stranger = fixture_member(ctx, fixture_handle(ctx, "stranger"));
    const Pb__LogInReply *a = log_in(h), *b = log_in(h), *c = log_in(h);
    Pb__TokenRequest out = PB__TOKEN_REQUEST__INIT;

    ck_assert_uint_eq(count_sessions(id), 3);
    expect_code(ctx, end_session(stranger, a->session->id, 0), NOT_FOUND);
    expect_ok(ctx, end_session(id, a->session->id, 0));
    expect_code(ctx, verify(a->token), UNAUTHENTICATED);
    expect_ok(ctx, end_session(id, 0, c->session->id));
    expect_code(ctx, verify(b->token), UNAUTHENTICATED);
    expect_ok(ctx, verify(c->token));
    ck_assert_uint_eq(count_sessions(id), 1);
    out.token = c->token;
    expect_ok(ctx, user_log_out(ctx, &out, NULL));
    expect_ok(ctx, user_log_out(ctx, &out, NULL)); /* twice is fine */
    expect_code(ctx, verify(c->token), UNAUTHENTICATED);
    ck_assert_uint_eq(count_sessions(id), 0);
}
END_TEST

START_TEST(test_bad_tokens) {
    const char *h = fixture_handle(ctx, "token");
    int64_t id = fixture_member(ctx, h), other = fixture_member(ctx, fixture_handle(ctx, "victim"));
    const char *token = log_in(h)->token;
    char *broken = arena_strdup(ctx->arena, token);

    broken[strlen(broken) - 2] ^= 1;
    expect_code(ctx, verify(""), UNAUTHENTICATED);
    expect_code(ctx, verify("1."), UNAUTHENTICATED);
    expect_code(ctx, verify(broken), UNAUTHENTICATED);
    expect_code(ctx, verify(arena_printf(ctx->arena, "%" PRId64 "%s", other, strchr(token, '.'))),
                UNAUTHENTICATED);
    ck_assert_uint_eq(count_sessions(id), 1);
    /* Nothing in Redis holds the secret. */
    ck_assert_ptr_null(strstr(token, "session"));
    ck_assert_int_eq(redis_do(ctx, ctx->env->redis, "EXISTS session:%s", strchr(token, '.') + 1)->integer, 0);
}
END_TEST

START_TEST(test_sessions_are_not_without_end) {
    const char *h = fixture_handle(ctx, "many");
    int64_t id = fixture_member(ctx, h);
    const char *first = log_in(h)->token;

    for (int i = 0; i < 55; i++)
        log_in(h);
    ck_assert_uint_eq(count_sessions(id), 50);
    expect_code(ctx, verify(first), UNAUTHENTICATED);
}
END_TEST

START_TEST(test_redis_flushed) {
    const char *h = fixture_handle(ctx, "keeps");
    int64_t id = fixture_member(ctx, h);
    const char *token = log_in(h)->token;
    const Pb__UserCard *card;

    fixture_flush_redis(ctx);
    expect_code(ctx, verify(token), UNAUTHENTICATED);
    ck_assert_uint_eq(count_sessions(id), 0);
    expect_ok(ctx, card_get(ctx, id, &card));
    ck_assert_str_eq(card->handle, h);
    ck_assert_int_eq(redis_do(ctx, ctx->env->redis, "EXISTS user:card:%lld", (long long)id)->integer,
                     1); /* rebuilt */
    expect_ok(ctx, verify(log_in(h)->token));
}
END_TEST

START_TEST(test_ended_session_stays_ended) {
    const char *h = fixture_handle(ctx, "ghost");
    int64_t id = fixture_member(ctx, h);
    const Pb__LogInReply *in = log_in(h);
    struct stored_session *s;
    Pb__Session later;
    size_t n;

    expect_ok(ctx, user_store_sessions(ctx, id, &s, &n));
    ck_assert_uint_eq(n, 1);
    later = *s[0].session;
    later.seen_ms++;
    expect_ok(ctx, user_store_session_touch(ctx, s[0].key, s[0].raw, &later));
    expect_ok(ctx, verify(in->token));
    expect_ok(ctx, end_session(id, in->session->id, 0));
    expect_ok(ctx, user_store_session_touch(ctx, s[0].key, s[0].raw,
                                            &later)); /* a request that was under way meanwhile */
    expect_code(ctx, verify(in->token), UNAUTHENTICATED);
}
END_TEST

START_TEST(test_password_changed_during_log_in) {
    const char *h = fixture_handle(ctx, "midway");
    int64_t id = fixture_member(ctx, h);
    struct person *p;
    bool in;

    expect_ok(ctx, user_store_person(ctx, id, &p)); /* a log-in has just checked the old password */
    expect_ok(ctx, change_password(id, PASSWORD, OTHER_PASSWORD, 0));
    expect_ok(ctx, user_store_logged_in(ctx, p, NULL, "Firefox on Linux", (struct body){0}, &in));
    ck_assert(!in);
    expect_ok(ctx, user_store_person(ctx, id, &p));
    expect_ok(ctx, set_state(0, id, "suspend", ""));
    expect_ok(ctx, user_store_logged_in(ctx, p, NULL, "Firefox on Linux", (struct body){0}, &in));
    ck_assert(!in);
}
END_TEST

START_TEST(test_new_device_is_told) {
    const char *h = fixture_handle(ctx, "devices");
    int n;

    fixture_member(ctx, h);
    log_in(h); /* the first of all is no news */
    log_in(h);
    fixture_events(ctx);
    ck_assert_ptr_null(mail_to(address(h), "not seen before", NULL));
    ctx->user_agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/605.1";
    log_in(h);
    log_in(h);
    fixture_events(ctx);
    ck_assert_ptr_nonnull(mail_to(address(h), "Safari on iPhone", &n));
    ck_assert_int_eq(n, 1);
}
END_TEST

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
    expect_ok(ctx, user_store_session_put(ctx, s[0].key, s[0].session)); /* as if ending it had failed */
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

/* ---- read models */

START_TEST(test_older_card_never_wins) {
    int64_t id = fixture_member(ctx, fixture_handle(ctx, "version"));
    Pb__UpdateProfileRequest profile = PB__UPDATE_PROFILE_REQUEST__INIT;
    const Pb__UserCard *card;
    Pb__UserCard old;

    expect_ok(ctx, card_get(ctx, id, &card));
    old = *card;
    profile.user_id = id;
    profile.name = "Newer";
    expect_ok(ctx, user_update_profile(ctx, &profile, NULL));
    card_publish(ctx, &old);
    user_store_cards_fill(ctx, (Pb__UserCard *[]){&old}, 1);
    expect_ok(ctx, card_get(ctx, id, &card));
    ck_assert_str_eq(card->name, "Newer");
}
END_TEST

START_TEST(test_worker_repairs_cards) {
    int64_t id = fixture_member(ctx, fixture_handle(ctx, "repair"));
    Pb__UpdateProfileRequest profile = PB__UPDATE_PROFILE_REQUEST__INIT;
    const Pb__UserCard *card;
    Pb__UserCard old;

    expect_ok(ctx, card_get(ctx, id, &card));
    old = *card;
    profile.user_id = id;
    profile.name = "Repaired";
    expect_ok(ctx, user_update_profile(ctx, &profile, NULL));
    ck_assert_ptr_nonnull(
        redis_do(ctx, ctx->env->redis, "DEL user:card:%lld user:card:%lld:v", (long long)id, (long long)id));
    card_publish(ctx, &old); /* as if the worker had been killed right after its commit */
    fixture_events(ctx);
    expect_ok(ctx, card_get(ctx, id, &card));
    ck_assert_str_eq(card->name, "Repaired");
}
END_TEST

/* ---- imports */

START_TEST(test_import) {
    enum { N = 3000 };
    Pb__CreateUsersRequest req = PB__CREATE_USERS_REQUEST__INIT;
    const Pb__CreateUsersReply *reply;
    const char *tag = fixture_handle(ctx, "imp");
    const Pb__LogInReply *in;
    int64_t start = clock_mono_us();

    req.users = arena_many(ctx->arena, Pb__CreateUserRequest *, N);
    req.n_users = N;
    for (int i = 0; i < N; i++) {
        req.users[i] = arena_one(ctx->arena, Pb__CreateUserRequest);
        pb__create_user_request__init(req.users[i]);
        req.users[i]->handle = arena_printf(ctx->arena, "%s_%d", tag, i);
        req.users[i]->discoverable = true;
    }
    expect_ok(ctx, user_create_users(ctx, &req, &reply));
    ck_assert_uint_eq(reply->n_ids, N);
    ck_assert_int_lt(clock_mono_us() - start, 10 * 1000000);
    ck_assert_int_eq(state_of(reply->ids[N - 1]), PB__ACCOUNT_STATE__STATE_ACTIVE);
    expect_code(ctx, log_in_with(arena_printf(ctx->arena, "%s_0", tag), "", &in),
                UNAUTHENTICATED); /* no password, no way in */
    req.users[0]->handle = arena_printf(ctx->arena, "%s_fresh", tag);
    expect_refused(user_create_users(ctx, &req, &reply), "handle"); /* all or none */
    ck_assert_int_eq(id_of(arena_printf(ctx->arena, "%s_fresh", tag)), 0);
    fixture_as(ctx, fixture_member(ctx, fixture_handle(ctx, "ordinary")));
    expect_code(ctx, user_create_users(ctx, &req, &reply), DENIED);
}
END_TEST

/* ---- histories */

static const Pb__ActivityReply *activity(int64_t id) {
    Pb__ActivityRequest req = PB__ACTIVITY_REQUEST__INIT;
    const Pb__ActivityReply *reply;

    req.user_id = id;
    expect_ok(ctx, user_list_activity(ctx, &req, &reply));
    return reply;
}

START_TEST(test_activity) {
    const char *h = fixture_handle(ctx, "history");
    int64_t id = fixture_member(ctx, h);
    const Pb__LogInReply *in = log_in(h);
    const Pb__ActivityReply *list;
    struct audit_page audit;

    expect_code(ctx, log_in_with(h, "a wrong password", &in), UNAUTHENTICATED);
    expect_ok(ctx, set_state(0, id, "suspend", "Enough."));
    fixture_events(ctx);
    list = activity(id);
    ck_assert_uint_eq(list->n_items, 3);
    ck_assert_str_eq(list->items[0]->kind, "member.suspended");
    ck_assert_str_eq(list->items[1]->kind, "login.failed");
    ck_assert_str_eq(list->items[2]->kind, "login");
    ck_assert_str_eq(list->items[2]->device, "Firefox on Linux");
    ck_assert_str_eq(list->items[2]->ip, "192.0.2.1");
    expect_ok(ctx, user_service_audit(ctx, &(struct audit_filter){0}, 3, &audit));
    ck_assert_uint_eq(audit.n, 3);
    ck_assert_str_eq(audit.items[0].kind, "member.suspended");
    ck_assert_int_eq(audit.items[0].target_id, id);
    ck_assert_int_eq(audit.items[0].actor_id, 0);
    ck_assert_str_eq(audit.items[0].detail, "Enough.");
    ck_assert_int_eq(audit.items[0].seq, audit.items[1].seq + 1);
    fixture_as(ctx, fixture_member(ctx, fixture_handle(ctx, "curious")));
    expect_code(ctx, user_service_audit(ctx, &(struct audit_filter){0}, 3, &audit), DENIED);
}
END_TEST

START_TEST(test_histories_twice_change_nothing) {
    int64_t id = fixture_member(ctx, fixture_handle(ctx, "replay")), n, again, seq;
    Pb__UserSecurity s = PB__USER_SECURITY__INIT;
    struct remembered r[] = {{id_next(), id, &s}, {id_next(), id, &s}};

    s.user_id = id;
    s.kind = "login";
    s.at_ms = clock_now_ms();
    for (int i = 0; i < 3; i++) {
        expect_ok(ctx, user_store_activity_add(ctx, r, 2));
        expect_ok(ctx, user_store_audit_add(ctx, r, i == 0 ? 1 : 2)); /* the first time it stopped half way */
    }
    ck_assert_uint_eq(activity(id)->n_items, 2);
    expect_ok(ctx, user_service_audit_verify(ctx, &n, &seq));
    expect_ok(ctx, user_store_audit_add(ctx, r, 2));
    expect_ok(ctx, user_service_audit_verify(ctx, &again, &seq));
    ck_assert_int_eq(n, again);
}
END_TEST

START_TEST(test_audit_chain_shows_tampering) {
    int64_t id = fixture_member(ctx, fixture_handle(ctx, "tamper")), n, seq;
    struct audit_page page;
    json_object *fields = json_object_new_object();
    const char *third;

    for (int i = 0; i < 4; i++)
        expect_ok(ctx,
                  user_store_security(ctx, id, (struct body){(const unsigned char *)"\x12\x05login", 7}));
    fixture_events(ctx);
    expect_ok(ctx, user_service_audit_verify(ctx, &n, &seq));
    ck_assert_int_ge(n, 4);
    expect_ok(ctx, user_service_audit(ctx, &(struct audit_filter){0}, 4, &page));
    third = arena_printf(ctx->arena, "%019" PRId64, page.items[2].seq);
    json_object_object_add(fields, "kind", json_object_new_string("logout"));
    expect_ok(ctx, docs_set(ctx, ctx->env->docs, &user_collections[1], 0, third, fields));
    expect_code(ctx, user_service_audit_verify(ctx, &n, &seq), DATA_LOSS);
    ck_assert_int_eq(seq, page.items[2].seq);
    json_object_object_add(fields, "kind", json_object_new_string("login"));
    expect_ok(ctx, docs_set(ctx, ctx->env->docs, &user_collections[1], 0, third, fields));
    json_object_put(fields);
    expect_ok(ctx, user_service_audit_verify(ctx, &n, &seq));
}
END_TEST

/* ---- mails */

START_TEST(test_mail_waits_for_its_server) {
    const char *h = fixture_handle(ctx, "patient");
    struct mail *good = ctx->env->mail,
                *dead = mail_open("smtp://127.0.0.1:9", "DeepLink <noreply@example.org>", 1000);
    struct mail_job *jobs;
    struct event e = {.topic = "user.mail.v1", .type = "mail.queued"};
    size_t n;

    fixture_events(ctx);
    expect_ok(ctx, sign_up(h));
    e.key = strtoll(
        sql(arena_printf(ctx->arena, "SELECT id FROM users.mails WHERE user_id = %" PRId64, id_of(h))), NULL,
        10);
    ck_assert_int_ne(e.key, 0);
    ctx->env->mail = dead;
    expect_code(ctx, user_consumers[2].handle(ctx, &e, 1), UNAVAILABLE);
    expect_ok(ctx, user_store_mails(ctx, &e.key, 1, &jobs, &n));
    ck_assert_uint_eq(n, 1); /* still to be sent */
    ctx->env->mail = good;
    mail_close(dead);
    expect_ok(ctx, user_consumers[2].handle(ctx, &e, 1));
    expect_ok(ctx, user_consumers[2].handle(ctx, &e, 1)); /* twice is once */
    expect_ok(ctx, user_store_mails(ctx, &e.key, 1, &jobs, &n));
    ck_assert_uint_eq(n, 0);
    token_to(address(h), "/confirm/");
    fixture_events(ctx);
    mail_to(address(h), "/confirm/", (int[]){0});
}
END_TEST

START_TEST(test_sweep) {
    const char *h = fixture_handle(ctx, "never");
    const Pb__Invite *i = invite(0, 1, 7);

    expect_ok(ctx, sign_up_as(h, address(h), i->code, ""));
    fixture_events(ctx);
    expect_ok(ctx, user_store_sweep(ctx));
    ck_assert_int_ne(id_of(h), 0);
    sql(arena_printf(ctx->arena,
                     "UPDATE users.accounts SET created_at = now() - interval '8 days' WHERE handle = '%s'",
                     h));
    expect_ok(ctx, user_store_sweep(ctx));
    ck_assert_int_eq(id_of(h), 0);
    expect_ok(ctx, sign_up_as(h, address(h), i->code, "")); /* handle and invitation are free again */
}
END_TEST

static Suite *suite(void) {
    const TTest *const tests[] = {
        test_sign_up_confirm_log_in,
        test_links_run_out,
        test_sign_up_refuses,
        test_registration_modes,
        test_two_want_one_handle,
        test_invite_used_once,
        test_invites,
        test_taken_address_looks_free,
        test_unconfirmed_address_is_nobodys,
        test_log_in_takes_as_long_for_nobody,
        test_same_words_for_nobody,
        test_throttle_of_an_account,
        test_throttle_of_an_address,
        test_throttle_holds_against_many_at_once,
        test_reset,
        test_reset_used_twice_at_once,
        test_reset_mails_are_few,
        test_change_password,
        test_hash_is_renewed,
        test_change_email,
        test_sessions,
        test_bad_tokens,
        test_sessions_are_not_without_end,
        test_redis_flushed,
        test_ended_session_stays_ended,
        test_new_device_is_told,
        test_password_changed_during_log_in,
        test_suspended,
        test_suspended_while_a_session_is_left,
        test_ranks,
        test_role_counts_at_once,
        test_members_list,
        test_profile,
        test_settings_and_appearance,
        test_directory,
        test_resolve_handles,
        test_older_card_never_wins,
        test_worker_repairs_cards,
        test_import,
        test_activity,
        test_histories_twice_change_nothing,
        test_audit_chain_shows_tampering,
        test_mail_waits_for_its_server,
        test_sweep,
        test_last_admin_stays,
    };
    Suite *s = suite_create("user");
    TCase *all = tcase_create("rules");

    tcase_set_timeout(all, 120);
    tcase_add_checked_fixture(all, setup, NULL);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(all, tests[i]);
    suite_add_tcase(s, all);
    return s;
}

int main(void) { return fixture_main(suite()); }
