#include "handlers/common/api_card.h"

#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/text.h"
#include "handlers/common/media.h"

struct author {
    const char *name, *url;
};

struct api_card {
    const char *url, *title, *description, *language, *type, *provider, *provider_url, *author, *image,
        *image_words, *blurhash;
    const char *nothing; /* "" */
    int64_t width, height;
    struct shape_list authors;
};

static const struct shape_field author_fields[] = {
    {.name = "name", .kind = SHAPE_STR, .at = offsetof(struct author, name)},
    {.name = "url", .kind = SHAPE_STR, .at = offsetof(struct author, url)},
    {.name = "account", .kind = SHAPE_NULL},
    {0},
};
static const struct shape author_shape = {"PreviewCardAuthor", sizeof(struct author), author_fields,
                                          "Who wrote a linked page."};

static const struct shape_field fields[] = {
    {.name = "url", .kind = SHAPE_URL, .at = offsetof(struct api_card, url)},
    {.name = "title", .kind = SHAPE_STR, .at = offsetof(struct api_card, title)},
    {.name = "description", .kind = SHAPE_STR, .at = offsetof(struct api_card, description)},
    {.name = "language", .kind = SHAPE_STR, .at = offsetof(struct api_card, language), .nullable = true},
    {.name = "type",
     .kind = SHAPE_STR,
     .at = offsetof(struct api_card, type),
     .choices = "link|photo|video|rich",
     .words = "always link: nothing of other sites is embedded"},
    {.name = "authors", .kind = SHAPE_LIST, .at = offsetof(struct api_card, authors), .of = &author_shape},
    {.name = "author_name", .kind = SHAPE_STR, .at = offsetof(struct api_card, author)},
    {.name = "author_url", .kind = SHAPE_STR, .at = offsetof(struct api_card, nothing)},
    {.name = "provider_name", .kind = SHAPE_STR, .at = offsetof(struct api_card, provider)},
    {.name = "provider_url", .kind = SHAPE_STR, .at = offsetof(struct api_card, provider_url)},
    {.name = "html", .kind = SHAPE_STR, .at = offsetof(struct api_card, nothing)},
    {.name = "width", .kind = SHAPE_INT, .at = offsetof(struct api_card, width)},
    {.name = "height", .kind = SHAPE_INT, .at = offsetof(struct api_card, height)},
    {.name = "image",
     .kind = SHAPE_URL,
     .at = offsetof(struct api_card, image),
     .nullable = true,
     .words = "on this site; null: none, or not ready yet"},
    {.name = "image_description", .kind = SHAPE_STR, .at = offsetof(struct api_card, image_words)},
    {.name = "embed_url", .kind = SHAPE_STR, .at = offsetof(struct api_card, nothing)},
    {.name = "blurhash", .kind = SHAPE_STR, .at = offsetof(struct api_card, blurhash), .nullable = true},
    {.name = "published_at", .kind = SHAPE_NULL},
    {0},
};
const struct shape api_card_shape = {"PreviewCard", sizeof(struct api_card), fields,
                                     "What a page that a post links to says of itself."};

static void put_picture(struct ctx *ctx, const Pb__MediaView *m, struct api_card *to) {
    const Pb__MediaFile *f;

    if (m == NULL || m->state != PB__MEDIA_STATE__MEDIA_READY)
        return;
    if ((f = media_file(m, "large")) == NULL && (f = media_file(m, "small")) == NULL)
        return;
    to->image = media_url(ctx, m, f);
    to->width = f->width;
    to->height = f->height;
    to->blurhash = text_is_empty(m->blurhash) ? NULL : m->blurhash;
}

/* "https://host" of an address. */
static const char *site_of(struct ctx *ctx, const char *url) {
    const char *host = strstr(url, "://");

    return host != NULL ? arena_strndup(ctx->arena, url, (size_t)(host - url) + 3 + strcspn(host + 3, "/?#"))
                        : "";
}

static struct shape_list authors_of(struct ctx *ctx, const Pb__LinkCard *card) {
    struct author *one;

    if (text_is_empty(card->author))
        return (struct shape_list){0};
    one = arena_one(ctx->arena, struct author);
    *one = (struct author){card->author, ""};
    return (struct shape_list){one, 1};
}

const struct api_card *api_card_of(struct ctx *ctx, const Pb__LinkCard *card) {
    struct api_card *to;

    if (card == NULL)
        return NULL;
    to = arena_one(ctx->arena, struct api_card);
    *to = (struct api_card){.url = card->url,
                            .title = card->title,
                            .description = card->description,
                            .language = text_is_empty(card->language) ? NULL : card->language,
                            .type = "link",
                            .provider = card->provider,
                            .provider_url = site_of(ctx, card->url),
                            .author = card->author,
                            .image_words = card->image_words,
                            .nothing = "",
                            .authors = authors_of(ctx, card)};
    put_picture(ctx, card->image, to);
    return to;
}
