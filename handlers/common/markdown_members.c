/* Markdown whose mentions are members: the user service says whom a handle means. */
#include <strings.h>

#include "gen/stubs.h"
#include "handlers/common/markdown.h"

static enum code ask_user_service(struct ctx *ctx, const char *const *handles, size_t n,
                                  struct text_mention *ret) {
    Pb__ResolveHandlesRequest req = PB__RESOLVE_HANDLES_REQUEST__INIT;
    const Pb__ResolveHandlesReply *reply;
    enum code c;

    req.handles = (const char **)arena_memdup(ctx->arena, handles, n * sizeof *handles);
    req.n_handles = n;
    if ((c = user_resolve_handles(ctx, &req, &reply)) != OK)
        return c;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < reply->n_users; k++)
            if (strcasecmp(handles[i], reply->users[k]->handle) == 0)
                ret[i] = (struct text_mention){reply->users[k]->id, reply->users[k]->handle};
    return OK;
}

enum code text_render(struct ctx *ctx, const char *src, struct text_result *ret) {
    return text_render_with(ctx, src, ask_user_service, ret);
}

enum code markdown_render(struct ctx *ctx, const char *src, struct safe_html *ret) {
    struct text_result result;
    enum code c = text_render(ctx, src, &result);

    *ret = c == OK ? result.html : (struct safe_html){NULL, 0};
    return c;
}
