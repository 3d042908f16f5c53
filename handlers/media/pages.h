/* The media service's pages, one function an endpoint; addresses stand in routes.c. */
#ifndef DEEPLINK_MEDIA_PAGES_H
#define DEEPLINK_MEDIA_PAGES_H

#include "fcgi/request.h"

/* A file by its key (pages_file.c). */
enum code media_page_file(struct request *req);

/* Files that come by a form, and one of the reader's as a piece of that form (pages_upload.c). */
enum code media_page_upload(struct request *req);
enum code media_page_upload_again(struct request *req);
enum code media_page_piece(struct request *req);

/* What is stored, for administrators and for oneself (pages_storage.c). */
enum code media_page_storage(struct request *req);
enum code media_page_storage_retry(struct request *req);
enum code media_page_mine(struct request *req);
enum code media_page_mine_delete(struct request *req);
enum code media_page_mine_retry(struct request *req);

#endif
