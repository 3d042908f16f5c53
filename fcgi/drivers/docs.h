/* Documents: what changes shape (activity, audit, histories; later chat and media metadata). Two engines, one
 * behaviour: MongoDB by mongo-c-driver, and PostgreSQL JSONB. docs = postgresql | mongodb://… */
#ifndef DEEPLINK_DRIVERS_DOCS_H
#define DEEPLINK_DRIVERS_DOCS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi/ctx.h"

/* A collection is a row of a table. Every document has `_id` (string, unique in the collection), `p` (int64
 * partition: whose it is) and `t` (int64 Unix ms: when). Documents of a partition are read newest first by
 * (t, _id). Names of top-level fields are 1 to 40 of a-z 0-9 _, beginning with a letter; deeper ones may be
 * any text without '.' that does not begin with '$'. What one of the engines could not give back as it was
 * (NUL in text, numbers past 63 bits, more than 16 levels) is INVALID. */
struct doc_index {
    const char *fields;
}; /* "p,kind,-t": names with '-' for descending; p first */
struct collection {
    const char *name;            /* "activity": also the table's and the MongoDB collection's name */
    int64_t expire_days;         /* documents go this long after t; 0: never */
    struct doc_index indexes[4]; /* ends with an empty one; (p, t, _id) is always there */
};

struct docs;

/* Once at the start of a program, before it forks. MongoDB's driver names a piece of shared memory by the
 * number of each process that loads it; one that is killed leaves it behind, and the next of that number
 * complains where nobody expects it. Nothing of ours needs the name. */
void docs_begin(void);

/* engine: "postgresql" (uses conninfo, role deeplink_docs, schema docs) or a mongodb:// URI with the database
 * in its path. Does not connect yet. */
struct docs *docs_open(const char *engine, const char *conninfo, const char *secret, int timeout_ms);
void docs_close(struct docs *d);

/* Creates collections and indexes that are missing; idempotent. For `deeplink migrate` and start. */
enum code docs_prepare(struct ctx *ctx, struct docs *d, const struct collection *collections);

/* Answers, or UNAVAILABLE. */
enum code docs_ping(struct ctx *ctx, struct docs *d);

/* An empty document that goes with the arena; and what is put into one. */
json_object *docs_new(struct ctx *ctx);
void docs_put_text(json_object *doc, const char *name, const char *s);
void docs_put_int(json_object *doc, const char *name, int64_t v);
/* What a field of one holds: "" or 0 when there is none. Text is copied into the arena. */
const char *docs_text(struct ctx *ctx, json_object *doc, const char *name);
int64_t docs_int(json_object *doc, const char *name);
double docs_real(json_object *doc, const char *name);

/* Inserts; `doc` must have _id, p and t. EXISTS when the _id is taken. Borrowed, not owned. */
enum code docs_insert(struct ctx *ctx, struct docs *d, const struct collection *c, json_object *doc);
/* Inserts many; those whose _id is taken are left as they are (so that an event replayed changes nothing). */
enum code docs_insert_many(struct ctx *ctx, struct docs *d, const struct collection *c,
                           json_object *const *docs, size_t n);
/* By partition and _id; NOT_FOUND. *ret_doc lives as long as the arena. */
enum code docs_get(struct ctx *ctx, struct docs *d, const struct collection *c, int64_t p, const char *id,
                   json_object **ret_doc);
/* Inserts or replaces whole. */
enum code docs_put(struct ctx *ctx, struct docs *d, const struct collection *c, json_object *doc);
/* Atomically sets top-level fields (never _id or p) of one document; NOT_FOUND. */
enum code docs_set(struct ctx *ctx, struct docs *d, const struct collection *c, int64_t p, const char *id,
                   json_object *fields);
/* As docs_set, but only when every field of `expect` still has that value: ABORTED otherwise. */
enum code docs_set_if(struct ctx *ctx, struct docs *d, const struct collection *c, int64_t p, const char *id,
                      json_object *expect, json_object *fields);
/* Atomically adds to an integer field (absent counts as 0); *ret_value (may be NULL) is the new value.
 * Creates the document when absent if t > 0. */
enum code docs_add(struct ctx *ctx, struct docs *d, const struct collection *c, int64_t p, const char *id,
                   const char *field, int64_t by, int64_t t, int64_t *ret_value);
/* Removes one; OK also when there was none. */
enum code docs_remove(struct ctx *ctx, struct docs *d, const struct collection *c, int64_t p, const char *id);
/* Removes all of a partition. */
enum code docs_remove_all(struct ctx *ctx, struct docs *d, const struct collection *c, int64_t p);

/* Where a page of a list stands: below one cursor, or right above another. Both NULL or "": at the top. They
 * are text that may come from anybody. */
struct doc_from {
    const char *before, *after;
};

/* Newest first within a partition, whichever way the list is walked; `equal` (may be NULL): at most 8
 * top-level fields that must have these values (text, number, boolean). At most 1,000. */
struct doc_page {
    json_object **docs;
    size_t n;
    const char *next; /* as `before`, the page below; "" at the end */
    const char *prev; /* as `after`, the page above; "" at the top */
};
enum code docs_list(struct ctx *ctx, struct docs *d, const struct collection *c, int64_t p,
                    json_object *equal, struct doc_from from, size_t limit, struct doc_page *ret_page);
enum code docs_count(struct ctx *ctx, struct docs *d, const struct collection *c, int64_t p,
                     json_object *equal, int64_t *ret_n);

/* Removes what has expired (MongoDB does it by itself; then this is a no-op). Returns how many in *ret_n. */
enum code docs_expire(struct ctx *ctx, struct docs *d, const struct collection *c, int64_t now_ms,
                      int64_t *ret_n);

#endif
