#include "handlers/common/media.h"

#include <inttypes.h>
#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"

#define DAY_S INT64_C(86400)
#define MAC_BYTES 12

const Pb__MediaFile *media_file(const Pb__MediaView *m, const char *name) {
    for (size_t i = 0; i < m->n_files; i++)
        if (strcmp(m->files[i]->name, name) == 0)
            return m->files[i];
    return NULL;
}

static const char *sign(struct ctx *ctx, const char *key, int64_t expires_s) {
    unsigned char mac[CRYPTO_HASH_BYTES];
    const char *text = arena_printf(ctx->arena, "media:%s:%" PRId64, key, expires_s);

    crypto_mac(mac, config_secret(ctx->env->config), text, strlen(text));
    return text_base64url(ctx->arena, mac, MAC_BYTES);
}

const char *media_path_until(struct ctx *ctx, const char *key, int64_t expires_s) {
    return arena_printf(ctx->arena, "/m/%s?e=%" PRId64 "&s=%s", key, expires_s, sign(ctx, key, expires_s));
}

const char *media_path(struct ctx *ctx, const Pb__MediaView *m, const Pb__MediaFile *f) {
    if (m->is_public && !ctx->env->config->intranet)
        return arena_printf(ctx->arena, "/m/%s", f->key);
    return media_path_until(ctx, f->key, (clock_now_ms() / 1000 / DAY_S + 2) * DAY_S);
}

const char *media_url(struct ctx *ctx, const Pb__MediaView *m, const Pb__MediaFile *f) {
    return arena_printf(ctx->arena, "%s%s", ctx->env->config->base_url, media_path(ctx, m, f));
}

const char *media_public_url(struct ctx *ctx, const char *key) {
    Pb__MediaView open = PB__MEDIA_VIEW__INIT;
    Pb__MediaFile file = PB__MEDIA_FILE__INIT;

    open.is_public = true;
    file.key = key;
    return media_url(ctx, &open, &file);
}

bool media_signature_good(struct ctx *ctx, const char *key, int64_t expires_s, const char *signature) {
    const char *good = sign(ctx, key, expires_s);

    return expires_s > clock_now_ms() / 1000 && strlen(signature) == strlen(good) &&
           crypto_equal(signature, good, strlen(good));
}
