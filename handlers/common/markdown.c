#include "handlers/common/markdown.h"

#include <cmark.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "fcgi/base/buf.h"
#include "fcgi/base/text.h"
#include "handlers/common/entities.h"

#define BLOCKS_MAX 12  /* quotes and lists within each other; deeper ones lose their frame, not their text */
#define INLINES_MAX 16 /* the same for emphasis */
#define SHOWN_URL_MAX 48 /* graphemes of a bare URL that are shown */
#define EXCERPT_BYTES 2400
#define LINK_REL "\" rel=\"nofollow noopener ugc\">"

/* One text on its way to HTML. */
struct render {
    struct ctx *ctx;
    struct buf out, plain;
    unsigned blocks, inlines, links; /* how deep */
    struct text_mention mentions[TEXT_MENTIONS_MAX];
    const char *typed[TEXT_MENTIONS_MAX];
    size_t n_mentions;
    const char *tags[TEXT_TAGS_MAX], *folded[TEXT_TAGS_MAX];
    size_t n_tags;
};

/* ---- Parsing */

static void free_tree(void *root) { cmark_node_free(root); }
static void free_iter(void *iter) { cmark_iter_free(iter); }

static cmark_node *parse(struct ctx *ctx, const char *src) {
    cmark_node *root = cmark_parse_document(src, strlen(src), CMARK_OPT_SAFE);

    arena_defer(ctx->arena, free_tree, root);
    cmark_consolidate_text_nodes(root);
    return root;
}

static cmark_iter *walk(struct ctx *ctx, cmark_node *root) {
    cmark_iter *iter = cmark_iter_new(root);

    arena_defer(ctx->arena, free_iter, iter);
    return iter;
}

static bool is_link(const cmark_node *node) {
    cmark_node_type type = cmark_node_get_type((cmark_node *)node);

    return type == CMARK_NODE_LINK || type == CMARK_NODE_IMAGE;
}

/* ---- Mentions: collected first, so that one question answers all of them */

static const struct text_mention *mention_find(const struct render *r, const char *p, size_t n) {
    for (size_t i = 0; i < r->n_mentions; i++)
        if (strlen(r->typed[i]) == n && strncasecmp(r->typed[i], p, n) == 0)
            return &r->mentions[i];
    return NULL;
}

static void mentions_collect(struct render *r, const char *text) {
    struct entity_scan scan = entity_begin(text);
    struct entity e;

    while (entity_next(&scan, &e))
        if (e.kind == ENTITY_MENTION && r->n_mentions < TEXT_MENTIONS_MAX &&
            mention_find(r, e.p + 1, e.n - 1) == NULL)
            r->typed[r->n_mentions++] = arena_strndup(r->ctx->arena, e.p + 1, e.n - 1);
}

static enum code mentions_resolve(struct render *r, cmark_node *root, text_resolve *resolve) {
    cmark_iter *iter = walk(r->ctx, root);
    cmark_event_type event;
    unsigned links = 0;

    while ((event = cmark_iter_next(iter)) != CMARK_EVENT_DONE) {
        cmark_node *node = cmark_iter_get_node(iter);

        if (is_link(node))
            links += event == CMARK_EVENT_ENTER ? 1u : -1u;
        else if (links == 0 && cmark_node_get_type(node) == CMARK_NODE_TEXT)
            mentions_collect(r, cmark_node_get_literal(node));
    }
    return r->n_mentions == 0 ? OK : resolve(r->ctx, r->typed, r->n_mentions, r->mentions);
}

/* ---- Tags */

/* Notes a tag; false when there are too many already, or it folds to none. */
static bool tag_note(struct render *r, const char *name, const char **ret_folded) {
    char *folded = text_fold(r->ctx->arena, name);

    *ret_folded = folded;
    if (folded == NULL || !entity_is_tag(folded))
        return false;
    for (size_t i = 0; i < r->n_tags; i++)
        if (strcmp(r->folded[i], folded) == 0)
            return true;
    if (r->n_tags == TEXT_TAGS_MAX)
        return false;
    r->tags[r->n_tags] = name;
    r->folded[r->n_tags++] = folded;
    return true;
}

