/* Our own API: how one wants to be told. */
#include <stddef.h>
#include <string.h>

#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/api_own.h"
#include "handlers/notification/api_deliver.h"
#include "handlers/notification/rules_prefs.h"
#include "handlers/notification/rules_words.h"

#define FIELD(view, member, kind_, ...) \
    { .name = #member, .kind = kind_, .at = offsetof(struct view, member), __VA_ARGS__ }
#define WAYS_MAX 5

struct types {
    struct shape_list ways[PREFS_KINDS];
};

#define TYPE(name_, kind_)                                                       \
    {                                                                            \
        .name = name_, .kind = SHAPE_STRS,                                       \
        .at = offsetof(struct types, ways) + (kind_) * sizeof(struct shape_list) \
    }

static const struct shape types_shape = {
    .name = "NotificationTypes",
    .size = sizeof(struct types),
    .words = "by which ways one is told of each kind: inapp, push, email, digest; or off",
    .fields = (const struct shape_field[]){TYPE("mention", PREFS_MENTION),
                                           TYPE("comment", PREFS_COMMENT),
                                           TYPE("like", PREFS_LIKE),
                                           TYPE("repost", PREFS_REPOST),
                                           TYPE("follow", PREFS_FOLLOW),
                                           TYPE("follow_request", PREFS_FOLLOW_REQUEST),
                                           TYPE("follow_accepted", PREFS_FOLLOW_ACCEPTED),
                                           TYPE("edit", PREFS_EDIT),
                                           TYPE("sign_in", PREFS_SIGN_IN),
                                           TYPE("moderation", PREFS_MODERATION),
                                           TYPE("post", PREFS_POST),
                                           {0}}};

struct quiet {
    bool on;
    const char *from, *to;
};
static const struct shape quiet_shape = {
    .name = "QuietHours",
    .size = sizeof(struct quiet),
    .words = "when mails and pushes wait; a sign-in from a new device does not",
    .fields = (const struct shape_field[]){FIELD(quiet, on, SHAPE_BOOL),
                                           FIELD(quiet, from, SHAPE_STR, .words = "22:00, where one is"),
                                           FIELD(quiet, to, SHAPE_STR, .words = "may be of the next day"),
                                           {0}}};

struct caps {
    int64_t hour, day;
};
static const struct shape caps_shape = {
    .name = "MailCaps",
    .size = sizeof(struct caps),
    .words = "how many mails at most; what is above waits and is collected",
    .fields = (const struct shape_field[]){FIELD(caps, hour, SHAPE_INT), FIELD(caps, day, SHAPE_INT), {0}}};

struct preferences {
    const struct types *types;
    const struct quiet *quiet_hours;
    const struct caps *caps;
    const char *time_zone;
    int64_t digest_hour;
};
const struct shape notification_prefs_shape = {
    .name = "NotificationPreferences",
    .size = sizeof(struct preferences),
    .words = "how one wants to be told of what",
    .fields = (const struct shape_field[]){
        FIELD(preferences, types, SHAPE_OBJECT, .of = &types_shape),
        FIELD(preferences, quiet_hours, SHAPE_OBJECT, .of = &quiet_shape),
        FIELD(preferences, time_zone, SHAPE_STR, .words = "of the IANA database, such as Europe/Berlin"),
        FIELD(preferences, caps, SHAPE_OBJECT, .of = &caps_shape),
        FIELD(preferences, digest_hour, SHAPE_INT, .words = "0 to 23, where one is"),
        {0}}};

/* ---- showing */

static struct shape_list ways_of(struct ctx *ctx, const Pb__KindPreferences *k) {
    const char **words = arena_many(ctx->arena, const char *, WAYS_MAX);
    size_t n = 0;

    if (k->in_app)
        words[n++] = "inapp";
    if (k->push)
        words[n++] = "push";
    if (k->email)
        words[n++] = "email";
    if (k->digest)
        words[n++] = "digest";
    if (n == 0)
        words[n++] = "off";
    return (struct shape_list){words, n};
}

static struct preferences view_of(struct ctx *ctx, const Pb__Preferences *p) {
    struct types *types = arena_one(ctx->arena, struct types);
    struct quiet *quiet = arena_one(ctx->arena, struct quiet);
    struct caps *caps = arena_one(ctx->arena, struct caps);

    for (size_t i = 0; i < p->n_kinds; i++) {
        int kind = prefs_kind_of(p->kinds[i]->kind);

        if (kind >= 0)
            types->ways[kind] = ways_of(ctx, p->kinds[i]);
    }
    *quiet = (struct quiet){p->quiet, words_clock(ctx->arena, p->quiet_from),
                            words_clock(ctx->arena, p->quiet_to)};
    *caps = (struct caps){p->hour_cap, p->day_cap};
    return (struct preferences){types, quiet, caps, p->zone, p->digest_hour};
}

static enum code read_prefs(struct ctx *ctx, const Pb__Preferences **ret) {
    Pb__PreferencesRequest ask = PB__PREFERENCES_REQUEST__INIT;

    ask.user_id = ctx->viewer_id;
    return notification_get_preferences(ctx, &ask, ret);
}

enum code notification_api_prefs(struct request *req) {
    const Pb__Preferences *p;
    struct preferences v;
    enum code c = read_prefs(&req->ctx, &p);

    if (c != OK)
        return c;
    v = view_of(&req->ctx, p);
    return api_own_reply(req, &notification_prefs_shape, &v);
}

/* ---- changing */

static void take_way(struct ctx *ctx, const char *field, const char *word, Pb__KindPreferences *k) {
    if (strcmp(word, "inapp") == 0)
        k->in_app = true;
    else if (strcmp(word, "push") == 0)
        k->push = true;
    else if (strcmp(word, "email") == 0)
        k->email = true;
    else if (strcmp(word, "digest") == 0)
        k->digest = true;
    else if (strcmp(word, "off") != 0)
        fail_field(ctx, field, tr_mark("Choose among inapp, push, email and digest, or off."));
}

static Pb__KindPreferences *take_kind(struct request *req, int kind) {
    const char *field = arena_printf(req->ctx.arena, "types[%s]", prefs_kind_name(kind));
    const struct field_value *sent = field_get(req, field);
    Pb__KindPreferences *k;

    if (sent->n_texts == 0)
        return NULL;
    k = arena_one(req->ctx.arena, Pb__KindPreferences);
    pb__kind_preferences__init(k);
    k->kind = prefs_kind_name(kind);
    for (size_t i = 0; i < sent->n_texts; i++)
        take_way(&req->ctx, field, sent->texts[i], k);
    return k;
}

static void take_clock(struct request *req, const char *field, int32_t *to) {
    int minutes;

    if (!field_present(req, field))
        return;
    if (words_minutes(field_text(req, field), &minutes))
        *to = minutes;
    else
        fail_field(&req->ctx, field, tr_mark("Write a time of day as hours and minutes, such as 22:00."));
}

static void take_int(struct request *req, const char *field, int32_t *to) {
    if (field_present(req, field))
        *to = (int32_t)field_int(req, field);
}

static enum code take_all(struct request *req, Pb__Preferences *p) {
    p->kinds = arena_many(req->ctx.arena, Pb__KindPreferences *, PREFS_KINDS);
    p->n_kinds = 0;
    for (int i = 0; i < PREFS_KINDS; i++) {
        Pb__KindPreferences *k = take_kind(req, i);

        if (k != NULL)
            p->kinds[p->n_kinds++] = k;
    }
    if (field_present(req, "quiet_hours[on]"))
        p->quiet = field_bool(req, "quiet_hours[on]");
    take_clock(req, "quiet_hours[from]", &p->quiet_from);
    take_clock(req, "quiet_hours[to]", &p->quiet_to);
    if (field_present(req, "time_zone"))
        p->zone = field_text(req, "time_zone");
    take_int(req, "caps[hour]", &p->hour_cap);
    take_int(req, "caps[day]", &p->day_cap);
    take_int(req, "digest_hour", &p->digest_hour);
    return ctx_failed(&req->ctx) ? req->ctx.error.code : OK;
}

/* What is not sent stays as it is. */
enum code notification_api_prefs_change(struct request *req) {
    Pb__PutPreferencesRequest ask = PB__PUT_PREFERENCES_REQUEST__INIT;
    const Pb__Preferences *now, *after;
    Pb__Preferences wanted;
    struct preferences v;
    enum code c = read_prefs(&req->ctx, &now);

    if (c != OK)
        return c;
    v = view_of(&req->ctx, now);
    wanted = *now;
    if ((c = api_own_if_match(req, &notification_prefs_shape, &v)) != OK ||
        (c = take_all(req, &wanted)) != OK)
        return c;
    ask.preferences = &wanted;
    ask.if_version = now->version;
    if ((c = notification_put_preferences(&req->ctx, &ask, &after)) != OK)
        return c;
    v = view_of(&req->ctx, after);
    return api_own_reply(req, &notification_prefs_shape, &v);
}
