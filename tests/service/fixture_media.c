#include "tests/service/fixture_media.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fcgi/base/crypto.h"
#include "fcgi/base/text.h"
#include "fcgi/rpc.h"
#include "gen/stubs.h"
#include "handlers/media/store.h"
#include "tests/service/servers.h"

static const unsigned char png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0,    0,    0,
                                    13,   'I', 'H', 'D', 'R',  0,    0,    0,    1,    0,    0,
                                    0,    1,   8,   2,   0,    0,    0,    0x90, 0x77, 0x53, 0xde};

int64_t upload(int64_t owner, const char *purpose) {
    static unsigned count;
    const char *path = media_spool_path(ctx, arena_printf(ctx->arena, "came-%d-%u", (int)getpid(), ++count));
    Pb__CreateMediaRequest req = PB__CREATE_MEDIA_REQUEST__INIT;
    const Pb__MediaReply *reply;
    FILE *f = fopen(path, "wb");

    ck_assert_msg(f != NULL, "%s", path);
    ck_assert_uint_eq(fwrite(png, 1, sizeof png, f), sizeof png);
    ck_assert_int_eq(fclose(f), 0);
    req.owner_id = owner;
    req.path = path;
    req.purpose = purpose;
    req.file_name = "holiday.png";
    expect_ok(ctx, media_create_media(ctx, &req, &reply));
    return reply->media->id;
}

const Pb__MediaView *medium(int64_t id) {
    Pb__GetMediaRequest req = PB__GET_MEDIA_REQUEST__INIT;
    const Pb__MediaViews *reply;

    req.ids = &id;
    req.n_ids = 1;
    expect_ok(ctx, media_get_media(ctx, &req, &reply));
    return reply->n_media != 0 ? reply->media[0] : NULL;
}

/* ---- What a worker would do */

static Pb__MediaFile *file(const char *name, const char *type, unsigned width, unsigned height) {
    Pb__MediaFile *f = arena_one(ctx->arena, Pb__MediaFile);
    unsigned char hash[CRYPTO_HASH_BYTES];

    crypto_random(hash, sizeof hash);
    pb__media_file__init(f);
    f->name = name;
    f->key =
        arena_printf(ctx->arena, "%s.%s", text_hex(ctx->arena, hash, sizeof hash), strchr(type, '/') + 1);
    f->type = type;
    f->bytes = 1000;
    f->width = width;
    f->height = height;
    return f;
}

static void write_event(const char *type, int64_t id, const ProtobufCMessage *body) {
    const unsigned char *packed;
    size_t n;

    rpc_pack(ctx, body, &packed, &n);
    as_admin(arena_printf(ctx->arena, "SELECT events.emit('media.v1', %" PRId64 ", '%s', '\\x%s')", id, type,
                          text_hex(ctx->arena, packed, n)));
}

static void tell(const char *type, int64_t id) {
    Pb__MediaChanged e = PB__MEDIA_CHANGED__INIT;

    e.media = (Pb__MediaView *)(uintptr_t)medium(id);
    write_event(type, id, &e.base);
}

static void set_state(int64_t id, Pb__MediaState state) {
    as_admin(arena_printf(ctx->arena,
                          "UPDATE media.items SET state = %d, kind = 1, due_at = NULL, progress = 100, "
                          "version = version + 1 WHERE id = %" PRId64,
                          (int)state, id));
}

static void write_document(int64_t id, const Pb__MediaView *made) {
    struct media_row row;

    expect_ok(ctx, media_store_row(ctx, 0, id, &row));
    expect_ok(ctx, media_store_doc_set(ctx, &row, media_doc_made(ctx, made)));
}

void make_ready(int64_t id, bool told) {
    Pb__MediaView made = PB__MEDIA_VIEW__INIT;
    Pb__MediaFile *of_post[] = {file("large", "image/webp", 2000, 1000),
                                file("small", "image/webp", 640, 320),
                                file("fallback", "image/jpeg", 1280, 640)};
    Pb__MediaFile *of_avatar[] = {file("avatar", "image/webp", 128, 128),
                                  file("avatar_large", "image/webp", 400, 400)};
    Pb__MediaFile *of_banner[] = {file("banner", "image/webp", 1500, 500)};
    struct media_row row;

    expect_ok(ctx, media_store_row(ctx, 0, id, &row));
    made.files = strcmp(row.purpose, "avatar") == 0   ? of_avatar
                 : strcmp(row.purpose, "banner") == 0 ? of_banner
                                                      : of_post;
    made.n_files = strcmp(row.purpose, "avatar") == 0 ? 2 : strcmp(row.purpose, "banner") == 0 ? 1 : 3;
    made.blurhash = "LEHV6nWB2yk8pyo0adR*.7kCMdnj";
    write_document(id, &made);
    set_state(id, PB__MEDIA_STATE__MEDIA_READY);
    if (told)
        tell("media.ready", id);
}

void make_failed(int64_t id) {
    Pb__MediaView made = PB__MEDIA_VIEW__INIT;

    made.error = "This picture is broken.";
    write_document(id, &made);
    set_state(id, PB__MEDIA_STATE__MEDIA_FAILED);
    tell("media.failed", id);
}

void make_gone(int64_t id) {
    const Pb__MediaView *was = medium(id);
    Pb__MediaGone e = PB__MEDIA_GONE__INIT;

    e.id = id;
    e.owner_id = was->owner_id;
    e.target_kind = was->target_kind;
    e.target_id = was->target_id;
    as_admin(arena_printf(ctx->arena, "DELETE FROM media.items WHERE id = %" PRId64, id));
    write_event("media.gone", id, &e.base);
}
