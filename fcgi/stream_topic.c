/* Topics: what Redis publishes goes to the streams that listen to it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/clock.h"
#include "fcgi/log.h"
#include "fcgi/stream_hub.h"

#define AT_ONCE 500      /* channels in one SUBSCRIBE */
#define RELATION_TRIES 5 /* then the member's streams come back with new tickets, which mend it */
#define ONLINE_EVERY_S 30
#define TEXT_OF(n) TEXT_OF_(n)
#define TEXT_OF_(n) #n

/* ---- The table */

static struct topic **chain_of(struct hub *h, const char *name) {
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */

    for (const char *p = name; *p != '\0'; p++)
        hash = (hash ^ (unsigned char)*p) * UINT64_C(1099511628211);
    return &h->topics[(hash ^ hash >> 32) % HUB_TABLE];
}

struct topic *topic_named(struct hub *h, const char *name) {
    struct topic *t = *chain_of(h, name);

    while (t != NULL && strcmp(t->name, name) != 0)
        t = t->next;
    return t;
}

typedef void each_topic(struct hub *h, struct topic *t, void *arg);

static void each(struct hub *h, each_topic *fn, void *arg) {
    for (size_t i = 0; i < HUB_TABLE; i++)
        for (struct topic *t = h->topics[i], *next; t != NULL; t = next) {
            next = t->next;
            fn(h, t, arg);
        }
}

static void ask_to_hear(struct hub *h, struct topic *t) {
    const char *argv[] = {"SUBSCRIBE", t->channel};

    t->heard = false;
    if (redis_async_do(h->channels, NULL, NULL, 2, argv))
        t->asked = ++h->asked;
}

static struct topic *topic_new(struct hub *h, const char *name) {
    struct topic *t = calloc(1, sizeof *t), **chain = chain_of(h, name);

    if (t == NULL || asprintf(&t->channel, "%s%s", h->site, name) < 0) {
        free(t);
        return NULL;
    }
    t->name = t->channel + strlen(h->site);
    t->post_id = topic_post(name);
    t->next = *chain;
    *chain = t;
    h->n_topics++;
    ask_to_hear(h, t);
    return t;
}

static void topic_free(struct topic *t) {
    if (t->member != NULL)
        free(t->member->hidden);
    free(t->member);
    free(t->channel);
    free(t);
}

static void topic_end(struct hub *h, struct topic *t) {
    struct topic **at = chain_of(h, t->name);
    const char *argv[] = {"UNSUBSCRIBE", t->channel};

    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    h->n_topics--;
    redis_async_do(h->channels, NULL, NULL, 2, argv);
    if (t->calls == 0)
        topic_free(t);
    else
        t->asked = UINT64_MAX; /* the reply that is due frees it */
}

static void topic_call_done(struct topic *t) {
    if (--t->calls == 0 && t->asked == UINT64_MAX)
        topic_free(t);
}

static bool topic_is_gone(const struct topic *t) { return t->asked == UINT64_MAX; }

int64_t topic_post(const char *channel) {
    static const char prefix[] = STREAM_CHANNEL_KEY "post:";

    return strncmp(channel, prefix, sizeof prefix - 1) == 0 ? strtoll(channel + sizeof prefix - 1, NULL, 10)
                                                            : 0;
}

/* ---- States of posts: told to whoever begins to listen */

struct state_call {
    struct hub *hub;
    struct topic *topic;
};

static void tell_state(struct topic *t, const char *payload, size_t n, int64_t version) {
    struct stream_event e = {.name = "counts", .key = version, .payload = payload, .n = n};
    struct msg *m = msg_new(&e);

    for (struct sub *s = t->subs; s != NULL && m != NULL; s = s->next)
        if (s->fresh) {
            s->fresh = false;
            conn_queue(s->conn, m, s, &(struct msg_place){0});
        }
    msg_drop(m);
}

