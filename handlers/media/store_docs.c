/* The documents of media, and what is shown of one: its row and its document together. */
#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/id.h"
#include "handlers/media/store.h"

/* Partition = the owner, _id = the medium's. */
const struct collection media_collections[] = {{"media", 0, {{0}}}, {0}};
#define MEDIA (&media_collections[0])

enum code media_store_doc(struct ctx *ctx, const struct media_row *row, json_object **ret) {
    enum code c = docs_get(ctx, ctx->env->docs, MEDIA, row->owner_id, id_str(ctx->arena, row->id), ret);

    if (c != NOT_FOUND)
        return c;
    fail_clear(ctx);
    *ret = docs_new(ctx);
    return OK;
}

enum code media_store_doc_set(struct ctx *ctx, const struct media_row *row, json_object *fields) {
    const char *id = id_str(ctx->arena, row->id);
    enum code c = docs_set(ctx, ctx->env->docs, MEDIA, row->owner_id, id, fields);

    if (c != NOT_FOUND)
        return c;
    fail_clear(ctx);
    docs_put_text(fields, "_id", id);
    docs_put_int(fields, "p", row->owner_id);
    docs_put_int(fields, "t", id_time_ms(row->id));
    return docs_put(ctx, ctx->env->docs, MEDIA, fields);
}

enum code media_store_doc_remove(struct ctx *ctx, const struct media_row *row) {
    return docs_remove(ctx, ctx->env->docs, MEDIA, row->owner_id, id_str(ctx->arena, row->id));
}

enum code media_store_docs_erase(struct ctx *ctx, int64_t owner) {
    return docs_remove_all(ctx, ctx->env->docs, MEDIA, owner);
}

/* ---- files */

static json_object *doc_of_file(const Pb__MediaFile *f) {
    json_object *o = json_object_new_object();

    docs_put_text(o, "name", f->name);
    docs_put_text(o, "key", f->key);
    docs_put_text(o, "type", f->type);
    docs_put_int(o, "bytes", f->bytes);
    docs_put_int(o, "width", f->width);
    docs_put_int(o, "height", f->height);
    return o;
}

static Pb__MediaFile *file_of(struct ctx *ctx, json_object *o) {
    Pb__MediaFile *f = arena_one(ctx->arena, Pb__MediaFile);

    pb__media_file__init(f);
    f->name = docs_text(ctx, o, "name");
    f->key = docs_text(ctx, o, "key");
    f->type = docs_text(ctx, o, "type");
    f->bytes = docs_int(o, "bytes");
    f->width = (uint32_t)docs_int(o, "width");
    f->height = (uint32_t)docs_int(o, "height");
    return f;
}

static void read_files(struct ctx *ctx, json_object *doc, Pb__MediaView *v) {
    json_object *files;

    if (!json_object_object_get_ex(doc, MEDIA_DOC_FILES, &files) ||
        !json_object_is_type(files, json_type_array))
        return;
    v->n_files = json_object_array_length(files);
    v->files = arena_many(ctx->arena, Pb__MediaFile *, v->n_files);
    for (size_t i = 0; i < v->n_files; i++)
        v->files[i] = file_of(ctx, json_object_array_get_idx(files, i));
}

json_object *media_doc_made(struct ctx *ctx, const Pb__MediaView *made) {
    json_object *o = docs_new(ctx), *files = json_object_new_array();

    for (size_t i = 0; i < made->n_files; i++)
        json_object_array_add(files, doc_of_file(made->files[i]));
    json_object_object_add(o, MEDIA_DOC_FILES, files);
    docs_put_text(o, MEDIA_DOC_BLURHASH, made->blurhash);
    docs_put_int(o, MEDIA_DOC_DURATION, made->duration_ms);
    docs_put_text(o, MEDIA_DOC_FRAME_RATE, made->frame_rate);
    docs_put_int(o, MEDIA_DOC_PAGES, made->pages);
    docs_put_text(o, MEDIA_DOC_ERROR, made->error);
    return o;
}

/* ---- the whole */

static void read_row(const struct media_row *row, Pb__MediaView *v) {
    v->id = row->id;
    v->owner_id = row->owner_id;
    v->kind = (Pb__MediaKind)row->kind;
    v->state = (Pb__MediaState)row->state;
    v->is_public = row->is_public;
    v->progress = row->state == PB__MEDIA_STATE__MEDIA_READY ? 100 : (uint32_t)row->progress;
    v->created_ms = id_time_ms(row->id);
    v->version = row->version;
    v->bytes = row->bytes;
    v->target_kind = row->target_kind;
    v->target_id = row->target_id;
}

Pb__MediaView *media_view_of(struct ctx *ctx, const struct media_row *row, json_object *doc) {
    Pb__MediaView *v = arena_one(ctx->arena, Pb__MediaView);

    pb__media_view__init(v);
    read_row(row, v);
    v->description = docs_text(ctx, doc, MEDIA_DOC_WORDS);
    v->focus_x = docs_real(doc, MEDIA_DOC_FOCUS_X);
    v->focus_y = docs_real(doc, MEDIA_DOC_FOCUS_Y);
    v->file_name = docs_text(ctx, doc, MEDIA_DOC_FILE_NAME);
    if (row->state == PB__MEDIA_STATE__MEDIA_FAILED)
        v->error = docs_text(ctx, doc, MEDIA_DOC_ERROR);
    if (row->state != PB__MEDIA_STATE__MEDIA_READY)
        return v;
    read_files(ctx, doc, v);
    v->blurhash = docs_text(ctx, doc, MEDIA_DOC_BLURHASH);
    v->duration_ms = docs_int(doc, MEDIA_DOC_DURATION);
    v->frame_rate = docs_text(ctx, doc, MEDIA_DOC_FRAME_RATE);
    v->pages = (uint32_t)docs_int(doc, MEDIA_DOC_PAGES);
    return v;
}

enum code media_store_view(struct ctx *ctx, const struct media_row *row, Pb__MediaView **ret) {
    json_object *doc;
    enum code c = media_store_doc(ctx, row, &doc);

    if (c == OK)
        *ret = media_view_of(ctx, row, doc);
    return c;
}

enum code media_store_views(struct ctx *ctx, const struct media_row *rows, size_t n, Pb__MediaView ***ret) {
    enum code c = OK;

    *ret = arena_many(ctx->arena, Pb__MediaView *, n);
    for (size_t i = 0; i < n && c == OK; i++)
        c = media_store_view(ctx, &rows[i], &(*ret)[i]);
    return c;
}
