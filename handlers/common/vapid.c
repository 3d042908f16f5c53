#include "handlers/common/vapid.h"

#include "fcgi/config.h"
#include "fcgi/drivers/webpush.h"

enum code vapid_key(struct ctx *ctx, struct webpush_key *ret) {
    return webpush_key_of(ctx, config_secret(ctx->env->config), ret);
}

enum code vapid_public_key(struct ctx *ctx, const char **ret) {
    struct webpush_key key;
    enum code c = vapid_key(ctx, &key);

    *ret = c == OK ? key.public_key : "";
    return c;
}