static void on_state(void *arg, const redisReply *reply) {
    struct state_call *call = arg;
    struct hub *h = call->hub;
    struct topic *t = call->topic;
    int64_t version = 0;
    struct buf out;

    free(call);
    if (reply != NULL && reply->type == REDIS_REPLY_STRING && !topic_is_gone(t)) {
        arena_reset(h->arena);
        buf_init(&out, h->arena, 1024);
        if (h->app->state(t->post_id, reply->str, &out, &version)) {
            t->version = version > t->version ? version : t->version;
            tell_state(t, out.p, out.n, version);
        }
    }
    topic_call_done(t);
}

static void ask_state(struct hub *h, struct topic *t) {
    struct state_call *call = malloc(sizeof *call); /* lint: memory-of-the-arena: until the reply */
    char key[64];
    const char *argv[] = {"GET", key};

    if (call == NULL)
        return;
    *call = (struct state_call){h, t};
    h->app->state_key(t->post_id, key, sizeof key);
    if (redis_async_do(h->commands, on_state, call, 2, argv))
        t->calls++;
    else
        free(call);
}

/* ---- Joining and leaving */

static void link_sub(struct sub *s) {
    struct topic *t = s->topic;

    s->next = t->subs;
    s->back = &t->subs;
    if (t->subs != NULL)
        t->subs->back = &s->next;
    t->subs = s;
    s->next_of_conn = s->conn->subs;
    s->conn->subs = s;
}

struct sub *topic_join(struct hub *h, struct conn *c, const char *channel, const struct stream_kind *kind,
                       const char *parameter) {
    struct topic *t = topic_named(h, channel);
    struct sub *s = calloc(1, sizeof *s);

    if (s == NULL ||
        (s->parameter = strdup(parameter)) == NULL || /* lint: memory-of-the-arena: the stream's */
        (t == NULL && (t = topic_new(h, channel)) == NULL)) {
        if (s != NULL)
            free(s->parameter);
        free(s);
        return NULL;
    }
    s->topic = t;
    s->conn = c;
    s->kind = kind;
    s->fresh = t->post_id != 0;
    link_sub(s);
    if (t->post_id != 0 && t->heard)
        ask_state(h, t);
    return s;
}

static void unlink_sub(struct sub *s) {
    struct sub **at = &s->conn->subs;

    while (*at != s)
        at = &(*at)->next_of_conn;
    *at = s->next_of_conn;
    *s->back = s->next;
    if (s->next != NULL)
        s->next->back = s->back;
}

void topic_leave(struct hub *h, struct sub *s) {
    struct conn *c = s->conn;
    struct topic *t = s->topic;

    for (unsigned i = 0; i < c->n; i++) {
        struct item *item = &c->queue[(c->first + i) % c->room];

        if (item->sub == s) {
            msg_drop(item->msg);
            item->msg = NULL;
            item->sub = NULL;
        }
    }
    unlink_sub(s);
    free(s->parameter);
    free(s);
    if (t->subs == NULL)
        topic_end(h, t);
}

/* ---- Relations of members */

static int by_id(const void *a, const void *b) {
    const struct hidden *x = a, *y = b;

    return x->id < y->id ? -1 : x->id > y->id;
}

static void ask_relations(struct hub *h, struct topic *t);

/* Takes those who are hidden out of the hash; false when it is not there, or not whole. */
static bool take_relations(const struct hub *h, struct member *m, const redisReply *reply) {
    bool whole = false;
    size_t n = 0;

    free(m->hidden);
    m->hidden = calloc(reply->elements / 2 + 1, sizeof *m->hidden);
    for (size_t i = 0; i + 1 < reply->elements && m->hidden != NULL; i += 2) {
        int64_t until = 0;

        if (strcmp(reply->element[i]->str, "_") == 0)
            whole = true;
        else if (h->app->hides(reply->element[i + 1]->str, &until))
            m->hidden[n++] = (struct hidden){strtoll(reply->element[i]->str, NULL, 10), until};
    }
    m->n_hidden = n;
    if (m->hidden == NULL)
        return false;
    if (n > 0)
        qsort(m->hidden, n, sizeof *m->hidden, by_id);
    struct hidden *less =
        realloc(m->hidden, (n + 1) * sizeof *less); /* lint: memory-of-the-arena: the member's */
    m->hidden = less != NULL ? less : m->hidden;
    return whole;
}

