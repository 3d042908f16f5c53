/* Documents in MongoDB by mongo-c-driver. One client a worker, made after the fork and connected when first
 * used. Every operation is one atomic command on one document or one query; no sessions, no transactions. */
#include <mongoc/mongoc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fcgi/drivers/docs.h"
#include "fcgi/drivers/docs_engine.h"
#include "fcgi/log.h"

#define EXPIRES "_x" /* when a document goes, as a date: what MongoDB's TTL index wants. Never shown */
#define DAY_MS INT64_C(86400000)
#define UPSERT_TRIES 3

struct docs_mongo {
    mongoc_uri_t *uri;
    mongoc_client_t *client; /* NULL until first used: who never asks pays nothing */
    mongoc_database_t *database;
    bool down;
};

static void log_handler(mongoc_log_level_t level, const char *domain, const char *message, void *arg) {
    (void)arg;
    if (level <= MONGOC_LOG_LEVEL_WARNING)
        log_warn(NULL, "mongodb driver", "domain=%s text=%s", domain, message);
}

void docs_begin(void) {
    char name[32];

    snprintf(name, sizeof name, "/mongoc-%d", (int)getpid());
    shm_unlink(name);
}

void *docs_mongo_open(const char *text, int timeout_ms) {
    bson_error_t error;
    mongoc_uri_t *uri = mongoc_uri_new_with_error(text, &error);
    struct docs_mongo *d = calloc(1, sizeof(*d));
    if (d == NULL || uri == NULL || mongoc_uri_get_database(uri) == NULL) {
        mongoc_uri_destroy(uri);
        free(d);
        return NULL;
    }
    int ms = timeout_ms > 0 ? timeout_ms : 2000;
    mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, ms);
    mongoc_uri_set_option_as_int32(uri, MONGOC_URI_CONNECTTIMEOUTMS, ms);
    mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SOCKETTIMEOUTMS, ms);
    mongoc_uri_set_option_as_utf8(uri, MONGOC_URI_APPNAME, "deeplink");
    d->uri = uri;
    return d;
}

/* The database, with a client of this process. The driver gives NULL only for mongodb+srv:// and for TLS that
 * it was built without; neither gets past the start of a program that is used. */
static mongoc_database_t *database_of(struct docs_mongo *d) {
    static bool begun;
    if (d->database != NULL)
        return d->database;
    if (!begun) {
        mongoc_init();
        mongoc_log_set_handler(log_handler, NULL);
        begun = true;
    }
    d->client = mongoc_client_new_from_uri(d->uri);
    if (d->client == NULL) {
        log_error(NULL, "mongodb cannot be used as configured", "uri=%s", mongoc_uri_get_database(d->uri));
        abort();
    }
    mongoc_client_set_error_api(d->client, MONGOC_ERROR_API_VERSION_2);
    d->database = mongoc_client_get_database(d->client, mongoc_uri_get_database(d->uri));
    return d->database;
}

static void close_mongo(void *self) {
    struct docs_mongo *d = self;
    if (d->database != NULL)
        mongoc_database_destroy(d->database);
    if (d->client != NULL)
        mongoc_client_destroy(d->client);
    mongoc_uri_destroy(d->uri);
    free(d);
}

/* Errors. */

enum { DUPLICATE = 11000, BAD_VALUE = 2, TYPE_MISMATCH = 14 };

static bool is_taken(const bson_error_t *e) {
    return e->domain == MONGOC_ERROR_SERVER && e->code == DUPLICATE;
}

/* Replicas changing places, shutting down, losing touch (the driver's own list of what to try again, and
 * time-outs). */
static bool is_passing(uint32_t code) {
    static const uint32_t codes[] = {6,    7,     50,    89,    91,    134,   189,  262,
                                     9001, 10058, 10107, 11600, 11602, 13435, 13436};
    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
        if (codes[i] == code)
            return true;
    return false;
}