/* ---- Writing */

static void put(struct render *r, const char *s) { buf_puts(&r->out, s); }
static void put_text(struct render *r, const char *s, size_t n) { buf_html(&r->out, s, n); }

static void plain_add(struct render *r, const char *s, size_t n) {
    if (r->plain.n < EXCERPT_BYTES)
        buf_add(&r->plain, s, n);
}

static void plain_gap(struct render *r) {
    if (r->plain.n > 0 && r->plain.p[r->plain.n - 1] != ' ')
        plain_add(r, " ", 1);
}

/* A URL as the value of href: what RFC 3986 does not know is percent-encoded, the rest escaped. */
static void put_href(struct render *r, const char *url) {
    for (const char *p = url; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c <= 0x20 || c >= 0x7F || strchr("\"<>\\^`{|}", c) != NULL)
            buf_printf(&r->out, "%%%02X", c);
        else
            buf_html(&r->out, p, 1);
    }
}

static bool mail_is_good(const char *url) {
    char address[256];
    size_t n = strcspn(url + 7, "?");

    if (n >= sizeof address)
        return false;
    memcpy(address, url + 7, n);
    address[n] = '\0';
    return text_is_email(address);
}

static bool url_is_good(const char *url) {
    if (strncasecmp(url, "mailto:", 7) == 0)
        return strlen(url) <= 2000 && mail_is_good(url);
    return text_is_http_url(url);
}

static void put_link_begin(struct render *r, const char *url) {
    put(r, "<a href=\"");
    put_href(r, url);
    put(r, LINK_REL);
}

static void put_bare_url(struct render *r, const struct entity *e) {
    const char *url = arena_strndup(r->ctx->arena, e->p, e->n), *shown = strstr(url, "://") + 3;

    shown = text_ellipsis(r->ctx->arena, shown, SHOWN_URL_MAX);
    put_link_begin(r, url);
    put_text(r, shown, strlen(shown));
    put(r, "</a>");
}

static void put_mention(struct render *r, const struct entity *e) {
    const struct text_mention *m = mention_find(r, e->p + 1, e->n - 1);

    if (m == NULL || m->id == 0) {
        put_text(r, e->p, e->n);
        return;
    }
    put(r, "<a class=\"mention\" href=\"/@");
    buf_url(&r->out, m->handle, strlen(m->handle));
    put(r, "\">@");
    put_text(r, m->handle, strlen(m->handle));
    put(r, "</a>");
}

static void put_tag(struct render *r, const struct entity *e) {
    const char *name = arena_strndup(r->ctx->arena, e->p + 1, e->n - 1), *folded;

    if (!tag_note(r, name, &folded)) {
        put_text(r, e->p, e->n);
        return;
    }
    put(r, "<a class=\"tag\" href=\"/tags/");
    buf_url(&r->out, folded, strlen(folded));
    put(r, "\">#");
    put_text(r, name, strlen(name));
    put(r, "</a>");
}

static void put_words(struct render *r, const char *text) {
    struct entity_scan scan = entity_begin(text);
    struct entity e;

    plain_add(r, text, strlen(text));
    if (r->links > 0) {
        put_text(r, text, strlen(text));
        return;
    }
    while (entity_next(&scan, &e)) {
        switch (e.kind) {
        case ENTITY_TEXT:
            put_text(r, e.p, e.n);
            break;
        case ENTITY_MENTION:
            put_mention(r, &e);
            break;
        case ENTITY_TAG:
            put_tag(r, &e);
            break;
        case ENTITY_URL:
            put_bare_url(r, &e);
            break;
        }
    }
}

/* Text with its line ends, without looking for anything in it. */
static void put_lines(struct render *r, const char *text) {
    size_t n = strlen(text);

    while (n > 0 && text[n - 1] == '\n')
        n--;
    for (const char *p = text, *end = text + n; p < end;) {
        const char *nl = memchr(p, '\n', (size_t)(end - p)), *stop = nl != NULL ? nl : end;

        put_text(r, p, (size_t)(stop - p));
        plain_add(r, p, (size_t)(stop - p));
        if (nl != NULL) {
            put(r, "<br>");
            plain_gap(r);
        }
        p = stop + (nl != NULL);
    }
}

