/* Views of the pages about stored files. */
#ifndef DEEPLINK_MEDIA_VIEW_STORAGE_H
#define DEEPLINK_MEDIA_VIEW_STORAGE_H

#include "deeplink/v1/media.pb-c.h"
#include "handlers/common/views.h"

/* One medium in a list. */
struct media_line {
    const Pb__MediaView *media;
    const char *kind;          /* in words */
    const char *size;          /* "3 MB" */
    const char *picture;       /* path of a small one, or NULL */
    const char *file;          /* path of the best one, or NULL */
    const char *place;         /* path of what it is attached to, or NULL */
    const Pb__UserCard *owner; /* for administrators; NULL: nobody any more */
};

/* A kind of media, or a member, and what they take. */
struct media_share {
    const char *name; /* of a kind */
    const Pb__UserCard *user;
    int64_t media;
    const char *size;
};

struct media_storage_view {
    const Pb__Storage *storage;
    const char *size, *blob_size, *loose_size;
    const struct media_share *kinds, *owners;
    size_t n_kinds, n_owners;
    const struct media_line *failures;
    size_t n_failures;
};

struct media_mine_view {
    const struct media_line *lines;
    size_t n;
    const char *used, *limit; /* sizes; limit NULL: none */
    int64_t files;
    uint32_t percent;
    struct pager pager;
};

#endif
