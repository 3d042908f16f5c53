/* Text that members write, as Markdown (CommonMark, the part that fits a post) → HTML that may stand on a
 * page.
 *
 * Kept: paragraphs, line breaks as typed, emphasis, code, quotes, lists, rules, links. Headings become bold
 * paragraphs, images links; HTML is shown as the text that it is. Links go to http, https and mailto only,
 * with rel="nofollow noopener ugc". In plain text (not in code or links) bare URLs, #tags and @mentions of
 * members become links. Nesting and sizes are capped; time is linear but for what cmark itself takes. */
#ifndef DEEPLINK_COMMON_MARKDOWN_H
#define DEEPLINK_COMMON_MARKDOWN_H

#include <stddef.h>
#include <stdint.h>

#include "fcgi/ctx.h"
#include "fcgi/html.h"

#define TEXT_SOURCE_MAX (64 * 1024) /* bytes of source */
#define TEXT_HTML_MAX (256 * 1024)  /* bytes of HTML */
#define TEXT_MENTIONS_MAX 50        /* different handles and tags in one text; further ones stay text */
#define TEXT_TAGS_MAX 30
#define TEXT_EXCERPT_MAX 200 /* graphemes */

/* A member mentioned: the handle as its owner writes it. id 0: nobody has this handle. */
struct text_mention {
    int64_t id;
    const char *handle;
};

struct text_result {
    struct safe_html html;
    const char *excerpt;                 /* plain words on one line, at most TEXT_EXCERPT_MAX graphemes */
    const struct text_mention *mentions; /* members, each once, in order of appearance */
    size_t n_mentions;
    const char *const *tags;   /* as written first, each once … */
    const char *const *folded; /* … and as they are compared: text_fold() */
    size_t n_tags;
};

/* Who stands behind these handles (as typed, each once whatever its case): sets id and handle of each. */
typedef enum code text_resolve(struct ctx *ctx, const char *const *handles, size_t n,
                               struct text_mention *ret);

/* Renders src, valid UTF-8. INVALID (without a field: the caller knows its name) when it is larger than the
 * caps. All of the result lives in the arena. Mentions are looked up by the user service in one batch. */
enum code text_render(struct ctx *ctx, const char *src, struct text_result *ret);

/* The same with another look-up, for tests. */
enum code text_render_with(struct ctx *ctx, const char *src, text_resolve *resolve, struct text_result *ret);

/* Only the HTML: for profiles and other texts that are not posts. */
enum code markdown_render(struct ctx *ctx, const char *src, struct safe_html *ret);

#endif
