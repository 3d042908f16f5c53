#include "handlers/notification/rules_prefs.h"

#include <string.h>

#define DAY_MINUTES 1440

static const struct {
    unsigned ways;
    const char *alert;
} kinds[PREFS_KINDS] = {
    [PREFS_MENTION] = {WAY_IN_APP | WAY_EMAIL | WAY_PUSH, "mention"},
    [PREFS_COMMENT] = {WAY_IN_APP | WAY_EMAIL | WAY_PUSH, "mention"},
    [PREFS_LIKE] = {WAY_IN_APP, "favourite"},
    [PREFS_REPOST] = {WAY_IN_APP | WAY_DIGEST, "reblog"},
    [PREFS_FOLLOW] = {WAY_IN_APP | WAY_PUSH | WAY_DIGEST, "follow"},
    [PREFS_FOLLOW_REQUEST] = {WAY_IN_APP | WAY_EMAIL | WAY_PUSH, "follow_request"},
    [PREFS_FOLLOW_ACCEPTED] = {WAY_IN_APP | WAY_PUSH | WAY_DIGEST, "follow"},
    [PREFS_EDIT] = {WAY_IN_APP, "update"},
    [PREFS_SIGN_IN] = {WAY_IN_APP | WAY_PUSH, NULL},
    [PREFS_MODERATION] = {WAY_IN_APP | WAY_EMAIL | WAY_PUSH, NULL},
    [PREFS_POST] = {WAY_IN_APP | WAY_PUSH, "status"},
};

const char *const prefs_alerts[] = {"mention",        "quote",        "status", "reblog", "follow",
                                    "follow_request", "favourite",    "poll",   "update", "quoted_update",
                                    "admin.sign_up",  "admin.report", NULL};

void prefs_defaults(int64_t user_id, struct prefs *ret) {
    *ret = (struct prefs){.user_id = user_id,
                          .version = 1,
                          .quiet_from = 22 * 60,
                          .quiet_to = 7 * 60,
                          .zone = "UTC",
                          .hour_cap = 4,
                          .day_cap = 20,
                          .digest_hour = 8};
    for (int i = 0; i < PREFS_KINDS; i++)
        ret->ways[i] = kinds[i].ways;
}

bool prefs_may_mail(int kind) { return kind != PREFS_SIGN_IN; }

unsigned prefs_ways(const struct prefs *p, const char *kind) {
    int k = prefs_kind_of(kind);
    unsigned ways = k < 0 ? WAY_IN_APP : p->ways[k];

    if (k >= 0 && !prefs_may_mail(k))
        ways &= ~(unsigned)(WAY_EMAIL | WAY_DIGEST);
    return (ways & WAY_EMAIL) != 0 ? ways & ~(unsigned)WAY_DIGEST : ways;
}

/* Minutes since midnight there, and the milliseconds beyond them. */
static int minute_there(const struct prefs *p, int64_t at_ms, int64_t *ret_rest_ms) {
    int64_t there = (at_ms + (int64_t)p->zone_s * 1000) % WAIT_DAY_MS;

    if (there < 0)
        there += WAIT_DAY_MS;
    *ret_rest_ms = there % WAIT_MINUTE_MS;
    return (int)(there / WAIT_MINUTE_MS);
}

static bool is_within(int minute, int from, int to) {
    return from <= to ? minute >= from && minute < to : minute >= from || minute < to;
}

/* The next time that it is `minute` there; at_ms itself when it is just beginning. */
static int64_t next_minute(const struct prefs *p, int64_t at_ms, int minute) {
    int64_t rest;
    int now = minute_there(p, at_ms, &rest), ahead = (minute - now + DAY_MINUTES) % DAY_MINUTES;

    if (ahead == 0 && rest > 0)
        ahead = DAY_MINUTES;
    return at_ms - rest + ahead * WAIT_MINUTE_MS;
}

int64_t prefs_quiet_end(const struct prefs *p, int64_t at_ms) {
    int64_t rest;

    if (!p->quiet || !is_within(minute_there(p, at_ms, &rest), p->quiet_from, p->quiet_to))
        return 0;
    return next_minute(p, at_ms, p->quiet_to);
}

int64_t prefs_push_due(const struct prefs *p, const char *kind, int64_t now_ms) {
    int64_t end = prefs_kind_of(kind) == PREFS_SIGN_IN ? 0 : prefs_quiet_end(p, now_ms);

    return end != 0 ? end : now_ms;
}

static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; }

int64_t prefs_mail_due(const struct prefs *p, const struct mail_times *times, const struct mail_pace *pace,
                       int64_t now_ms) {
    int64_t due = now_ms + pace->delay_ms, end;

    if (times->last_ms != 0)
        due = later(due, times->last_ms + pace->window_ms);
    if (times->hour_ms != 0)
        due = later(due, times->hour_ms + WAIT_HOUR_MS);
    if (times->day_ms != 0)
        due = later(due, times->day_ms + WAIT_DAY_MS);
    end = prefs_quiet_end(p, due);
    return end != 0 ? end : due;
}

int64_t prefs_digest_due(const struct prefs *p, int64_t now_ms) {
    return next_minute(p, now_ms + 1, p->digest_hour * 60);
}

const char *prefs_alert_of(const char *kind) {
    int k = prefs_kind_of(kind);

    return k < 0 ? NULL : kinds[k].alert;
}

bool prefs_is_alert(const char *name) {
    for (size_t i = 0; prefs_alerts[i] != NULL; i++)
        if (strcmp(prefs_alerts[i], name) == 0)
            return true;
    return false;
}
