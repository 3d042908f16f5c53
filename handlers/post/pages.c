#include "handlers/post/pages.h"

#include <inttypes.h>

#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "gen/stubs.h"
#include "handlers/post/pages_shared.h"

enum code post_page_item(struct request *req, const Pb__PostItem **ret) {
    int64_t id;
    enum code c = post_ask_target(req, &id);

    return c != OK ? c : post_item_get(req, id, ret);
}

const char *post_page_at(struct ctx *ctx, const char *path, int64_t id) {
    return strchr(path, '#') != NULL ? path : arena_printf(ctx->arena, "%s#p%" PRId64, path, id);
}

const char *post_page_tag_path(struct ctx *ctx, const char *before, const char *tag, const char *behind) {
    struct buf path;

    buf_init(&path, ctx->arena, 4096);
    buf_puts(&path, before);
    buf_url(&path, tag, strlen(tag));
    buf_puts(&path, behind);
    return buf_str(&path);
}

void post_page_revalidated(struct request *req, const char *caching) {
    respond_header(req, "Cache-Control", caching);
    respond_header(req, "X-Robots-Tag", "noindex");
    respond_etag(req);
}
