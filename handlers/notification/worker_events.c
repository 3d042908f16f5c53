/* What each event means to whom. */
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/rpc.h"
#include "gen/stubs.h"
#include "handlers/common/act.h"
#include "handlers/common/edge.h"
#include "handlers/notification/kinds.h"
#include "handlers/notification/worker.h"

#define DAY_MS INT64_C(86400000)

/* An item about what `actor` did, for `user`. */
static struct told *add(struct telling *t, const struct event *event, int kind, int64_t user, int64_t actor) {
    struct told *one = notification_add(t);

    one->kind = kind;
    one->user = user;
    one->actor = actor;
    one->event = event->id;
    one->event_ms = event->time_ms;
    return one;
}

/* The same about a post. */
static struct told *add_post(struct telling *t, const struct event *event, int kind, int64_t user,
                             int64_t actor, int64_t post) {
    struct told *one = add(t, event, kind, user, actor);

    one->object = one->post = post;
    one->needs_acts = ACT_POST_THERE;
    return one;
}

static const void *body(struct telling *t, const struct event *event, const ProtobufCMessageDescriptor *d) {
    return rpc_unpack(t->ctx, d, event->body, event->n);
}

/* ---- post.v1 */

/* For those who want to hear of each: what is in home timelines, and no comment. */
static void note_written(struct telling *t, const struct event *event, const Pb__PostCreated *e) {
    if (e->audience == PB__AUDIENCE__AUDIENCE_DIRECT || e->in_reply_to_id != 0)
        return;
    t->written[t->n_written++] =
        (struct written){.event = event, .author = e->author_id, .post = e->post_id, .language = e->language};
}

static bool is_told(const struct telling *t, int64_t user, int64_t post) {
    for (size_t i = 0; i < t->n; i++)
        if (t->items[i].user == user && t->items[i].post == post)
            return true;
    return false;
}

static enum code tell_followers(struct telling *t, const struct written *w, const Pb__Followers *f) {
    enum code c;

    for (size_t i = 0; i < f->n_ids; i++) {
        if (!is_told(t, f->ids[i], w->post)) /* who is mentioned is told of that */
            add_post(t, w->event, KIND_POST, f->ids[i], w->author, w->post)->needs_edges = EDGE_FOLLOWING;
        if (t->n >= TELLING_MOST && (c = notification_settle(t)) != OK)
            return c;
    }
    return OK;
}

enum code notification_hear_followers(struct telling *t) {
    Pb__FollowersOfRequest ask = PB__FOLLOWERS_OF_REQUEST__INIT;
    const Pb__FollowersOfReply *found;
    enum code c;

    if (t->n_written == 0)
        return OK;
    ask.user_ids = arena_many(t->ctx->arena, int64_t, t->n_written);
    ask.languages = arena_many(t->ctx->arena, const char *, t->n_written);
    ask.n_user_ids = ask.n_languages = t->n_written;
    for (size_t i = 0; i < t->n_written; i++) {
        ask.user_ids[i] = t->written[i].author;
        ask.languages[i] = t->written[i].language;
    }
    if ((c = connection_list_notified(t->ctx, &ask, &found)) != OK)
        return c;
    for (size_t i = 0; i < t->n_written && i < found->n_followers; i++)
        if ((c = tell_followers(t, &t->written[i], found->followers[i])) != OK)
            return c;
    t->n_written = 0;
    return OK;
}

static enum code on_created(struct telling *t, const struct event *event) {
    const Pb__PostCreated *e = body(t, event, &pb__post_created__descriptor);
    bool is_private;

    if (e == NULL || e->repost_of_id != 0)
        return OK; /* a repost is heard of by engagement.v1 */
    note_written(t, event, e);
    is_private = e->audience == PB__AUDIENCE__AUDIENCE_DIRECT;
    if (e->in_reply_to_author_id != 0) {
        struct told *one =
            add_post(t, event, KIND_COMMENT, e->in_reply_to_author_id, e->author_id, e->post_id);

        one->is_private = is_private;
        one->is_answer = true;
    }
    for (size_t i = 0; i < e->n_mentioned_ids; i++)
        if (e->mentioned_ids[i] != e->in_reply_to_author_id)
            add_post(t, event, KIND_MENTION, e->mentioned_ids[i], e->author_id, e->post_id)->is_private =
                is_private;
    return OK;
}

