/* grpc.reflection.v1 and v1alpha: the contract, as the files' descriptors that protoc made at build time
 * (gen/descriptors.c, a FileDescriptorSet). Of a descriptor only the names are read: see
 * https://github.com/protocolbuffers/protobuf/blob/main/src/google/protobuf/descriptor.proto for the numbers.
 */
#include <string.h>

#include "fcgi/app.h"
#include "fcgi/base/arena.h"
#include "fcgi/rpc.h"
#include "fcgi/rpc_session.h"
#include "gen/descriptors.h"
#include "grpc/reflection/v1/reflection.pb-c.h"

#define FILES_MAX 64
#define NAME_MAX_BYTES 256
#define V1 "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
#define V1_ALPHA "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"

/* ---- reading protobuf ---- */

struct bytes {
    const unsigned char *p;
    size_t n;
};

struct cursor {
    struct bytes left;
    unsigned field;     /* of what was read last */
    struct bytes value; /* its bytes, where it has a length */
};

static bool varint(struct bytes *b, uint64_t *ret) {
    *ret = 0;
    for (unsigned shift = 0; shift < 64 && b->n > 0; shift += 7) {
        unsigned char c = *b->p++;
        b->n--;
        *ret |= (uint64_t)(c & 0x7f) << shift;
        if ((c & 0x80) == 0)
            return true;
    }
    return false;
}

/* The next field; false at the end. Values without a length are passed over. */
static bool next_field(struct cursor *c) {
    uint64_t tag, n = 0;
    if (!varint(&c->left, &tag))
        return false;
    c->field = (unsigned)(tag >> 3);
    c->value = (struct bytes){NULL, 0};
    if ((tag & 7) == 0)
        return varint(&c->left, &n);
    if ((tag & 7) == 2 && !varint(&c->left, &n))
        return false;
    if ((tag & 7) != 2)
        n = (tag & 7) == 1 ? 8 : 4;
    if (n > c->left.n)
        return false;
    c->value = (struct bytes){c->left.p, n};
    c->left.p += n;
    c->left.n -= n;
    return true;
}

/* The first value of a field; empty when there is none. */
static struct bytes value_of(struct bytes message, unsigned field) {
    struct cursor c = {.left = message};
    while (next_field(&c))
        if (c.field == field)
            return c.value;
    return (struct bytes){NULL, 0};
}

static bool is(struct bytes b, const char *s, size_t n) { return b.n == n && memcmp(b.p, s, n) == 0; }

/* ---- files ---- */

enum { SET_FILE = 1, FILE_NAME = 1, FILE_PACKAGE = 2, FILE_DEPENDENCY = 3, FILE_MESSAGE = 4, FILE_ENUM = 5 };
enum { FILE_SERVICE = 6, ANY_NAME = 1, SERVICE_METHOD = 2, MESSAGE_NESTED = 3, MESSAGE_ENUM = 4 };

static bool file_named(const char *name, size_t n, struct bytes *ret) {
    struct cursor c = {.left = {descriptors, descriptors_n}};
    while (next_field(&c))
        if (c.field == SET_FILE && is(value_of(c.value, FILE_NAME), name, n)) {
            *ret = c.value;
            return true;
        }
    return false;
}

/* Whether `name` is that of `thing`, or of something inside of it. */
static bool names(struct bytes thing, unsigned kind, const char *name) {
    struct bytes own = value_of(thing, ANY_NAME);
    size_t n = strlen(name);
    if (n < own.n || memcmp(name, own.p, own.n) != 0)
        return false;
    if (n == own.n)
        return true;
    if (name[own.n] != '.' || kind == FILE_ENUM)
        return false;
    struct cursor c = {.left = thing};
    while (next_field(&c)) {
        bool inner = kind == FILE_SERVICE ? c.field == SERVICE_METHOD
                                          : c.field == MESSAGE_NESTED || c.field == MESSAGE_ENUM;
        if (inner && names(c.value, c.field == MESSAGE_NESTED ? FILE_MESSAGE : FILE_ENUM, name + own.n + 1))
            return true;
    }
    return false;
}

static bool file_has(struct bytes file, const char *symbol) {
    struct bytes package = value_of(file, FILE_PACKAGE);
    struct cursor c = {.left = file};
    if (strncmp(symbol, (const char *)package.p, package.n) != 0 || symbol[package.n] != '.')
        return false;
    while (next_field(&c))
        if (c.field >= FILE_MESSAGE && c.field <= FILE_SERVICE &&
            names(c.value, c.field, symbol + package.n + 1))
            return true;
    return false;
}

static bool file_of(const char *symbol, struct bytes *ret) {
    struct cursor c = {.left = {descriptors, descriptors_n}};
    while (next_field(&c))
        if (c.field == SET_FILE && value_of(c.value, FILE_PACKAGE).n > 0 && file_has(c.value, symbol)) {
            *ret = c.value;
            return true;
        }
    return false;
}