struct relations_call {
    struct hub *hub;
    struct topic *topic;
};

static void on_relations(void *arg, const redisReply *reply) {
    struct relations_call *call = arg;
    struct hub *h = call->hub;
    struct topic *t = call->topic;
    struct member *m = t->member;

    free(call);
    if (!topic_is_gone(t)) {
        m->relations = RELATIONS_UNKNOWN; /* asked again by the next tick */
        if (reply != NULL && reply->type == REDIS_REPLY_ARRAY && take_relations(h, m, reply) && !m->again) {
            m->relations = RELATIONS_KNOWN;
            m->tries = 0;
            hub_wake_waiting(h);
        } else if (m->again) {
            ask_relations(h, t);
        }
    }
    topic_call_done(t);
}

static void ask_relations(struct hub *h, struct topic *t) {
    struct relations_call *call = malloc(sizeof *call); /* lint: memory-of-the-arena: until the reply */
    char key[64];
    const char *argv[] = {"HGETALL", key};

    if (call == NULL)
        return;
    *call = (struct relations_call){h, t};
    snprintf(key, sizeof key, "%s%" PRId64, h->app->relations, t->member->id);
    t->member->again = false;
    t->member->relations = RELATIONS_ASKED;
    if (redis_async_do(h->commands, on_relations, call, 2, argv)) {
        t->calls++;
    } else {
        t->member->relations = RELATIONS_UNKNOWN;
        free(call);
    }
}

static void relations_changed(struct hub *h, struct topic *t) {
    if (t->member->relations == RELATIONS_ASKED)
        t->member->again = true;
    else
        ask_relations(h, t);
}

/* Relations that could not be read are asked for again; at last the member's streams have to come back. */
static void retry_relations(struct hub *h, struct topic *t, void *arg) {
    (void)arg;
    if (t->member == NULL || t->member->relations != RELATIONS_UNKNOWN || !redis_async_is_up(h->commands))
        return;
    if (++t->member->tries < RELATION_TRIES) {
        ask_relations(h, t);
        return;
    }
    for (struct sub *s = t->subs; s != NULL; s = s->next)
        conn_end(s->conn, 1012);
}

int member_sees(const struct topic *own, const int64_t authors[2], int64_t now_ms) {
    const struct member *m = own->member;

    for (int i = 0; i < 2; i++) {
        const struct hidden *found, key = {.id = authors[i]};

        if (authors[i] == 0 || authors[i] == m->id)
            continue;
        if (m->relations != RELATIONS_KNOWN)
            return -1;
        found = m->n_hidden > 0 ? bsearch(&key, m->hidden, m->n_hidden, sizeof key, by_id) : NULL;
        if (found != NULL && (found->until_ms == 0 || found->until_ms > now_ms))
            return 0;
    }
    return 1;
}

struct sub *topic_join_member(struct hub *h, struct conn *c, int64_t member_id) {
    char channel[64];
    struct sub *s;

    snprintf(channel, sizeof channel, STREAM_MEMBER_KEY "%" PRId64, member_id);
    if ((s = topic_join(h, c, channel, NULL, "")) == NULL)
        return NULL;
    if (s->topic->member == NULL) {
        if ((s->topic->member = calloc(1, sizeof *s->topic->member)) == NULL) {
            topic_leave(h, s);
            return NULL;
        }
        s->topic->member->id = member_id;
        ask_relations(h, s->topic);
        member_present(h, s->topic);
    }
    return s;
}

/* ---- Payloads that are kept once for many */

struct fetch_call {
    struct hub *hub;
    struct msg *msg;
};

static void on_body(void *arg, const redisReply *reply) {
    struct fetch_call *call = arg;
    bool there = reply != NULL && reply->type == REDIS_REPLY_STRING;

    if (reply == NULL)
        call->msg->body = MSG_ELSEWHERE; /* Redis is away: whoever waits asks again */
    else
        msg_fill(call->msg, there ? reply->str : NULL, there ? reply->len : 0);
    hub_wake_waiting(call->hub);
    msg_drop(call->msg);
    free(call);
}

