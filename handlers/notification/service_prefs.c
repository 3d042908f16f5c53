/* Preferences, and the way out of mails that needs no log-in. */
#include "handlers/notification/service_prefs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/crypto.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/models.h"
#include "handlers/notification/service_shared.h"

#define CAP_MAX 1000
#define MAC_BYTES 16

enum code notification_prefs_fetch(struct ctx *ctx, const int64_t *users, size_t n, struct prefs **ret) {
    *ret = arena_many(ctx->arena, struct prefs, n);
    for (size_t i = 0; i < n; i++)
        prefs_defaults(users[i], &(*ret)[i]);
    return notification_store_prefs_fetch(ctx, users, n, *ret);
}

enum code notification_prefs(struct ctx *ctx, int64_t user_id, struct prefs *ret) {
    enum code c = notification_store_prefs_queue(ctx, &user_id, 1);

    prefs_defaults(user_id, ret);
    return c == OK ? notification_store_prefs_fetch(ctx, &user_id, 1, ret) : c;
}

/* ---- as a message */

static Pb__KindPreferences *kind_out(struct ctx *ctx, int kind, unsigned ways) {
    Pb__KindPreferences *k = arena_one(ctx->arena, Pb__KindPreferences);

    pb__kind_preferences__init(k);
    k->kind = prefs_kind_name(kind);
    k->in_app = (ways & WAY_IN_APP) != 0;
    k->email = (ways & WAY_EMAIL) != 0;
    k->push = (ways & WAY_PUSH) != 0;
    k->digest = (ways & WAY_DIGEST) != 0;
    return k;
}

static void prefs_out(struct ctx *ctx, const struct prefs *p, Pb__Preferences *ret) {
    ret->user_id = p->user_id;
    ret->version = p->version;
    ret->kinds = arena_many(ctx->arena, Pb__KindPreferences *, PREFS_KINDS);
    ret->n_kinds = PREFS_KINDS;
    for (int i = 0; i < PREFS_KINDS; i++)
        ret->kinds[i] = kind_out(ctx, i, prefs_ways(p, prefs_kind_name(i)));
    ret->quiet = p->quiet;
    ret->quiet_from = p->quiet_from;
    ret->quiet_to = p->quiet_to;
    ret->zone = p->zone;
    ret->hour_cap = p->hour_cap;
    ret->day_cap = p->day_cap;
    ret->digest_hour = p->digest_hour;
}

enum code notification_service_get_preferences(struct ctx *ctx, const Pb__PreferencesRequest *req,
                                               Pb__Preferences *reply) {
    struct prefs p;
    enum code c = notification_check_own(ctx, req->user_id);

    if (c == OK && (c = notification_prefs(ctx, req->user_id, &p)) == OK)
        prefs_out(ctx, &p, reply);
    return c;
}

/* ---- changing */

static unsigned ways_in(const Pb__KindPreferences *k) {
    return (k->in_app ? WAY_IN_APP : 0u) | (k->email ? WAY_EMAIL : 0u) | (k->push ? WAY_PUSH : 0u) |
           (k->digest ? WAY_DIGEST : 0u);
}

static void take_kinds(struct ctx *ctx, const Pb__Preferences *from, struct prefs *to) {
    for (size_t i = 0; i < from->n_kinds; i++) {
        int kind = prefs_kind_of(from->kinds[i]->kind);

        if (kind < 0)
            fail_field(ctx, "types", tr_mark("There is no such kind of notification."));
        else
            to->ways[kind] = ways_in(from->kinds[i]);
    }
}

static void check_minutes(struct ctx *ctx, const char *field, int minutes) {
    if (minutes < 0 || minutes > 1439)
        fail_field(ctx, field, tr_mark("Write a time of day as hours and minutes, such as 22:00."));
}

static void check_caps(struct ctx *ctx, const struct prefs *p) {
    if (p->hour_cap < 1 || p->hour_cap > CAP_MAX)
        fail_field(ctx, "hour_cap", tr_mark("Choose between 1 and 1,000 mails an hour."));
    if (p->day_cap < 1 || p->day_cap > CAP_MAX)
        fail_field(ctx, "day_cap", tr_mark("Choose between 1 and 1,000 mails a day."));
    if (p->digest_hour < 0 || p->digest_hour > 23)
        fail_field(ctx, "digest_hour", tr_mark("Choose an hour from 0 to 23."));
}

/* A zone that is there already was looked up when it was written. */
static enum code check_zone(struct ctx *ctx, const char *zone, const char *before) {
    bool ok = true;
    enum code c = OK;

    if (strcmp(zone, before) != 0 && (c = notification_store_zone(ctx, zone, &ok)) != OK)
        return c;
    if (!ok)
        fail_field(ctx, "time_zone", tr_mark("There is no such time zone. Write it as Europe/Berlin."));
    return ok ? OK : INVALID;
}