static enum code mongo_failed(struct ctx *ctx, struct docs_mongo *d, const bson_error_t *e) {
    if (is_taken(e))
        return docs_taken(ctx);
    if (e->domain == MONGOC_ERROR_SERVER && (e->code == BAD_VALUE || e->code == TYPE_MISMATCH))
        return fail_detail(ctx, INVALID, "Some of what was sent cannot be stored.", "mongodb: %s",
                           e->message);
    if (e->domain == MONGOC_ERROR_SERVER && !is_passing(e->code))
        return fail_detail(ctx, INTERNAL, "Something went wrong on our side.", "mongodb: %u %s", e->code,
                           e->message);
    if (!d->down)
        log_warn(ctx, "mongodb is unavailable", "error=%s", e->message);
    d->down = true;
    fail_detail(ctx, UNAVAILABLE, "A part of this site is not answering. Please try again in a moment.",
                "mongodb: %s", e->message);
    if (ctx->error.code == UNAVAILABLE && ctx->error.retry_after == 0)
        ctx->error.retry_after = 1;
    return UNAVAILABLE;
}

/* The outcome of a call of the driver. */
static enum code outcome(struct ctx *ctx, struct docs_mongo *d, bool good, const bson_error_t *e) {
    if (!good)
        return mongo_failed(ctx, d, e);
    if (d->down)
        log_info(ctx, "mongodb is back", "database=%s", mongoc_database_get_name(d->database));
    d->down = false;
    return OK;
}

/* What is made with the driver's allocator goes with the arena. */

static void drop_bson(void *b) { bson_destroy(b); }
static void drop_collection(void *c) { mongoc_collection_destroy(c); }
static void drop_cursor(void *c) { mongoc_cursor_destroy(c); }

static bson_t *bson_in(struct ctx *ctx) {
    bson_t *b = bson_new();
    arena_defer(ctx->arena, drop_bson, b);
    return b;
}

static mongoc_collection_t *collection_in(struct ctx *ctx, struct docs_mongo *d, const struct collection *c) {
    mongoc_collection_t *m = mongoc_database_get_collection(database_of(d), c->name);
    arena_defer(ctx->arena, drop_collection, m);
    return m;
}

/* JSON to BSON. Whole numbers are always 64 bits wide. */

static void append_all(bson_t *to, json_object *doc);

static void append(bson_t *to, const char *key, json_object *v) {
    bson_t inner;
    switch (json_object_get_type(v)) {
    case json_type_null:
        bson_append_null(to, key, -1);
        break;
    case json_type_boolean:
        bson_append_bool(to, key, -1, json_object_get_boolean(v));
        break;
    case json_type_int:
        bson_append_int64(to, key, -1, json_object_get_int64(v));
        break;
    case json_type_double:
        bson_append_double(to, key, -1, json_object_get_double(v));
        break;
    case json_type_string:
        bson_append_utf8(to, key, -1, json_object_get_string(v), json_object_get_string_len(v));
        break;
    case json_type_object:
        bson_append_document_begin(to, key, -1, &inner);
        append_all(&inner, v);
        bson_append_document_end(to, &inner);
        break;
    case json_type_array:
        bson_append_array_begin(to, key, -1, &inner);
        for (size_t i = 0; i < json_object_array_length(v); i++) {
            char room[16];
            const char *index;
            bson_uint32_to_string((uint32_t)i, &index, room, sizeof(room));
            append(&inner, index, json_object_array_get_idx(v, i));
        }
        bson_append_array_end(to, &inner);
        break;
    }
}

static void append_all(bson_t *to, json_object *doc) {
    if (doc == NULL)
        return;
    json_object_object_foreach(doc, key, value) { append(to, key, value); }
}

static void append_expiry(bson_t *to, const struct collection *c, int64_t t) {
    if (c->expire_days > 0)
        bson_append_date_time(to, EXPIRES, -1, t + c->expire_days * DAY_MS);
}

static bson_t *doc_in(struct ctx *ctx, const struct collection *c, json_object *doc) {
    bson_t *b = bson_in(ctx);
    append_all(b, doc);
    append_expiry(b, c, json_object_get_int64(json_object_object_get(doc, "t")));
    return b;
}

/* BSON to JSON. What JSON has no type for becomes text or a number of milliseconds. */

static json_object *from_bson(bson_iter_t *it, int depth);

