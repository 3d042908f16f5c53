/* Cookies: the Cookie header read, the Set-Cookie header written (RFC 6265). */
#ifndef DEEPLINK_COOKIE_H
#define DEEPLINK_COOKIE_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi/params.h"

struct arena;

/* The usual limits: 16 KiB, 64 cookies, 4 KiB a value. */
extern const struct param_limits cookie_limits;

/* Reads a Cookie header's value (RFC 6265 section 4.2.1) into p: pairs between ';', values as they stand,
 * quotes and all. What has no '=' or no name is passed over, since other software on the same domain may have
 * set it. Control characters and what is not UTF-8 are refused. The strings are copied. ret_error is INVALID
 * with HTTP 400. */
enum code cookie_parse(struct params *p, const char *s, size_t n, const struct param_limits *limits,
                       struct error *ret_error);

enum cookie_same_site { COOKIE_LAX = 0, COOKIE_STRICT, COOKIE_NONE };

struct cookie {
    const char *name;   /* a token (RFC 9110); __Host- and __Secure- demand what RFC 6265bis says of them */
    const char *value;  /* printable ASCII without blanks and " , ; \ */
    const char *path;   /* NULL: "/" */
    const char *domain; /* NULL: this host alone */
    long max_age;       /* seconds; 0: until the browser closes; below 0: remove it */
    enum cookie_same_site same_site;
    bool insecure; /* leaves Secure out: for plain http on a machine of one's own */
    bool script;   /* leaves HttpOnly out: for scripts to read */
};

/* The value of a Set-Cookie header, in the arena; NULL when a part of it may not stand there. */
char *cookie_build(struct arena *a, const struct cookie *cookie);

#endif