static enum code take_in(struct ctx *ctx, const Pb__Preferences *from, struct prefs *to) {
    const char *before = to->zone;
    enum code c;

    take_kinds(ctx, from, to);
    to->quiet = from->quiet;
    to->quiet_from = from->quiet_from;
    to->quiet_to = from->quiet_to;
    to->zone = from->zone;
    to->hour_cap = from->hour_cap;
    to->day_cap = from->day_cap;
    to->digest_hour = from->digest_hour;
    check_minutes(ctx, "quiet_from", to->quiet_from);
    check_minutes(ctx, "quiet_to", to->quiet_to);
    check_caps(ctx, to);
    c = check_zone(ctx, to->zone, before);
    return ctx_failed(ctx) ? ctx->error.code : c;
}

enum code notification_service_put_preferences(struct ctx *ctx, const Pb__PutPreferencesRequest *req,
                                               Pb__Preferences *reply) {
    struct prefs p;
    bool ok;
    enum code c;

    if (req->preferences == NULL)
        return fail(ctx, UNAUTHENTICATED, tr_mark("Log in to go on."));
    if ((c = notification_check_own(ctx, req->preferences->user_id)) != OK ||
        (c = notification_prefs(ctx, req->preferences->user_id, &p)) != OK ||
        (c = take_in(ctx, req->preferences, &p)) != OK ||
        (c = notification_store_prefs_set(ctx, &p, req->if_version, &ok)) != OK)
        return c;
    if (!ok)
        return fail_http(ctx, 412, PRECONDITION,
                         tr_mark("This has been changed meanwhile. Read it again, then change it."));
    if ((c = notification_prefs(ctx, p.user_id, &p)) == OK)
        prefs_out(ctx, &p, reply);
    return c;
}

/* ---- out of mails: base64url of a MAC and what it vouches for */

static void sign(struct ctx *ctx, const char *what, unsigned char ret[MAC_BYTES]) {
    unsigned char mac[CRYPTO_HASH_BYTES];
    const char *text = arena_printf(ctx->arena, "unsubscribe:%s", what);

    crypto_mac(mac, config_secret(ctx->env->config), text, strlen(text));
    memcpy(ret, mac, MAC_BYTES);
}

const char *notification_unsubscribe_token(struct ctx *ctx, int64_t user_id, const char *channel) {
    const char *what = arena_printf(ctx->arena, "%" PRId64 ":%s", user_id, channel);
    size_t n = strlen(what);
    unsigned char *bytes = arena_alloc(ctx->arena, MAC_BYTES + n);

    sign(ctx, what, bytes);
    memcpy(bytes + MAC_BYTES, what, n);
    return text_base64url(ctx->arena, bytes, MAC_BYTES + n);
}

static enum code read_token(struct ctx *ctx, const char *token, Pb__Unsubscription *ret) {
    unsigned char mac[MAC_BYTES], *bytes;
    const char *colon;
    char *what;
    size_t n;

    if (text_base64url_decode(ctx->arena, token, &bytes, &n) && n > MAC_BYTES) {
        what = arena_strndup(ctx->arena, (const char *)bytes + MAC_BYTES, n - MAC_BYTES);
        sign(ctx, what, mac);
        colon = strchr(what, ':');
        if (crypto_equal(mac, bytes, MAC_BYTES) && colon != NULL) {
            ret->user_id = strtoll(what, NULL, 10); /* signed, so it is one */
            ret->channel = colon + 1;
            return OK;
        }
    }
    return fail(ctx, NOT_FOUND, tr_mark("This link is not whole. Open it from the mail once more."));
}

enum code notification_service_get_unsubscription(struct ctx *ctx, const Pb__UnsubscribeToken *req,
                                                  Pb__Unsubscription *reply) {
    return read_token(ctx, req->token, reply);
}

/* Repeats change nothing. */
enum code notification_service_unsubscribe(struct ctx *ctx, const Pb__UnsubscribeToken *req,
                                           Pb__Unsubscription *reply) {
    const Pb__UserCard *card;
    struct prefs p;
    unsigned way;
    bool ok;
    enum code c;

    if ((c = read_token(ctx, req->token, reply)) != OK ||
        (c = cards_get(ctx, &reply->user_id, 1, &card)) != OK)
        return c;
    if (card == NULL || card->state == PB__ACCOUNT_STATE__STATE_DELETED)
        return OK; /* who is gone gets no mail */
    if ((c = notification_prefs(ctx, reply->user_id, &p)) != OK)
        return c;
    way = strcmp(reply->channel, "digest") == 0 ? WAY_DIGEST : WAY_EMAIL;
    for (int i = 0; i < PREFS_KINDS; i++)
        p.ways[i] = prefs_ways(&p, prefs_kind_name(i)) & ~way;
    return notification_store_prefs_set(ctx, &p, 0, &ok);
}
