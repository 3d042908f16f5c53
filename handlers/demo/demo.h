/* Commands that fill a new site: a small, believable community, and members and follows from an edge list.
 * They go through the services' rpcs. */
#ifndef DEEPLINK_DEMO_H
#define DEEPLINK_DEMO_H

struct ctx;

int demo_command_load(struct ctx *ctx, int argc, char **argv);
int demo_command_import_graph(struct ctx *ctx, int argc, char **argv);

#endif