/* Whom an edit mentions only now. */
static enum code tell_mentioned(struct telling *t, const struct event *event, const Pb__PostChanged *e) {
    Pb__GetPostsRequest ask = PB__GET_POSTS_REQUEST__INIT;
    int64_t id = e->post_id, revision = e->version, days = t->ctx->env->config->notification_days;
    const Pb__PostsReply *found;
    const Pb__PostView *post;
    enum code c;

    if (id_time_ms(id) < clock_now_ms() - days * DAY_MS)
        return OK; /* who was told when it was written is not known any more */
    ask.viewer_id = e->author_id;
    ask.ids = &id;
    ask.revisions = &revision;
    ask.n_ids = ask.n_revisions = 1;
    if ((c = post_get_posts(t->ctx, &ask, &found)) != OK || found->n_items == 0)
        return c;
    post = found->items[0]->post;
    for (size_t i = 0; i < post->n_mentions; i++) {
        struct told *one;

        if (post->mentions[i]->user_id == post->in_reply_to_author_id)
            continue;
        one = add_post(t, event, KIND_MENTION, post->mentions[i]->user_id, e->author_id, id);
        one->needs_acts |= ACT_POST_MENTIONS;
        one->is_private = post->audience == PB__AUDIENCE__AUDIENCE_DIRECT;
    }
    return OK;
}

struct reposters {
    struct telling *telling;
    const struct event *event;
    const Pb__PostChanged *edit;
};

static enum code tell_reposters(struct ctx *ctx, const Pb__RepostersReply *some, void *arg) {
    const struct reposters *r = arg;

    (void)ctx;
    for (size_t i = 0; i < some->n_user_ids; i++) {
        enum code c;

        add_post(r->telling, r->event, KIND_EDIT, some->user_ids[i], r->edit->author_id, r->edit->post_id);
        if (r->telling->n >= TELLING_MOST && (c = notification_settle(r->telling)) != OK)
            return c;
    }
    return OK;
}

static enum code on_changed(struct telling *t, const struct event *event) {
    const Pb__PostChanged *e = body(t, event, &pb__post_changed__descriptor);
    struct reposters reposters = {t, event, e};
    Pb__RepostersRequest ask = PB__REPOSTERS_REQUEST__INIT;
    enum code c;

    if (e == NULL || !e->edited)
        return OK;
    if ((c = tell_mentioned(t, event, e)) != OK)
        return c;
    ask.post_id = e->post_id;
    return post_stream_reposters(t->ctx, &ask, tell_reposters, &reposters);
}

static enum code on_deleted(struct telling *t, const struct event *event) {
    const Pb__PostDeleted *e = body(t, event, &pb__post_deleted__descriptor);
    struct told *one;

    if (e == NULL)
        return OK;
    t->gone[t->n_gone++] = e->post_id;
    if (e->by_id == 0 || e->by_id == e->author_id)
        return OK;
    one = add(t, event, KIND_MODERATION, e->author_id, 0);
    one->object = one->post = e->post_id;
    one->detail = "deleted";
    return OK;
}

/* ---- engagement.v1 */

static enum code on_reacted(struct telling *t, const struct event *event) {
    const Pb__Reacted *e = body(t, event, &pb__reacted__descriptor);
    bool is_like = e != NULL && strcmp(e->kind, "like") == 0;
    struct told *one;

    if (e == NULL || (!is_like && strcmp(e->kind, "repost") != 0))
        return OK;
    one = add_post(t, event, is_like ? KIND_LIKE : KIND_REPOST, e->author_id, e->user_id, e->post_id);
    one->needs_acts |= is_like ? ACT_LIKED : ACT_REPOSTED;
    one->is_off = !e->on;
    return OK;
}

/* ---- graph.v1 */

static void undo(struct telling *t, const struct event *event, int kind, int64_t user, int64_t actor) {
    add(t, event, kind, user, actor)->is_off = true;
}

static void sever(struct telling *t, const struct event *event, int64_t user, int64_t actor) {
    t->severed[0][t->n_severed] = user;
    t->severed[1][t->n_severed] = actor;
    t->severed[2][t->n_severed++] = event->id;
}

