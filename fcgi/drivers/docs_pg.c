/* Documents in PostgreSQL: a table of JSONB a collection, see sql/migrations/0002_documents.sql. The
 * statements about a collection are made there, by docs.statement(); here they are asked for once and
 * prepared when first used. */
#include <stdlib.h>
#include <string.h>

#include "fcgi/drivers/docs_engine.h"
#include "fcgi/drivers/pg.h"
#include "gen/queries.h"

#define EXPIRE_ROUNDS 100

/* A statement about a collection, with the fields that must be equal. */
struct shape {
    const struct collection *collection;
    const char *op;
    char *fields; /* "kind,actor", in the order of its parameters */
    struct query query;
    char name[40];
    struct shape *next;
};

struct docs_pg {
    struct pg *db;
    struct shape *shapes;
    unsigned n_shapes;
};

void *docs_pg_open(const char *conninfo, const char *secret, int timeout_ms) {
    struct docs_pg *d = calloc(1, sizeof(*d));
    if (d == NULL)
        return NULL;
    d->db = pg_open(conninfo, "deeplink_docs", secret, queries_docs, timeout_ms);
    if (d->db == NULL) {
        free(d);
        return NULL;
    }
    return d;
}

static void close_pg(void *self) {
    struct docs_pg *d = self;
    pg_close(d->db);
    while (d->shapes != NULL) {
        struct shape *s = d->shapes;
        d->shapes = s->next;
        free((char *)s->query.sql);
        free(s->fields);
        free(s);
    }
    free(d);
}

static enum code no_memory(struct ctx *ctx) {
    return fail_detail(ctx, INTERNAL, "Something went wrong on our side.", "documents: no memory");
}

/* Names of the fields of `equal` as an array and as one text. */
struct names {
    const char *each[DOCS_EQUAL_MAX];
    size_t n;
    const char *joined;
};

static struct names names_of(struct ctx *ctx, json_object *equal) {
    struct names names = {.joined = ""};
    if (equal == NULL)
        return names;
    json_object_object_foreach(equal, key, value) {
        (void)value;
        names.joined = arena_printf(ctx->arena, "%s%s,", names.joined, key);
        names.each[names.n++] = key;
    }
    return names;
}

static struct shape *shape_new(struct docs_pg *d, const struct collection *c, const char *op,
                               const struct names *names, const char *sql) {
    struct shape *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return NULL;
    s->fields = strdup(names->joined);
    s->query = (struct query){s->name, strdup(sql), ROWS_MANY};
    snprintf(s->name, sizeof(s->name), "docs_%s_%u", op, d->n_shapes + 1);
    s->collection = c;
    s->op = op;
    if (s->fields == NULL || s->query.sql == NULL || !pg_add_query(d->db, &s->query)) {
        free(s->fields);
        free((char *)s->query.sql);
        free(s);
        return NULL;
    }
    d->n_shapes++;
    s->next = d->shapes;
    d->shapes = s;
    return s;
}

/* The statement as something to run; op is a constant. */
static enum code shape_of(struct ctx *ctx, struct docs_pg *d, const struct collection *c, const char *op,
                          json_object *equal, const struct query **ret) {
    struct names names = names_of(ctx, equal);
    for (struct shape *s = d->shapes; s != NULL; s = s->next)
        if (s->collection == c && strcmp(s->op, op) == 0 && strcmp(s->fields, names.joined) == 0) {
            *ret = &s->query;
            return OK;
        }
    PGresult *row;
    enum code code = pg_run(ctx, d->db, &Q_DOCS_STATEMENT, &row, pg_text(op), pg_text(c->name),
                            pg_texts(names.each, names.n));
    if (code != OK)
        return code;
    struct shape *s = shape_new(d, c, op, &names, pg_get_str(row, 0, 0));
    if (s == NULL)
        return no_memory(ctx);
    *ret = &s->query;
    return OK;
}

static enum code run(struct ctx *ctx, void *self, const struct collection *c, const char *op,
                     json_object *equal, PGresult **ret, const struct pg_val *vals, size_t n) {
    struct docs_pg *d = self;
    const struct query *q = NULL;
    enum code code = shape_of(ctx, d, c, op, equal, &q);
    return code != OK ? code : pg_run_vals(ctx, d->db, q, ret, vals, n);
}

#define RUN(op, ret, ...)                                                      \
    run(ctx, self, c, (op), NULL, (ret), (const struct pg_val[]){__VA_ARGS__}, \
        sizeof((const struct pg_val[]){__VA_ARGS__}) / sizeof(struct pg_val))

static struct pg_val json_val(json_object *v) {
    return pg_text(json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN));
}

static enum code parse(struct ctx *ctx, const PGresult *rows, int row, json_object **ret) {
    json_object *doc = json_tokener_parse(pg_get_str(rows, row, 0));
    if (doc == NULL)
        return fail_detail(ctx, DATA_LOSS, "Something went wrong on our side.", "documents: not JSON");
    *ret = docs_keep(ctx, doc);
    return OK;
}

static enum code ping(struct ctx *ctx, void *self) {
    return pg_run(ctx, ((struct docs_pg *)self)->db, &Q_DOCS_READY, NULL);
}

static enum code prepare(struct ctx *ctx, void *self, const struct collection *c) {
    const char *indexes[4];
    size_t n = 0;
    while (n < 4 && c->indexes[n].fields != NULL && c->indexes[n].fields[0] != '\0') {
        indexes[n] = c->indexes[n].fields;
        n++;
    }
    return pg_run(ctx, ((struct docs_pg *)self)->db, &Q_DOCS_ENSURE_COLLECTION, NULL, pg_text(c->name),
                  pg_bool(c->expire_days > 0), pg_texts(indexes, n));
}

