/* By which ways, and when, a member is told: the rules, without any server. Times are Unix ms. */
#ifndef DEEPLINK_NOTIFICATION_RULES_PREFS_H
#define DEEPLINK_NOTIFICATION_RULES_PREFS_H

#include "handlers/notification/store_deliver.h"

#define WAIT_MINUTE_MS INT64_C(60000)
#define WAIT_HOUR_MS (60 * WAIT_MINUTE_MS)
#define WAIT_DAY_MS (24 * WAIT_HOUR_MS)

/* What holds for a member who chose nothing. */
void prefs_defaults(int64_t user_id, struct prefs *ret);

/* The ways of a kind, by its name; an unknown kind is shown in the app alone. E-mail goes before the digest:
 * what is mailed at once is not repeated there. */
unsigned prefs_ways(const struct prefs *p, const char *kind);

/* Whether the kind can be chosen to be mailed: of a sign-in the user service writes always. */
bool prefs_may_mail(int kind);

/* When the quiet hours that hold at that time are over; 0: they do not hold. */
int64_t prefs_quiet_end(const struct prefs *p, int64_t at_ms);

/* A push: now, or at the end of the quiet hours. A sign-in from a new device may disturb. */
int64_t prefs_push_due(const struct prefs *p, const char *kind, int64_t now_ms);

/* An instant mail, for something that happened now: after a moment (in which it may be read), not before the
 * burst of the last mail is over, not above the caps, not in quiet hours. */
struct mail_pace {
    int64_t delay_ms, window_ms;
};
int64_t prefs_mail_due(const struct prefs *p, const struct mail_times *times, const struct mail_pace *pace,
                       int64_t now_ms);

/* The next time that it is the digest's hour where the member is. */
int64_t prefs_digest_due(const struct prefs *p, int64_t now_ms);

/* The kind in Mastodon's words, as alerts have it; NULL: it has none. */
const char *prefs_alert_of(const char *kind);
/* Whether there is such an alert. */
bool prefs_is_alert(const char *name);
/* Those that there are, ends with NULL. */
extern const char *const prefs_alerts[];

#endif
