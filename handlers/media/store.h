/* The media service's rows, documents and files. Only handlers/media/ includes this.
 *
 * What must be true stands in the row (media.items): whose it is, its state, what it is attached to, its
 * version. What is shown of it stands in a document of the collection `media`, beside the row and not in its
 * transaction. So each change has an order that leaves nothing wrong behind, wherever it stops:
 *
 *   making      row of version 0 (counts against the quota, nobody sees it) → file in the spool, durable →
 *               document → version 1 with the event media.uploaded. Then it is acknowledged. What stopped in
 *               between is a row that is attached to nothing, and names all that is to be swept.
 *   unmaking    row of version -1, which nobody starts any more → file back to where it came from → document
 * → row. Whether the last step of making has arrived is known only to the row: so it comes first, and what
 * has begun is left alone. changing    row read → fields of the document set → version moved on with the
 * event, which carries the whole view, only if it is still the one that was read; else all of it again. So
 * the last event says what the document says. What stopped before the event was not acknowledged. finishing
 * (a worker) as changing: the document's fields, then the row's state, files and event in one transaction, if
 * version and lease are still those that it read. removing    document → source in the spool → row with the
 * event media.gone. What stopped before the row is still there to be removed again. Blobs are the sweep's,
 * once no row needs them.
 *
 * A document that is lost leaves a medium without words and files; it can be made anew from its original. */
#ifndef DEEPLINK_MEDIA_STORE_H
#define DEEPLINK_MEDIA_STORE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deeplink/v1/media.pb-c.h"
#include "fcgi/app.h"
#include "fcgi/ctx.h"
#include "fcgi/drivers/docs.h"
#include "fcgi/drivers/pg.h"

struct blob_store;

extern const struct collection media_collections[];

/* Opens the store of blobs that the configuration names; at the start of each process. */
enum code media_store_start(struct ctx *ctx);

/* The process's store of blobs. */
struct blob_store *media_blobs(void);

/* ---- rows (store_items.c) */

struct media_row {
    int64_t id, owner_id;
    int state, kind; /* Pb__MediaState, Pb__MediaKind */
    const char *purpose, *source;
    int64_t bytes;
    const char *target_kind; /* "": attached to nothing */
    int64_t target_id;
    bool is_public;
    int64_t version;
    int attempts, progress;
};

/* Columns 0 to 12 of a result: those that sql/queries/media.sql names. */
struct media_row media_row_of(const PGresult *rows, int row);
/* All of them, in the arena. */
void media_rows_of(struct ctx *ctx, const PGresult *rows, struct media_row **ret, size_t *ret_n);

/* Those that exist, in the order asked. owner 0: whoever's. */
enum code media_store_rows(struct ctx *ctx, int64_t owner, const int64_t *ids, size_t n,
                           struct media_row **ret, size_t *ret_n);
/* One of them; NOT_FOUND. */
enum code media_store_row(struct ctx *ctx, int64_t owner, int64_t id, struct media_row *ret);
/* A member's, newest first, below an id. */
enum code media_store_list(struct ctx *ctx, int64_t owner, int64_t before, unsigned limit,
                           struct media_row **ret, size_t *ret_n);
enum code media_store_quota(struct ctx *ctx, int64_t owner, int64_t *ret_bytes, int64_t *ret_files);

/* Making: the row of version 0; then the event that hands it to a worker. */
enum code media_store_reserve(struct ctx *ctx, const struct media_row *row);
enum code media_store_begin(struct ctx *ctx, struct media_row *row);
/* Or nothing remains of it: its source is a file at `path` again (NULL: it stays), its document and its row
 * go. One that has begun stays as it is, also when nobody was told of it: OK, and it is there. */
enum code media_store_unmake(struct ctx *ctx, const struct media_row *row, const char *path);

/* Moves the version on from row->version with the event media.changed, whose view is given (version
 * included). *ret_ok false: it has another version by now. */
enum code media_store_change(struct ctx *ctx, const struct media_row *row, const Pb__MediaView *view,
                             bool *ret_ok);
/* The same for what failed and is to be tried anew: media.uploaded, too. */
enum code media_store_retry(struct ctx *ctx, const struct media_row *row, const Pb__MediaView *view,
                            bool *ret_ok);
/* Removes all of it but its blobs, in the order above; media.gone. *ret_ok false: it has changed meanwhile.
 */
