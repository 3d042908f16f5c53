#include "tests/service/fixture_user.h"

#include <dirent.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/drivers/mail.h"
#include "gen/stubs.h"
#include "handlers/user/store.h"

void registration(const char *mode) { ((struct config *)(uintptr_t)ctx->env->config)->registration = mode; }

void setup(void) {
    ctx = fixture_ctx();
    ctx->ip = "192.0.2.1";
    ctx->user_agent = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0";
    fixture_flush_redis(ctx); /* the throttles of the test before */
    registration("open");
}

const char *address(const char *handle) { return arena_printf(ctx->arena, "%s@example.org", handle); }

const char *sql(const char *text) {
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

const char *mail_to(const char *email, const char *words, int *ret_n) {
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

const char *token_to(const char *email, const char *path) {
    const char *mail = mail_to(email, path, NULL);

    ck_assert_msg(mail != NULL, "no mail with %s to %s", path, email);
    return arena_strndup(ctx->arena, strstr(mail, path) + strlen(path), 43);
}

enum code sign_up_as(const char *handle, const char *email, const char *invite, const char *reason) {
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

enum code sign_up(const char *handle) { return sign_up_as(handle, address(handle), "", ""); }

enum code confirm(const char *token, const Pb__ConfirmReply **ret) {
    Pb__TokenRequest req = PB__TOKEN_REQUEST__INIT;

    req.token = token;
    return user_confirm_email(ctx, &req, ret);
}

enum code log_in_with(const char *login, const char *password, const Pb__LogInReply **ret) {
    Pb__LogInRequest req = PB__LOG_IN_REQUEST__INIT;

    req.login = login;
    req.password = password;
    return user_log_in(ctx, &req, ret);
}

const Pb__LogInReply *log_in(const char *login) {
    const Pb__LogInReply *reply;

    expect_ok(ctx, log_in_with(login, PASSWORD, &reply));
    return reply;
}

enum code verify(const char *token) {
    Pb__VerifySessionRequest req = PB__VERIFY_SESSION_REQUEST__INIT;

    req.token = token;
    return user_verify_session(ctx, &req, NULL);
}

enum code set_state(int64_t actor, int64_t user, const char *action, const char *note) {
    Pb__SetStateRequest req = PB__SET_STATE_REQUEST__INIT;

    req.actor_id = actor;
    req.user_id = user;
    req.action = action;
    req.note = note;
    return user_set_state(ctx, &req, NULL);
}

enum code set_role(int64_t actor, int64_t user, const char *role) {
    Pb__SetRoleRequest req = PB__SET_ROLE_REQUEST__INIT;

    req.actor_id = actor;
    req.user_id = user;
    req.role = role;
    return user_set_role(ctx, &req, NULL);
}

size_t count_sessions(int64_t user) {
    Pb__SessionsRequest req = PB__SESSIONS_REQUEST__INIT;
    const Pb__SessionsReply *reply;

    req.user_id = user;
    expect_ok(ctx, user_list_sessions(ctx, &req, &reply));
    return reply->n_sessions;
}

Pb__AccountState state_of(int64_t id) {
    Pb__GetUsersRequest req = PB__GET_USERS_REQUEST__INIT;
    const Pb__GetUsersReply *reply;

    req.ids = &id;
    req.n_ids = 1;
    expect_ok(ctx, user_get_users(ctx, &req, &reply));
    return reply->n_users == 1 ? reply->users[0]->state : PB__ACCOUNT_STATE__STATE_DELETED;
}

int64_t id_of(const char *handle) {
    struct person *p;

    expect_ok(ctx, user_store_person_by_handle(ctx, handle, &p));
    return p == NULL ? 0 : p->card->id;
}

const char *refused(enum code c, const char *field) {
    const struct field_error *f = ctx->error.fields;

    for (; f != NULL && strcmp(f->field, field) != 0; f = f->next) {
    }
    fail_clear(ctx);
    return c == OK || f == NULL ? NULL : f->text;
}

int race(int n, enum code (*fn)(int i)) {
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

enum code change_password(int64_t id, const char *current, const char *next, int64_t keep) {
    Pb__ChangePasswordRequest req = PB__CHANGE_PASSWORD_REQUEST__INIT;

    req.user_id = id;
    req.current = current;
    req.password = next;
    req.keep_session = keep;
    return user_change_password(ctx, &req, NULL);
}

const Pb__Invite *invite(int64_t by, int uses, int days) {
    Pb__CreateInviteRequest req = PB__CREATE_INVITE_REQUEST__INIT;
    const Pb__Invite *made;

    req.actor_id = by;
    req.max_uses = uses;
    req.days = days;
    expect_ok(ctx, user_create_invite(ctx, &req, &made));
    return made;
}

int user_main(const char *name, const TTest *const *tests, size_t n) {
    Suite *suite = suite_create(name);
    TCase *all = tcase_create("rules");

    tcase_set_timeout(all, 120);
    tcase_add_checked_fixture(all, setup, NULL);
    for (size_t i = 0; i < n; i++)
        tcase_add_test(all, tests[i]);
    suite_add_tcase(suite, all);
    return fixture_main(suite);
}
