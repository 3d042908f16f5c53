#include "handlers/user/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/text.h"
#include "fcgi/command.h"
#include "fcgi/ctx.h"
#include "gen/stubs.h"
#include "handlers/user/service.h"

#define VALUED "email,name,role,password,note,state,query,scopes,days"
#define TOKEN_DAYS 90

/* Says what was wrong; exit status 1. */
static int failed(struct ctx *ctx) {
    const struct field_error *f = ctx->error.fields;

    if (f == NULL)
        fprintf(stderr, "%s\n", ctx->error.text);
    for (; f != NULL; f = f->next)
        fprintf(stderr, "%s: %s\n", f->field, f->text);
    if (ctx->error.detail != NULL)
        fprintf(stderr, "(%s)\n", ctx->error.detail);
    return 1;
}

static int usage(const char *words) {
    fprintf(stderr, "usage: deeplink user %s\n", words);
    return 2;
}

static const char *handle_of(int argc, char **argv) {
    const char *word = command_word(argc, argv, VALUED, 0);

    return word != NULL && word[0] == '@' ? word + 1 : word;
}

static const char *option(int argc, char **argv, const char *name) {
    const char *value = command_option(argc, argv, name);

    return value != NULL ? value : "";
}

/* The id of an active or suspended member; 0 when there is none or it could not be found out, which is then
 * said. */
static int64_t find(struct ctx *ctx, const char *handle) {
    Pb__ResolveHandlesRequest req = PB__RESOLVE_HANDLES_REQUEST__INIT;
    const Pb__ResolveHandlesReply *reply;

    req.handles = &handle;
    req.n_handles = 1;
    if (user_resolve_handles(ctx, &req, &reply) != OK) {
        failed(ctx);
        return 0;
    }
    if (reply->n_users == 0)
        fprintf(stderr, "There is no member @%s.\n", handle);
    return reply->n_users == 0 ? 0 : reply->users[0]->id;
}

/* The password asked for, or a new one, which is then shown. */
static const char *password_of(struct ctx *ctx, int argc, char **argv, const char **ret_show) {
    const char *given = command_option(argc, argv, "password");

    *ret_show = given == NULL ? crypto_token(ctx->arena, 15) : NULL;
    return given == NULL ? *ret_show : given;
}

int user_command_create(struct ctx *ctx, int argc, char **argv) {
    Pb__CreateUsersRequest req = PB__CREATE_USERS_REQUEST__INIT;
    Pb__CreateUserRequest one = PB__CREATE_USER_REQUEST__INIT, *ones[] = {&one};
    const Pb__CreateUsersReply *reply;
    const char *show;

    one.handle = handle_of(argc, argv);
    one.email = option(argc, argv, "email");
    if (one.handle == NULL || text_is_empty(one.email))
        return usage("create HANDLE --email ADDRESS [--name NAME] [--role ROLE] [--password PASSWORD]");
    one.name = option(argc, argv, "name");
    one.role = option(argc, argv, "role");
    one.password = password_of(ctx, argc, argv, &show);
    one.discoverable = true;
    req.users = ones;
    req.n_users = 1;
    if (user_create_users(ctx, &req, &reply) != OK)
        return failed(ctx);
    printf("@%s is a member now, as %s.\n", one.handle, text_is_empty(one.role) ? "member" : one.role);
    if (show != NULL)
        printf("password: %s\n", show);
    return 0;
}

int user_command_role(struct ctx *ctx, int argc, char **argv) {
    Pb__SetRoleRequest req = PB__SET_ROLE_REQUEST__INIT;
    const Pb__UserCard *card;
    const char *handle = handle_of(argc, argv), *role = command_word(argc, argv, VALUED, 1);

    if (handle == NULL || role == NULL)
        return usage("role HANDLE ROLE");
    if ((req.user_id = find(ctx, handle)) == 0)
        return 1;
    req.role = role;
    if (user_set_role(ctx, &req, &card) != OK)
        return failed(ctx);
    printf("@%s: %s\n", card->handle, card->role);
    return 0;
}

int user_command_password(struct ctx *ctx, int argc, char **argv) {
    Pb__SetPasswordRequest req = PB__SET_PASSWORD_REQUEST__INIT;
    const char *handle = handle_of(argc, argv), *show;

    if (handle == NULL)
        return usage("password HANDLE [--password PASSWORD]");
    if ((req.user_id = find(ctx, handle)) == 0)
        return 1;
    req.password = password_of(ctx, argc, argv, &show);
    if (user_set_password(ctx, &req, NULL) != OK)
        return failed(ctx);
    printf("@%s has a new password, and all sessions have ended.\n", handle);
    if (show != NULL)
        printf("password: %s\n", show);
    return 0;
}

