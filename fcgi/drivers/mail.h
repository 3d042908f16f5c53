/* Mail: "folder:/path" writes one .eml file a message (for small set-ups and tests);
 * "smtp://user:password@host:port" and "smtps://…" send by libcurl. */
#ifndef DEEPLINK_DRIVERS_MAIL_H
#define DEEPLINK_DRIVERS_MAIL_H

#include "fcgi/ctx.h"

struct mail;
struct mail_message {
    const char *to, *subject, *text, *html; /* html may be NULL; UTF-8; no header injection is possible */
    const char *id; /* unique: becomes Message-ID and the file's name, so that a repeat overwrites itself */
};

/* from: "DeepLink <noreply@example.org>". */
struct mail *mail_open(const char *url, const char *from, int timeout_ms);
void mail_close(struct mail *m);
enum code mail_send(struct ctx *ctx, struct mail *m,
                    const struct mail_message *msg); /* RFC 5322, 2045, 2047; multipart/alternative */

#endif
