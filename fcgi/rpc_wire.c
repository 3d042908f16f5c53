#include "fcgi/rpc_wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deeplink/v1/rpc.pb-c.h"
#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"
#include "fcgi/base/text.h"
#include "fcgi/rpc.h"

#define DETAIL_URL "type.googleapis.com/deeplink.v1.ErrorDetail"
#define DETAIL_MAX ((size_t)6 << 10) /* an error's bytes: peers take 8 KiB of trailers */

/* ---- messages ---- */

void rpc_head_write(unsigned char out[RPC_HEAD], size_t n) {
    out[0] = 0;
    for (int i = 0; i < 4; i++)
        out[1 + i] = (unsigned char)(n >> (24 - 8 * i));
}

enum rpc_framing rpc_message_find(const unsigned char *p, size_t n, const unsigned char **ret_message,
                                  size_t *ret_n) {
    if (n < RPC_HEAD)
        return n > 0 && p[0] != 0 ? RPC_COMPRESSED : RPC_PART;
    size_t len = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
    if (p[0] != 0)
        return RPC_COMPRESSED;
    if (len > RPC_MESSAGE_MAX)
        return RPC_TOO_LARGE;
    if (n - RPC_HEAD < len)
        return RPC_PART;
    *ret_message = p + RPC_HEAD;
    *ret_n = len;
    return RPC_WHOLE;
}

/* ---- timeouts ---- */

static const struct {
    char letter;
    int64_t us; /* 0: nanoseconds */
} units[] = {{'n', 0},       {'u', 1},        {'m', 1000},
             {'S', 1000000}, {'M', 60000000}, {'H', INT64_C(3600) * 1000000}};
#define N_UNITS (sizeof units / sizeof units[0])
#define DIGITS_LIMIT INT64_C(99999999)

bool rpc_timeout_parse(const char *s, int64_t *ret_us) {
    int64_t n = 0;
    size_t digits = 0;
    for (; *s >= '0' && *s <= '9'; s++, digits++)
        n = digits < 8 ? n * 10 + (*s - '0') : n;
    if (digits == 0 || digits > 8 || s[0] == '\0' || s[1] != '\0')
        return false;
    for (size_t i = 0; i < N_UNITS; i++)
        if (units[i].letter == *s) {
            int64_t us = units[i].us == 0 ? n / 1000 : n * units[i].us;
            *ret_us = us < RPC_TIMEOUT_US_MAX ? us : RPC_TIMEOUT_US_MAX;
            return true;
        }
    return false;
}

void rpc_timeout_write(int64_t us, char out[RPC_TIMEOUT_MAX]) {
    size_t i = 1;
    if (us < 1)
        us = 1;
    while (i + 1 < N_UNITS && us / units[i].us > DIGITS_LIMIT)
        i++;
    unsigned n = (unsigned)(us / units[i].us > DIGITS_LIMIT ? DIGITS_LIMIT : us / units[i].us);
    snprintf(out, RPC_TIMEOUT_MAX, "%u%c", n, units[i].letter);
}

/* ---- words ---- */

char *rpc_percent_encode(struct arena *a, const char *s) {
    struct buf out;
    buf_init(&out, a, 3 * strlen(s) + 1);
    for (; *s != '\0'; s++)
        if (*s >= ' ' && *s <= '~' && *s != '%')
            buf_putc(&out, *s);
        else
            buf_printf(&out, "%%%02X", (unsigned char)*s);
    return arena_strdup(a, buf_str(&out));
}

