/* `deeplink demo`: the small community that a first start shows. */
#include "handlers/demo/demo.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/ctx.h"
#include "gen/stubs.h"
#include "handlers/demo/community.h"

static enum code member_id(struct ctx *ctx, const char *handle, size_t len, int64_t *ret_id) {
    Pb__ResolveHandlesRequest req = PB__RESOLVE_HANDLES_REQUEST__INIT;
    const Pb__ResolveHandlesReply *reply;
    const char *one = arena_strndup(ctx->arena, handle, len);
    enum code c;

    req.handles = &one;
    req.n_handles = 1;
    if ((c = user_resolve_handles(ctx, &req, &reply)) != OK)
        return c;
    *ret_id = reply->n_users > 0 ? reply->users[0]->id : 0;
    return OK;
}

static enum code make_members(struct ctx *ctx) {
    Pb__CreateUsersRequest req = PB__CREATE_USERS_REQUEST__INIT;

    req.n_users = demo_n_members;
    req.users = arena_many(ctx->arena, Pb__CreateUserRequest *, demo_n_members);
    for (size_t i = 0; i < demo_n_members; i++) {
        const struct demo_member *m = &demo_members[i];
        Pb__CreateUserRequest *u = req.users[i] = arena_one(ctx->arena, Pb__CreateUserRequest);

        pb__create_user_request__init(u);
        u->handle = m->handle;
        u->email = arena_printf(ctx->arena, "%s@demo.example", m->handle);
        u->password = DEMO_PASSWORD;
        u->name = m->name;
        u->headline = m->headline;
        u->bio = m->bio;
        u->role = m->role;
        u->discoverable = true;
    }
    return user_create_users(ctx, &req, NULL);
}

/* Calls fn for each handle of a list separated by spaces. */
static enum code each_handle(struct ctx *ctx, const char *handles,
                             enum code (*fn)(struct ctx *, int64_t id, void *arg), void *arg) {
    while (*handles != '\0') {
        size_t n = strcspn(handles, " ");
        int64_t id;
        enum code c;

        if ((c = member_id(ctx, handles, n, &id)) != OK || (c = fn(ctx, id, arg)) != OK)
            return c;
        handles += n;
        handles += strspn(handles, " ");
    }
    return OK;
}

static enum code follow_one(struct ctx *ctx, int64_t id, void *arg) {
    Pb__ImportFollowsRequest req = PB__IMPORT_FOLLOWS_REQUEST__INIT;

    req.follower_ids = arg;
    req.followee_ids = &id;
    req.n_follower_ids = req.n_followee_ids = 1;
    return connection_import_follows(ctx, &req, NULL);
}

static enum code make_follows(struct ctx *ctx) {
    for (size_t i = 0; i < demo_n_follows; i++) {
        int64_t who;
        enum code c;

        if ((c = member_id(ctx, demo_follows[i].who, strlen(demo_follows[i].who), &who)) != OK ||
            (c = each_handle(ctx, demo_follows[i].whom, follow_one, &who)) != OK)
            return c;
    }
    return OK;
}

static enum code like_one(struct ctx *ctx, int64_t id, void *arg) {
    Pb__ReactRequest req = PB__REACT_REQUEST__INIT;

    req.viewer_id = id;
    req.id = *(int64_t *)arg;
    req.kind = "like";
    req.on = true;
    return post_react(ctx, &req, NULL);
}

static enum code make_posts(struct ctx *ctx) {
    int64_t *ids = arena_many(ctx->arena, int64_t, demo_n_posts);
    int64_t now = clock_now_ms();

    for (size_t i = 0; i < demo_n_posts; i++) {
        const struct demo_post *p = &demo_posts[i];
        Pb__CreatePostRequest req = PB__CREATE_POST_REQUEST__INIT;
        const Pb__PostReply *reply;
        enum code c;

        if ((c = member_id(ctx, p->author, strlen(p->author), &req.author_id)) != OK)
            return c;
        req.text = p->text;
        req.warning = p->warning != NULL ? p->warning : "";
        req.in_reply_to_id = p->answers >= 0 ? ids[p->answers] : 0;
        req.created_ms = now - (int64_t)p->hours_ago * 3600000 - (int64_t)(i * 37 % 53) * 60000;
        if ((c = post_create_post(ctx, &req, &reply)) != OK)
            return c;
        ids[i] = reply->item->post->id;
        if ((c = each_handle(ctx, p->liked_by, like_one, &ids[i])) != OK)
            return c;
    }
    return OK;
}

int demo_command_load(struct ctx *ctx, int argc, char **argv) {
    int64_t there = 0;
    enum code c;

    (void)argc;
    (void)argv;
    if ((c = member_id(ctx, demo_members[0].handle, strlen(demo_members[0].handle), &there)) == OK &&
        there != 0) {
        puts("The demo community is there already.");
        return 0;
    }
    if (c == OK && (c = make_members(ctx)) == OK && (c = make_follows(ctx)) == OK)
        c = make_posts(ctx);
    if (c != OK) {
        fprintf(stderr, "deeplink: %s%s%s\n", ctx->error.text, ctx->error.detail ? ": " : "",
                ctx->error.detail ? ctx->error.detail : "");
        return 1;
    }
    printf("%zu members and %zu posts. Log in as %s, %s or %s; the password is %s\n", demo_n_members,
           demo_n_posts, demo_members[0].handle, demo_members[1].handle, demo_members[2].handle,
           DEMO_PASSWORD);
    return 0;
}
