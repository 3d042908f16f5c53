/* The description of the API, for programs and for readers. */
#ifndef DEEPLINK_REFERENCE_PAGES_H
#define DEEPLINK_REFERENCE_PAGES_H

#include "fcgi/openapi.h"
#include "fcgi/request.h"

enum code reference_page_document(struct request *req);
enum code reference_page_index(struct request *req);
enum code reference_page_group(struct request *req);
enum code reference_page_objects(struct request *req);

/* For struct app: what the tables do not know. In the arena. */
void reference_describe(struct ctx *ctx, struct openapi_about *ret);

#endif
