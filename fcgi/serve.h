/* The subcommands that the runtime brings along; rows of main.c. Each is a `run` of struct command. */
#ifndef DEEPLINK_SERVE_H
#define DEEPLINK_SERVE_H

struct ctx;

int serve_command(struct ctx *ctx, int argc, char **argv);  /* the pool of FastCGI workers */
int work_command(struct ctx *ctx, int argc, char **argv);   /* the consumers of events */
int stream_command(struct ctx *ctx, int argc, char **argv); /* the hub of open streams */
int routes_command(struct ctx *ctx, int argc, char **argv);
int doctor_command(struct ctx *ctx, int argc, char **argv);
int events_list_command(struct ctx *ctx, int argc, char **argv);
int events_replay_command(struct ctx *ctx, int argc, char **argv);
int events_lag_command(struct ctx *ctx, int argc, char **argv);
int events_tail_command(struct ctx *ctx, int argc, char **argv);
int events_rewind_command(struct ctx *ctx, int argc, char **argv);

#endif
