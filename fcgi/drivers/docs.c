/* Documents: what both engines have in common. Whatever could be told apart by the engine is refused here. */
#include "fcgi/drivers/docs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/text.h"
#include "fcgi/drivers/docs_engine.h"

#define DEPTH_MAX 16
#define ID_MAX_BYTES 200
#define FIELD_MAX 40
#define PAGE_MAX 1000
#define WHOLE_MAX \
    9.2e18 /* PostgreSQL writes a larger one as a whole number, which would come back as another */
#define DAY_MS INT64_C(86400000)

struct docs {
    const struct docs_engine *engine;
    void *self;
};

struct docs *docs_open(const char *engine, const char *conninfo, const char *secret, int timeout_ms) {
    struct docs *d = calloc(1, sizeof(*d));
    if (d == NULL)
        return NULL;
    if (strncmp(engine, "mongodb://", 10) == 0) {
        d->engine = &docs_mongo_engine;
        d->self = docs_mongo_open(engine, timeout_ms);
    } else if (strcmp(engine, "postgresql") == 0) {
        d->engine = &docs_pg_engine;
        d->self = docs_pg_open(conninfo, secret, timeout_ms);
    }
    if (d->self == NULL) {
        free(d);
        return NULL;
    }
    return d;
}

void docs_close(struct docs *d) {
    if (d == NULL)
        return;
    d->engine->close(d->self);
    free(d);
}

enum code docs_taken(struct ctx *ctx) { return fail(ctx, EXISTS, "That exists already."); }
enum code docs_missing(struct ctx *ctx) {
    return fail(ctx, NOT_FOUND, "That does not exist, or not any more.");
}
enum code docs_changed(struct ctx *ctx) {
    return fail(ctx, ABORTED, "Somebody else changed this at the same moment. Please try again.");
}

static void put_doc(void *doc) { json_object_put(doc); }

json_object *docs_keep(struct ctx *ctx, json_object *doc) {
    arena_defer(ctx->arena, put_doc, doc);
    return doc;
}

/* What may come in. */

static enum code refused(struct ctx *ctx, const char *what) {
    return fail_detail(ctx, INVALID, "Some of what was sent cannot be stored.", "documents: %s", what);
}

/* Lower case letters, digits and '_', beginning with a letter, as columns of an index are; and _id. */
static bool is_field(const char *s) {
    size_t n = 0;
    if (strcmp(s, "_id") == 0)
        return true;
    for (; s[n] != '\0'; n++)
        if (!((s[n] >= 'a' && s[n] <= 'z') || (n > 0 && ((s[n] >= '0' && s[n] <= '9') || s[n] == '_'))))
            return false;
    return n >= 1 && n <= FIELD_MAX;
}

/* Below the top any name goes that neither engine takes for more than a name. */
static bool is_inner_field(const char *s) {
    return *s != '\0' && *s != '$' && strchr(s, '.') == NULL && text_utf8_valid(s, strlen(s));
}

static bool is_storable(json_object *v, int depth) {
    switch (json_object_get_type(v)) {
    case json_type_string:
        return text_utf8_valid(json_object_get_string(v), (size_t)json_object_get_string_len(v));
    case json_type_double:
        return fabs(json_object_get_double(v)) < WHOLE_MAX;
    case json_type_int:
        return json_object_get_int64(v) != INT64_MAX || json_object_get_uint64(v) == INT64_MAX;
    case json_type_object: {
        json_object_object_foreach(v, key, inner) if (!is_inner_field(key) || depth >= DEPTH_MAX ||
                                                      !is_storable(inner, depth + 1)) return false;
        return true;
    }
    case json_type_array:
        for (size_t i = 0; i < json_object_array_length(v); i++)
            if (depth >= DEPTH_MAX || !is_storable(json_object_array_get_idx(v, i), depth + 1))
                return false;
        return true;
    default:
        return true;
    }
}

static bool is_int(json_object *v) { return json_object_is_type(v, json_type_int); }

static bool is_id(const char *s) { return s[0] != '\0' && strlen(s) <= ID_MAX_BYTES; }

static enum code check_fields(struct ctx *ctx, json_object *fields) {
    if (!json_object_is_type(fields, json_type_object))
        return refused(ctx, "not an object");
    json_object_object_foreach(fields, key,
                               value) if (!is_field(key) || !is_storable(value, 1)) return refused(ctx, key);
    json_object *t;
    if (json_object_object_get_ex(fields, "t", &t) && !is_int(t))
        return refused(ctx, "t is no integer");
    return OK;
}

