/* Files in a form in which something is written: which they are, in which order, what is said of them. The
 * form carries them as fields by place, media_1 … media_4, each with words_N and focus_N. */
#ifndef DEEPLINK_COMMON_COMPOSE_MEDIA_H
#define DEEPLINK_COMMON_COMPOSE_MEDIA_H

#include "fcgi/router.h"
#include "handlers/common/media_view.h"

/* One of them as a template shows it. */
struct attached {
    const struct media_item *item;
    size_t place; /* from 1 */
    bool first, last;
    const char *words;       /* as typed, else as saved */
    const char *focus;       /* "0.50,-0.25": as typed, else as saved */
    const char *words_field; /* "words_1" … */
};

/* What a form says. */
struct compose_media {
    size_t n;
    int64_t ids[MEDIA_MAX];
    const char *words[MEDIA_MAX]; /* NULL: not said, as of a file that has just come */
    const char *focus[MEDIA_MAX]; /* "x,y" or "" */
};

/* The fields, for a route's list. Their labels are marked in compose_media.c. */
#define COMPOSE_WORDS_MAX 1500
#define COMPOSE_MEDIA_FIELDS_AT(n)                                                                         \
    {.name = "media_" #n, .kind = FIELD_ID, .label = "File"},                                              \
        {.name = "words_" #n, .kind = FIELD_TEXT, .max = COMPOSE_WORDS_MAX, .label = "The description"}, { \
        .name = "focus_" #n, .kind = FIELD_LINE, .max = 20, .label = "The focus"                           \
    }
#define COMPOSE_MEDIA_FIELDS                                                            \
    COMPOSE_MEDIA_FIELDS_AT(1), COMPOSE_MEDIA_FIELDS_AT(2), COMPOSE_MEDIA_FIELDS_AT(3), \
        COMPOSE_MEDIA_FIELDS_AT(4)

/* What was sent, gaps closed. A route without the fields has none. */
void compose_media_read(const struct request *req, struct compose_media *ret);

/* Those a post has, for the form that edits it. */
void compose_media_of(const Pb__PostView *post, struct compose_media *ret);

/* Moves the one of that id a place up (by -1) or down (+1); removes it. What is not there is let be. */
void compose_media_move(struct compose_media *m, int64_t id, int by);
void compose_media_remove(struct compose_media *m, int64_t id);

/* The media service's views of them for the template, *ret_n of them; ids that it does not know are left out.
 * Without that service they stand there without a picture, and nothing typed is lost. */
const struct attached *compose_media_attached(struct request *req, const struct page *page,
                                              const struct compose_media *m, size_t *ret_n);

/* One that has just come, for a script that puts it in its place. */
const struct attached *compose_media_one(const struct page *page, Pb__MediaView *view);

/* "0.25,-1"; false: says nothing, and both are 0. */
bool compose_focus_read(const char *s, double *ret_x, double *ret_y);

/* Saves descriptions and points of focus that differ from what is saved. */
enum code compose_media_save(struct request *req, const struct compose_media *m);

#endif
