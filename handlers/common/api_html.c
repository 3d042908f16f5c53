#include "handlers/common/api_html.h"

#include <string.h>

#include "fcgi/base/buf.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "handlers/common/markdown.h"

/* What handlers/common/markdown.c writes around a mention and a tag, and what stands there for clients. In a
 * text itself there is no bare '<', so that only markup looks like this. */
static const struct anchor {
    const char *found, *before, *behind_href, *after;
} anchors[] = {
    {"<a class=\"mention\" href=\"/",
     "<span class=\"h-card\" translate=\"no\"><a class=\"u-url mention\" href=\"", "\">@<span>",
     "</span></a></span>"},
    {"<a class=\"tag\" href=\"/", "<a class=\"mention hashtag\" rel=\"tag\" href=\"", "\">#<span>",
     "</span></a>"},
};

/* Writes an anchor that begins at p; what stands behind it, or NULL when it is none of those. */
static const char *put_anchor(struct buf *out, const char *base, const char *p, const struct anchor *a) {
    const char *href, *text, *end;

    if (!text_starts(p, a->found))
        return NULL;
    href = p + strlen(a->found) - 1;
    text = strstr(href, "\">");
    end = text != NULL ? strstr(text, "</a>") : NULL;
    if (end == NULL)
        return NULL;
    buf_puts(out, a->before);
    buf_puts(out, base);
    buf_add(out, href, (size_t)(text - href));
    buf_puts(out, a->behind_href);
    buf_add(out, text + 3, (size_t)(end - text - 3)); /* without '@' or '#' */
    buf_puts(out, a->after);
    return end + 4;
}

const char *api_html(struct ctx *ctx, const char *html) {
    const char *base = ctx->env->config->base_url, *at = html, *p = html;
    struct buf out;

    if (html == NULL || strstr(html, "<a class=\"") == NULL)
        return html != NULL ? html : "";
    buf_init(&out, ctx->arena, 4 * (size_t)TEXT_HTML_MAX);
    while ((p = strstr(p, "<a class=\"")) != NULL) {
        const char *behind = NULL;

        buf_add(&out, at, (size_t)(p - at));
        for (size_t i = 0; i < sizeof anchors / sizeof *anchors && behind == NULL; i++)
            behind = put_anchor(&out, base, p, &anchors[i]);
        at = behind != NULL ? behind : p;
        p = behind != NULL ? behind : p + 1;
    }
    buf_puts(&out, at);
    return buf_str(&out);
}
