/* Values to and from PostgreSQL's binary formats (src/backend/utils/adt/<type>.c, …send and …recv). */
#include "fcgi/drivers/pg_wire.h"

#include <endian.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Object ids of types, fixed for ever in pg_type.dat. */
enum {
    T_BOOL = 16,
    T_BYTEA = 17,
    T_INT8 = 20,
    T_INT2 = 21,
    T_INT4 = 23,
    T_TEXT = 25,
    T_OID = 26,
    T_INT2_ARRAY = 1005,
    T_INT4_ARRAY = 1007,
    T_TEXT_ARRAY = 1009,
    T_VARCHAR_ARRAY = 1015,
    T_INT8_ARRAY = 1016,
    T_VARCHAR = 1043,
    T_TIMESTAMP = 1114,
    T_TIMESTAMPTZ = 1184,
    T_JSONB = 3802,
    T_XID8 = 5069
};

#define PG_EPOCH_MS INT64_C(946684800000) /* 2000-01-01T00:00:00Z */

static void put32(char *p, uint32_t v) {
    v = htobe32(v);
    memcpy(p, &v, 4);
}

static void put64(char *p, uint64_t v) {
    v = htobe64(v);
    memcpy(p, &v, 8);
}

static uint16_t get16(const char *p) {
    uint16_t v;
    memcpy(&v, p, 2);
    return be16toh(v);
}

static uint32_t get32(const char *p) {
    uint32_t v;
    memcpy(&v, p, 4);
    return be32toh(v);
}

static uint64_t get64(const char *p) {
    uint64_t v;
    memcpy(&v, p, 8);
    return be64toh(v);
}

/* Parameters. */

struct pg_val pg_text(const char *s) {
    return s == NULL ? pg_null() : (struct pg_val){PG_TEXT, 0, s, strlen(s)};
}

struct pg_val pg_text_or_null(const char *s) {
    return s == NULL || *s == '\0' ? pg_null() : pg_text(s);
}

static void set(struct pg_params *to, size_t i, const char *p, size_t n, int format) {
    to->values[i] = p;
    to->lengths[i] = (int)n;
    to->formats[i] = format;
}

/* A whole number as wide as the server takes it; as text where it takes something else (numeric, text …). */
static bool fill_int(struct pg_params *to, size_t i, int64_t v, Oid type) {
    char *room = to->room[i];
    switch (type) {
    case T_INT8:
    case T_XID8:
        put64(room, (uint64_t)v);
        set(to, i, room, 8, 1);
        return true;
    case T_INT4:
        put32(room, (uint32_t)v);
        set(to, i, room, 4, 1);
        return v >= INT32_MIN && v <= INT32_MAX;
    case T_OID:
        put32(room, (uint32_t)v);
        set(to, i, room, 4, 1);
        return v >= 0 && v <= UINT32_MAX;
    case T_INT2:
        put32(room, (uint32_t)v << 16);
        set(to, i, room, 2, 1);
        return v >= INT16_MIN && v <= INT16_MAX;
    default:
        set(to, i, room, (size_t)snprintf(room, sizeof(to->room[i]), "%lld", (long long)v), 0);
        return true;
    }
}

static void fill_bool(struct pg_params *to, size_t i, bool v, Oid type) {
    to->room[i][0] = type == T_BOOL ? (char)v : v ? 't' : 'f';
    to->room[i][1] = '\0';
    set(to, i, to->room[i], 1, type == T_BOOL);
}

static bool fill_time(struct pg_params *to, size_t i, int64_t unix_ms, Oid type) {
    int64_t us;
    if ((type != T_TIMESTAMPTZ && type != T_TIMESTAMP) ||
        __builtin_mul_overflow(unix_ms - PG_EPOCH_MS, 1000, &us))
        return false;
    put64(to->room[i], (uint64_t)us);
    set(to, i, to->room[i], 8, 1);
    return true;
}

/* Head of an array of one dimension: 20 bytes, or 12 for an empty one. */
static size_t array_head(char *p, size_t n, Oid element) {
    put32(p, n > 0);
    put32(p + 4, 0);
    put32(p + 8, element);
    if (n == 0)
        return 12;
    put32(p + 12, (uint32_t)n);
    put32(p + 16, 1);
    return 20;
}

