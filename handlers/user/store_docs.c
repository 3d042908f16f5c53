#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

#include "fcgi/base/crypto.h"
#include "fcgi/base/text.h"
#include "handlers/user/store.h"

/* activity: a member's own history, partition = the member, _id = the event's id, gone after a year.
 * audit: one chain for the whole site in partition 0, _id = its number in the chain, never gone. An entry's
 * hash is BLAKE2b of the hash before it and its own content, so that nothing can be changed, removed or put
 * in between unseen by who knows the newest hash. */
const struct collection user_collections[] = {
    {"activity", 365, {{0}}},
    {"audit", 0, {{"p,event"}, {"p,actor,-t"}, {"p,target,-t"}, {"p,kind,-t"}}},
    {0},
};
#define ACTIVITY (&user_collections[0])
#define AUDIT (&user_collections[1])
#define AUDIT_P INT64_C(0)

static const char NO_HASH[] = "0000000000000000000000000000000000000000000000000000000000000000";

/* Numbers as text in their order. */
static const char *ordered(struct ctx *ctx, int64_t v) { return arena_printf(ctx->arena, "%019" PRId64, v); }

/* ---- activity */

static json_object *activity_doc(struct ctx *ctx, const struct remembered *r) {
    json_object *o = docs_new(ctx);

    docs_put_text(o, "_id", ordered(ctx, r->event_id));
    docs_put_int(o, "p", r->user_id);
    docs_put_int(o, "t", r->what->at_ms);
    docs_put_text(o, "kind", r->what->kind);
    docs_put_text(o, "ip",
                  r->what->user_id == r->user_id ? r->what->ip
                                                 : ""); /* an administrator's address is theirs to know */
    docs_put_text(o, "device", r->what->user_id == r->user_id ? r->what->device : "");
    docs_put_text(o, "detail", r->what->detail);
    docs_put_int(o, "session", r->what->session_id);
    return o;
}

enum code user_store_activity_add(struct ctx *ctx, const struct remembered *r, size_t n) {
    json_object **docs = arena_many(ctx->arena, json_object *, n);
    size_t k = 0;

    for (size_t i = 0; i < n; i++)
        if (r[i].user_id != 0)
            docs[k++] = activity_doc(ctx, &r[i]);
    return k == 0 ? OK : docs_insert_many(ctx, ctx->env->docs, ACTIVITY, docs, k);
}

enum code user_store_activity_erase(struct ctx *ctx, int64_t user_id) {
    return docs_remove_all(ctx, ctx->env->docs, ACTIVITY, user_id);
}

enum code user_store_activity(struct ctx *ctx, int64_t user_id, struct doc_from from, size_t limit,
                              Pb__ActivityReply *ret) {
    struct doc_page page;
    enum code c = docs_list(ctx, ctx->env->docs, ACTIVITY, user_id, NULL, from, limit, &page);

    if (c != OK)
        return c;
    ret->items = arena_many(ctx->arena, Pb__Activity *, page.n);
    for (size_t i = 0; i < page.n; i++) {
        Pb__Activity *a = ret->items[i] = arena_one(ctx->arena, Pb__Activity);

        pb__activity__init(a);
        a->id = docs_text(ctx, page.docs[i], "_id");
        a->at_ms = docs_int(page.docs[i], "t");
        a->kind = docs_text(ctx, page.docs[i], "kind");
        a->ip = docs_text(ctx, page.docs[i], "ip");
        a->device = docs_text(ctx, page.docs[i], "device");
        a->detail = docs_text(ctx, page.docs[i], "detail");
        a->session_id = docs_int(page.docs[i], "session");
    }
    ret->n_items = page.n;
    ret->next = page.next;
    ret->prev = page.prev;
    return OK;
}

/* ---- audit */

/* What an entry's hash is made of: the hash before it and every field, each with its length in front, so that
 * no two entries look the same. */
static const char *audit_hash(struct ctx *ctx, const struct audit_entry *e, int64_t event_id) {
    const char *numbers = arena_printf(ctx->arena, "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64,
                                       e->seq, event_id, e->at_ms, e->actor_id, e->target_id);
    const char *text = arena_printf(ctx->arena, "%s\n%s\n%zu:%s%zu:%s%zu:%s%zu:%s", e->prev, numbers,
                                    strlen(e->kind), e->kind, strlen(e->ip), e->ip, strlen(e->device),
                                    e->device, strlen(e->detail), e->detail);
    unsigned char hash[CRYPTO_HASH_BYTES];

    crypto_digest(hash, text, strlen(text));
    return text_hex(ctx->arena, hash, sizeof hash);
}

