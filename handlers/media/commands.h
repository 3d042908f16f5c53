/* `deeplink media …`, for handlers/app.c. */
#ifndef DEEPLINK_MEDIA_COMMANDS_H
#define DEEPLINK_MEDIA_COMMANDS_H

struct ctx;

int media_command_sweep(struct ctx *ctx, int argc, char **argv);
int media_command_verify(struct ctx *ctx, int argc, char **argv);
int media_command_move(struct ctx *ctx, int argc, char **argv);
int media_command_rederive(struct ctx *ctx, int argc, char **argv);

#endif