static int hex(char c) {
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* Every byte that belongs to no code point becomes U+FFFD. */
static char *valid(struct arena *a, const char *s, size_t n) {
    struct buf out;
    buf_init(&out, a, 3 * n + 1);
    for (size_t i = 0; i < n;) {
        size_t step = s[i] != '\0' ? text_utf8_step(s + i, n - i) : 0;
        if (step > 0)
            buf_add(&out, s + i, step);
        else
            buf_puts(&out, "\xef\xbf\xbd");
        i += step > 0 ? step : 1;
    }
    return arena_strdup(a, buf_str(&out));
}

char *rpc_percent_decode(struct arena *a, const char *s) {
    char *out = arena_alloc(a, strlen(s) + 1);
    size_t n = 0;
    for (; *s != '\0'; s++) {
        int high = *s == '%' ? hex(s[1]) : -1, low = high >= 0 ? hex(s[2]) : -1;
        out[n++] = low >= 0 ? (char)(high << 4 | low) : *s;
        s += low >= 0 ? 2 : 0;
    }
    return valid(a, out, n);
}

/* The same digits as base64url, but for the last two. */
static void swap(char *s, char a, char b, char to_a, char to_b) {
    for (; *s != '\0'; s++)
        *s = *s == a ? to_a : *s == b ? to_b : *s;
}

char *rpc_base64(struct arena *a, const void *p, size_t n) {
    char *s = text_base64url(a, p, n);
    swap(s, '-', '_', '+', '/');
    return s;
}

bool rpc_base64_decode(struct arena *a, const char *s, unsigned char **ret_p, size_t *ret_n) {
    size_t n = strlen(s);
    for (int i = 0; i < 2 && n > 0 && s[n - 1] == '='; i++)
        n--;
    char *copy = arena_strndup(a, s, n);
    swap(copy, '+', '/', '-', '_');
    return text_base64url_decode(a, copy, ret_p, ret_n);
}

/* ---- status ---- */

enum code rpc_code_of_http(int status) {
    switch (status) {
    case 400:
        return INTERNAL;
    case 401:
        return UNAUTHENTICATED;
    case 403:
        return DENIED;
    case 404:
        return UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
        return UNAVAILABLE;
    default:
        return UNKNOWN;
    }
}

/* The numbers are those of RFC 9113, section 7. */
enum code rpc_code_of_reset(uint32_t h2_error) {
    switch (h2_error) {
    case 7: /* REFUSED_STREAM: never begun */
        return UNAVAILABLE;
    case 8: /* CANCEL */
        return CANCELLED;
    case 11: /* ENHANCE_YOUR_CALM */
        return EXHAUSTED;
    case 12: /* INADEQUATE_SECURITY */
        return DENIED;
    default:
        return INTERNAL;
    }
}

enum code rpc_code_parse(const char *s) {
    int64_t n;
    return text_parse_int(s, OK, UNAUTHENTICATED, &n) ? (enum code)n : UNKNOWN;
}

/* ---- the error ---- */

static size_t count(const struct error *e) {
    size_t n = 0;
    for (const struct field_error *f = e->fields; f != NULL; f = f->next)
        n++;
    return n;
}

static Pb__FieldError **fields_of(struct arena *a, const struct error *e, size_t n) {
    Pb__FieldError **all = arena_many(a, Pb__FieldError *, n);
    const struct field_error *f = e->fields;
    for (size_t i = 0; i < n; i++, f = f->next) {
        all[i] = arena_one(a, Pb__FieldError);
        pb__field_error__init(all[i]);
        all[i]->field = f->field;
        all[i]->kind = f->kind;
        all[i]->text = f->text;
    }
    return all;
}

static char *pack_status(struct arena *a, const struct error *e, Pb__ErrorDetail *inner) {
    struct ctx ctx = {.arena = a};
    Pb__RpcStatus status = PB__RPC_STATUS__INIT;
    Pb__RpcAny any = PB__RPC_ANY__INIT, *anys[] = {&any};
    const unsigned char *p;
    rpc_pack(&ctx, &inner->base, &p, &any.value.len);
    any.value.data = (uint8_t *)(uintptr_t)p;
    any.type_url = DETAIL_URL;
    status.code = (int32_t)e->code;
    status.message = e->text != NULL ? e->text : "";
    status.details = anys;
    status.n_details = 1;
    size_t n;
    rpc_pack(&ctx, &status.base, &p, &n);
    return rpc_base64(a, p, n);
}

char *rpc_error_pack(struct arena *a, const struct error *e, bool detail) {
    Pb__ErrorDetail inner = PB__ERROR_DETAIL__INIT;
    inner.n_fields = count(e);
    inner.fields = fields_of(a, e, inner.n_fields);
    inner.http = e->http;
    inner.retry_after = e->retry_after;
    if (detail && e->detail != NULL)
        inner.detail = e->detail;
    char *packed = pack_status(a, e, &inner);
    if (strlen(packed) > DETAIL_MAX) { /* the words for the log are the first to go */
        inner.detail = "";
        packed = pack_status(a, e, &inner);
    }
    while (strlen(packed) > DETAIL_MAX && inner.n_fields > 0) {
        inner.n_fields /= 2;
        packed = pack_status(a, e, &inner);
    }
    return packed;
}

static const Pb__ErrorDetail *unpack_detail(struct ctx *ctx, const Pb__RpcStatus *status) {
    for (size_t i = 0; i < status->n_details; i++)
        if (strcmp(status->details[i]->type_url, DETAIL_URL) == 0)
            return (const Pb__ErrorDetail *)(const void *)rpc_unpack(ctx, &pb__error_detail__descriptor,
                                                                     status->details[i]->value.data,
                                                                     status->details[i]->value.len);
    return NULL;
}

/* A service of an older version says none. */
static const char *kind_of(const Pb__FieldError *f) { return f->kind[0] != '\0' ? f->kind : FIELD_INVALID; }

bool rpc_error_unpack(struct ctx *ctx, const char *base64) {
    unsigned char *p;
    size_t n;
    if (!rpc_base64_decode(ctx->arena, base64, &p, &n))
        return false;
    const Pb__RpcStatus *status =
        (const Pb__RpcStatus *)(const void *)rpc_unpack(ctx, &pb__rpc_status__descriptor, p, n);
    const Pb__ErrorDetail *inner = status != NULL ? unpack_detail(ctx, status) : NULL;
    if (inner == NULL || status->code <= OK || status->code > UNAUTHENTICATED)
        return false;
    struct error *e = &ctx->error;
    if (e->code == OK)
        *e = (struct error){.code = (enum code)status->code,
                            .text = status->message,
                            .detail = inner->detail[0] != '\0' ? inner->detail : NULL,
                            .fields = e->fields,
                            .retry_after = inner->retry_after,
                            .http = inner->http};
    for (size_t i = 0; i < inner->n_fields; i++)
        error_add_field(ctx->arena, e, inner->fields[i]->field, kind_of(inner->fields[i]),
                        inner->fields[i]->text);
    return true;
}
