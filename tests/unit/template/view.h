/* What the sample templates print. */
#ifndef TEST_TEMPLATE_VIEW_H
#define TEST_TEMPLATE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi/html.h"

enum mood { MOOD_CALM, MOOD_LOUD };

struct post {
    int64_t id;
    const char *author;
    struct safe_html html;
    size_t n_comments;
    bool liked;
};

struct view {
    const char *name;
    char handle[32];
    const char *url;
    struct safe_url profile;
    const struct post *posts;
    size_t n_posts;
    const char *const *tags;
    int n_tags;
    uint64_t big;
    unsigned char small;
    long negative;
    enum mood mood;
    const struct post *pinned;
};

const char *shout(const char *s);

#endif
