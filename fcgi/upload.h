/* Bodies that came as a file. nginx writes the body of an upload to a file of its own and hands over its path
 * (nginx/snippets/upload.conf: BODY_FILE): C never has the bytes in its memory. Parts of a form are places in
 * that file. What is saved goes by rename(2) or is copied within the kernel. Where no gateway made a file of
 * it, a (small) body stands in memory, and what is asked for is written to a file first.
 *
 * All of it lies in the folder `incoming` of the spool (media_spool) and is gone after the request: nginx
 * removes its own name of the file, the arena removes ours, and a sweep what a killed process left. */
#ifndef DEEPLINK_UPLOAD_H
#define DEEPLINK_UPLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi/base/err.h"

struct request;

struct upload {
    const char *path; /* NULL: the body did not come as a file */
    const char *map;  /* its n bytes, mapped */
    size_t n;
    bool raw; /* no form: the body is the file */
};

#define UPLOAD_FOLDER "incoming" /* in the spool */

/* Takes the body from a file: maps it and reads a form's fields into req->form. `length` is what
 * CONTENT_LENGTH says. INVALID (400) for a broken form or a file that is not whole, 413 for a form of another
 * kind than multipart that is too large; INTERNAL when the path is none below the spool. The caller then
 * looks whether the gateway still waits: if so, the file was the one that it meant. */
enum code upload_take(struct request *req, const char *path, const char *length);

/* A file that came with a request. */
struct request_file {
    const char *path; /* where it lies; NULL: none came */
    int64_t offset, bytes;
    const char *file_name; /* as the client calls it; "" when it does not say */
};

/* The file of a form's field; name NULL: the body itself, which is no form. UNAVAILABLE: no room. */
enum code request_file(struct request *req, const char *name, struct request_file *ret);
/* The nth file of the fields of that name (from 0): of an <input multiple>. */
enum code request_file_nth(struct request *req, const char *name, size_t nth, struct request_file *ret);

/* Makes it a file of its own, which may be taken away by rename(2); what is left of it goes with the request.
 */
enum code request_file_save(struct request *req, const struct request_file *file, const char **ret_path);

#endif