static json_object *value_of(bson_iter_t *it, int depth) {
    bson_iter_t inner;
    uint32_t n;
    char id[25];
    switch (bson_iter_type(it)) {
    case BSON_TYPE_UTF8: {
        const char *s = bson_iter_utf8(it, &n);
        return json_object_new_string_len(s, (int)n);
    }
    case BSON_TYPE_INT32:
        return json_object_new_int64(bson_iter_int32(it));
    case BSON_TYPE_INT64:
        return json_object_new_int64(bson_iter_int64(it));
    case BSON_TYPE_DOUBLE:
        return json_object_new_double(bson_iter_double(it));
    case BSON_TYPE_BOOL:
        return json_object_new_boolean(bson_iter_bool(it));
    case BSON_TYPE_DATE_TIME:
        return json_object_new_int64(bson_iter_date_time(it));
    case BSON_TYPE_OID:
        bson_oid_to_string(bson_iter_oid(it), id);
        return json_object_new_string(id);
    case BSON_TYPE_DOCUMENT:
        return bson_iter_recurse(it, &inner) ? from_bson(&inner, depth + 1) : NULL;
    case BSON_TYPE_ARRAY: {
        json_object *array = json_object_new_array();
        if (depth < 100 && bson_iter_recurse(it, &inner))
            while (bson_iter_next(&inner))
                json_object_array_add(array, value_of(&inner, depth + 1));
        return array;
    }
    default:
        return NULL;
    }
}

static json_object *from_bson(bson_iter_t *it, int depth) {
    json_object *o = json_object_new_object();
    while (depth < 100 && bson_iter_next(it))
        if (depth > 0 || strcmp(bson_iter_key(it), EXPIRES) != 0)
            json_object_object_add(o, bson_iter_key(it), value_of(it, depth));
    return o;
}

static json_object *json_in(struct ctx *ctx, const bson_t *b) {
    bson_iter_t it;
    return docs_keep(ctx, bson_iter_init(&it, b) ? from_bson(&it, 0) : json_object_new_object());
}

/* Filters. */

static bson_t *one_of(struct ctx *ctx, int64_t p, const char *id) {
    bson_t *filter = bson_in(ctx);
    bson_append_utf8(filter, "_id", -1, id, -1);
    bson_append_int64(filter, "p", -1, p);
    return filter;
}

static bson_t *all_of(struct ctx *ctx, int64_t p, json_object *equal) {
    bson_t *filter = bson_in(ctx);
    bson_append_int64(filter, "p", -1, p);
    append_all(filter, equal);
    return filter;
}

/* The operations. */

static enum code ping(struct ctx *ctx, void *self) {
    struct docs_mongo *d = self;
    bson_error_t error;
    bson_t *command = bson_in(ctx);
    bson_append_int32(command, "ping", -1, 1);
    return outcome(ctx, d, mongoc_database_command_simple(database_of(d), command, NULL, NULL, &error),
                   &error);
}

/* One index of a createIndexes command: fields as "p,kind,-t". */
static void append_index(struct ctx *ctx, bson_t *indexes, int at, const char *fields) {
    bson_t index, keys;
    char number[16], *rest = arena_strdup(ctx->arena, fields);
    snprintf(number, sizeof(number), "%d", at);
    bson_append_document_begin(indexes, number, -1, &index);
    bson_append_utf8(&index, "name", -1, fields, -1);
    bson_append_document_begin(&index, "key", -1, &keys);
    while (rest != NULL && *rest != '\0') {
        char *comma = strchr(rest, ',');
        if (comma != NULL)
            *comma = '\0';
        bson_append_int32(&keys, *rest == '-' ? rest + 1 : rest, -1, *rest == '-' ? -1 : 1);
        rest = comma != NULL ? comma + 1 : NULL;
    }
    bson_append_document_end(&index, &keys);
    bson_append_document_end(indexes, &index);
}

static void append_ttl(bson_t *indexes, int at) {
    bson_t index, keys;
    char number[16];
    snprintf(number, sizeof(number), "%d", at);
    bson_append_document_begin(indexes, number, -1, &index);
    bson_append_utf8(&index, "name", -1, "expires", -1);
    bson_append_document_begin(&index, "key", -1, &keys);
    bson_append_int32(&keys, EXPIRES, -1, 1);
    bson_append_document_end(&index, &keys);
    bson_append_int32(&index, "expireAfterSeconds", -1, 0);
    bson_append_document_end(indexes, &index);
}

