/* What the user service demands of handles, passwords and words. No input or output: judged by what they are
 * given alone. */
#ifndef DEEPLINK_USER_RULES_H
#define DEEPLINK_USER_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

#define RULES_NAME_MAX 50 /* code points, as all of these */
#define RULES_HEADLINE_MAX 120
#define RULES_BIO_MAX 2000
#define RULES_FIELDS_MAX 4
#define RULES_FIELD_NAME_MAX 50
#define RULES_FIELD_VALUE_MAX 200
#define RULES_REASON_MAX 500
#define RULES_NOTE_MAX 500
#define RULES_PASSWORD_MAX 1000 /* bytes */
#define RULES_RANK_MAX 99       /* of a role; administrators have 100 */

/* What a role can allow: bits of handlers/common/permission.h. */
#define RULES_PERMISSIONS 7
struct rules_permission {
    uint64_t bit;
    const char *name;        /* "invite": in the audit log, and in forms as may_invite */
    const char *words, *why; /* for readers, to be translated */
};
extern const struct rules_permission rules_permissions[RULES_PERMISSIONS];
bool rules_is_role_name(const char *name);

/* What is wrong with it and how to fix it, public words; NULL: nothing. */
const char *rules_handle_problem(const char *handle);
/* min: code points; lang: of what is said (fcgi/i18n.h). handle and email may be "". Takes no time that would
 * tell anything about other accounts.
 */
const char *rules_password_problem(struct arena *a, const char *password, const char *handle,
                                   const char *email, int min, int lang);

/* Names that would pass for the site itself or stand for one of its addresses. */
bool rules_handle_reserved(const char *handle);

/* What a User-Agent header says in a reader's words, "Firefox on Linux"; "Unknown device" when it says
 * nothing known. */
const char *rules_device(struct arena *a, const char *user_agent);
/* From such words in English: whether it is a telephone or tablet. */
bool rules_device_is_phone(const char *device);

/* The different words of a text, folded, for the directory. At most 64, each at most 60 bytes. */
size_t rules_words(struct arena *a, const char *text, const char ***ret_words);
/* A tsquery that finds texts with words that begin with those of `query`; NULL when it holds no word. */
const char *rules_tsquery(struct arena *a, const char *query);

#endif