static void put_code_block(struct render *r, const char *code) {
    put(r, "<pre><code>");
    put_text(r, code, strlen(code));
    put(r, "</code></pre>");
    plain_add(r, code, strlen(code));
    plain_gap(r);
}

static void put_code(struct render *r, const char *code) {
    put(r, "<code>");
    put_text(r, code, strlen(code));
    put(r, "</code>");
    plain_add(r, code, strlen(code));
}

/* ---- The tree. A frame is opened and closed by the same rule, so that the HTML nests well. */

static bool in_tight_list(cmark_node *paragraph) {
    cmark_node *item = cmark_node_parent(paragraph);
    cmark_node *list = item == NULL ? NULL : cmark_node_parent(item);

    return list != NULL && cmark_node_get_type(list) == CMARK_NODE_LIST && cmark_node_get_list_tight(list);
}

static void list_begin(struct render *r, cmark_node *node) {
    int start = cmark_node_get_list_start(node);

    if (cmark_node_get_list_type(node) == CMARK_BULLET_LIST)
        put(r, "<ul>");
    else if (start == 1)
        put(r, "<ol>");
    else
        buf_printf(&r->out, "<ol start=\"%d\">", start);
}

static void list_end(struct render *r, cmark_node *node) {
    put(r, cmark_node_get_list_type(node) == CMARK_BULLET_LIST ? "</ul>" : "</ol>");
}

static void link_begin(struct render *r, cmark_node *node) {
    const char *url = cmark_node_get_url(node);

    if (r->links++ > 0 || !url_is_good(url))
        return;
    put_link_begin(r, url);
    if (cmark_node_first_child(node) == NULL)
        put_text(r, url, strlen(url));
}

static void link_end(struct render *r, cmark_node *node) {
    if (--r->links == 0 && url_is_good(cmark_node_get_url(node)))
        put(r, "</a>");
}

static void item_begin(struct render *r) {
    if (r->blocks <= BLOCKS_MAX)
        put(r, "<li>");
}

static void leaf(struct render *r, cmark_node *node) {
    const char *literal = cmark_node_get_literal(node);

    switch (cmark_node_get_type(node)) {
    case CMARK_NODE_TEXT:
        put_words(r, literal);
        break;
    case CMARK_NODE_SOFTBREAK:
    case CMARK_NODE_LINEBREAK:
        put(r, "<br>");
        plain_gap(r);
        break;
    case CMARK_NODE_CODE:
        put_code(r, literal);
        break;
    case CMARK_NODE_HTML_INLINE:
        put_lines(r, literal);
        break;
    case CMARK_NODE_CODE_BLOCK:
        put_code_block(r, literal);
        break;
    case CMARK_NODE_HTML_BLOCK:
        put(r, "<p>");
        put_lines(r, literal);
        put(r, "</p>");
        plain_gap(r);
        break;
    case CMARK_NODE_THEMATIC_BREAK:
        put(r, "<hr>");
        break;
    default:
        break;
    }
}

static void enter(struct render *r, cmark_node *node) {
    switch (cmark_node_get_type(node)) {
    case CMARK_NODE_PARAGRAPH:
        if (!in_tight_list(node))
            put(r, "<p>");
        break;
    case CMARK_NODE_HEADING:
        put(r, "<p><strong>");
        break;
    case CMARK_NODE_BLOCK_QUOTE:
        if (r->blocks++ < BLOCKS_MAX)
            put(r, "<blockquote>");
        break;
    case CMARK_NODE_LIST:
        if (r->blocks++ < BLOCKS_MAX)
            list_begin(r, node);
        break;
    case CMARK_NODE_ITEM:
        item_begin(r);
        break;
    case CMARK_NODE_EMPH:
        if (r->inlines++ < INLINES_MAX)
            put(r, "<em>");
        break;
    case CMARK_NODE_STRONG:
        if (r->inlines++ < INLINES_MAX)
            put(r, "<strong>");
        break;
    case CMARK_NODE_LINK:
    case CMARK_NODE_IMAGE:
        link_begin(r, node);
        break;
    default:
        leaf(r, node);
    }
}