static bool fill_ids(struct ctx *ctx, struct pg_params *to, size_t i, const struct pg_val *v, Oid type) {
    bool narrow = type == T_INT4_ARRAY;
    size_t width = narrow ? 4 : 8;
    const int64_t *ids = v->p;
    if ((type != T_INT8_ARRAY && !narrow) || v->n > (size_t)INT_MAX / 16)
        return false;
    char *p = arena_alloc(ctx->arena, 20 + v->n * (4 + width));
    size_t at = array_head(p, v->n, narrow ? T_INT4 : T_INT8);
    for (size_t k = 0; k < v->n; k++) {
        put32(p + at, (uint32_t)width);
        if (narrow && (ids[k] < INT32_MIN || ids[k] > INT32_MAX))
            return false;
        if (narrow)
            put32(p + at + 4, (uint32_t)ids[k]);
        else
            put64(p + at + 4, (uint64_t)ids[k]);
        at += 4 + width;
    }
    set(to, i, p, at, 1);
    return true;
}

static bool fill_texts(struct ctx *ctx, struct pg_params *to, size_t i, const struct pg_val *v, Oid type) {
    const char *const *texts = v->p;
    size_t bytes = 20;
    if (type != T_TEXT_ARRAY && type != T_VARCHAR_ARRAY)
        return false;
    for (size_t k = 0; k < v->n; k++)
        bytes += 4 + (texts[k] != NULL ? strlen(texts[k]) : 0);
    if (bytes > INT_MAX)
        return false;
    char *p = arena_alloc(ctx->arena, bytes);
    size_t at = array_head(p, v->n, type == T_TEXT_ARRAY ? T_TEXT : T_VARCHAR);
    for (size_t k = 0; k < v->n; k++) {
        size_t n = texts[k] != NULL ? strlen(texts[k]) : 0;
        put32(p + at, texts[k] != NULL ? (uint32_t)n : UINT32_MAX);
        if (n > 0)
            memcpy(p + at + 4, texts[k], n);
        at += 4 + n;
        if (texts[k] == NULL)
            put32(p + 4, 1); /* has NULLs */
    }
    set(to, i, p, at, 1);
    return true;
}

static bool fill_one(struct ctx *ctx, struct pg_params *to, size_t i, const struct pg_val *v, Oid type) {
    switch (v->kind) {
    case PG_NULL:
        set(to, i, NULL, 0, 0);
        return true;
    case PG_INT8:
    case PG_INT4:
        return fill_int(to, i, v->i, type);
    case PG_BOOL:
        fill_bool(to, i, v->i != 0, type);
        return true;
    case PG_TEXT: /* as text whatever the type: the server reads it as it would a literal (jsonb, inet …) */
        set(to, i, v->p, v->n, 0);
        return v->n <= INT_MAX;
    case PG_BYTES:
        set(to, i, v->p != NULL ? v->p : "", v->n, 1);
        return v->n <= INT_MAX;
    case PG_INT8_ARRAY:
        return fill_ids(ctx, to, i, v, type);
    case PG_TEXT_ARRAY:
        return fill_texts(ctx, to, i, v, type);
    case PG_TIME:
        return fill_time(to, i, v->i, type);
    }
    return false;
}

bool pg_params_fill(struct ctx *ctx, struct pg_params *to, const struct pg_val *vals, size_t n,
                    const Oid *types, size_t *ret_bad) {
    to->n = (int)n;
    for (size_t i = 0; i < n; i++)
        if (!fill_one(ctx, to, i, &vals[i], types[i])) {
            *ret_bad = i;
            return false;
        }
    return true;
}

/* Results. */

int64_t pg_get_int(const PGresult *r, int row, int col) {
    const char *p = PQgetvalue(r, row, col);
    switch (PQgetlength(r, row, col)) { /* 0 when NULL */
    case 8:
        return (int64_t)get64(p);
    case 4:
        return (int32_t)get32(p);
    case 2:
        return (int16_t)get16(p);
    default:
        return 0;
    }
}

