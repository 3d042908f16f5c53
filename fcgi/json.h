/* JSON: reading by json-c with its laxities taken away, and a small writer that streams into a buffer (RFC
 * 8259). */
#ifndef DEEPLINK_JSON_H
#define DEEPLINK_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi/params.h"

struct arena;
struct buf;
struct json_object; /* <json-c/json.h> */

/* ---- Reading ---- */

/* The usual limits of a request body: 1 MiB, 4,096 values, names of 256 bytes, texts of 512 KiB, 16 levels.
 */
extern const struct param_limits json_limits_body;

/* Reads one document. Refused beyond what json-c refuses: duplicate names, integers past 64 bits, 1. and NaN,
 * control characters in strings, lone surrogates, NUL, and anything past limits (depth: levels; count: values
 * in the document). *ret_object belongs to the arena (json_object_put() at its reset); NULL for the document
 * null. On failure ret_error is INVALID with HTTP 400 (413 past limits->total), naming the value where one is
 * to blame. */
enum code json_read(struct arena *a, const char *s, size_t n, const struct param_limits *limits,
                    struct json_object **ret_object, struct error *ret_error);

/* Reads a JSON object as parameters, added to p as a form would have sent them:
 * {"a":{"b":1},"id":[1,2],"ok":true, "l":[{"x":"y"}]} gives a[b]=1, id[]=1, id[]=2, ok=true, l[0][x]=y. null
 * and empty lists give nothing. Errors as json_read(). */
enum code json_parse_params(struct params *p, const char *s, size_t n, const struct param_limits *limits,
                            struct error *ret_error);

/* ---- Writing ---- */

/* Writes one document at the end of a buffer; commas by itself. What is opened must be closed by the caller.
 */
struct json {
    struct buf *out;
    int depth;  /* objects and lists that are open */
    bool comma; /* the next value comes after another one */
};

void json_init(struct json *j, struct buf *out);

void json_open_object(struct json *j);
void json_close_object(struct json *j);
void json_open_array(struct json *j);
void json_close_array(struct json *j);

/* The name of the next value in an object. */
void json_key(struct json *j, const char *name);

/* Values, as elements of a list or after json_key(). Text is UTF-8; NULL is null; a byte that is not UTF-8
 * becomes U+FFFD. (json_boolean has its name since json-c has a type json_bool.) */
void json_str(struct json *j, const char *s);
void json_strn(struct json *j, const char *s, size_t n);
void json_int(struct json *j, int64_t v);
void json_real(struct json *j, double v); /* shortest digits that read back the same; null when not finite */
void json_id(struct json *j, int64_t id); /* a string of decimal digits; null for 0 */
void json_boolean(struct json *j, bool v);
void json_null(struct json *j);
void json_time(struct json *j, int64_t unix_ms); /* a string as by clock_iso(); null for 0 */

/* One whole value that is JSON already: trusted, put in as it is. */
void json_raw(struct json *j, const char *s, size_t n);

/* json_key() and the value in one. */
void json_put_str(struct json *j, const char *name, const char *s);
void json_put_int(struct json *j, const char *name, int64_t v);
void json_put_real(struct json *j, const char *name, double v);
void json_put_id(struct json *j, const char *name, int64_t id);
void json_put_bool(struct json *j, const char *name, bool v);
void json_put_null(struct json *j, const char *name);
void json_put_time(struct json *j, const char *name, int64_t unix_ms);
void json_put_object(struct json *j, const char *name); /* json_key() and json_open_object() */
void json_put_array(struct json *j, const char *name);  /* json_key() and json_open_array() */

#endif