/* A tight item's text is followed by a list or by nothing; the next words are not part of its last one. */
static void paragraph_end(struct render *r, cmark_node *node) {
    if (!in_tight_list(node))
        put(r, "</p>");
    else if (r->blocks > BLOCKS_MAX)
        put(r, "<br>");
    plain_gap(r);
}

static void leave(struct render *r, cmark_node *node) {
    switch (cmark_node_get_type(node)) {
    case CMARK_NODE_PARAGRAPH:
        paragraph_end(r, node);
        break;
    case CMARK_NODE_HEADING:
        put(r, "</strong></p>");
        plain_gap(r);
        break;
    case CMARK_NODE_BLOCK_QUOTE:
        if (--r->blocks < BLOCKS_MAX)
            put(r, "</blockquote>");
        break;
    case CMARK_NODE_LIST:
        if (--r->blocks < BLOCKS_MAX)
            list_end(r, node);
        break;
    case CMARK_NODE_ITEM:
        if (r->blocks <= BLOCKS_MAX)
            put(r, "</li>");
        break;
    case CMARK_NODE_EMPH:
        if (--r->inlines < INLINES_MAX)
            put(r, "</em>");
        break;
    case CMARK_NODE_STRONG:
        if (--r->inlines < INLINES_MAX)
            put(r, "</strong>");
        break;
    case CMARK_NODE_LINK:
    case CMARK_NODE_IMAGE:
        link_end(r, node);
        break;
    default:
        break;
    }
}

static void render_tree(struct render *r, cmark_node *root) {
    cmark_iter *iter = walk(r->ctx, root);
    cmark_event_type event;

    while ((event = cmark_iter_next(iter)) != CMARK_EVENT_DONE) {
        if (event == CMARK_EVENT_ENTER)
            enter(r, cmark_iter_get_node(iter));
        else
            leave(r, cmark_iter_get_node(iter));
    }
}

/* ---- The result */

static void result_mentions(struct render *r, struct text_result *ret) {
    struct text_mention *found = arena_many(r->ctx->arena, struct text_mention, r->n_mentions + 1);

    for (size_t i = 0; i < r->n_mentions; i++)
        if (r->mentions[i].id != 0)
            found[ret->n_mentions++] = r->mentions[i];
    ret->mentions = found;
}

static enum code result(struct render *r, struct text_result *ret) {
    struct arena *a = r->ctx->arena;

    *ret = (struct text_result){0};
    if (buf_overflowed(&r->out))
        return fail(r->ctx, INVALID, "This text is too complicated. Write it with fewer links and marks.");
    ret->html = (struct safe_html){buf_str(&r->out), r->out.n};
    ret->excerpt = text_ellipsis(a, text_clean_line(a, buf_str(&r->plain), r->plain.n), TEXT_EXCERPT_MAX);
    result_mentions(r, ret);
    ret->tags = arena_memdup(a, r->tags, sizeof r->tags[0] * r->n_tags);
    ret->folded = arena_memdup(a, r->folded, sizeof r->folded[0] * r->n_tags);
    ret->n_tags = r->n_tags;
    return OK;
}

enum code text_render_with(struct ctx *ctx, const char *src, text_resolve *resolve, struct text_result *ret) {
    struct render *r = arena_one(ctx->arena, struct render);
    cmark_node *root;
    enum code c;

    if (strlen(src) > TEXT_SOURCE_MAX)
        return fail(ctx, INVALID, "This text is too long.");
    r->ctx = ctx;
    buf_init(&r->out, ctx->arena, TEXT_HTML_MAX);
    buf_init(&r->plain, ctx->arena, EXCERPT_BYTES + TEXT_SOURCE_MAX);
    root = parse(ctx, src);
    if ((c = mentions_resolve(r, root, resolve)) != OK)
        return c;
    render_tree(r, root);
    return result(r, ret);
}
