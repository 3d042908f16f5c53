/* The sequence of a member: what a stream has not had yet. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fcgi/stream_hub.h"

#define AT_ONCE 50
#define TEXT_OF(n) TEXT_OF_(n)
#define TEXT_OF_(n) #n

bool stream_word_among(const char *words, const char *word) {
    size_t n = strlen(word);

    for (const char *p = words; p != NULL; p = strchr(p, '|') != NULL ? strchr(p, '|') + 1 : NULL)
        if (strncmp(p, word, n) == 0 && (p[n] == '|' || p[n] == '\0'))
            return true;
    return false;
}

static bool takes(const struct conn *c, const struct sub *s, const char *event) {
    return s->kind != NULL && s->topic == c->own && stream_word_among(s->kind->events, event) &&
           ((c->scopes & STREAM_SCOPE_NOTIFICATIONS) != 0 || !stream_word_among(s->kind->quiet, event));
}

void conn_take(struct conn *c, struct msg *m, const struct msg_place *place) {
    if (msg_place_compare(place, &c->place) <= 0)
        return;
    c->place = *place;
    for (struct sub *s = c->subs; s != NULL; s = s->next_of_conn)
        if (takes(c, s, m->event.name))
            conn_queue(c, m, s, place);
}

/* One entry of the stream: [id, [field, value]]. */
static void take_entry(struct conn *c, const redisReply *r) {
    const redisReply *fields = r->elements == 2 ? r->element[1] : NULL;
    struct msg_place place;
    struct stream_event e;
    struct msg *m;

    if (fields == NULL || fields->elements < 2 || !msg_place_read(r->element[0]->str, &place))
        return;
    if (strcmp(fields->element[0]->str, "m") != 0 ||
        !stream_event_read(fields->element[1]->str, fields->element[1]->len, &e)) {
        c->place = place;
        return;
    }
    if ((m = hub_message(c->hub, &e)) == NULL)
        return;
    if (strcmp(e.name, "end") == 0 && m->body == MSG_HERE)
        conn_end_if_named(c, m->payload, &place);
    conn_take(c, m, &place);
    msg_drop(m);
}

/* ---- It has missed more than is kept */

static void on_armed(void *arg, const redisReply *r) {
    struct conn *c = arg;
    struct msg_place place;

    c->syncing = false;
    if (c->wsi != NULL && r != NULL && r->type == REDIS_REPLY_STRING && msg_place_read(r->str, &place)) {
        c->place = place;
        conn_tell(c, "missed", "{}", &place);
        conn_sync(c);
    }
    conn_call_done(c);
}

static void missed(struct conn *c) {
    const char *argv[] = {"EVAL",       stream_arm_script, "2",
                          c->own->name, STREAM_OPEN_KEY,   TEXT_OF(STREAM_KEEP_S)};

    stream_number(STREAM_N_MISSED, 1);
    c->syncing = redis_async_do(c->hub->commands, on_armed, c, 6, argv);
    if (c->syncing)
        c->calls++;
}

/* ---- Reading on */

static bool begins_where_we_are(const struct conn *c, const redisReply *r) {
    struct msg_place place;

    return r->elements > 0 && r->element[0]->elements == 2 &&
           msg_place_read(r->element[0]->element[0]->str, &place) &&
           msg_place_compare(&place, &c->place) == 0;
}

/* From now on it takes what is published. Our own pages are told where they are, so that they can go on. */
static void caught_up(struct conn *c) {
    c->live = true;
    if (c->face == STREAM_PAGE)
        conn_tell(c, "ready", "{}", &c->place);
}

static void on_range(void *arg, const redisReply *r) {
    struct conn *c = arg;

    c->syncing = false;
    if (c->wsi == NULL || r == NULL || c->closing != 0) {
        conn_call_done(c);
        return;
    }
    if (r->type != REDIS_REPLY_ARRAY || !begins_where_we_are(c, r)) {
        missed(c);
    } else {
        for (size_t i = 1; i < r->elements && c->closing == 0; i++)
            take_entry(c, r->element[i]);
        c->again = c->again || r->elements > AT_ONCE;
        if (!c->again)
            caught_up(c);
        else if (c->n == 0)
            conn_sync(c); /* else when what waits is written */
    }
    conn_call_done(c);
}

void conn_sync(struct conn *c) {
    char from[48];
    const char *argv[] = {"XRANGE", c->own != NULL ? c->own->name : "", from, "+", "COUNT", "51"};

    if (c->wsi == NULL || c->own == NULL || !c->own->heard || c->closing != 0)
        return;
    if (c->syncing) {
        c->again = true;
        return;
    }
    snprintf(from, sizeof from, "%" PRIu64 "-%" PRIu64, c->place.ms, c->place.n);
    c->again = c->live = false;
    c->syncing = redis_async_do(c->hub->commands, on_range, c, 6, argv);
    if (c->syncing)
        c->calls++;
}