static json_object *audit_doc(struct ctx *ctx, const struct audit_entry *e, int64_t event_id) {
    json_object *o = docs_new(ctx);

    docs_put_text(o, "_id", ordered(ctx, e->seq));
    docs_put_int(o, "p", AUDIT_P);
    docs_put_int(o, "t", e->at_ms);
    docs_put_int(o, "seq", e->seq);
    docs_put_int(o, "event", event_id);
    docs_put_int(o, "actor", e->actor_id);
    docs_put_int(o, "target", e->target_id);
    docs_put_text(o, "kind", e->kind);
    docs_put_text(o, "ip", e->ip);
    docs_put_text(o, "device", e->device);
    docs_put_text(o, "detail", e->detail);
    docs_put_text(o, "prev", e->prev);
    docs_put_text(o, "hash", e->hash);
    return o;
}

static void audit_read(struct ctx *ctx, json_object *o, struct audit_entry *e) {
    *e = (struct audit_entry){
        .seq = docs_int(o, "seq"),
        .at_ms = docs_int(o, "t"),
        .actor_id = docs_int(o, "actor"),
        .target_id = docs_int(o, "target"),
        .kind = docs_text(ctx, o, "kind"),
        .ip = docs_text(ctx, o, "ip"),
        .device = docs_text(ctx, o, "device"),
        .detail = docs_text(ctx, o, "detail"),
        .prev = docs_text(ctx, o, "prev"),
        .hash = docs_text(ctx, o, "hash"),
    };
    e->whole = strcmp(e->hash, audit_hash(ctx, e, docs_int(o, "event"))) == 0;
}

/* The newest entry, or what stands before the first. */
static enum code audit_head(struct ctx *ctx, struct audit_entry *ret) {
    struct doc_page page;
    enum code c = docs_list(ctx, ctx->env->docs, AUDIT, AUDIT_P, NULL, (struct doc_from){0}, 1, &page);

    if (c != OK)
        return c;
    *ret = (struct audit_entry){.hash = NO_HASH};
    if (page.n > 0)
        audit_read(ctx, page.docs[0], ret);
    return OK;
}

static enum code audit_known(struct ctx *ctx, int64_t event_id, bool *ret) {
    json_object *equal = docs_new(ctx);
    int64_t n;
    enum code c;

    docs_put_int(equal, "event", event_id);
    if ((c = docs_count(ctx, ctx->env->docs, AUDIT, AUDIT_P, equal, &n)) == OK)
        *ret = n > 0;
    return c;
}

static enum code audit_append(struct ctx *ctx, const struct remembered *r, struct audit_entry *head) {
    struct audit_entry e = {
        .seq = head->seq + 1,
        .at_ms = r->what->at_ms > head->at_ms ? r->what->at_ms
                                              : head->at_ms, /* times never run back along the chain */
        .actor_id = r->what->user_id,
        .target_id = r->user_id,
        .kind = r->what->kind,
        .ip = r->what->ip,
        .device = r->what->device,
        /* this log is for good: no address in it, of whomever it was */
        .detail = strcmp(r->what->kind, "email.asked") == 0 ? "" : r->what->detail,
        .prev = head->hash,
    };
    enum code c;

    e.hash = audit_hash(ctx, &e, r->event_id);
    c = docs_insert(ctx, ctx->env->docs, AUDIT, audit_doc(ctx, &e, r->event_id));
    if (c == EXISTS) {
        fail_clear(ctx);
        return fail(ctx, ABORTED, "Somebody else wrote to the audit log at the same time.");
    }
    if (c == OK)
        *head = e;
    return c;
}

enum code user_store_audit_add(struct ctx *ctx, const struct remembered *r, size_t n) {
    struct audit_entry head;
    bool known;
    enum code c = audit_head(ctx, &head);

    for (size_t i = 0; i < n && c == OK; i++) {
        if ((c = audit_known(ctx, r[i].event_id, &known)) == OK && !known)
            c = audit_append(ctx, &r[i], &head);
    }
    return c;
}

/* NULL: all entries. */
static json_object *audit_wanted(struct ctx *ctx, const struct audit_match *match) {
    json_object *equal = docs_new(ctx);

    if (match->actor_id != 0)
        docs_put_int(equal, "actor", match->actor_id);
    if (match->target_id != 0)
        docs_put_int(equal, "target", match->target_id);
    if (!text_is_empty(match->kind))
        docs_put_text(equal, "kind", match->kind);
    return json_object_object_length(equal) > 0 ? equal : NULL;
}

enum code user_store_audit(struct ctx *ctx, const struct audit_match *match, struct doc_from from,
                           size_t limit, struct audit_entries *ret) {
    struct doc_page page;
    enum code c =
        docs_list(ctx, ctx->env->docs, AUDIT, AUDIT_P, audit_wanted(ctx, match), from, limit, &page);

    if (c != OK)
        return c;
    *ret = (struct audit_entries){arena_many(ctx->arena, struct audit_entry, page.n), page.n, page.next,
                                  page.prev};
    for (size_t i = 0; i < page.n; i++)
        audit_read(ctx, page.docs[i], &ret->items[i]);
    return OK;
}