static enum code insert(struct ctx *ctx, void *self, const struct collection *c, json_object *doc) {
    return RUN("insert", NULL, json_val(doc));
}

static enum code insert_many(struct ctx *ctx, void *self, const struct collection *c,
                             json_object *const *docs, size_t n) {
    const char **texts = arena_many(ctx->arena, const char *, n);
    for (size_t i = 0; i < n; i++)
        texts[i] = json_object_to_json_string_ext(docs[i], JSON_C_TO_STRING_PLAIN);
    return RUN("insert_many", NULL, pg_texts(texts, n));
}

static enum code get(struct ctx *ctx, void *self, const struct collection *c, int64_t p, const char *id,
                     json_object **ret_doc) {
    PGresult *rows;
    enum code code = RUN("get", &rows, pg_i8(p), pg_text(id));
    if (code != OK)
        return code;
    return PQntuples(rows) == 0 ? docs_missing(ctx) : parse(ctx, rows, 0, ret_doc);
}

static enum code put(struct ctx *ctx, void *self, const struct collection *c, json_object *doc) {
    PGresult *done;
    enum code code = RUN("put", &done, json_val(doc));
    if (code != OK)
        return code;
    return pg_affected(done) == 0 ? docs_taken(ctx) : OK; /* by another partition */
}

static enum code set(struct ctx *ctx, void *self, const struct collection *c, int64_t p, const char *id,
                     json_object *expect, json_object *fields) {
    PGresult *done;
    json_object *doc;
    enum code code = expect == NULL
                         ? RUN("set", &done, pg_i8(p), pg_text(id), json_val(fields))
                         : RUN("set_if", &done, pg_i8(p), pg_text(id), json_val(fields), json_val(expect));
    if (code != OK)
        return code;
    if (pg_affected(done) > 0)
        return OK;
    if (expect == NULL)
        return docs_missing(ctx);
    code = get(ctx, self, c, p, id, &doc);
    return code != OK ? code : docs_changed(ctx);
}

static enum code add(struct ctx *ctx, void *self, const struct collection *c, int64_t p, const char *id,
                     const char *field, int64_t by, int64_t t, int64_t *ret_value) {
    PGresult *row;
    enum code code =
        t > 0 ? RUN("add_or_create", &row, pg_i8(p), pg_text(id), pg_text(field), pg_i8(by), pg_i8(t))
              : RUN("add", &row, pg_i8(p), pg_text(id), pg_text(field), pg_i8(by));
    if (code != OK)
        return code;
    if (PQntuples(row) == 0)
        return t > 0 ? docs_taken(ctx) : docs_missing(ctx);
    *ret_value = pg_get_int(row, 0, 0);
    return OK;
}

static enum code remove_one(struct ctx *ctx, void *self, const struct collection *c, int64_t p,
                            const char *id) {
    return RUN("remove", NULL, pg_i8(p), pg_text(id));
}

static enum code remove_all(struct ctx *ctx, void *self, const struct collection *c, int64_t p) {
    return RUN("remove_all", NULL, pg_i8(p));
}

/* The values of `equal` after the others. t is a column, all else is compared as JSON. */
static size_t add_equal(json_object *equal, struct pg_val *vals, size_t n) {
    if (equal == NULL)
        return n;
    json_object_object_foreach(equal, key, value) vals[n++] =
        strcmp(key, "t") == 0 ? pg_i8(json_object_get_int64(value)) : json_val(value);
    return n;
}

static enum code list(struct ctx *ctx, void *self, const struct collection *c, int64_t p, json_object *equal,
                      struct docs_place from, size_t limit, json_object **docs, size_t *ret_n) {
    struct pg_val vals[4 + DOCS_EQUAL_MAX] = {pg_i8(p), pg_i8(from.t), pg_text(from.id),
                                              pg_i8((int64_t)limit)};
    PGresult *rows;
    enum code code =
        run(ctx, self, c, from.upwards ? "list_up" : "list", equal, &rows, vals, add_equal(equal, vals, 4));
    if (code != OK)
        return code;
    *ret_n = (size_t)PQntuples(rows);
    for (int i = 0; i < PQntuples(rows) && code == OK; i++)
        code = parse(ctx, rows, i, &docs[i]);
    return code;
}

static enum code count(struct ctx *ctx, void *self, const struct collection *c, int64_t p, json_object *equal,
                       int64_t *ret_n) {
    struct pg_val vals[1 + DOCS_EQUAL_MAX] = {pg_i8(p)};
    PGresult *row;
    enum code code = run(ctx, self, c, "count", equal, &row, vals, add_equal(equal, vals, 1));
    if (code == OK)
        *ret_n = pg_get_int(row, 0, 0);
    return code;
}

static enum code expire(struct ctx *ctx, void *self, const struct collection *c, int64_t before_ms,
                        int64_t *ret_n) {
    for (int i = 0; i < EXPIRE_ROUNDS; i++) {
        PGresult *done;
        enum code code = RUN("expire", &done, pg_i8(before_ms));
        if (code != OK)
            return code;
        *ret_n += pg_affected(done);
        if (pg_affected(done) < 1000)
            return OK;
    }
    return OK;
}

const struct docs_engine docs_pg_engine = {close_pg,   ping, prepare, insert, insert_many,
                                           get,        put,  set,     add,    remove_one,
                                           remove_all, list, count,   expire};