enum code media_store_remove(struct ctx *ctx, const struct media_row *row, bool *ret_ok);

/* The event's body: Pb.MediaChanged of a view. */
struct pg_val media_store_changed(struct ctx *ctx, const Pb__MediaView *view);

/* ---- what they are attached to (store_attach.c) */

/* Locks what the target is to have and has, lets `check` judge each of those it is to have (in the order
 * asked; a row of id 0 stands for one that does not exist or is another's), and attaches them, or nothing. */
typedef enum code media_check(struct ctx *ctx, const Pb__AttachMediaRequest *req,
                              const struct media_row *row);
enum code media_store_attach(struct ctx *ctx, const Pb__AttachMediaRequest *req, media_check *check);
enum code media_store_detach(struct ctx *ctx, const char *kind, const int64_t *targets, size_t n);

/* ---- documents (store_docs.c) */

/* Names of a document's fields, beside _id (the medium's), p (its owner) and t (when it was made). */
#define MEDIA_DOC_TYPE "type" /* what libmagic said of the upload */
#define MEDIA_DOC_FILE_NAME "file_name"
#define MEDIA_DOC_WORDS "description"
#define MEDIA_DOC_FOCUS_X "focus_x"
#define MEDIA_DOC_FOCUS_Y "focus_y"
/* … and what a worker adds: media_doc_made(). */
#define MEDIA_DOC_FILES "files"
#define MEDIA_DOC_BLURHASH "blurhash"
#define MEDIA_DOC_DURATION "duration_ms"
#define MEDIA_DOC_FRAME_RATE "frame_rate"
#define MEDIA_DOC_PAGES "pages"
#define MEDIA_DOC_ERROR "error" /* public words; of the last failure */

/* Reads it; an empty object when it is lost. */
enum code media_store_doc(struct ctx *ctx, const struct media_row *row, json_object **ret);
/* Sets fields of it, and makes it when it is lost. */
enum code media_store_doc_set(struct ctx *ctx, const struct media_row *row, json_object *fields);
enum code media_store_doc_remove(struct ctx *ctx, const struct media_row *row);
/* All of a member's. */
enum code media_store_docs_erase(struct ctx *ctx, int64_t owner);

/* What a worker made of it, as fields of the document: files, blurhash, duration, frame rate, pages and
 * error. The view's files are those that may be shown: never the original, never pieces. */
json_object *media_doc_made(struct ctx *ctx, const Pb__MediaView *made);

/* What is shown of a medium: row and document together. */
Pb__MediaView *media_view_of(struct ctx *ctx, const struct media_row *row, json_object *doc);
/* The same, reading the documents. */
enum code media_store_view(struct ctx *ctx, const struct media_row *row, Pb__MediaView **ret);
enum code media_store_views(struct ctx *ctx, const struct media_row *rows, size_t n, Pb__MediaView ***ret);

/* ---- the spool (store_spool.c): SPOOL/ID is what was uploaded, until a worker has made a blob of it */

#define MEDIA_SPOOL_PARTS "parts" /* uploads that come in pieces */

/* Makes its folders where they are missing; at the start of each process. */
void media_spool_prepare(struct ctx *ctx);
/* The path of a file in the spool. */
const char *media_spool_path(struct ctx *ctx, const char *name);
/* Whether a path is that of a regular file below the spool and not a source; *ret_path is its real one.
 * INVALID when not. */
enum code media_spool_check(struct ctx *ctx, const char *path, const char **ret_path, int64_t *ret_bytes);
/* Makes such a file the source of that name; durable when it returns. EXHAUSTED: the disk is full. */
enum code media_spool_take(struct ctx *ctx, const char *path, const char *name);
/* Makes a source the file again that it was; OK also when there is none. */
enum code media_spool_give_back(struct ctx *ctx, const char *name, const char *path);
/* Gone; OK also when there was none. An empty name is none. */
enum code media_spool_remove(struct ctx *ctx, const char *name);

/* Another batch of an erasure is asked for. */
enum code media_store_erase_on(struct ctx *ctx, int64_t user);
/* Some of all that a member has, also what is being made. */
enum code media_store_of_owner(struct ctx *ctx, int64_t owner, unsigned limit, struct media_row **ret,
                               size_t *ret_n);

#endif
