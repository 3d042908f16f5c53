#include "handlers/common/csrf.h"

#include <string.h>

#include "fcgi/base/crypto.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/router.h"

#define PRE_COOKIE "pre"
#define PRE_BYTES 18
#define TOKEN_BYTES 18

/* What a token proves: a MAC over the session or pre-session cookie. */
static void mac_of(struct request *req, const char *subject, unsigned char out[TOKEN_BYTES]) {
    unsigned char mac[CRYPTO_HASH_BYTES];
    const char *text = arena_printf(req->ctx.arena, "csrf:%s", subject);

    crypto_mac(mac, config_secret(req->ctx.env->config), text, strlen(text));
    memcpy(out, mac, TOKEN_BYTES);
}

/* Different in every answer: a random mask, and the MAC under it. So the length of a compressed page tells
 * nothing about the token (BREACH). */
static const char *token_for(struct request *req, const char *subject) {
    unsigned char token[2 * TOKEN_BYTES], mac[TOKEN_BYTES];

    mac_of(req, subject, mac);
    crypto_random(token, TOKEN_BYTES);
    for (size_t i = 0; i < TOKEN_BYTES; i++)
        token[TOKEN_BYTES + i] = token[i] ^ mac[i];
    return text_base64url(req->ctx.arena, token, sizeof token);
}

static bool is_token_for(struct request *req, const char *subject, const char *sent) {
    unsigned char mac[TOKEN_BYTES], *token;
    size_t n;

    if (!text_base64url_decode(req->ctx.arena, sent, &token, &n) || n != 2 * TOKEN_BYTES)
        return false;
    mac_of(req, subject, mac);
    for (size_t i = 0; i < TOKEN_BYTES; i++)
        token[TOKEN_BYTES + i] ^= token[i];
    return crypto_equal(token + TOKEN_BYTES, mac, TOKEN_BYTES);
}

static const char *pre_session(struct request *req) {
    const char *pre = request_cookie(req, PRE_COOKIE);

    return pre != NULL && strlen(pre) == PRE_BYTES * 4 / 3 ? pre : NULL;
}

const char *csrf_token(struct request *req) {
    const char *pre;

    if (req->ctx.viewer_id != 0)
        return token_for(req, req->session.token);
    if (req->route->cacheable)
        return "";
    pre = pre_session(req);
    if (pre == NULL) {
        pre = crypto_token(req->ctx.arena, PRE_BYTES);
        respond_cookie(req, PRE_COOKIE, pre, 0);
    }
    return token_for(req, pre);
}

static bool from_elsewhere(const struct request *req) {
    const char *site = request_header(req, "Sec-Fetch-Site");

    return site != NULL && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0;
}

enum code csrf_check(struct request *req) {
    const char *sent = request_header(req, "X-CSRF-Token");
    const char *subject = req->ctx.viewer_id != 0 ? req->session.token : pre_session(req);

    if (sent == NULL)
        sent = params_get(&req->form, "csrf");
    if (subject != NULL && sent != NULL && !from_elsewhere(req) && is_token_for(req, subject, sent))
        return OK;
    return fail(
        &req->ctx, DENIED,
        "This form is out of date, or it came from another site. Nothing was changed. Go back, reload the "
        "page and send it again.");
}
