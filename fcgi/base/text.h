/* Text: UTF-8, trimming, comparing, encoding; no I/O. */
#ifndef DEEPLINK_BASE_TEXT_H
#define DEEPLINK_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/* Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms) without NUL. */
bool text_utf8_valid(const char *s, size_t n);

/* The length, 1..4, of the well-formed code point (NUL included) that s begins with; 0 when there is none. */
size_t text_utf8_step(const char *s, size_t n);

/* How many code points; the text must be valid. */
size_t text_utf8_count(const char *s, size_t n);

/* Grapheme clusters (what a reader calls a letter), by utf8proc. */
size_t text_graphemes(const char *s, size_t n);

/* A copy in NFC, trimmed of white space at both ends, with control characters other than \n and \t dropped
 * and \r\n as \n. Bidirectional overrides (U+202A..E, U+2066..9) are dropped too. NULL when the text is not
 * valid UTF-8. */
char *text_clean(struct arena *a, const char *s, size_t n);

/* As text_clean(), and runs of white space (new lines too) become one space: for names and headlines. */
char *text_clean_line(struct arena *a, const char *s, size_t n);

/* Case-folded NFKC, for comparing names and tags. NULL when not valid UTF-8. */
char *text_fold(struct arena *a, const char *s);

/* At most max graphemes of s, "…" (not counted) appended where something was cut. NULL stays NULL. */
char *text_ellipsis(struct arena *a, const char *s, size_t max);

bool text_is_empty(const char *s); /* NULL or "" */

/* NULL equals NULL alone. Not for secrets: see crypto_equal_str(). */
bool text_equal(const char *a, const char *b);

bool text_starts(const char *s, const char *prefix);

/* 1 to 30 of a-z A-Z 0-9 _, beginning with a letter. */
bool text_is_handle(const char *s);

/* Looks like an e-mail address that a mail server may accept (one @, a dot in the domain, no spaces, ≤ 254
 * bytes). */
bool text_is_email(const char *s);

/* "http://" or "https://" with a host, no user info, no control characters, ≤ 2,000 bytes. */
bool text_is_http_url(const char *s);

/* A path on this site: begins with one '/', not "//" and not "/\\", no control characters: safe to redirect
 * to. */
bool text_is_local_path(const char *s);

/* How many bytes at the start of s are white space (Unicode White_Space). s must be valid. */
size_t text_space_len(const char *s, size_t n);

/* Lower-case hexadecimal, and base64url without padding (RFC 4648 section 5). The decoder returns false on
 * any other byte. */
char *text_hex(struct arena *a, const void *p, size_t n);
char *text_base64url(struct arena *a, const void *p, size_t n);
char *text_base64(struct arena *a, const void *p, size_t n); /* section 4, with padding */
bool text_base64url_decode(struct arena *a, const char *s, unsigned char **ret_p, size_t *ret_n);

/* A whole number, nothing else; false past the bounds. */
bool text_parse_int(const char *s, int64_t min, int64_t max, int64_t *ret_v);

#endif
