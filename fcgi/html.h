/* HTML output for compiled templates: one macro a context, chosen at build time by where an expression
 * stands; the type of the expression chooses the function (C11 _Generic), and a type that the context doesn't
 * take fails the build.
 *
 *   html_text       element text                      text, whole numbers, struct safe_html
 *   html_rcdata     inside title and textarea         text, whole numbers
 *   html_attr       quoted attribute value            text, whole numbers
 *   html_url_start  beginning of a URL attribute      text (checked at run time), struct safe_url
 *   html_url_part   later in a URL attribute          text (percent-encoded), whole numbers
 *
 * Text is UTF-8 that ends in NUL; NULL prints nothing. A char is not taken: whether it is a letter or a
 * number is unclear. */
#ifndef DEEPLINK_HTML_H
#define DEEPLINK_HTML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/* HTML that is safe as it stands, n bytes: its maker has escaped or sanitised all of it. Only the Markdown
 * renderer and code that writes through this header should make one. p may be NULL when n is 0. */
struct safe_html {
    const char *p;
    size_t n;
};

/* A URL that may stand in href, src or action whatever its scheme: made from what the product itself knows.
 * It ends in NUL and is still escaped as text; NULL prints nothing. */
struct safe_url {
    const char *p;
};

/* Escapes & < > " ' */
void html_put_str(struct buf *out, const char *s);
void html_put_raw(struct buf *out, struct safe_html s);
void html_put_int(struct buf *out, int64_t v);
void html_put_uint(struct buf *out, uint64_t v);

/* Percent-encodes everything but ALPHA DIGIT - . _ ~ (RFC 3986, section 2.3). */
void html_put_url_part(struct buf *out, const char *s);

/* The text, escaped, if html_url_is_allowed(), else "#". */
void html_put_url_text(struct buf *out, const char *s);
void html_put_url_safe(struct buf *out, struct safe_url url);

/* A path that begins with exactly one '/', a fragment, a query, or http:, https:, mailto: (any case); also
 * "". No control characters, and no backslash in the path's first two bytes: browsers drop the former and
 * read the latter as '/'. */
bool html_url_is_allowed(const char *s);

/* clang-format off */
#define HTML_NUMBERS                                                                                  \
    bool: html_put_uint, unsigned char: html_put_uint, unsigned short: html_put_uint,                 \
    unsigned: html_put_uint, unsigned long: html_put_uint, unsigned long long: html_put_uint,         \
    signed char: html_put_int, short: html_put_int, int: html_put_int, long: html_put_int,            \
    long long: html_put_int

#define html_text(out, x) \
    _Generic((x), HTML_NUMBERS, char *: html_put_str, const char *: html_put_str, \
             struct safe_html: html_put_raw)((out), (x))

#define html_attr(out, x) \
    _Generic((x), HTML_NUMBERS, char *: html_put_str, const char *: html_put_str)((out), (x))

#define html_rcdata(out, x) html_attr(out, x)

#define html_url_start(out, x) \
    _Generic((x), char *: html_put_url_text, const char *: html_put_url_text, \
             struct safe_url: html_put_url_safe)((out), (x))

#define html_url_part(out, x) \
    _Generic((x), HTML_NUMBERS, char *: html_put_url_part, const char *: html_put_url_part)((out), (x))
/* clang-format on */

#endif
