/* What OAuth demands of addresses and secrets that apps send. No input or output. */
#ifndef DEEPLINK_USER_RULES_OAUTH_H
#define DEEPLINK_USER_RULES_OAUTH_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

#define RULES_OOB "urn:ietf:wg:oauth:2.0:oob" /* the code is shown, to be copied into the app */

/* Whether an app may ask to be sent back there: absolute, no fragment, no scheme that runs or reads something
 * in the browser (RFC 6749 section 3.1.2, RFC 8252 section 7), or RULES_OOB. */
bool rules_redirect_uri(const char *uri);

/* What a Content-Security-Policy says for it: scheme, host and port, or the scheme alone where there is no
 * host. In the arena; NULL for RULES_OOB. */
const char *rules_redirect_source(struct arena *a, const char *uri);

/* Whether these are the same for OAuth: byte by byte, but for the port of a loopback address (RFC 8252
 * section 7.3). */
bool rules_redirect_same(const char *registered, const char *asked);

/* PKCE (RFC 7636): 43 of base64url's letters. */
bool rules_challenge(const char *challenge);
/* Whether the verifier is the one that the challenge was made of, by S256. */
bool rules_verifier_fits(struct arena *a, const char *verifier, const char *challenge);

#endif