const char *pg_get_str(const PGresult *r, int row, int col) {
    const char *p = PQgetvalue(r, row, col);
    return PQftype(r, col) == T_JSONB && PQgetlength(r, row, col) > 0 ? p + 1
                                                                      : p; /* jsonb: after its version */
}

bool pg_get_bool(const PGresult *r, int row, int col) {
    return PQgetlength(r, row, col) == 1 && PQgetvalue(r, row, col)[0] != 0;
}

int64_t pg_get_time(const PGresult *r, int row, int col) {
    if (PQgetlength(r, row, col) != 8)
        return 0;
    int64_t us = (int64_t)get64(PQgetvalue(r, row, col)), ms = us / 1000;
    return ms - (us % 1000 < 0) + PG_EPOCH_MS;
}

const void *pg_get_bytes(const PGresult *r, int row, int col, size_t *ret_n) {
    *ret_n = (size_t)PQgetlength(r, row, col);
    return PQgetvalue(r, row, col);
}

bool pg_is_null(const PGresult *r, int row, int col) { return PQgetisnull(r, row, col); }

int64_t pg_affected(const PGresult *r) {
    int64_t n = 0;
    for (const char *p = PQcmdTuples((PGresult *)r); *p >= '0' && *p <= '9'; p++)
        n = n * 10 + (*p - '0');
    return n;
}

/* Elements of an array of one dimension; *ret_p stands before the first. */
static size_t array_open(const PGresult *r, int row, int col, const char **ret_p) {
    const char *p = PQgetvalue(r, row, col);
    if (PQgetlength(r, row, col) < 20 || get32(p) != 1)
        return 0;
    *ret_p = p + 20;
    return get32(p + 12);
}

size_t pg_get_ids(struct ctx *ctx, const PGresult *r, int row, int col, int64_t **ret_ids) {
    const char *p = NULL;
    size_t n = array_open(r, row, col, &p);
    int64_t *ids = arena_alloc(ctx->arena, n * sizeof(*ids));
    for (size_t i = 0; i < n; i++) {
        int32_t width = (int32_t)get32(p);
        ids[i] = width == 8   ? (int64_t)get64(p + 4)
                 : width == 4 ? (int32_t)get32(p + 4)
                 : width == 2 ? (int16_t)get16(p + 4)
                              : 0;
        p += 4 + (width > 0 ? width : 0);
    }
    *ret_ids = ids;
    return n;
}

size_t pg_get_texts(struct ctx *ctx, const PGresult *r, int row, int col, const char ***ret_texts) {
    const char *p = NULL;
    size_t n = array_open(r, row, col, &p);
    const char **texts = arena_alloc(ctx->arena, n * sizeof(*texts));
    for (size_t i = 0; i < n; i++) {
        int32_t width = (int32_t)get32(p);
        texts[i] = arena_strndup(ctx->arena, p + 4, width > 0 ? (size_t)width : 0);
        p += 4 + (width > 0 ? width : 0);
    }
    *ret_texts = texts;
    return n;
}

struct pg_params *pg_params_copy(const struct pg_params *p) {
    struct pg_params *copy;
    size_t size = sizeof *copy;
    for (int i = 0; i < p->n; i++)
        size += p->values[i] != NULL ? (size_t)p->lengths[i] : 0;
    if ((copy = malloc(size)) == NULL)
        return NULL;
    char *to = (char *)(copy + 1);
    memcpy(copy, p, sizeof *copy);
    for (int i = 0; i < p->n; i++) {
        if (p->values[i] == NULL)
            continue;
        copy->values[i] = memcpy(to, p->values[i], (size_t)p->lengths[i]);
        to += p->lengths[i];
    }
    return copy;
}

bool pg_params_same(const struct pg_params *a, const struct pg_params *b) {
    bool same = a->n == b->n;
    for (int i = 0; i < a->n && same; i++)
        same = (a->values[i] == NULL) == (b->values[i] == NULL) && a->lengths[i] == b->lengths[i] &&
               (a->values[i] == NULL || memcmp(a->values[i], b->values[i], (size_t)a->lengths[i]) == 0);
    return same;
}
