/* Mails that members get: one language, words as plain text, and the same as HTML by a template of
 * templates/mail. */
#ifndef DEEPLINK_COMMON_LETTER_H
#define DEEPLINK_COMMON_LETTER_H

#include "handlers/common/views.h"

#define LETTER_PARAGRAPHS 24

/* Which template stands beside the plain text. */
enum letter_kind {
    LETTER_PLAIN, /* none */
    LETTER_CONFIRM,
    LETTER_RESET,
    LETTER_EMAIL_CHANGE,
    LETTER_EMAIL_CHANGED,
    LETTER_PASSWORD_CHANGED,
    LETTER_SIGN_IN,
    LETTER_APPROVED,
    LETTER_REJECTED,
    LETTER_SUSPENDED,
    LETTER_ACTIVITY,
    LETTER_KINDS
};

struct letter {
    struct ctx *ctx;
    enum letter_kind kind;
    const char *id; /* unique; a repeat has the same */
    const char *to; /* address */
    int lang;
    struct mail_view view; /* what the template says */
    const char *paragraphs[LETTER_PARAGRAPHS];
    size_t n;
    const char *unsubscribe;   /* URL, or NULL */
    bool (*before)(void *arg); /* right before it is handed over, see fcgi/drivers/mail.h; may be NULL */
    void *arg;
};

/* Begins with a greeting. language: a tag, "" or unknown: English. */
struct letter letter_new(struct ctx *ctx, enum letter_kind kind, const char *id, const char *to,
                         const char *name, const char *language);

/* Adds a paragraph to the plain text; NULL and "" add none. */
void letter_say(struct letter *l, const char *text);

/* An address on this site. */
const char *letter_url(const struct letter *l, const char *path);

/* Sends it; subject is in the letter's language. Errors as mail_send(). */
enum code letter_send(struct letter *l, const char *subject);

#endif
