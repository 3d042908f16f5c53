/* The page where members choose their picture and banner. The user service shows it, and the media service
 * when something is wrong with a file that was sent for one of them. */
#ifndef DEEPLINK_COMMON_PICTURES_H
#define DEEPLINK_COMMON_PICTURES_H

#include "fcgi/request.h"

#define PICTURES_PATH "/settings/picture"

/* wrong: "avatar" or "banner", whose form is the one that ctx' failure is about; NULL: none. */
enum code pictures_page(struct request *req, const char *wrong);

#endif
