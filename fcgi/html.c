/* HTML output for compiled templates. */
#include <string.h>
#include <strings.h>

#include "fcgi/base/buf.h"
#include "fcgi/html.h"

void html_put_str(struct buf *out, const char *s) {
    if (s != NULL)
        buf_html(out, s, strlen(s));
}

void html_put_raw(struct buf *out, struct safe_html s) {
    if (s.n > 0)
        buf_add(out, s.p, s.n);
}

void html_put_int(struct buf *out, int64_t v) { buf_int(out, v); }

void html_put_uint(struct buf *out, uint64_t v) {
    if (v <= INT64_MAX) {
        buf_int(out, (int64_t)v);
        return;
    }
    buf_int(out, (int64_t)(v / 10));
    buf_putc(out, (char)('0' + v % 10));
}

void html_put_url_part(struct buf *out, const char *s) {
    if (s != NULL)
        buf_url(out, s, strlen(s));
}

bool html_url_is_allowed(const char *s) {
    static const char *const schemes[] = {"http:", "https:", "mailto:"};
    for (const unsigned char *p = (const unsigned char *)s; *p != '\0'; p++)
        if (*p < 0x20 || *p == 0x7f)
            return false;
    if (*s == '\0' || *s == '#' || *s == '?')
        return true;
    if (*s == '/')
        return s[1] != '/' && s[1] != '\\';
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (strncasecmp(s, schemes[i], strlen(schemes[i])) == 0)
            return true;
    return false;
}

void html_put_url_text(struct buf *out, const char *s) {
    if (s != NULL)
        html_put_str(out, html_url_is_allowed(s) ? s : "#");
}

void html_put_url_safe(struct buf *out, struct safe_url url) { html_put_str(out, url.p); }