static void on_followed(struct telling *t, const struct event *event, const Pb__EdgeChanged *e) {
    undo(t, event, KIND_FOLLOW_REQUEST, e->target_id, e->actor_id);
    if (e->accepted)
        add(t, event, KIND_FOLLOW_ACCEPTED, e->actor_id, e->target_id)->needs_edges = EDGE_FOLLOWING;
    else
        add(t, event, KIND_FOLLOW, e->target_id, e->actor_id)->needs_edges = EDGE_FOLLOWED_BY;
}

static void on_unfollowed(struct telling *t, const struct event *event, const Pb__EdgeChanged *e) {
    undo(t, event, KIND_FOLLOW, e->target_id, e->actor_id);
    undo(t, event, KIND_FOLLOW_REQUEST, e->target_id, e->actor_id);
    undo(t, event, KIND_FOLLOW_ACCEPTED, e->actor_id, e->target_id);
}

static enum code on_edge(struct telling *t, const struct event *event) {
    const Pb__EdgeChanged *e = body(t, event, &pb__edge_changed__descriptor);

    if (e == NULL || e->target_id == 0)
        return OK;
    if (strcmp(event->type, "follow.added") == 0)
        on_followed(t, event, e);
    else if (strcmp(event->type, "follow.requested") == 0)
        add(t, event, KIND_FOLLOW_REQUEST, e->target_id, e->actor_id)->needs_edges = EDGE_REQUESTED_BY;
    else if (strcmp(event->type, "follow.removed") == 0)
        on_unfollowed(t, event, e);
    else if (strcmp(event->type, "follow.rejected") == 0)
        undo(t, event, KIND_FOLLOW_REQUEST, e->target_id, e->actor_id);
    else if (strcmp(event->type, "block.added") == 0 || strcmp(event->type, "mute.added") == 0)
        sever(t, event, e->actor_id, e->target_id);
    if (strcmp(event->type, "block.added") == 0)
        sever(t, event, e->target_id, e->actor_id);
    return OK;
}

/* ---- user.v1, user.security.v1 */

static enum code on_state(struct telling *t, const struct event *event) {
    t->actors[t->n_actors++] = event->key;
    return OK;
}

/* What the site itself tells a member; each event by itself. */
static enum code add_of_site(struct telling *t, const struct event *event, int kind, const char *detail) {
    struct told *one = add(t, event, kind, event->key, 0);

    one->object = event->id;
    one->detail = detail;
    return OK;
}

static enum code on_new_device(struct telling *t, const struct event *event) {
    const Pb__UserSecurity *e = body(t, event, &pb__user_security__descriptor);

    if (e == NULL)
        return OK;
    return add_of_site(t, event, KIND_SIGN_IN, arena_printf(t->ctx->arena, "%s\n%s", e->device, e->ip));
}

/* What administrators did to the member's account. */
static enum code on_security(struct telling *t, const struct event *event) {
    const Pb__UserSecurity *e = body(t, event, &pb__user_security__descriptor);

    if (e == NULL || event->key == 0)
        return OK;
    if (strcmp(e->kind, "member.role") == 0)
        return add_of_site(t, event, KIND_MODERATION, arena_printf(t->ctx->arena, "role\n%s", e->detail));
    if (strcmp(e->kind, "member.restored") == 0)
        return add_of_site(t, event, KIND_MODERATION, "restored");
    if (strcmp(e->kind, "member.approved") == 0)
        return add_of_site(t, event, KIND_MODERATION, "approved");
    return OK;
}

/* ---- all of them */

static const struct {
    const char *type; /* or its beginning, up to the dot */
    enum code (*hear)(struct telling *t, const struct event *event);
} ears[] = {
    {"post.created", on_created},
    {"post.changed", on_changed},
    {"post.deleted", on_deleted},
    {"post.reacted", on_reacted},
    {"follow.", on_edge},
    {"block.added", on_edge},
    {"mute.added", on_edge},
    {"user.state_changed", on_state},
    {"user.new_device", on_new_device},
    {"user.security", on_security},
};

enum code notification_hear(struct telling *t, const struct event *event) {
    for (size_t i = 0; i < sizeof ears / sizeof *ears; i++) {
        size_t n = strlen(ears[i].type);

        if (strncmp(ears[i].type, event->type, n) == 0 &&
            (event->type[n] == '\0' || ears[i].type[n - 1] == '.'))
            return ears[i].hear(t, event);
    }
    return OK;
}