static enum code check_doc(struct ctx *ctx, json_object *doc) {
    enum code code = check_fields(ctx, doc);
    if (code != OK)
        return code;
    json_object *id = json_object_object_get(doc, "_id");
    if (!json_object_is_type(id, json_type_string) || !is_id(json_object_get_string(id)))
        return refused(ctx, "_id is no string of 1 to 200 bytes");
    if (!is_int(json_object_object_get(doc, "p")) || !is_int(json_object_object_get(doc, "t")))
        return refused(ctx, "p or t is no integer");
    return OK;
}

/* Fields to set: all but what a document is found by. */
static enum code check_set(struct ctx *ctx, json_object *fields) {
    enum code code = check_fields(ctx, fields);
    if (code == OK &&
        (json_object_object_get_ex(fields, "_id", NULL) || json_object_object_get_ex(fields, "p", NULL)))
        return refused(ctx, "_id and p never change");
    return code;
}

/* Fields to compare: plain values only. The engines differ in what equal arrays and objects are. */
static enum code check_equal(struct ctx *ctx, json_object *equal, bool null_too) {
    if (equal == NULL)
        return OK;
    enum code code = check_fields(ctx, equal);
    if (code != OK)
        return code;
    if (json_object_object_length(equal) > DOCS_EQUAL_MAX)
        return refused(ctx, "too many conditions");
    json_object_object_foreach(
        equal, key, value) if (json_object_is_type(value, json_type_object) ||
                               json_object_is_type(value, json_type_array) || (value == NULL && !null_too) ||
                               strcmp(key, "_id") == 0 || strcmp(key, "p") == 0) return refused(ctx, key);
    return OK;
}

/* The operations. */

enum code docs_prepare(struct ctx *ctx, struct docs *d, const struct collection *collections) {
    for (const struct collection *c = collections; c->name != NULL; c++) {
        enum code code = d->engine->prepare(ctx, d->self, c);
        if (code != OK)
            return code;
    }
    return OK;
}

enum code docs_ping(struct ctx *ctx, struct docs *d) { return d->engine->ping(ctx, d->self); }

enum code docs_insert(struct ctx *ctx, struct docs *d, const struct collection *c, json_object *doc) {
    enum code code = check_doc(ctx, doc);
    return code != OK ? code : d->engine->insert(ctx, d->self, c, doc);
}

enum code docs_insert_many(struct ctx *ctx, struct docs *d, const struct collection *c,
                           json_object *const *docs, size_t n) {
    for (size_t i = 0; i < n; i++) {
        enum code code = check_doc(ctx, docs[i]);
        if (code != OK)
            return code;
    }
    return n == 0 ? OK : d->engine->insert_many(ctx, d->self, c, docs, n);
}

enum code docs_get(struct ctx *ctx, struct docs *d, const struct collection *c, int64_t p, const char *id,
                   json_object **ret_doc) {
    return d->engine->get(ctx, d->self, c, p, id, ret_doc);
}

enum code docs_put(struct ctx *ctx, struct docs *d, const struct collection *c, json_object *doc) {
    enum code code = check_doc(ctx, doc);
    return code != OK ? code : d->engine->put(ctx, d->self, c, doc);
}

enum code docs_set(struct ctx *ctx, struct docs *d, const struct collection *c, int64_t p, const char *id,
                   json_object *fields) {
    enum code code = check_set(ctx, fields);
    return code != OK ? code : d->engine->set(ctx, d->self, c, p, id, NULL, fields);
}

enum code docs_set_if(struct ctx *ctx, struct docs *d, const struct collection *c, int64_t p, const char *id,
                      json_object *expect, json_object *fields) {
    enum code code = check_set(ctx, fields);
    if (code == OK)
        code = check_equal(ctx, expect, true);
    return code != OK ? code : d->engine->set(ctx, d->self, c, p, id, expect, fields);
}

enum code docs_add(struct ctx *ctx, struct docs *d, const struct collection *c, int64_t p, const char *id,
                   const char *field, int64_t by, int64_t t, int64_t *ret_value) {
    int64_t value = 0;
    if (!is_field(field) || strcmp(field, "_id") == 0 || strcmp(field, "p") == 0 || strcmp(field, "t") == 0)
        return refused(ctx, field);
    if (!is_id(id))
        return refused(ctx, "_id is no string of 1 to 200 bytes");
    enum code code = d->engine->add(ctx, d->self, c, p, id, field, by, t, &value);
    if (code == OK && ret_value != NULL)
        *ret_value = value;
    return code;
}

enum code docs_remove(struct ctx *ctx, struct docs *d, const struct collection *c, int64_t p,
                      const char *id) {
    return d->engine->remove(ctx, d->self, c, p, id);
}

enum code docs_remove_all(struct ctx *ctx, struct docs *d, const struct collection *c, int64_t p) {
    return d->engine->remove_all(ctx, d->self, c, p);
}

