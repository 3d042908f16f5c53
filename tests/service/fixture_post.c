#include "tests/service/fixture_post.h"

#include <string.h>

#include "gen/stubs.h"

int64_t ann, ben, eve;
const char *ann_handle, *ben_handle;

void set_up(void) {
    ctx = fixture_ctx();
    ann_handle = fixture_handle(ctx, "ann");
    ann = fixture_member(ctx, ann_handle);
    ben_handle = fixture_handle(ctx, "ben");
    ben = fixture_member(ctx, ben_handle);
    eve = fixture_member(ctx, fixture_handle(ctx, "eve"));
}

/* ---- Short ways to the rpcs */

enum code try_create(const Pb__CreatePostRequest *req, int64_t *ret_id) {
    const Pb__PostReply *reply;
    enum code c;

    fixture_as(ctx, req->author_id);
    c = post_create_post(ctx, req, &reply);
    *ret_id = c == OK ? reply->item->post->id : 0;
    return c;
}

enum code try_post(int64_t author, const char *text, Pb__Audience audience, int64_t parent, int64_t *ret_id) {
    Pb__CreatePostRequest req = PB__CREATE_POST_REQUEST__INIT;

    req.author_id = author;
    req.text = text;
    req.audience = audience;
    req.in_reply_to_id = parent;
    return try_create(&req, ret_id);
}

int64_t post_in(int64_t author, const char *text, Pb__Audience audience, int64_t parent,
                const char *language) {
    Pb__CreatePostRequest req = PB__CREATE_POST_REQUEST__INIT;
    int64_t id;

    req.author_id = author;
    req.text = text;
    req.audience = audience;
    req.in_reply_to_id = parent;
    req.language = language;
    expect_ok(ctx, try_create(&req, &id));
    return id;
}

int64_t post(int64_t author, const char *text, Pb__Audience audience, int64_t parent) {
    int64_t id;

    expect_ok(ctx, try_post(author, text, audience, parent, &id));
    return id;
}

enum code try_react(int64_t viewer, int64_t id, const char *kind, bool on, const Pb__PostItem **ret) {
    Pb__ReactRequest req = PB__REACT_REQUEST__INIT;
    const Pb__PostReply *reply;
    enum code c;

    fixture_as(ctx, viewer);
    req.viewer_id = viewer;
    req.id = id;
    req.kind = kind;
    req.on = on;
    c = post_react(ctx, &req, &reply);
    if (ret != NULL)
        *ret = c == OK ? reply->item : NULL;
    return c;
}

const Pb__PostItem *react(int64_t viewer, int64_t id, const char *kind, bool on) {
    const Pb__PostItem *item;

    expect_ok(ctx, try_react(viewer, id, kind, on, &item));
    return item;
}

const Pb__PostItem *see(int64_t viewer, int64_t id) {
    Pb__GetPostsRequest req = PB__GET_POSTS_REQUEST__INIT;
    const Pb__PostsReply *reply;

    fixture_as(ctx, viewer);
    req.viewer_id = viewer;
    req.ids = &id;
    req.n_ids = 1;
    expect_ok(ctx, post_get_posts(ctx, &req, &reply));
    return reply->n_items ? reply->items[0] : NULL;
}

void del(int64_t actor, int64_t id) {
    Pb__PostRequest req = PB__POST_REQUEST__INIT;

    fixture_as(ctx, actor);
    req.viewer_id = actor;
    req.id = id;
    expect_ok(ctx, post_delete_post(ctx, &req, NULL));
}

void edge(edge_rpc *rpc, int64_t actor, int64_t target) {
    Pb__EdgeRequest req = PB__EDGE_REQUEST__INIT;

    fixture_as(ctx, actor);
    req.actor_id = actor;
    req.target_id = target;
    expect_ok(ctx, rpc(ctx, &req, NULL));
}

static int64_t list_save(int64_t owner, int64_t id, Pb__RepliesPolicy replies, bool exclusive) {
    Pb__SaveListRequest req = PB__SAVE_LIST_REQUEST__INIT;
    const Pb__List *list;

    fixture_as(ctx, owner);
    req.actor_id = owner;
    req.list_id = id;
    req.title = "Some";
    req.replies = replies;
    req.exclusive = exclusive ? PB__WISH__WISH_YES : PB__WISH__WISH_NO;
    expect_ok(ctx, connection_save_list(ctx, &req, &list));
    return list->id;
}

