/* The program: which services it has, and what is common to all of them. */
#include "fcgi/app.h"

#include "fcgi/command.h"
#include "fcgi/log.h"
#include "gen/stubs.h"
#include "handlers/common/bearer.h"
#include "handlers/common/errors.h"
#include "handlers/common/models.h"
#include "handlers/common/once.h"
#include "handlers/common/page_cache.h"
#include "handlers/common/session.h"
#include "handlers/common/streams.h"
#include "handlers/connection/service.h"
#include "handlers/demo/demo.h"
#include "handlers/media/commands.h"
#include "handlers/media/service.h"
#include "handlers/notification/service.h"
#include "handlers/post/service.h"
#include "handlers/reference/pages.h"
#include "handlers/reference/routes.h"
#include "handlers/services.h"
#include "handlers/user/commands.h"
#include "handlers/user/service.h"

#define MEDIA_STEPS 50

static const struct service *const services[] = {
    [SVC_USER] = &user_service,
    [SVC_POST] = &post_service,
    [SVC_CONNECTION] = &connection_service,
    [SVC_NOTIFICATION] = &notification_service,
    [SVC_MEDIA] = &media_service,
    [SVC_COUNT] = NULL,
};

static const struct command commands[] = {
    {"user create", "HANDLE --email ADDRESS [--name NAME] [--role ROLE] [--password PASSWORD]",
     "makes a member", NULL, user_command_create, COMMAND_NEEDS_SERVERS},
    {"user role", "HANDLE ROLE", "gives a member a role: member, moderator, admin or one of your own", NULL,
     user_command_role, COMMAND_NEEDS_SERVERS},
    {"user password", "HANDLE [--password PASSWORD]",
     "sets a password (a random one is printed) and ends all sessions", NULL, user_command_password,
     COMMAND_NEEDS_SERVERS},
    {"user suspend", "HANDLE [--note WORDS]", "suspends a member and ends all sessions", NULL,
     user_command_suspend, COMMAND_NEEDS_SERVERS},
    {"user restore", "HANDLE", "takes a suspension back", NULL, user_command_restore, COMMAND_NEEDS_SERVERS},
    {"user token", "HANDLE --scopes SCOPES [--name NAME] [--days DAYS]",
     "makes a personal access token and prints it",
     "SCOPES are words such as \"read write:statuses\". Without --days the token is good for 90 days.",
     user_command_token, COMMAND_NEEDS_SERVERS},
    {"user delete", "HANDLE [--now]",
     "deletes a member's account: hidden at once, erased after delete_grace_days, or now", NULL,
     user_command_delete, COMMAND_NEEDS_SERVERS},
    {"user list", "[--state STATE] [--role ROLE] [--query WORDS]", "lists members, the newest first", NULL,
     user_command_list, COMMAND_NEEDS_SERVERS},
    {"user audit", "", "reads the audit log and proves that nothing in it was changed or removed", NULL,
     user_command_audit, COMMAND_NEEDS_SERVERS},
    {"media sweep", "[--dry-run] [--json]", "removes uploads and files that nothing needs any more",
     "`deeplink work` does the same every hour, but for the walk through the whole store.",
     media_command_sweep, COMMAND_NEEDS_SERVERS},
    {"media verify", "[--repair] [--json]",
     "reads every stored file and compares it with what is known of it",
     "With --repair, what is missing or damaged is made anew of its original, where that is whole.",
     media_command_verify, COMMAND_NEEDS_SERVERS},
    {"media move", "--to SETTING [--from SETTING] [--json]", "copies all files to another store",
     "SETTING is as `media` in the configuration: folder:/path or s3://bucket?endpoint=…. It can be stopped and\n"
     "started again, and says at its end which setting to change.",
     media_command_move, COMMAND_NEEDS_SERVERS},
    {"media rederive", "ID | --kind KIND | --all [--json]", "has files made anew of the originals", NULL,
     media_command_rederive, COMMAND_NEEDS_SERVERS},
    {"import graph", "FILE", "makes members and mutual follows from an edge list",
     "FILE has two numbers a line: two members who follow each other. Lines that begin with # or % are comments.\n"
     "Numbers become members named u<number>; those that exist already are used again, so a repeat adds nothing.",
     demo_command_import_graph, COMMAND_NEEDS_SERVERS},
    {"demo", "", "loads a small demo community, once", NULL, demo_command_load, COMMAND_NEEDS_SERVERS},
    {0},
};

static void finish(struct request *req) {
    page_cache_keep(req);
    once_finish(req);
    session_touch(req);
    bearer_touch(req);
    models_finish();
}

/* Media that nothing needs any more; what one hour does not get done, the next one does. The walk through the
 * whole store is for `deeplink media sweep`. */
static void sweep_media(struct ctx *ctx) {
    Pb__SweepMediaRequest req = PB__SWEEP_MEDIA_REQUEST__INIT;
    const Pb__SweepMediaReply *reply;

    for (int i = 0; i < MEDIA_STEPS; i++)
        if (media_sweep_media(ctx, &req, &reply) != OK) {
            log_warn(ctx, "unused media were not removed", "cause=%s", ctx->error.detail);
            fail_clear(ctx);
            return;
        } else if (reply->next[0] != '\0') {
            return;
        }
}

/* What has grown old: kept pages, and accounts whose days of grace are over. */
static void tidy(struct ctx *ctx) {
    Pb__Empty nothing = PB__EMPTY__INIT;

    page_cache_tidy(ctx);
    if (user_erase_due(ctx, &nothing, NULL) != OK)
        log_warn(ctx, "accounts were not erased", "cause=%s", ctx->error.detail);
    fail_clear(ctx);
    if (notification_sweep(ctx, &nothing, NULL) != OK)
        log_warn(ctx, "old notifications were not removed", "cause=%s", ctx->error.detail);
    fail_clear(ctx);
    sweep_media(ctx);
}

const struct app deeplink_app = {
    .services = services,
    .routes = reference_routes,
    .guard = session_guard,
    .let_in = bearer_let_in,
    .show_error = error_show,
    .finish = finish,
    .settle = models_finish,
    .tidy = tidy,
    .describe = reference_describe,
    .streams = &stream_app,
    .commands = commands,
};
