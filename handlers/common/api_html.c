#include "handlers/common/api_html.h"

#include <string.h>

#include "fcgi/base/buf.h"
#include "fcgi/config.h"
#include "handlers/common/markdown.h"

/* What the renderer writes at the beginning of a link to this site (handlers/common/markdown.c), and what
 * programs get instead: text of people never holds a bare '<' or '"' there. */
static const struct {
    const char *ours, *theirs;
} links[] = {
    {"<a class=\"mention\" href=\"/", "<a class=\"u-url mention\" href=\""},
    {"<a class=\"tag\" href=\"/", "<a class=\"mention hashtag\" rel=\"tag\" href=\""},
};

#define MANY (sizeof links / sizeof *links)

const char *api_html(struct ctx *ctx, const char *html) {
    const char *from = html, *at = html;
    struct buf out;

    if (html == NULL || strstr(html, "<a class=\"") == NULL)
        return html != NULL ? html : "";
    buf_init(&out, ctx->arena, 4 * TEXT_HTML_MAX);
    while ((at = strstr(at, "<a class=\"")) != NULL) {
        size_t i = 0;

        while (i < MANY && strncmp(at, links[i].ours, strlen(links[i].ours)) != 0)
            i++;
        if (i < MANY) {
            buf_add(&out, from, (size_t)(at - from));
            buf_puts(&out, links[i].theirs);
            buf_puts(&out, ctx->env->config->base_url);
            from = at + strlen(links[i].ours) - 1; /* the path's own '/' stays */
        }
        at++;
    }
    buf_puts(&out, from);
    return buf_str(&out);
}
