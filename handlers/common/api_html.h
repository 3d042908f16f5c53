/* HTML of posts and profiles for programs that do not know this site's address. */
#ifndef DEEPLINK_COMMON_API_HTML_H
#define DEEPLINK_COMMON_API_HTML_H

#include "fcgi/ctx.h"

/* HTML of the Markdown renderer with links to this site made whole, and mentions and tags marked as
 * Mastodon's clients look for them. In the arena; "" for NULL. */
const char *api_html(struct ctx *ctx, const char *html);

#endif
