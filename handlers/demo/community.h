/* The demo community as data: an observatory's neighbours, who build things together. Invented, all of it. */
#ifndef DEEPLINK_DEMO_COMMUNITY_H
#define DEEPLINK_DEMO_COMMUNITY_H

#include <stddef.h>

#define DEMO_PASSWORD "harbour-lantern-42"

struct demo_member {
    const char *handle, *name, *headline, *bio, *role;
};

struct demo_post {
    const char *author;
    int hours_ago;        /* before now */
    const char *text;     /* Markdown */
    const char *warning;  /* or NULL */
    int answers;          /* index of the post it answers, -1: none */
    const char *liked_by; /* handles, separated by spaces */
};

struct demo_follow {
    const char *who, *whom; /* whom: handles, separated by spaces */
};

extern const struct demo_member demo_members[];
extern const size_t demo_n_members;
extern const struct demo_post demo_posts[];
extern const size_t demo_n_posts;
extern const struct demo_follow demo_follows[];
extern const size_t demo_n_follows;

#endif
