/* What the pages about preferences, mails and webhooks show. */
#ifndef DEEPLINK_NOTIFICATION_VIEW_DELIVER_H
#define DEEPLINK_NOTIFICATION_VIEW_DELIVER_H

#include "deeplink/v1/notification.pb-c.h"
#include "handlers/common/views.h"

/* One kind, and by which ways its member is told. */
struct ways_row {
    const char *kind, *words;
    const char *app_field, *push_field, *mail_field;
    bool app, push;
    const char *mail; /* now, daily or no */
    bool may_mail;    /* else the site writes in any case */
};

struct preferences_view {
    const struct ways_row *rows;
    size_t n;
    bool quiet;
    const char *from, *to, *zone; /* "22:00" */
    const char *hour_cap, *day_cap;
    const char *const *hours; /* "0" to "23" */
    const char *digest_hour;
    const char *server_key; /* for the browser's own push service */
    bool unsaved;           /* nothing was chosen yet: the script may guess the zone */
};

struct unsubscribe_view {
    const char *token;
    bool digest, done;
};

struct hook_event {
    const char *name, *words;
    bool chosen;
};

struct hook_row {
    const Pb__Webhook *hook;
    const char *const *words; /* of its events */
    size_t n;
};

struct hooks_view {
    const struct hook_row *rows;
    size_t n;
    const struct hook_event *events; /* for a new one */
    size_t n_events;
    const char *url, *secret; /* of the one made just now; NULL: none */
};

struct hook_view {
    const Pb__Webhook *hook;
    const struct hook_event *events;
    size_t n_events;
    Pb__WebhookCall *const *calls;
    size_t n_calls;
    struct pager pager;
    bool active;
};

#endif
