#include "handlers/media/card_rules.h"

#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/drivers/fetch.h"
#include "fcgi/drivers/fetch_place.h"
#include "fcgi/drivers/markup.h"

#define LINKS_MAX 20 /* that are looked at for the first good one */

/* ---- The link */

/* A value of an attribute as handlers/common/markdown.c wrote it, with what it escaped. */
static const char *unescaped(struct ctx *ctx, const char *s, size_t n) {
    static const struct {
        const char *from;
        char to;
    } all[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#39;", '\''}};
    struct buf out;

    buf_init(&out, ctx->arena, 1 << 16);
    for (const char *end = s + n; s < end;) {
        size_t i = 0;

        while (i < sizeof all / sizeof *all && !text_starts(s, all[i].from))
            i++;
        buf_putc(&out, i < sizeof all / sizeof *all ? all[i].to : *s);
        s += i < sizeof all / sizeof *all ? strlen(all[i].from) : 1;
    }
    return buf_str(&out);
}

/* A word of the setting, against a host and all above it. */
static bool is_below(const char *host, const char *word, size_t n) {
    size_t len = strlen(host);

    if (len < n || strncasecmp(host + len - n, word, n) != 0)
        return false;
    return len == n || host[len - n - 1] == '.';
}

bool card_is_never(struct ctx *ctx, const char *host) {
    static const char space[] = " \t,";

    for (const char *p =
             ctx->env->config->link_cards_never + strspn(ctx->env->config->link_cards_never, space);
         *p != '\0'; p += strspn(p, space)) {
        size_t n = strcspn(p, space);

        if (is_below(host, p, n))
            return true;
        p += n;
    }
    return false;
}

/* The address of a link in the form that cards are kept by; NULL: it is not looked at. */
static const char *usable(struct ctx *ctx, const char *href) {
    const char *url = fetch_url(ctx, href), *host;

    if (url == NULL)
        return NULL;
    host = fetch_host(ctx, url);
    return strcmp(host, fetch_host(ctx, ctx->env->config->base_url)) == 0 || card_is_never(ctx, host) ? NULL
                                                                                                      : url;
}

const char *card_link_of(struct ctx *ctx, const Pb__PostView *post) {
    static const char begin[] = "<a href=\"http"; /* mentions and tags have a class, and no host */
    const char *p = post->html, *url = NULL;

    if (!ctx->env->config->link_cards || post->repost_of_id != 0 || post->n_media > 0 ||
        post->audience > PB__AUDIENCE__AUDIENCE_UNLISTED)
        return NULL;
    for (int i = 0; i < LINKS_MAX && url == NULL && (p = strstr(p, begin)) != NULL; i++) {
        const char *href = p + strlen("<a href=\"");
        size_t n = strcspn(href, "\"");

        url = usable(ctx, unescaped(ctx, href, n));
        p = href + n;
    }
    return url;
}

/* ---- The card */

static bool asks_for(const char *robots, const char *what) {
    return strstr(robots, what) != NULL || strstr(robots, "none") != NULL;
}

/* Addresses in a page are relative to its base, which may be relative to the page. */
static const char *image_of(struct ctx *ctx, const struct fetch_reply *page, const struct markup *m) {
    const char *base = m->base[0] != '\0' ? fetch_url_in(ctx, page->url, m->base) : page->url, *url;

    if (m->image[0] == '\0' || m->no_image || asks_for(page->robots, "noimageindex") ||
        asks_for(page->robots, "nosnippet"))
        return "";
    url = fetch_url_in(ctx, base != NULL ? base : page->url, m->image);
    return url != NULL && !card_is_never(ctx, fetch_host(ctx, url)) ? url : "";
}

const Pb__LinkCard *card_of_page(struct ctx *ctx, const struct fetch_reply *page, const struct markup *m,
                                 const char **ret_image) {
    Pb__LinkCard *card = arena_one(ctx->arena, Pb__LinkCard);
    const char *url = fetch_url(ctx, page->url);
    bool brief = m->no_snippet || asks_for(page->robots, "nosnippet");

    *ret_image = "";
    if (m->title[0] == '\0' || url == NULL)
        return NULL;
    pb__link_card__init(card);
    card->url = url;
    card->title = m->title;
    card->description = brief || strcmp(m->description, m->title) == 0 ? "" : m->description;
    card->type = "link";
    card->provider = m->site_name[0] != '\0' ? m->site_name : fetch_host(ctx, url);
    card->author = m->author;
    card->language = m->language;
    card->image_words = m->image_words;
    *ret_image = image_of(ctx, page, m);
    return card;
}
