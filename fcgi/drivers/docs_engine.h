/* Inside of the documents driver: what an engine does. docs.c has checked everything that comes in: names of
 * fields, the types of _id, p and t, depth, text; so an engine may rely on it. */
#ifndef DEEPLINK_DRIVERS_DOCS_ENGINE_H
#define DEEPLINK_DRIVERS_DOCS_ENGINE_H

#include "fcgi/drivers/docs.h"

/* A list or a count has no more conditions than this. */
#define DOCS_EQUAL_MAX 8

/* Documents (t, _id) before this place, newest first; upwards: those after it, oldest first. */
struct docs_place {
    int64_t t;
    const char *id;
    bool upwards;
};

struct docs_engine {
    void (*close)(void *self);
    enum code (*ping)(struct ctx *ctx, void *self);
    enum code (*prepare)(struct ctx *ctx, void *self, const struct collection *c);
    enum code (*insert)(struct ctx *ctx, void *self, const struct collection *c, json_object *doc);
    enum code (*insert_many)(struct ctx *ctx, void *self, const struct collection *c,
                             json_object *const *docs, size_t n);
    enum code (*get)(struct ctx *ctx, void *self, const struct collection *c, int64_t p, const char *id,
                     json_object **ret_doc);
    enum code (*put)(struct ctx *ctx, void *self, const struct collection *c, json_object *doc);
    /* expect: NULL for none. ABORTED when it does not match, NOT_FOUND when there is no document. */
    enum code (*set)(struct ctx *ctx, void *self, const struct collection *c, int64_t p, const char *id,
                     json_object *expect, json_object *fields);
    enum code (*add)(struct ctx *ctx, void *self, const struct collection *c, int64_t p, const char *id,
                     const char *field, int64_t by, int64_t t, int64_t *ret_value);
    enum code (*remove)(struct ctx *ctx, void *self, const struct collection *c, int64_t p, const char *id);
    enum code (*remove_all)(struct ctx *ctx, void *self, const struct collection *c, int64_t p);
    enum code (*list)(struct ctx *ctx, void *self, const struct collection *c, int64_t p, json_object *equal,
                      struct docs_place from, size_t limit, json_object **docs, size_t *ret_n);
    enum code (*count)(struct ctx *ctx, void *self, const struct collection *c, int64_t p, json_object *equal,
                       int64_t *ret_n);
    enum code (*expire)(struct ctx *ctx, void *self, const struct collection *c, int64_t before_ms,
                        int64_t *ret_n);
};

/* Neither connects yet. NULL: no memory, or an address that cannot be read. */
void *docs_pg_open(const char *conninfo, const char *secret, int timeout_ms);
void *docs_mongo_open(const char *uri, int timeout_ms);
extern const struct docs_engine docs_pg_engine, docs_mongo_engine;

/* The words of failures that both engines have. */
enum code docs_taken(struct ctx *ctx);
enum code docs_missing(struct ctx *ctx);
enum code docs_changed(struct ctx *ctx);

/* Gives a document to the arena: it lives as long as that does. */
json_object *docs_keep(struct ctx *ctx, json_object *doc);

#endif
