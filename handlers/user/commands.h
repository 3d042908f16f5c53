/* `deeplink user …`: the operator's commands about members. Each prints what it did, or what was wrong, and
 * returns the exit status. */
#ifndef DEEPLINK_USER_COMMANDS_H
#define DEEPLINK_USER_COMMANDS_H

struct ctx;

/* HANDLE --email ADDRESS [--name NAME] [--role ROLE] [--password PASSWORD]: an active member; a password not
 * given is made up and printed. */
int user_command_create(struct ctx *ctx, int argc, char **argv);
/* HANDLE ROLE */
int user_command_role(struct ctx *ctx, int argc, char **argv);
/* HANDLE [--password PASSWORD] */
int user_command_password(struct ctx *ctx, int argc, char **argv);
/* HANDLE [--note WORDS] */
int user_command_suspend(struct ctx *ctx, int argc, char **argv);
/* HANDLE */
int user_command_restore(struct ctx *ctx, int argc, char **argv);
/* HANDLE --scopes SCOPES [--name NAME] [--days DAYS]: a personal access token, printed alone on a line */
int user_command_token(struct ctx *ctx, int argc, char **argv);
/* HANDLE [--now] */
int user_command_delete(struct ctx *ctx, int argc, char **argv);
/* [--state STATE] [--role ROLE] [--query WORDS]: one line a member, the newest first */
int user_command_list(struct ctx *ctx, int argc, char **argv);
/* Checks the chain of the audit log. */
int user_command_audit(struct ctx *ctx, int argc, char **argv);

#endif
