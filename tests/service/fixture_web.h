/* Another site, which may be hostile: a web server of the test's own on 127.0.0.1 and [::1], in processes of
 * its own. What it answers stands in files of a folder (their whole bytes, status line and headers included),
 * so that a test can change it; besides it knows how to misbehave by itself, see fixture_web.c. */
#ifndef DEEPLINK_TESTS_FIXTURE_WEB_H
#define DEEPLINK_TESTS_FIXTURE_WEB_H

#include <stddef.h>

struct Suite;

struct web {
    int port, port6; /* of 127.0.0.1 and of [::1] */
    int port_tls;    /* of 127.0.0.1, the same by https */
    int pid;
    char folder[112];
    char ca[128]; /* the authority that has signed its certificate, a PEM file of its own */
};

/* Starts it; it ends with this process or by web_stop(). */
void web_start(struct web *w);
/* The same with https, and a certificate for these hosts: "127.0.0.1,localhost". */
void web_start_tls(struct web *w, const char *hosts);
void web_stop(struct web *w);

/* Runs the suite with it, lets the services fetch from it, by https, too, and read its pages; main's exit
 * status. */
int web_main(struct web *w, struct Suite *suite);

/* What GET /name answers from now on: a page of this type and charset (in the header, "" for none). */
void web_page(const struct web *w, const char *name, const char *type, const char *headers, const char *body,
              size_t n);
/* Any bytes at all. */
void web_raw(const struct web *w, const char *name, const char *bytes, size_t n);

/* How often /name was asked for; name "*": anything. */
int web_asked(const struct web *w, const char *name);

#endif
