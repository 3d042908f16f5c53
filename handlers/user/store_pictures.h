/* Members' pictures: which media they are of, and the files that cards show. */
#ifndef DEEPLINK_USER_STORE_PICTURES_H
#define DEEPLINK_USER_STORE_PICTURES_H

#include "handlers/user/store.h"

/* Media; 0: none. next takes the place of shown once it is ready, and stays where it is when that fails. */
struct picture_media {
    int64_t shown, next;
};
struct pictures {
    struct picture_media avatar, banner;
};
/* All zero for whom there is not (any more). */
enum code user_store_pictures(struct ctx *ctx, int64_t id, struct pictures *ret);

/* What is shown from now on. */
struct picture {
    bool is_banner;
    int64_t media;             /* 0: none */
    const char *small, *large; /* keys of its files; a banner has only a large one */
    const char *words;
};
/* Only while this medium is the one shown, or the one that comes next; 0: whatever is. The version of the
 * card moves. *ret_ok false: it is not, or there is no such member. */
enum code user_store_picture_show(struct ctx *ctx, int64_t id, const struct picture *p, int64_t if_shown,
                                  int64_t if_next, bool *ret_ok);
/* What is to be shown once it is ready. */
enum code user_store_picture_next(struct ctx *ctx, int64_t id, bool is_banner, int64_t media, bool *ret_ok);

#endif
