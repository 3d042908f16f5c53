/* What an HTML page says of itself, for whoever links to it: by libxml2's HTML parser, in the program
 * `deeplink-markup`, which has two seconds and 256 MB and is locked in (sandbox.h) before it parses, so that
 * a page made to choke a parser chokes nothing else, and one that takes it over has neither network nor files
 * nor anything of ours to tell. No entities, no scripts. */
#ifndef DEEPLINK_DRIVERS_MARKUP_H
#define DEEPLINK_DRIVERS_MARKUP_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi/ctx.h"
#include "fcgi/drivers/sandbox.h"

/* "" where the page does not say. UTF-8 on one line, cleaned of control characters; texts have at most as
 * many letters as a card shows. Addresses are as they stand in the page, which may be relative to `base`. */
struct markup {
    const char *title, *description; /* of Open Graph, Twitter, JSON-LD, then plain HTML */
    const char *site_name, *author, *language;
    const char *image, *image_words;
    const char *base;          /* of relative addresses; "": the page's own */
    bool no_snippet, no_image; /* <meta name=robots> asks for it */
    const char **me;           /* addresses linked with rel=me, at most MARKUP_ME_MAX */
    size_t n_me;
};

#define MARKUP_ME_MAX 50
#define MARKUP_MAX ((size_t)1 << 20) /* bytes of a page that are read */

/* A page that is being read. */
struct markup_reading {
    struct sandbox_child child;
    char *reply; /* what the child has said so far */
    size_t n;
    bool said_all;
};

/* Has a page read meanwhile. charset: as the header says, "" when it does not; then the page's own, then
 * UTF-8 where it is, then windows-1252. UNAVAILABLE: there is no process or memory to spare. */
enum code markup_begin(struct ctx *ctx, const char *html, size_t n, const char *charset,
                       struct markup_reading *ret);

/* Whether it has come to its end: then comes markup_end(). Waits for nothing. */
bool markup_is_over(struct markup_reading *r);

/* What came of it; ends what is under way still. INVALID: it can't be read. DEADLINE: the machine is too busy
 * now. */
enum code markup_end(struct ctx *ctx, struct markup_reading *r, struct markup *ret);

/* All of them, one after the other. */
enum code markup_read(struct ctx *ctx, const char *html, size_t n, const char *charset, struct markup *ret);

/* Where `deeplink-markup` is; tests set it. NULL: beside this program. */
extern const char *markup_program;

#endif
