/* `deeplink import graph`: an edge list becomes members who follow each other. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/command.h"
#include "fcgi/ctx.h"
#include "fcgi/env.h"
#include "gen/stubs.h"
#include "handlers/demo/demo.h"

#define USERS_AT_ONCE 500
#define PAIRS_AT_ONCE 4000

struct edge {
    int64_t a, b;
};

struct graph {
    struct edge *edges;
    size_t n, room;
    int64_t *numbers; /* each once, ascending */
    int64_t *ids;     /* the members they become, at the same places */
    size_t n_numbers;
};

static int by_number(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static bool graph_add(struct graph *g, int64_t a, int64_t b) {
    if (g->n == g->room) {
        size_t room = g->room ? g->room * 2 : 4096;
        struct edge *more = realloc(g->edges, room * sizeof *more);

        if (more == NULL)
            return false;
        g->edges = more;
        g->room = room;
    }
    g->edges[g->n++] = (struct edge){a, b};
    return true;
}

/* One line: two whole numbers; blank lines and comments are skipped. */
static bool read_line(struct graph *g, const char *line) {
    char *end;
    int64_t a, b;

    line += strspn(line, " \t");
    if (*line == '\0' || *line == '\n' || *line == '\r' || *line == '#' || *line == '%')
        return true;
    a = strtoll(line, &end, 10);
    if (end == line || a < 0)
        return false;
    line = end + strspn(end, " \t,");
    b = strtoll(line, &end, 10);
    return end != line && b >= 0 && (a == b || graph_add(g, a, b));
}

static bool read_file(struct graph *g, const char *path) {
    FILE *f = fopen(path, "r");
    char line[512];
    unsigned number = 0;
    bool ok = true;

    if (f == NULL) {
        fprintf(stderr, "deeplink: can't read %s: %s\n", path, strerror(errno));
        return false;
    }
    while (ok && fgets(line, sizeof line, f) != NULL) {
        number++;
        ok = read_line(g, line);
    }
    fclose(f);
    if (!ok)
        fprintf(stderr, "deeplink: %s:%u: this line should have two whole numbers\n", path, number);
    return ok;
}

static bool collect_numbers(struct graph *g) {
    int64_t *all = malloc((2 * g->n + 1) * sizeof *all);
    size_t k = 0;

    if (all == NULL)
        return false;
    for (size_t i = 0; i < g->n; i++) {
        all[2 * i] = g->edges[i].a;
        all[2 * i + 1] = g->edges[i].b;
    }
    qsort(all, 2 * g->n, sizeof *all, by_number);
    for (size_t i = 0; i < 2 * g->n; i++)
        if (k == 0 || all[k - 1] != all[i])
            all[k++] = all[i];
    g->numbers = all;
    g->n_numbers = k;
    g->ids = calloc(k + 1, sizeof *g->ids);
    return g->ids != NULL;
}

static int64_t id_of(const struct graph *g, int64_t number) {
    const int64_t *at = bsearch(&number, g->numbers, g->n_numbers, sizeof number, by_number);

    return g->ids[at - g->numbers];
}

/* Members that an earlier import has made already. */
static enum code find_users(struct ctx *ctx, struct graph *g, size_t from, size_t n) {
    Pb__ResolveHandlesRequest req = PB__RESOLVE_HANDLES_REQUEST__INIT;
    const Pb__ResolveHandlesReply *reply;
    enum code c;

    req.handles = arena_many(ctx->arena, const char *, n);
    req.n_handles = n;
    for (size_t i = 0; i < n; i++)
        req.handles[i] = arena_printf(ctx->arena, "u%" PRId64, g->numbers[from + i]);
    if ((c = user_resolve_handles(ctx, &req, &reply)) != OK)
        return c;
    for (size_t i = 0; i < reply->n_users; i++) {
        int64_t number = strtoll(reply->users[i]->handle + 1, NULL, 10);
        int64_t *at = bsearch(&number, g->numbers, g->n_numbers, sizeof number, by_number);

        if (at != NULL)
            g->ids[at - g->numbers] = reply->users[i]->id;
    }
    return OK;
}

static enum code make_users(struct ctx *ctx, struct graph *g, size_t from, size_t n) {
    Pb__CreateUsersRequest req = PB__CREATE_USERS_REQUEST__INIT;
    const Pb__CreateUsersReply *reply;
    size_t *where = arena_many(ctx->arena, size_t, n);
    enum code c;

    req.users = arena_many(ctx->arena, Pb__CreateUserRequest *, n);
    for (size_t i = from; i < from + n; i++) {
        Pb__CreateUserRequest *u;

        if (g->ids[i] != 0)
            continue;
        u = arena_one(ctx->arena, Pb__CreateUserRequest);
        pb__create_user_request__init(u);
        u->handle = arena_printf(ctx->arena, "u%" PRId64, g->numbers[i]);
        u->email = arena_printf(ctx->arena, "u%" PRId64 "@import.invalid", g->numbers[i]);
        u->name = arena_printf(ctx->arena, "Member %" PRId64, g->numbers[i]);
        u->role = "member";
        u->discoverable = true;
        where[req.n_users] = i;
        req.users[req.n_users++] = u;
    }
    if (req.n_users == 0)
        return OK;
    if ((c = user_create_users(ctx, &req, &reply)) != OK)
        return c;
    for (size_t i = 0; i < reply->n_ids; i++)
        g->ids[where[i]] = reply->ids[i];
    return OK;
}

static enum code import_users(struct ctx *ctx, struct graph *g) {
    for (size_t from = 0; from < g->n_numbers; from += USERS_AT_ONCE) {
        size_t n = g->n_numbers - from < USERS_AT_ONCE ? g->n_numbers - from : USERS_AT_ONCE;
        enum code c;

        if ((c = find_users(ctx, g, from, n)) != OK || (c = make_users(ctx, g, from, n)) != OK)
            return c;
        env_settle(ctx->env);
        arena_reset(ctx->arena);
        fprintf(stderr, "\rmembers  %zu of %zu", from + n, g->n_numbers);
    }
    fputc('\n', stderr);
    return OK;
}

static enum code import_follows(struct ctx *ctx, const struct graph *g, int64_t *ret_added) {
    for (size_t from = 0; from < g->n; from += PAIRS_AT_ONCE / 2) {
        size_t n = g->n - from < PAIRS_AT_ONCE / 2 ? g->n - from : PAIRS_AT_ONCE / 2;
        Pb__ImportFollowsRequest req = PB__IMPORT_FOLLOWS_REQUEST__INIT;
        const Pb__ImportFollowsReply *reply;
        enum code c;

        req.n_follower_ids = req.n_followee_ids = 2 * n;
        req.follower_ids = arena_many(ctx->arena, int64_t, 2 * n);
        req.followee_ids = arena_many(ctx->arena, int64_t, 2 * n);
        for (size_t i = 0; i < n; i++) {
            int64_t a = id_of(g, g->edges[from + i].a), b = id_of(g, g->edges[from + i].b);

            req.follower_ids[2 * i] = req.followee_ids[2 * i + 1] = a;
            req.followee_ids[2 * i] = req.follower_ids[2 * i + 1] = b;
        }
        if ((c = connection_import_follows(ctx, &req, &reply)) != OK)
            return c;
        *ret_added += reply->added;
        env_settle(ctx->env);
        arena_reset(ctx->arena);
        fprintf(stderr, "\rfollows  %zu of %zu", 2 * (from + n), 2 * g->n);
    }
    fputc('\n', stderr);
    return OK;
}

static int failed(const struct ctx *ctx) {
    fprintf(stderr, "\ndeeplink: %s%s%s\n", ctx->error.text, ctx->error.detail ? ": " : "",
            ctx->error.detail ? ctx->error.detail : "");
    return 1;
}

int demo_command_import_graph(struct ctx *ctx, int argc, char **argv) {
    const char *path = command_word(argc, argv, "", 0);
    struct graph g = {0};
    int64_t added = 0;
    int status = 1;

    if (path == NULL) {
        fputs("deeplink import graph: name the file with the edge list\n", stderr);
        return 2;
    }
    if (read_file(&g, path) && collect_numbers(&g)) {
        if (import_users(ctx, &g) == OK && import_follows(ctx, &g, &added) == OK) {
            printf("%zu members, %zu friendships; %" PRId64 " follows are new\n", g.n_numbers, g.n, added);
            status = 0;
        } else {
            status = failed(ctx);
        }
    }
    free(g.edges);
    free(g.numbers);
    free(g.ids);
    return status;
}
