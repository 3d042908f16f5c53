#include "handlers/common/token.h"

#include <inttypes.h>
#include <string.h>

#include "fcgi/base/crypto.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"

#define SECRET_BYTES 32
#define SECRET_CHARS 43 /* in base64url */

const char *token_new(struct ctx *ctx, const char *prefix, int64_t user_id) {
    return arena_printf(ctx->arena, "%s%" PRId64 ".%s", prefix, user_id,
                        crypto_token(ctx->arena, SECRET_BYTES));
}

/* "0" is nobody's id, and an app's token says so. */
static bool read_id(const char *digits, int64_t *ret) {
    *ret = 0;
    return strcmp(digits, "0") == 0 || id_parse(digits, ret);
}

bool token_hash(const char *token, unsigned char ret_hash[32], int64_t *ret_user) {
    const char *at = token, *dot;
    char digits[ID_STR_MAX];

    if (text_starts(token, TOKEN_PERSONAL_PREFIX))
        at += strlen(TOKEN_PERSONAL_PREFIX);
    dot = strchr(at, '.');
    if (dot == NULL || (size_t)(dot - at) >= sizeof digits || strlen(dot + 1) != SECRET_CHARS)
        return false;
    memcpy(digits, at, (size_t)(dot - at));
    digits[dot - at] = '\0';
    if (!read_id(digits, ret_user))
        return false;
    crypto_digest(ret_hash, token, strlen(token));
    return true;
}

const char *token_key(struct ctx *ctx, const unsigned char hash[32]) {
    return arena_printf(ctx->arena, "token:%s", text_hex(ctx->arena, hash, 32));
}