int64_t list_new(int64_t owner, Pb__RepliesPolicy replies, bool exclusive) {
    return list_save(owner, 0, replies, exclusive);
}

void list_change(int64_t owner, int64_t list, Pb__RepliesPolicy replies, bool exclusive) {
    list_save(owner, list, replies, exclusive);
}

enum code try_list_put(int64_t owner, int64_t list, int64_t member, bool on) {
    Pb__ListMembersRequest req = PB__LIST_MEMBERS_REQUEST__INIT;

    fixture_as(ctx, owner);
    req.actor_id = owner;
    req.list_id = list;
    req.member_ids = &member;
    req.n_member_ids = 1;
    return on ? connection_add_to_list(ctx, &req, NULL) : connection_remove_from_list(ctx, &req, NULL);
}

void list_put(int64_t owner, int64_t list, int64_t member, bool on) {
    expect_ok(ctx, try_list_put(owner, list, member, on));
}

const Pb__ThreadReply *thread(int64_t viewer, int64_t id) {
    Pb__ThreadRequest req = PB__THREAD_REQUEST__INIT;
    const Pb__ThreadReply *reply;

    fixture_as(ctx, viewer);
    req.viewer_id = viewer;
    req.id = id;
    expect_ok(ctx, post_get_thread(ctx, &req, &reply));
    return reply;
}

const Pb__TimelinePage *timeline(page_rpc *rpc, Pb__PageRequest req) {
    const Pb__TimelinePage *reply;

    fixture_as(ctx, req.viewer_id);
    expect_ok(ctx, rpc(ctx, &req, &reply));
    return reply;
}

Pb__PageRequest ask(int64_t viewer, unsigned limit) {
    Pb__PageRequest req = PB__PAGE_REQUEST__INIT;

    req.viewer_id = viewer;
    req.limit = limit;
    return req;
}

bool has_post(const Pb__TimelinePage *page, int64_t id) {
    for (size_t i = 0; i < page->n_items; i++)
        if (page->items[i]->post->id == id)
            return true;
    return false;
}

void follow_tag(int64_t who, const char *tag, bool on) {
    Pb__FollowTagRequest req = PB__FOLLOW_TAG_REQUEST__INIT;

    fixture_as(ctx, who);
    req.viewer_id = who;
    req.name = tag;
    req.on = on;
    expect_ok(ctx, post_follow_tag(ctx, &req, NULL));
}

/* Whatever is pinned stands above an author's first page, and is not counted among what comes in turn. */
static size_t walk_down_past(page_rpc *rpc, Pb__PageRequest req, int64_t *ids, size_t room, size_t *ret_top) {
    const Pb__TimelinePage *page;
    size_t n = 0;

    *ret_top = 0;
    do {
        page = timeline(rpc, req);
        if (page->next_max_id != 0)
            ck_assert_uint_ge(page->n_items, req.limit); /* filled */
        for (size_t i = 0; i < page->n_items; i++) {
            ck_assert_uint_lt(n, room);
            ids[n++] = page->items[i]->post->id;
            *ret_top += page->items[i]->post->pinned_ms != 0 && req.author_id != 0;
        }
        req.max_id = page->next_max_id;
    } while (page->next_max_id != 0);
    return n;
}

size_t walk_down(page_rpc *rpc, Pb__PageRequest req, int64_t *ids, size_t room) {
    size_t top;

    return walk_down_past(rpc, req, ids, room, &top);
}

size_t walk_up(page_rpc *rpc, Pb__PageRequest req, int64_t *ids, size_t room) {
    const Pb__TimelinePage *page;
    size_t n = 0;

    req.min_id = 1;
    do {
        page = timeline(rpc, req);
        for (size_t i = page->n_items; i > 0; i--) {
            ck_assert_uint_lt(n, room);
            ids[n++] = page->items[i - 1]->post->id;
        }
        req.min_id = page->prev_min_id;
    } while (page->prev_min_id != 0);
    return n;
}

size_t walk(page_rpc *rpc, Pb__PageRequest req, int64_t *ids, size_t room) {
    size_t top, n = walk_down_past(rpc, req, ids, room, &top);
    int64_t *up = arena_many(ctx->arena, int64_t, n + 1);

    ck_assert_uint_eq(walk_up(rpc, req, up, n + 1), n - top);
    for (size_t i = 0; i < n - top; i++)
        ck_assert_int_eq(up[i], ids[n - 1 - i]);
    return n;
}
