/* Forms: query strings and the two encodings of HTML forms, read into parameters. */
#ifndef DEEPLINK_FORM_H
#define DEEPLINK_FORM_H

#include <stddef.h>

#include "fcgi/params.h"

/* The usual limits: 16 KiB of query; 1 MiB of form; 64 MiB of multipart form, files included. */
extern const struct param_limits form_limits_query;
extern const struct param_limits form_limits_body;
extern const struct param_limits form_limits_multipart;

/* Reads a query string without its '?', or an application/x-www-form-urlencoded body (WHATWG URL section 5.1:
 * pairs between '&', '+' is a space, %XX a byte), and adds its pairs to p. Names may be nested ("id[]",
 * "poll[options][]"): they stay as they are. Unlike there, a broken %XX, NUL, or bytes that are not UTF-8 are
 * refused. The strings are copied. On failure p holds what came before it; ret_error is INVALID with HTTP
 * 400, or 413 when larger than limits->total. */
enum code form_parse(struct params *p, const char *s, size_t n, const struct param_limits *limits,
                     struct error *ret_error);

/* Reads a multipart/form-data body (RFC 7578). content_type is the request's whole Content-Type, where the
 * boundary is. Texts are copied; a file part's value points into body, which must outlive p. Errors as
 * form_parse(). */
enum code form_parse_multipart(struct params *p, const char *content_type, const char *body, size_t n,
                               const struct param_limits *limits, struct error *ret_error);

/* The request body by its Content-Type: one of the two above, or JSON by json_parse_params(). An empty body
 * is none; any other type is INVALID with HTTP 415. content_type may be NULL. */
enum code form_parse_body(struct params *p, const char *content_type, const char *body, size_t n,
                          struct error *ret_error);

/* Whether a Content-Type header names this media type ("application/json"), its parameters and letter case
 * aside. content_type may be NULL. */
bool form_type_is(const char *content_type, const char *type);

#endif
