#include "handlers/user/rules_oauth.h"

#include <string.h>
#include <strings.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/text.h"

#define URI_BYTES_MAX 2000
#define VERIFIER_MIN 43
#define VERIFIER_MAX 128
#define CHALLENGE_CHARS 43

#define DIGITS "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define UNRESERVED LETTERS DIGITS "-._~"

/* How many bytes the scheme takes (RFC 3986 section 3.1); 0 when there is none. */
static size_t scheme_len(const char *uri) {
    size_t n = strspn(uri, LETTERS DIGITS "+-.");

    return n > 0 && uri[n] == ':' && strchr(LETTERS, uri[0]) != NULL ? n : 0;
}

static bool scheme_is(const char *uri, size_t n, const char *name) {
    return strlen(name) == n && strncasecmp(uri, name, n) == 0;
}

/* Schemes that a browser acts on itself. */
static bool scheme_refused(const char *uri, size_t n) {
    static const char *const refused[] = {"javascript", "data",        "vbscript", "file",  "blob", "about",
                                          "filesystem", "view-source", "ftp",      "ws",    "wss",  "urn",
                                          "mailto",     "tel",         "chrome",   "intent"};

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (scheme_is(uri, n, refused[i]))
            return true;
    return false;
}

static bool is_web(const char *uri, size_t scheme) {
    return scheme_is(uri, scheme, "http") || scheme_is(uri, scheme, "https");
}

bool rules_redirect_uri(const char *uri) {
    size_t scheme = scheme_len(uri);

    if (strcmp(uri, RULES_OOB) == 0)
        return true;
    if (scheme == 0 || strlen(uri) > URI_BYTES_MAX || scheme_refused(uri, scheme))
        return false;
    /* What may stand in a URL, and nothing that ends a header's or a policy's part. */
    if (uri[strspn(uri, UNRESERVED ":/?[]@!$&'()*+,;=%")] != '\0')
        return false;
    return !is_web(uri, scheme) || text_is_http_url(uri);
}

const char *rules_redirect_source(struct arena *a, const char *uri) {
    size_t scheme = scheme_len(uri), host;

    if (strcmp(uri, RULES_OOB) == 0 || scheme == 0)
        return NULL;
    if (!is_web(uri, scheme))
        return arena_printf(a, "%.*s:", (int)scheme, uri);
    host = strcspn(uri + scheme + 3, "/?");
    return arena_printf(a, "%.*s", (int)(scheme + 3 + host), uri);
}

/* The length of "http://127.0.0.1" or "http://[::1]"; 0 for all else. */
static size_t loopback_len(const char *uri) {
    static const char *const hosts[] = {"http://127.0.0.1", "http://[::1]"};

    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        size_t n = strlen(hosts[i]);

        if (strncmp(uri, hosts[i], n) == 0 && strchr(":/?", uri[n]) != NULL)
            return n;
    }
    return 0;
}

static const char *without_port(const char *at) { return *at == ':' ? at + 1 + strspn(at + 1, DIGITS) : at; }

bool rules_redirect_same(const char *registered, const char *asked) {
    size_t n = loopback_len(registered);

    if (strcmp(registered, asked) == 0)
        return true;
    return n > 0 && n == loopback_len(asked) && strncmp(registered, asked, n) == 0 &&
           strcmp(without_port(registered + n), without_port(asked + n)) == 0;
}

bool rules_challenge(const char *challenge) {
    return strlen(challenge) == CHALLENGE_CHARS && challenge[strspn(challenge, LETTERS DIGITS "-_")] == '\0';
}

bool rules_verifier_fits(struct arena *a, const char *verifier, const char *challenge) {
    size_t n = strlen(verifier);
    unsigned char hash[CRYPTO_HASH_BYTES];

    if (n < VERIFIER_MIN || n > VERIFIER_MAX || verifier[strspn(verifier, UNRESERVED)] != '\0')
        return false;
    crypto_sha256(hash, verifier, n);
    return crypto_equal_str(text_base64url(a, hash, sizeof hash), challenge);
}