static enum code prepare(struct ctx *ctx, void *self, const struct collection *c) {
    struct docs_mongo *d = self;
    bson_error_t error;
    bson_t indexes, *command = bson_in(ctx);
    int n = 0;
    bson_append_utf8(command, "createIndexes", -1, c->name, -1);
    bson_append_array_begin(command, "indexes", -1, &indexes);
    append_index(ctx, &indexes, n++, "p,-t,-_id");
    for (size_t i = 0; i < 4 && c->indexes[i].fields != NULL && c->indexes[i].fields[0] != '\0'; i++)
        append_index(ctx, &indexes, n++, arena_printf(ctx->arena, "%s,-_id", c->indexes[i].fields));
    if (c->expire_days > 0)
        append_ttl(&indexes, n++);
    bson_append_array_end(command, &indexes);
    return outcome(
        ctx, d, mongoc_database_write_command_with_opts(database_of(d), command, NULL, NULL, &error), &error);
}

static enum code insert(struct ctx *ctx, void *self, const struct collection *c, json_object *doc) {
    bson_error_t error;
    return outcome(
        ctx, self,
        mongoc_collection_insert_one(collection_in(ctx, self, c), doc_in(ctx, c, doc), NULL, NULL, &error),
        &error);
}

/* Did nothing else go wrong than that some were there already? */
static bool only_taken(const bson_t *reply) {
    bson_iter_t it, errors, error;
    if (!bson_iter_init_find(&it, reply, "writeErrors") || !bson_iter_recurse(&it, &errors))
        return false;
    while (bson_iter_next(&errors))
        if (!bson_iter_recurse(&errors, &error) || !bson_iter_find(&error, "code") ||
            bson_iter_as_int64(&error) != DUPLICATE)
            return false;
    return true;
}

static enum code insert_many(struct ctx *ctx, void *self, const struct collection *c,
                             json_object *const *docs, size_t n) {
    const bson_t **all = arena_many(ctx->arena, const bson_t *, n);
    bson_t *opts = bson_in(ctx), reply;
    bson_error_t error;
    for (size_t i = 0; i < n; i++)
        all[i] = doc_in(ctx, c, docs[i]);
    bson_append_bool(opts, "ordered", -1, false);
    bool good = mongoc_collection_insert_many(collection_in(ctx, self, c), all, n, opts, &reply, &error);
    good = good || (is_taken(&error) && only_taken(&reply));
    bson_destroy(&reply);
    return outcome(ctx, self, good, &error);
}

static enum code find(struct ctx *ctx, struct docs_mongo *d, const struct collection *c, const bson_t *filter,
                      const bson_t *opts, json_object **docs, size_t max, size_t *ret_n) {
    const bson_t *found;
    bson_error_t error;
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(collection_in(ctx, d, c), filter, opts, NULL);
    arena_defer(ctx->arena, drop_cursor, cursor);
    *ret_n = 0;
    while (*ret_n < max && mongoc_cursor_next(cursor, &found))
        docs[(*ret_n)++] = json_in(ctx, found);
    return outcome(ctx, d, !mongoc_cursor_error(cursor, &error), &error);
}

static enum code get(struct ctx *ctx, void *self, const struct collection *c, int64_t p, const char *id,
                     json_object **ret_doc) {
    size_t n;
    bson_t *opts = bson_in(ctx);
    bson_append_int64(opts, "limit", -1, 1);
    enum code code = find(ctx, self, c, one_of(ctx, p, id), opts, ret_doc, 1, &n);
    if (code != OK)
        return code;
    return n == 0 ? docs_missing(ctx) : OK;
}

/* Two that create the same document at once: one is told that it is taken, and finds it when it tries again.
 */
static enum code put(struct ctx *ctx, void *self, const struct collection *c, json_object *doc) {
    mongoc_collection_t *m = collection_in(ctx, self, c);
    bson_t *filter = one_of(ctx, json_object_get_int64(json_object_object_get(doc, "p")),
                            json_object_get_string(json_object_object_get(doc, "_id")));
    bson_t *opts = bson_in(ctx), *replacement = doc_in(ctx, c, doc);
    bson_error_t error;
    bool good = false;
    bson_append_bool(opts, "upsert", -1, true);
    for (int i = 0; i < UPSERT_TRIES && !good; i++) {
        good = mongoc_collection_replace_one(m, filter, replacement, opts, NULL, &error);
        if (!good && !is_taken(&error))
            break;
    }
    return outcome(ctx, self, good, &error);
}