void hub_fetch(struct hub *h, struct msg *m) {
    struct fetch_call *call = malloc(sizeof *call); /* lint: memory-of-the-arena: until the reply */
    char key[64];
    const char *argv[] = {"GET", key};

    if (call == NULL)
        return;
    *call = (struct fetch_call){h, msg_hold(m)};
    snprintf(key, sizeof key, STREAM_BODY_KEY "%s", m->event.ref);
    m->body = MSG_COMING;
    if (redis_async_do(h->commands, on_body, call, 2, argv))
        return;
    m->body = MSG_ELSEWHERE;
    msg_drop(m);
    free(call);
}

/* ---- What comes */

/* {"session":"1"}, {"token":"1"}: whose streams end; all of the member's when neither is said. */
static int64_t named_id(const char *payload, const char *name) {
    const char *at = strstr(payload, name);

    return at != NULL ? strtoll(at + strlen(name) + strspn(at + strlen(name), "\":"), NULL, 10) : 0;
}

void conn_end_if_named(struct conn *c, const char *payload, const struct msg_place *place) {
    int64_t session = named_id(payload, "session"), token = named_id(payload, "token");
    bool any_token = strstr(payload, "\"token\":\"*\"") != NULL;

    if (c->closing != 0 || msg_place_compare(place, &c->from) <= 0 ||
        (session != 0 && c->session_id != session) || (token != 0 && c->token_id != token) ||
        (any_token && c->token_id == 0))
        return;
    stream_number(STREAM_N_ENDED, 1);
    conn_end(c, 1008);
}

/* An event that hubs act on. */
static bool is_for_hubs(struct hub *h, struct topic *t, const struct msg *m, const struct msg_place *place) {
    if (strcmp(m->event.name, "end") == 0 && m->body == MSG_HERE) {
        for (struct sub *s = t->subs; s != NULL; s = s->next)
            conn_end_if_named(s->conn, m->payload, place);
        return true;
    }
    if (strcmp(m->event.name, "relations") == 0) {
        relations_changed(h, t);
        return true;
    }
    return false;
}

/* A payload that is elsewhere is looked up once for all who get it. */
static struct msg *shared(struct hub *h, const struct stream_event *e) {
    for (unsigned i = 0; i < HUB_BODIES; i++)
        if (h->bodies[i] != NULL && strcmp(h->bodies[i]->event.ref, e->ref) == 0)
            return msg_hold(h->bodies[i]);
    struct msg *m = msg_new(e);
    if (m == NULL)
        return NULL;
    msg_drop(h->bodies[h->next_body]);
    h->bodies[h->next_body] = msg_hold(m);
    h->next_body = (h->next_body + 1) % HUB_BODIES;
    return m;
}

struct msg *hub_message(struct hub *h, const struct stream_event *e) {
    return e->ref[0] != '\0' ? shared(h, e) : msg_new(e);
}

/* "<id> <event>" on a member's channel. */
static void heard_member(struct hub *h, struct topic *t, const char *text, size_t n) {
    const char *space = memchr(text, ' ', n);
    struct msg_place place;
    struct stream_event e;
    struct msg *m;
    char id[48];

    if (space == NULL || (size_t)(space - text) >= sizeof id)
        return;
    memcpy(id, text, (size_t)(space - text));
    id[space - text] = '\0';
    if (!msg_place_read(id, &place) || !stream_event_read(space + 1, n - (size_t)(space + 1 - text), &e) ||
        (m = hub_message(h, &e)) == NULL)
        return;
    if (!is_for_hubs(h, t, m, &place))
        for (struct sub *s = t->subs, *next; s != NULL; s = next) {
            next = s->next;
            if (s->kind != NULL)
                continue;
            if (s->conn->live)
                conn_take(s->conn, m, &place);
            else
                s->conn->again = true;
        }
    msg_drop(m);
}

static void heard_channel(struct hub *h, struct topic *t, const char *text, size_t n) {
    struct stream_event e;
    struct msg *m;

    if (!stream_event_read(text, n, &e))
        return;
    if (t->post_id != 0) {
        if (e.key <= t->version)
            return; /* older than what was told, or told already */
        t->version = e.key;
    }
    if ((m = hub_message(h, &e)) == NULL)
        return;
    for (struct sub *s = t->subs, *next; s != NULL; s = next) {
        next = s->next;
        s->fresh = false;
        conn_queue(s->conn, m, s, &(struct msg_place){0});
    }
    msg_drop(m);
}

