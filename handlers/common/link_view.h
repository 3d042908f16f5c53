/* What templates show of a linked page. */
#ifndef DEEPLINK_COMMON_LINK_VIEW_H
#define DEEPLINK_COMMON_LINK_VIEW_H

#include "deeplink/v1/media.pb-c.h"
#include "handlers/common/media.h"
#include "handlers/common/views.h"

/* The picture of a card, which everybody may have; NULL: it has none, or none yet. */
static inline const Pb__MediaFile *link_picture(const Pb__LinkCard *c) {
    return c->image != NULL && c->image->state == PB__MEDIA_STATE__MEDIA_READY ? media_file(c->image, "small")
                                                                               : NULL;
}

static inline int64_t link_width(const Pb__MediaFile *f) { return f->width; }
static inline int64_t link_height(const Pb__MediaFile *f) { return f->height; }

#endif