static int64_t count_in(const bson_t *reply, const char *field) {
    bson_iter_t it;
    return bson_iter_init_find(&it, reply, field) ? bson_iter_as_int64(&it) : 0;
}

static enum code set(struct ctx *ctx, void *self, const struct collection *c, int64_t p, const char *id,
                     json_object *expect, json_object *fields) {
    bson_t inner, reply, *update = bson_in(ctx), *filter = one_of(ctx, p, id);
    bson_error_t error;
    json_object *t, *doc;
    if (json_object_object_length(fields) == 0) /* $set wants something to set */
        return get(ctx, self, c, p, id, &doc);
    append_all(filter, expect);
    bson_append_document_begin(update, "$set", -1, &inner);
    append_all(&inner, fields);
    if (json_object_object_get_ex(fields, "t", &t))
        append_expiry(&inner, c, json_object_get_int64(t));
    bson_append_document_end(update, &inner);
    bool good =
        mongoc_collection_update_one(collection_in(ctx, self, c), filter, update, NULL, &reply, &error);
    int64_t matched = good ? count_in(&reply, "matchedCount") : 0;
    bson_destroy(&reply);
    enum code code = outcome(ctx, self, good, &error);
    if (code != OK || matched > 0)
        return code;
    if (expect == NULL)
        return docs_missing(ctx);
    code = get(ctx, self, c, p, id, &doc);
    return code != OK ? code : docs_changed(ctx);
}

static mongoc_find_and_modify_opts_t *add_opts(struct ctx *ctx, const struct collection *c, const char *field,
                                               int64_t by, int64_t t) {
    mongoc_find_and_modify_opts_t *opts = mongoc_find_and_modify_opts_new();
    bson_t inner, *update = bson_in(ctx), *fields = bson_in(ctx);
    bson_append_document_begin(update, "$inc", -1, &inner);
    bson_append_int64(&inner, field, -1, by);
    bson_append_document_end(update, &inner);
    if (t > 0) {
        bson_append_document_begin(update, "$setOnInsert", -1, &inner);
        bson_append_int64(&inner, "t", -1, t);
        append_expiry(&inner, c, t);
        bson_append_document_end(update, &inner);
    }
    bson_append_int32(fields, field, -1, 1);
    mongoc_find_and_modify_opts_set_update(opts, update);
    mongoc_find_and_modify_opts_set_fields(opts, fields);
    mongoc_find_and_modify_opts_set_flags(opts, MONGOC_FIND_AND_MODIFY_RETURN_NEW |
                                                    (t > 0 ? MONGOC_FIND_AND_MODIFY_UPSERT : 0));
    return opts;
}

/* The new value out of a findAndModify's reply; false when it found nothing. */
static bool value_in(const bson_t *reply, const char *field, int64_t *ret) {
    bson_iter_t it, value;
    if (!bson_iter_init_find(&it, reply, "value") || !BSON_ITER_HOLDS_DOCUMENT(&it) ||
        !bson_iter_recurse(&it, &value) || !bson_iter_find(&value, field))
        return false;
    *ret = bson_iter_as_int64(&value);
    return true;
}

static enum code add(struct ctx *ctx, void *self, const struct collection *c, int64_t p, const char *id,
                     const char *field, int64_t by, int64_t t, int64_t *ret_value) {
    mongoc_collection_t *m = collection_in(ctx, self, c);
    mongoc_find_and_modify_opts_t *opts = add_opts(ctx, c, field, by, t);
    bson_t *filter = one_of(ctx, p, id), reply;
    bson_error_t error;
    bool good = false, found = false;
    for (int i = 0; i < UPSERT_TRIES && !good; i++) {
        good = mongoc_collection_find_and_modify_with_opts(m, filter, opts, &reply, &error);
        found = good && value_in(&reply, field, ret_value);
        bson_destroy(&reply);
        if (!good && !is_taken(&error))
            break;
    }
    mongoc_find_and_modify_opts_destroy(opts);
    enum code code = outcome(ctx, self, good, &error);
    return code == OK && !found ? docs_missing(ctx) : code;
}