/* A cursor is "<t>.<_id>". */
static bool parse_place(struct doc_from from, struct docs_place *ret) {
    bool upwards = from.after != NULL && *from.after != '\0';
    const char *s = upwards ? from.after : from.before;
    char *end;
    *ret = (struct docs_place){INT64_MAX, "", upwards};
    if (s == NULL || *s == '\0')
        return true;
    if ((*s < '0' || *s > '9') && *s != '-')
        return false;
    ret->t = strtoll(s, &end, 10);
    ret->id = end + 1;
    return *end == '.' && is_id(ret->id) && text_utf8_valid(ret->id, strlen(ret->id));
}

static const char *place_of(struct ctx *ctx, json_object *doc) {
    return arena_printf(ctx->arena, "%lld.%s",
                        (long long)json_object_get_int64(json_object_object_get(doc, "t")),
                        json_object_get_string(json_object_object_get(doc, "_id")));
}

static void reverse(json_object **docs, size_t n) {
    for (size_t i = 0; i < n / 2; i++) {
        json_object *one = docs[i];
        docs[i] = docs[n - 1 - i];
        docs[n - 1 - i] = one;
    }
}

/* Makes a page of what an engine found from a place on, up to one more than `limit`: that one tells that the
 * list goes on. On the side that the walk came from there is something, unless it came from the top. */
static struct doc_page page_of(struct ctx *ctx, struct docs_place from, json_object **docs, size_t n,
                               size_t limit) {
    bool goes_on = n > limit, came = from.upwards || *from.id != '\0';
    struct doc_page page = {.docs = docs, .n = goes_on ? limit : n, .next = "", .prev = ""};
    if (page.n == 0)
        return page;
    if (from.upwards)
        reverse(docs, page.n);
    if (from.upwards ? came : goes_on)
        page.next = place_of(ctx, docs[page.n - 1]);
    if (from.upwards ? goes_on : came)
        page.prev = place_of(ctx, docs[0]);
    return page;
}

enum code docs_list(struct ctx *ctx, struct docs *d, const struct collection *c, int64_t p,
                    json_object *equal, struct doc_from from, size_t limit, struct doc_page *ret_page) {
    struct docs_place place;
    enum code code = check_equal(ctx, equal, false);
    if (code != OK)
        return code;
    if (!parse_place(from, &place))
        return refused(ctx, "not a cursor of a list of documents");
    if (limit < 1 || limit > PAGE_MAX)
        limit = limit < 1 ? 1 : PAGE_MAX;
    json_object **docs = arena_many(ctx->arena, json_object *, limit + 1);
    size_t n = 0;
    code = d->engine->list(ctx, d->self, c, p, equal, place, limit + 1, docs, &n);
    if (code != OK)
        return code;
    *ret_page = page_of(ctx, place, docs, n, limit);
    return OK;
}

enum code docs_count(struct ctx *ctx, struct docs *d, const struct collection *c, int64_t p,
                     json_object *equal, int64_t *ret_n) {
    enum code code = check_equal(ctx, equal, false);
    return code != OK ? code : d->engine->count(ctx, d->self, c, p, equal, ret_n);
}

enum code docs_expire(struct ctx *ctx, struct docs *d, const struct collection *c, int64_t now_ms,
                      int64_t *ret_n) {
    *ret_n = 0;
    if (c->expire_days <= 0)
        return OK;
    return d->engine->expire(ctx, d->self, c, now_ms - c->expire_days * DAY_MS, ret_n);
}

/* ---- Making documents ---- */

static void put_object(void *o) { json_object_put(o); }

json_object *docs_new(struct ctx *ctx) {
    json_object *o = json_object_new_object();
    arena_defer(ctx->arena, put_object, o);
    return o;
}

void docs_put_text(json_object *doc, const char *name, const char *s) {
    json_object_object_add(doc, name, json_object_new_string(s));
}

void docs_put_int(json_object *doc, const char *name, int64_t v) {
    json_object_object_add(doc, name, json_object_new_int64(v));
}

const char *docs_text(struct ctx *ctx, json_object *doc, const char *name) {
    json_object *v;
    return json_object_object_get_ex(doc, name, &v) ? arena_strdup(ctx->arena, json_object_get_string(v))
                                                    : "";
}

int64_t docs_int(json_object *doc, const char *name) {
    json_object *v;
    return json_object_object_get_ex(doc, name, &v) ? json_object_get_int64(v) : 0;
}

double docs_real(json_object *doc, const char *name) {
    json_object *v;
    return json_object_object_get_ex(doc, name, &v) ? json_object_get_double(v) : 0;
}
