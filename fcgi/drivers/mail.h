/* Mail: "folder:/path" writes one .eml file a message (for small set-ups and tests);
 * "smtp://user:password@host:port" and "smtps://…" send by libcurl. */
#ifndef DEEPLINK_DRIVERS_MAIL_H
#define DEEPLINK_DRIVERS_MAIL_H

#include <stdbool.h>

#include "fcgi/ctx.h"

struct mail;
struct mail_message {
    const char *to, *subject, *text, *html; /* html may be NULL; UTF-8; no header injection is possible */
    const char *id; /* unique: becomes Message-ID and the file's name, so that a repeat overwrites itself */
    const char *unsubscribe; /* URL of List-Unsubscribe, by one click (RFC 2369, RFC 8058); NULL: none */
    /* Runs once all is ready, right before the end of the message is handed over: until then the server can
     * not have taken it. False: it is not sent (CANCELLED). May be NULL. */
    bool (*before)(void *arg);
    void *arg;
};

/* from: "DeepLink <noreply@example.org>". */
struct mail *mail_open(const char *url, const char *from, int timeout_ms);
void mail_close(struct mail *m);

/* Errors: INVALID when the server refuses this message or address for good; UNAVAILABLE when it did not take
 * it and may later; UNKNOWN, only with `before`, when the connection broke after the message's end, so that
 * nobody knows. */
enum code mail_send(struct ctx *ctx, struct mail *m,
                    const struct mail_message *msg); /* RFC 5322, 2045, 2047; multipart/alternative */

/* Logs in to the server, or looks at the folder, and sends nothing: OK, or UNAVAILABLE with why. */
enum code mail_check(struct ctx *ctx, struct mail *m);

#endif