static enum code remove_one(struct ctx *ctx, void *self, const struct collection *c, int64_t p,
                            const char *id) {
    bson_error_t error;
    return outcome(
        ctx, self,
        mongoc_collection_delete_one(collection_in(ctx, self, c), one_of(ctx, p, id), NULL, NULL, &error),
        &error);
}

static enum code remove_all(struct ctx *ctx, void *self, const struct collection *c, int64_t p) {
    bson_error_t error;
    return outcome(
        ctx, self,
        mongoc_collection_delete_many(collection_in(ctx, self, c), all_of(ctx, p, NULL), NULL, NULL, &error),
        &error);
}

/* t < from.t, or the same t and _id < from.id (upwards: >); the first bound is there for the index. */
static void append_from(bson_t *filter, struct docs_place from) {
    const char *past = from.upwards ? "$gt" : "$lt";
    bson_t either, branch, bound;
    bson_append_document_begin(filter, "t", -1, &bound);
    bson_append_int64(&bound, from.upwards ? "$gte" : "$lte", -1, from.t);
    bson_append_document_end(filter, &bound);
    bson_append_array_begin(filter, "$or", -1, &either);
    bson_append_document_begin(&either, "0", -1, &branch);
    bson_append_document_begin(&branch, "t", -1, &bound);
    bson_append_int64(&bound, past, -1, from.t);
    bson_append_document_end(&branch, &bound);
    bson_append_document_end(&either, &branch);
    bson_append_document_begin(&either, "1", -1, &branch);
    bson_append_int64(&branch, "t", -1, from.t);
    bson_append_document_begin(&branch, "_id", -1, &bound);
    bson_append_utf8(&bound, past, -1, from.id, -1);
    bson_append_document_end(&branch, &bound);
    bson_append_document_end(&either, &branch);
    bson_append_array_end(filter, &either);
}

/* A condition on t stands beside the cursor's. */
static bson_t *list_filter(struct ctx *ctx, int64_t p, json_object *equal, struct docs_place from) {
    bson_t parts, part, *filter;
    if (from.id[0] == '\0')
        return all_of(ctx, p, equal);
    if (equal == NULL || !json_object_object_get_ex(equal, "t", NULL)) {
        filter = all_of(ctx, p, equal);
        append_from(filter, from);
        return filter;
    }
    filter = bson_in(ctx);
    bson_append_array_begin(filter, "$and", -1, &parts);
    bson_append_document(&parts, "0", -1, all_of(ctx, p, equal));
    bson_append_document_begin(&parts, "1", -1, &part);
    append_from(&part, from);
    bson_append_document_end(&parts, &part);
    bson_append_array_end(filter, &parts);
    return filter;
}

static enum code list(struct ctx *ctx, void *self, const struct collection *c, int64_t p, json_object *equal,
                      struct docs_place from, size_t limit, json_object **docs, size_t *ret_n) {
    bson_t sort, *opts = bson_in(ctx);
    bson_append_document_begin(opts, "sort", -1, &sort);
    bson_append_int32(&sort, "t", -1, from.upwards ? 1 : -1);
    bson_append_int32(&sort, "_id", -1, from.upwards ? 1 : -1);
    bson_append_document_end(opts, &sort);
    bson_append_int64(opts, "limit", -1, (int64_t)limit);
    return find(ctx, self, c, list_filter(ctx, p, equal, from), opts, docs, limit, ret_n);
}

static enum code count(struct ctx *ctx, void *self, const struct collection *c, int64_t p, json_object *equal,
                       int64_t *ret_n) {
    bson_error_t error;
    int64_t n = mongoc_collection_count_documents(collection_in(ctx, self, c), all_of(ctx, p, equal), NULL,
                                                  NULL, NULL, &error);
    *ret_n = n > 0 ? n : 0;
    return outcome(ctx, self, n >= 0, &error);
}

/* The server's TTL index does it. */
static enum code expire(struct ctx *ctx, void *self, const struct collection *c, int64_t before_ms,
                        int64_t *ret_n) {
    (void)ctx, (void)self, (void)c, (void)before_ms;
    *ret_n = 0;
    return OK;
}

const struct docs_engine docs_mongo_engine = {close_mongo, ping, prepare, insert, insert_many,
                                              get,         put,  set,     add,    remove_one,
                                              remove_all,  list, count,   expire};
