#include "fcgi/drivers/markup_reader.h"

#include <libxml/HTMLparser.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "fcgi/base/text.h"
#include "fcgi/drivers/markup.h"
#include "fcgi/drivers/markup_parts.h"

#define VALUE_MAX 4000
#define NODES_MAX 100000
#define SNIFF 2048

/* ---- Gathering */

void markup_part(struct markup_parts *p, enum markup_field field, enum markup_source source,
                 const char *value) {
    value += strspn(value, " \t\r\n");
    if (*value == '\0' || (p->values[field] != NULL && p->sources[field] <= source))
        return;
    free(p->values[field]);                       /* lint: memory-of-the-arena: the child's own */
    p->values[field] = strndup(value, VALUE_MAX); /* lint: memory-of-the-arena */
    p->sources[field] = source;
}

struct reading {
    struct markup_parts parts;
    char *me[MARKUP_ME_MAX];
    size_t n_me, nodes;
};

static const char *attribute(const xmlNode *node, const char *name) {
    for (const xmlAttr *a = node->properties; a != NULL; a = a->next)
        if (strcasecmp((const char *)a->name, name) == 0)
            return a->children != NULL && a->children->content != NULL ? (const char *)a->children->content
                                                                       : "";
    return NULL;
}

static const struct {
    const char *name;
    enum markup_field field;
    enum markup_source source;
} metas[] = {
    {"og:title", M_TITLE, FROM_OPEN_GRAPH},
    {"og:description", M_DESCRIPTION, FROM_OPEN_GRAPH},
    {"og:site_name", M_SITE, FROM_OPEN_GRAPH},
    {"og:image", M_IMAGE, FROM_OPEN_GRAPH},
    {"og:image:url", M_IMAGE, FROM_OPEN_GRAPH},
    {"og:image:secure_url", M_IMAGE, FROM_OPEN_GRAPH},
    {"og:image:alt", M_IMAGE_WORDS, FROM_OPEN_GRAPH},
    {"og:locale", M_LANGUAGE, FROM_HTML},
    {"twitter:title", M_TITLE, FROM_TWITTER},
    {"twitter:description", M_DESCRIPTION, FROM_TWITTER},
    {"twitter:image", M_IMAGE, FROM_TWITTER},
    {"twitter:image:src", M_IMAGE, FROM_TWITTER},
    {"twitter:image:alt", M_IMAGE_WORDS, FROM_TWITTER},
    {"application-name", M_SITE, FROM_HTML},
    {"description", M_DESCRIPTION, FROM_HTML},
    {"author", M_AUTHOR, FROM_HTML},
    {"robots", M_ROBOTS, FROM_HTML},
};

static void take_meta(struct reading *r, const xmlNode *node) {
    const char *name = attribute(node, "property"), *content = attribute(node, "content");
    if (name == NULL)
        name = attribute(node, "name");
    if (name == NULL || content == NULL)
        return;
    for (size_t i = 0; i < sizeof metas / sizeof *metas; i++)
        if (strcasecmp(name, metas[i].name) == 0)
            markup_part(&r->parts, metas[i].field, metas[i].source, content);
}

/* Whether a list of words with white space between has this one. */
static bool has_word(const char *words, const char *word) {
    static const char space[] = " \t\r\n\f";
    for (words += strspn(words, space); *words != '\0'; words += strspn(words, space)) {
        size_t n = strcspn(words, space);
        if (n == strlen(word) && strncasecmp(words, word, n) == 0)
            return true;
        words += n;
    }
    return false;
}

static void take_link(struct reading *r, const xmlNode *node) {
    const char *rel = attribute(node, "rel"), *href = attribute(node, "href");
    if (rel == NULL || href == NULL || strlen(href) > MARKUP_ADDRESS_MAX)
        return;
    if (has_word(rel, "image_src"))
        markup_part(&r->parts, M_IMAGE, FROM_HTML, href);
    if (has_word(rel, "me") && r->n_me < MARKUP_ME_MAX)
        r->me[r->n_me++] = strdup(href); /* lint: memory-of-the-arena */
}

static void take_text(struct reading *r, const xmlNode *node, bool is_title) {
    const xmlNode *text = node->children;
    if (text == NULL || text->content == NULL)
        return;
    const char *s = (const char *)text->content;
    if (is_title)
        markup_part(&r->parts, M_TITLE, FROM_HTML, s);
    else
        markup_json_ld(&r->parts, s, strlen(s));
}

static bool is_in_svg(const xmlNode *node) {
    return node->parent != NULL && node->parent->name != NULL &&
           strcasecmp((const char *)node->parent->name, "svg") == 0;
}

static void take_element(struct reading *r, const xmlNode *node) {
    const char *name = (const char *)node->name, *type;
    if (strcmp(name, "meta") == 0)
        take_meta(r, node);
    else if (strcmp(name, "link") == 0 || strcmp(name, "a") == 0)
        take_link(r, node);
    else if (strcmp(name, "title") == 0 && !is_in_svg(node))
        take_text(r, node, true);
    else if (strcmp(name, "script") == 0 && (type = attribute(node, "type")) != NULL &&
             strcasecmp(type, "application/ld+json") == 0)
        take_text(r, node, false);
    else if (strcmp(name, "html") == 0 && attribute(node, "lang") != NULL)
        markup_part(&r->parts, M_LANGUAGE, FROM_OPEN_GRAPH, attribute(node, "lang"));
    else if (strcmp(name, "base") == 0 && attribute(node, "href") != NULL)
        markup_part(&r->parts, M_BASE, FROM_HTML, attribute(node, "href"));
}