/* The streams of a member, of each the sub that stands for its member, read what is between. */
static void sync_streams(struct topic *t) {
    for (struct sub *s = t->member != NULL ? t->subs : NULL; s != NULL; s = s->next)
        if (s->kind == NULL)
            conn_sync(s->conn);
}

static void confirmed(struct hub *h, const char *channel) {
    struct topic *t = topic_named(h, channel);

    h->acked++;
    if (t == NULL || t->heard || t->asked > h->acked)
        return;
    t->heard = true;
    if (t->post_id != 0)
        ask_state(h, t);
    sync_streams(t);
}

void hub_heard(struct hub *h, const redisReply *r) {
    size_t before = strlen(h->site);
    const char *name;
    struct topic *t;

    if (r->type != REDIS_REPLY_ARRAY || r->elements < 3 || r->element[0]->type != REDIS_REPLY_STRING ||
        r->element[1]->type != REDIS_REPLY_STRING)
        return;
    if (r->element[1]->len < before)
        return;
    name = r->element[1]->str + before;
    if (strcmp(r->element[0]->str, "subscribe") == 0) {
        confirmed(h, name);
        return;
    }
    if (strcmp(r->element[0]->str, "message") != 0 || r->element[2]->type != REDIS_REPLY_STRING ||
        (t = topic_named(h, name)) == NULL)
        return;
    stream_number(STREAM_N_EVENTS, 1);
    if (t->member != NULL)
        heard_member(h, t, r->element[2]->str, r->element[2]->len);
    else
        heard_channel(h, t, r->element[2]->str, r->element[2]->len);
}

/* ---- Redis comes and goes */

/* What relations have become meanwhile nobody has heard. */
static void hear(struct hub *h, struct topic *t, void *arg) {
    (void)arg;
    ask_to_hear(h, t);
    if (t->member != NULL)
        relations_changed(h, t);
}

void hub_topics_up(struct hub *h) {
    h->asked = h->acked = 0;
    each(h, hear, NULL);
}

static void unhear(struct hub *h, struct topic *t, void *arg) {
    (void)h;
    (void)arg;
    t->heard = false;
    for (struct sub *s = t->subs; s != NULL && t->member != NULL; s = s->next)
        s->conn->live = false;
}

void hub_topics_down(struct hub *h) { each(h, unhear, NULL); }

static void sync_all(struct hub *h, struct topic *t, void *arg) {
    (void)arg;
    if (t->member == NULL || !t->heard)
        return;
    member_present(h, t);
    sync_streams(t);
}

void hub_commands_up(struct hub *h) {
    each(h, sync_all, NULL);
    hub_wake_waiting(h);
}

/* ---- Presence: by expiry */

void member_present(struct hub *h, const struct topic *own) {
    char online[64];
    const char *set[] = {"SET", online, "1", "EX", TEXT_OF(STREAM_ONLINE_S)};
    const char *keep[] = {"EXPIRE", own->name, TEXT_OF(STREAM_KEEP_S)};

    snprintf(online, sizeof online, STREAM_ONLINE_KEY "%" PRId64, own->member->id);
    redis_async_do(h->commands, NULL, NULL, 5, set);
    redis_async_do(h->commands, NULL, NULL, 3, keep);
}

static void present(struct hub *h, struct topic *t, void *arg) {
    const unsigned *second = arg;

    if (t->member != NULL && (unsigned)(t->member->id / 4096 % ONLINE_EVERY_S) == *second % ONLINE_EVERY_S)
        member_present(h, t);
}

void hub_presence(struct hub *h, unsigned second) {
    const char *open[] = {"SET", STREAM_OPEN_KEY, "1", "EX", "60"};

    if (h->n_conns > 0)
        redis_async_do(h->commands, NULL, NULL, 5, open);
    each(h, present, &second);
    each(h, retry_relations, NULL);
}
