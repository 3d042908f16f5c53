#include "fcgi/drivers/blob_s3_put.h"

#include <inttypes.h>
#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"
#include "fcgi/drivers/blob_engine.h"
#include "fcgi/drivers/s3.h"

#define PIECE (INT64_C(16) * 1024 * 1024)
#define PIECES_MAX 10000 /* S3 takes no more of one object */
#define IMMUTABLE "public, max-age=31536000, immutable"

static struct s3_call call_of(const char *method, const struct blob_s3_put *put) {
    return (struct s3_call){.method = method, .object = put->object, .from = -1, .to = -1};
}

static void describe(struct s3_call *call, const struct blob_s3_put *put) {
    call->headers[0] = (struct s3_pair){"cache-control", IMMUTABLE};
    call->headers[1] = (struct s3_pair){"content-disposition", put->disposition};
    call->headers[2] = (struct s3_pair){"content-type", put->type};
}

static enum code put_whole(struct ctx *ctx, struct s3 *s3, const struct blob_s3_put *put) {
    struct s3_call call = call_of("PUT", put);
    struct s3_answer answer;

    describe(&call, put);
    call.from = put->fd;
    call.from_bytes = put->bytes;
    call.payload = put->hash;
    return s3_run(ctx, s3, &call, &answer);
}

/* ---- in pieces ---- */

static enum code strange(struct ctx *ctx, const char *body) {
    return fail_detail(ctx, UNAVAILABLE, "Files can not be stored or read at the moment.", "s3: %.300s",
                       body);
}

static enum code begin(struct ctx *ctx, struct s3 *s3, const struct blob_s3_put *put, const char **ret_id) {
    const struct s3_pair query[] = {{"uploads", ""}};
    struct s3_call call = call_of("POST", put);
    struct s3_answer answer;
    const char *at;
    enum code code;

    describe(&call, put);
    call.query = query;
    call.n_query = 1;
    code = s3_run(ctx, s3, &call, &answer);
    at = answer.body;
    if (code == OK && (*ret_id = s3_tag(ctx, &at, "UploadId")) == NULL)
        return strange(ctx, answer.body);
    return code;
}

static enum code put_piece(struct ctx *ctx, struct s3 *s3, const struct blob_s3_put *put, const char *id,
                           int number, const char **ret_etag) {
    const struct s3_pair query[] = {{"partNumber", arena_printf(ctx->arena, "%d", number)}, {"uploadId", id}};
    struct s3_call call = call_of("PUT", put);
    struct s3_answer answer;
    enum code code;

    call.query = query;
    call.n_query = 2;
    call.from = put->fd;
    call.from_at = (number - 1) * PIECE;
    call.from_bytes = put->bytes - call.from_at < PIECE ? put->bytes - call.from_at : PIECE;
    code = blob_hash(ctx, put->fd, call.from_at, call.from_bytes, &call.payload);
    if (code == OK)
        code = s3_run(ctx, s3, &call, &answer);
    if (code == OK)
        *ret_etag = answer.etag;
    return code;
}

/* A store may begin its 200 before it knows, and say in the body that it came to nothing. */
static enum code put_together(struct ctx *ctx, struct s3 *s3, const struct blob_s3_put *put, const char *id,
                              struct buf *list) {
    const struct s3_pair query[] = {{"uploadId", id}};
    struct s3_call call = call_of("POST", put);
    struct s3_answer answer;
    enum code code;

    call.query = query;
    call.n_query = 1;
    call.body = buf_str(list);
    call.n = list->n;
    code = s3_run(ctx, s3, &call, &answer);
    return code == OK && strstr(answer.body, "<Error>") != NULL ? strange(ctx, answer.body) : code;
}

static enum code put_pieces(struct ctx *ctx, struct s3 *s3, const struct blob_s3_put *put, const char *id) {
    struct buf list;
    enum code code = OK;

    buf_init(&list, ctx->arena, S3_BODY_MAX);
    buf_puts(&list, "<CompleteMultipartUpload>");
    for (int i = 1; code == OK && (i - 1) * PIECE < put->bytes; i++) {
        const char *etag = "";
        code = put_piece(ctx, s3, put, id, i, &etag);
        buf_printf(&list, "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", i, etag);
    }
    buf_puts(&list, "</CompleteMultipartUpload>");
    return code == OK ? put_together(ctx, s3, put, id, &list) : code;
}

enum code blob_s3_abort(struct ctx *ctx, struct s3 *s3, const char *object, const char *upload_id) {
    const struct s3_pair query[] = {{"uploadId", upload_id}};
    struct s3_call call = {
        .method = "DELETE", .object = object, .query = query, .n_query = 1, .from = -1, .to = -1};
    struct s3_answer answer;
    enum code code = s3_run(ctx, s3, &call, &answer);

    if (code != NOT_FOUND)
        return code;
    fail_clear(ctx);
    return OK;
}

enum code blob_s3_put(struct ctx *ctx, struct s3 *s3, const struct blob_s3_put *put) {
    const char *id = NULL;
    enum code code;

    if (put->bytes <= PIECE)
        return put_whole(ctx, s3, put);
    if (put->bytes > PIECE * PIECES_MAX)
        return fail(ctx, EXHAUSTED, "This file is too large to be stored.");
    code = begin(ctx, s3, put, &id);
    if (code != OK)
        return code;
    code = put_pieces(ctx, s3, put, id);
    if (code != OK) {
        struct error why = ctx->error; /* of the failure, not of the tidying up */
        fail_clear(ctx);
        (void)blob_s3_abort(ctx, s3, put->object, id);
        ctx->error = why;
    }
    return code;
}
