/* From a request's file to a medium. For handlers in the media service's pool; others save a file by
 * request_file_save() and call CreateMedia with its path. */
#ifndef DEEPLINK_MEDIA_INTAKE_H
#define DEEPLINK_MEDIA_INTAKE_H

#include "deeplink/v1/media.pb-c.h"
#include "fcgi/request.h"

/* The viewer's file in that field of the form becomes a medium for a purpose (post, avatar, banner); the
 * route is marked .upload. Its type and size are looked at before anything is copied. INVALID naming the
 * field when it was not sent, is too large or of a type that is not taken; EXHAUSTED (422, in our own API
 * 507) when the member has no room left. */
enum code media_intake(struct request *req, const char *field, const char *purpose,
                       const Pb__MediaView **ret);

/* The same for a file that was found already, with what is known of it: description, focus, purpose in *ask;
 * the rest of it is filled in. */
enum code media_intake_file(struct request *req, const struct request_file *file, Pb__CreateMediaRequest *ask,
                            const Pb__MediaView **ret);

#endif
