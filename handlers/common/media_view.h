/* Media as templates show them: what each is to be shown as, with the addresses of its files. Whoever makes a
 * list has made sure that the reader may see what it is attached to; all of it lives in the request's arena.
 */
#ifndef DEEPLINK_COMMON_MEDIA_VIEW_H
#define DEEPLINK_COMMON_MEDIA_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "deeplink/v1/media.pb-c.h"
#include "deeplink/v1/post.pb-c.h"
#include "handlers/common/page.h"

#define MEDIA_MAX 4 /* of a post */

/* What a file dialog offers first; what is taken is decided by looking into the file. */
#define MEDIA_ACCEPT "image/*,video/*,audio/*,.pdf,.doc,.docx,.odt,.xls,.xlsx,.ods,.ppt,.pptx,.odp,.txt,.csv"

enum media_look {
    MEDIA_LOOK_WAITING, /* no worker has been at it yet */
    MEDIA_LOOK_FAILED,
    MEDIA_LOOK_PICTURE,
    MEDIA_LOOK_LOOP,
    MEDIA_LOOK_VIDEO,
    MEDIA_LOOK_SOUND,
    MEDIA_LOOK_DOCUMENT
};

/* One medium. Addresses whose file there is not are {NULL}. */
struct media_item {
    const Pb__MediaView *m;
    enum media_look look;
    size_t number;         /* its place in the post, from 1 */
    int64_t post;          /* 0: it stands by itself */
    const char *at;        /* "/posts/<id>/media/<number>", the page that shows it large; else `main` */
    struct safe_url main;  /* the large picture, the video, the sound, the document */
    struct safe_url plain; /* a picture as JPEG */
    struct safe_url
        poster; /* the still picture of a video, the cover or waveform of a sound, a document's first page */
    struct safe_url small;  /* at most 640 pixels: of a picture, of a poster */
    struct safe_url sets;   /* srcset: small and main with their widths */
    struct safe_url hls;    /* of a long video */
    const char *type;       /* media type of `main` */
    uint32_t width, height; /* as shown; 0: not known */
    const char
        *focus; /* classes that say what must stay in view when it is cut ("fx3 fy7"); "": the middle */
    const char *colour; /* what it looks like on the whole, "#8a7b6c"; NULL: not known */
    const char *length; /* "3:07"; NULL: has none */
    int64_t bytes;      /* of `main`, else as it was uploaded */
    const char *size;   /* the same in words: "2.4 MB" */
};

struct media_list {
    const struct media_item *items;
    size_t n;
    size_t n_tiles; /* of them stand in the grid; the others below it */
};

/* The media of a post. A reader who is not signed in gets only what everybody may have: their pages are kept.
 */
const struct media_list *media_shown(const struct page *page, const Pb__PostView *post);

/* Media by themselves, in their order: in a form, in an earlier version of a post. */
const struct media_list *media_items(const struct page *page, Pb__MediaView *const *media, size_t n);

/* Whether it stands in the grid: pictures and videos, and what is not ready and may become one. */
bool media_is_tile(const struct media_item *item);

/* Whether it has a page of its own, `at`: what can be seen large. */
bool media_has_page(const struct media_item *item);

/* A sum of all that can change in a post's media, for caches; 0 without media. */
uint32_t media_stamp(const Pb__PostView *post);

/* The average colour that a blurhash says, as "#rrggbb"; NULL when it is none. https://blurha.sh */
const char *media_colour(struct arena *a, const char *blurhash);

/* What it is in words: its description, else the name that the file came with, else that nobody has described
 * it. Never empty: links and players have no other name. */
const char *media_name(const struct page *page, const struct media_item *item);

/* What kind of file it is, for people: "PDF", "Text", "Document". */
const char *media_type_words(const struct page *page, const struct media_item *item);

/* "740 kB", "2.4 MB": 1,000 bytes a kB. */
const char *media_size(struct arena *a, int64_t bytes);

/* A file that everybody may have, by its key ("/m/KEY"); {NULL}: the key is empty. */
struct safe_url media_at_key(const struct page *page, const char *key);

#endif