static int set_state(struct ctx *ctx, const char *handle, const char *action, const char *note,
                     const char *done) {
    Pb__SetStateRequest req = PB__SET_STATE_REQUEST__INIT;

    if ((req.user_id = find(ctx, handle)) == 0)
        return 1;
    req.action = action;
    req.note = note;
    if (user_set_state(ctx, &req, NULL) != OK)
        return failed(ctx);
    printf("@%s %s\n", handle, done);
    return 0;
}

int user_command_suspend(struct ctx *ctx, int argc, char **argv) {
    const char *handle = handle_of(argc, argv);

    if (handle == NULL)
        return usage("suspend HANDLE [--note WORDS]");
    return set_state(ctx, handle, "suspend", option(argc, argv, "note"),
                     "is suspended, and all sessions have ended.");
}

int user_command_restore(struct ctx *ctx, int argc, char **argv) {
    const char *handle = handle_of(argc, argv);

    if (handle == NULL)
        return usage("restore HANDLE");
    return set_state(ctx, handle, "restore", "", "is back.");
}

/* Its own look-up: an account that is being deleted has no card that others may know of. */
static int64_t find_leaving(struct ctx *ctx, const char *handle) {
    Pb__GetProfileRequest req = PB__GET_PROFILE_REQUEST__INIT;
    const Pb__Profile *profile;

    req.handle = handle;
    if (user_get_profile(ctx, &req, &profile) == OK)
        return profile->card->id;
    if (ctx->error.code == NOT_FOUND)
        fprintf(stderr, "There is no member @%s.\n", handle);
    else
        failed(ctx);
    return 0;
}

int user_command_delete(struct ctx *ctx, int argc, char **argv) {
    Pb__RequestDeletionRequest req = PB__REQUEST_DELETION_REQUEST__INIT;
    const Pb__RequestDeletionReply *reply;
    const char *handle = handle_of(argc, argv);

    if (handle == NULL)
        return usage("delete HANDLE [--now]");
    if ((req.user_id = find_leaving(ctx, handle)) == 0)
        return 1;
    req.now = command_flag(argc, argv, "now");
    if (user_request_deletion(ctx, &req, &reply) != OK)
        return failed(ctx);
    if (req.now)
        printf("@%s is hidden, and `deeplink work` erases everything of it now.\n", handle);
    else
        printf("@%s is hidden, and will be erased at %s. Until then logging in restores it.\n", handle,
               clock_iso(ctx->arena, reply->erase_ms));
    return 0;
}

static void print_member(struct ctx *ctx, const Pb__Member *m) {
    static const char *const states[] = {"unconfirmed", "pending", "active", "suspended", "deleted"};

    printf("%s\t@%s\t%s\t%s\t%s\t%s\n", clock_iso(ctx->arena, m->card->created_ms), m->card->handle,
           m->card->role, states[m->card->state <= PB__ACCOUNT_STATE__STATE_DELETED ? m->card->state : 4],
           m->email, m->card->name);
}

int user_command_token(struct ctx *ctx, int argc, char **argv) {
    Pb__PersonalTokenRequest req = PB__PERSONAL_TOKEN_REQUEST__INIT;
    const Pb__TokenReply *reply;
    const char *handle = handle_of(argc, argv), *days = option(argc, argv, "days");
    int64_t n = TOKEN_DAYS;

    req.scopes = option(argc, argv, "scopes");
    if (handle == NULL || text_is_empty(req.scopes) ||
        (!text_is_empty(days) && !text_parse_int(days, 1, 3650, &n)))
        return usage("token HANDLE --scopes SCOPES [--name NAME] [--days DAYS]");
    if ((req.user_id = find(ctx, handle)) == 0)
        return 1;
    req.name = option(argc, argv, "name");
    if (text_is_empty(req.name))
        req.name = "command line";
    req.days = (int32_t)n;
    if (user_create_personal_token(ctx, &req, &reply) != OK)
        return failed(ctx);
    printf("%s\n", reply->token);
    return 0;
}

int user_command_list(struct ctx *ctx, int argc, char **argv) {
    Pb__MembersRequest req = PB__MEMBERS_REQUEST__INIT;
    const Pb__MembersReply *reply;

    req.state = option(argc, argv, "state");
    req.role = option(argc, argv, "role");
    req.query = option(argc, argv, "query");
    req.limit = 200;
    do {
        if (user_list_members(ctx, &req, &reply) != OK)
            return failed(ctx);
        for (size_t i = 0; i < reply->n_members; i++)
            print_member(ctx, reply->members[i]);
        req.before = reply->next;
    } while (req.before != 0);
    return 0;
}

int user_command_audit(struct ctx *ctx, int argc, char **argv) {
    int64_t n, seq;
    enum code c = user_service_audit_verify(ctx, &n, &seq);

    (void)argc;
    (void)argv;
    if (c == DATA_LOSS)
        fprintf(stderr, "entry %" PRId64 " is not what was written, or an entry beside it is missing\n", seq);
    if (c != OK)
        return failed(ctx);
    printf("%" PRId64 " entries, the chain is whole\n", n);
    return 0;
}