/* In the order of the page, without recursion. */
static void walk(struct reading *r, const xmlNode *node) {
    while (node != NULL && r->nodes++ < NODES_MAX) {
        if (node->type == XML_ELEMENT_NODE)
            take_element(r, node);
        if (node->children != NULL && node->type == XML_ELEMENT_NODE) {
            node = node->children;
            continue;
        }
        while (node != NULL && node->next == NULL)
            node = node->parent != NULL && node->parent->type == XML_ELEMENT_NODE ? node->parent : NULL;
        node = node != NULL ? node->next : NULL;
    }
}

/* ---- Charsets */

/* The value of charset= at the beginning of a page, as <meta> has it; false: none. */
static bool sniff(const char *html, size_t n, char *to, size_t size) {
    static const char key[] = "charset=";
    for (size_t i = 0; i + sizeof key < n && i < SNIFF; i++) {
        if (strncasecmp(html + i, key, sizeof key - 1) != 0)
            continue;
        const char *p = html + i + sizeof key - 1;
        size_t left = n - i - (sizeof key - 1), k = 0;
        if (left > 0 && (*p == '"' || *p == '\'')) {
            p++;
            left--;
        }
        while (k < left && k < size - 1 && p[k] != '\0' && strchr("\"' />;\t\r\n", p[k]) == NULL)
            k++;
        memcpy(to, p, k);
        to[k] = '\0';
        return k > 0;
    }
    return false;
}

/* A page that was cut may end within a letter. */
static bool is_utf8(const char *s, size_t n) {
    for (int i = 0; i < 4 && n > 0; i++, n--)
        if (text_utf8_valid(s, n))
            return true;
    return false;
}

/* The browsers' reading of these names (WHATWG Encoding). */
static const char *as_browsers(const char *name) {
    static const char *const latin[] = {"iso-8859-1", "iso8859-1", "latin1", "l1", "us-ascii", "ascii"};
    for (size_t i = 0; i < sizeof latin / sizeof *latin; i++)
        if (strcasecmp(name, latin[i]) == 0)
            return "windows-1252";
    return strcasecmp(name, "gb2312") == 0 ? "gbk" : strcasecmp(name, "utf8") == 0 ? "utf-8" : name;
}

/* Names are looked for among files, so they are letters of names and nothing that leads elsewhere. */
static bool is_known(const char *name) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:";
    size_t n = strlen(name);
    xmlCharEncodingHandler *h = n > 0 && strspn(name, letters) == n ? xmlFindCharEncodingHandler(name) : NULL;
    if (h != NULL)
        xmlCharEncCloseFunc(h);
    return h != NULL;
}

/* In the page itself UTF-16 can't be meant, or this could not be read. */
static const char *charset_of(const struct markup_page *page, char *room, size_t size) {
    if (page->n >= 3 && memcmp(page->html, "\xef\xbb\xbf", 3) == 0)
        return "utf-8";
    if (is_known(as_browsers(page->header)))
        return as_browsers(page->header);
    if (sniff(page->html, page->n, room, size) && strncasecmp(room, "utf-16", 6) != 0 &&
        is_known(as_browsers(room)))
        return as_browsers(room);
    return is_utf8(page->html, page->n) ? "utf-8" : "windows-1252";
}

/* ---- Both */

static void quiet(void *arg, const char *words, ...) {
    (void)arg;
    (void)words;
}

/* The parser would take one for the end of the page. Letters of two and four bytes are made of them. */
static void drop_nuls(struct markup_page *page) {
    if (strncasecmp(page->charset, "utf-16", 6) == 0 || strncasecmp(page->charset, "utf-32", 6) == 0 ||
        strncasecmp(page->charset, "ucs", 3) == 0)
        return;
    for (size_t i = 0; i < page->n; i++)
        if (page->html[i] == '\0')
            page->html[i] = ' ';
}

void markup_page_begin(struct markup_page *page) {
    static char room[64];
    xmlSetGenericErrorFunc(NULL, quiet);
    xmlInitParser();
    page->charset = charset_of(page, room, sizeof room);
    page->letters = xmlFindCharEncodingHandler(page->charset); /* kept: what it takes is loaded now */
    drop_nuls(page);
}

static bool put(int fd, const char *s) {
    size_t n = s != NULL ? strlen(s) : 0;
    return (n == 0 || write(fd, s, n) == (ssize_t)n) && write(fd, "", 1) == 1;
}

bool markup_page_say(const struct markup_page *page, int fd) {
    static struct reading r;
    bool ok = true;
    htmlDocPtr doc = htmlReadMemory(page->html, (int)page->n, NULL, page->charset,
                                    HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
                                        HTML_PARSE_NONET | HTML_PARSE_NODEFDTD);
    if (doc != NULL) /* else there is nothing in it */
        walk(&r, xmlDocGetRootElement(doc));
    for (int i = 0; i < M_FIELDS; i++)
        ok = put(fd, r.parts.values[i]) && ok;
    for (size_t i = 0; i < r.n_me; i++)
        ok = put(fd, r.me[i]) && ok;
    return ok;
}