/* ---- answers ---- */

static void add_file(Pb__FileDescriptorResponse *to, struct bytes file) {
    for (size_t i = 0; i < to->n_file_descriptor_proto; i++)
        if (to->file_descriptor_proto[i].data == file.p)
            return;
    if (to->n_file_descriptor_proto < FILES_MAX)
        to->file_descriptor_proto[to->n_file_descriptor_proto++] =
            (ProtobufCBinaryData){file.n, (uint8_t *)(uintptr_t)file.p};
}

/* The file, and all that it stands on. */
static void answer_file(struct ctx *ctx, struct bytes file, Pb__ServerReflectionResponse *reply) {
    Pb__FileDescriptorResponse *files = arena_one(ctx->arena, Pb__FileDescriptorResponse);
    pb__file_descriptor_response__init(files);
    files->file_descriptor_proto = arena_many(ctx->arena, ProtobufCBinaryData, FILES_MAX);
    add_file(files, file);
    for (size_t i = 0; i < files->n_file_descriptor_proto; i++) {
        struct cursor c = {
            .left = {files->file_descriptor_proto[i].data, files->file_descriptor_proto[i].len}};
        struct bytes other;
        while (next_field(&c))
            if (c.field == FILE_DEPENDENCY && file_named((const char *)c.value.p, c.value.n, &other))
                add_file(files, other);
    }
    reply->message_response_case = PB__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
    reply->file_descriptor_response = files;
}

static void answer_error(struct ctx *ctx, enum code code, const char *words,
                         Pb__ServerReflectionResponse *reply) {
    Pb__ErrorResponse *e = arena_one(ctx->arena, Pb__ErrorResponse);
    pb__error_response__init(e);
    e->error_code = (int32_t)code;
    e->error_message = words;
    reply->message_response_case = PB__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
    reply->error_response = e;
}

static void add_service(struct ctx *ctx, Pb__ListServiceResponse *list, const char *name) {
    Pb__ServiceResponse *s = list->service[list->n_service++] = arena_one(ctx->arena, Pb__ServiceResponse);
    pb__service_response__init(s);
    s->name = name;
}

static void answer_list(struct ctx *ctx, Pb__ServerReflectionResponse *reply) {
    Pb__ListServiceResponse *list = arena_one(ctx->arena, Pb__ListServiceResponse);
    pb__list_service_response__init(list);
    list->service = arena_many(ctx->arena, Pb__ServiceResponse *, SERVICE_MAX + 2);
    for (const struct service *const *s = ctx->env->app->services; *s != NULL; s++)
        if (rpc_is_here(*s))
            add_service(ctx, list, ((const ProtobufCServiceDescriptor *)(*s)->descriptor)->name);
    add_service(ctx, list, "grpc.health.v1.Health");
    add_service(ctx, list, "grpc.reflection.v1.ServerReflection");
    reply->message_response_case = PB__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
    reply->list_services_response = list;
}

static void respond(struct ctx *ctx, const Pb__ServerReflectionRequest *req,
                    Pb__ServerReflectionResponse *reply) {
    struct bytes file;
    bool found = false;
    switch (req->message_request_case) {
    case PB__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES:
        answer_list(ctx, reply);
        return;
    case PB__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME:
        found = file_named(req->file_by_filename, strlen(req->file_by_filename), &file);
        break;
    case PB__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL:
        found = file_of(req->file_containing_symbol, &file);
        break;
    default:
        answer_error(ctx, UNIMPLEMENTED, "Nothing in the contract has extensions of its own.", reply);
        return;
    }
    if (found)
        answer_file(ctx, file, reply);
    else
        answer_error(ctx, NOT_FOUND, "The contract has nothing of this name.", reply);
}

static enum code reflect(struct ctx *ctx, const unsigned char *p, size_t n, struct buf *out) {
    Pb__ServerReflectionResponse reply = PB__SERVER_REFLECTION_RESPONSE__INIT;
    Pb__ServerReflectionRequest *req = (Pb__ServerReflectionRequest *)(void *)rpc_unpack(
        ctx, &pb__server_reflection_request__descriptor, p, n);
    const unsigned char *packed;
    size_t packed_n;
    if (req == NULL)
        return rpc_refuse(ctx, INVALID, "The message is malformed.");
    reply.original_request = req;
    reply.valid_host = req->host;
    respond(ctx, req, &reply);
    rpc_pack(ctx, &reply.base, &packed, &packed_n);
    buf_add(out, packed, packed_n);
    return OK;
}

const struct rpc_builtin rpc_reflection[] = {
    {V1, RPC_EACH, RPC_OUTSIDE, reflect},
    {V1_ALPHA, RPC_EACH, RPC_OUTSIDE, reflect},
    {NULL, RPC_ONE, RPC_NOBODY, NULL},
};
