/* Administration: members' states, invitations, imports, the audit log. Roles stand in service_roles.c. */
#include <stdio.h>
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/i18n.h"
#include "fcgi/rpc.h"
#include "gen/stubs.h"
#include "handlers/common/limit.h"
#include "handlers/common/markdown.h"
#include "handlers/common/page_cache.h"
#include "handlers/common/permission.h"
#include "handlers/user/rules.h"
#include "handlers/user/service.h"
#include "handlers/user/service_tokens.h"

#define PAGE_MAX 200
#define CREATE_MAX 5000

/* For calls that do not say who asks: a member on whose behalf this runs must be allowed to. */
static enum code viewer_may(struct ctx *ctx, uint64_t permission) {
    if (ctx->viewer_id == 0 || (ctx->permissions & permission) == permission)
        return OK;
    return fail(ctx, DENIED, "Your role does not allow this.");
}

/* ---- states */

struct act {
    const char *action;
    Pb__AccountState from, to;
    const char *kind, *mail;
};
static const struct act acts[] = {
    {"approve", PB__ACCOUNT_STATE__STATE_PENDING, PB__ACCOUNT_STATE__STATE_ACTIVE, "member.approved",
     "approved"},
    {"reject", PB__ACCOUNT_STATE__STATE_PENDING, PB__ACCOUNT_STATE__STATE_DELETED, "member.rejected", NULL},
    {"suspend", PB__ACCOUNT_STATE__STATE_ACTIVE, PB__ACCOUNT_STATE__STATE_SUSPENDED, "member.suspended",
     "suspended"},
    {"restore", PB__ACCOUNT_STATE__STATE_SUSPENDED, PB__ACCOUNT_STATE__STATE_ACTIVE, "member.restored", NULL},
};

static const struct act *find_act(const char *action) {
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        if (strcmp(acts[i].action, action) == 0)
            return &acts[i];
    return NULL;
}

static enum code may_set_state(struct ctx *ctx, const struct person *actor, const struct person *p,
                               const struct act *act) {
    if (act->to == PB__ACCOUNT_STATE__STATE_SUSPENDED && actor != NULL && actor->card->id == p->card->id)
        return fail(ctx, PRECONDITION, tr_mark("You can't suspend yourself. Ask another administrator."));
    if (p->card->state != act->from)
        return fail(ctx, PRECONDITION,
                    tr_mark("This member's state has changed meanwhile. Look at it again."));
    return user_actor_above(ctx, actor, p);
}

static enum code change_state(struct ctx *ctx, const struct person *actor, const struct person *p,
                              const struct act *act, const char *note, bool *ret_ok) {
    struct state_change change = {p->card->id, act->from, act->to,
                                  act->to == PB__ACCOUNT_STATE__STATE_SUSPENDED ? note : "", act->mail};
    struct body event = user_state_body(ctx, p->card->id, act->to, user_actor_id(actor), note);
    struct body security = user_security_body(ctx, user_actor_id(actor), act->kind, note, 0);

    if (act->to == PB__ACCOUNT_STATE__STATE_DELETED)
        return user_store_reject(ctx, p->card->id, note, event, security, ret_ok);
    return user_store_set_state(ctx, &change, event, security, ret_ok);
}

enum code user_service_set_state(struct ctx *ctx, const Pb__SetStateRequest *req, Pb__UserCard *reply) {
    const struct act *act = find_act(req->action);
    struct person *actor, *p;
    const char *note;
    bool ok;
    enum code c;

    if (act == NULL)
        return fail_field(ctx, "action", "Choose approve, reject, suspend or restore.");
    if ((c = user_actor(ctx, req->actor_id, PERMISSION_MEMBERS, &actor)) != OK ||
        (c = user_text(ctx, "note", req->note, RULES_NOTE_MAX, &note)) != OK ||
        (c = user_person(ctx, req->user_id, &p)) != OK || (c = may_set_state(ctx, actor, p, act)) != OK ||
        (c = change_state(ctx, actor, p, act, note, &ok)) != OK)
        return c;
    if (!ok)
        return user_not_changed(ctx, p);
    *reply = *p->card;
    reply->state = act->to;
    if (act->to == PB__ACCOUNT_STATE__STATE_DELETED)
        return OK;
    user_publish(ctx, p->card->id);
    if (act->from == PB__ACCOUNT_STATE__STATE_SUSPENDED)
        page_purge_everything(ctx);
    if (act->to == PB__ACCOUNT_STATE__STATE_SUSPENDED &&
        user_sessions_end(ctx, p->card->id, 0, clock_now_ms()) != OK)
        fail_clear(ctx); /* the worker repeats it, and until then the card says that they are dead */
    if (act->to == PB__ACCOUNT_STATE__STATE_SUSPENDED)
        user_streams_end(ctx, p->card->id, "{}");
    return OK;
}

/* ---- passwords */

enum code user_service_set_password(struct ctx *ctx, const Pb__SetPasswordRequest *req, Pb__Empty *reply) {
    struct person *actor, *p;
    const char *hash;
    bool ok;
    enum code c;

    (void)reply;
    if ((c = user_actor(ctx, req->actor_id, PERMISSION_ROLES, &actor)) != OK ||
        (c = user_person(ctx, req->user_id, &p)) != OK || (c = user_actor_above(ctx, actor, p)) != OK ||
        (c = user_password_check(ctx, "password", req->password, p)) != OK)
        return c;
    if ((hash = user_password_hash(ctx, req->password)) == NULL)
        return ctx->error.code;
    c = user_store_password(ctx, p->card->id, 0, hash,
                            user_security_body(ctx, user_actor_id(actor), "member.password", "", 0), &ok);
    if ((c = user_changed_or_gone(ctx, c, &ok)) != OK)
        return c;
    user_tokens_forget(ctx, p->card->id);
    if (user_sessions_end(ctx, p->card->id, 0, clock_now_ms()) != OK)
        fail_clear(ctx); /* the worker repeats it */
    return OK;
}

/* ---- the list */

static Pb__Member *member_of(struct ctx *ctx, const struct person *p) {
    Pb__Member *m = arena_one(ctx->arena, Pb__Member);

    pb__member__init(m);
    m->card = p->card;
    m->email = p->email;
    m->reason = p->reason;
    m->confirmed_ms = p->confirmed_ms;
    m->seen_ms = id_time_ms(p->active_id);
    m->invited_by = p->invited_by;
    return m;
}

/* "" and "all" mean any. */
static int state_number(const char *state) {
    static const char *const names[] = {"unconfirmed", "pending", "active", "suspended", "deleted"};

    for (int i = 0; i < 5; i++)
        if (strcmp(names[i], state) == 0)
            return i;
    return -1;
}

static enum code one_member(struct ctx *ctx, int64_t id, Pb__MembersReply *reply) {
    struct person *p;
    enum code c = user_person(ctx, id, &p);

    if (c != OK)
        return c;
    reply->members = arena_many(ctx->arena, Pb__Member *, 1);
    reply->members[0] = member_of(ctx, p);
    reply->n_members = 1;
    return OK;
}

enum code user_service_list_members(struct ctx *ctx, const Pb__MembersRequest *req, Pb__MembersReply *reply) {
    struct member_filter f = {.state = state_number(req->state), .before = req->before, .after = req->after};
    struct member_page found;
    struct member_counts counts;
    enum code c;

    if ((c = viewer_may(ctx, PERMISSION_MEMBERS)) != OK)
        return c;
    if (req->id != 0)
        return one_member(ctx, req->id, reply);
    f.limit = limit_of(req->limit, 40, PAGE_MAX);
    f.role = text_is_empty(req->role) ? NULL : req->role;
    if (!text_is_empty(req->query)) {
        f.email_prefix = req->query;
        f.tsquery = rules_tsquery(ctx->arena, req->query);
        if (f.tsquery == NULL)
            return OK; /* only signs, no word: nobody */
    }
    if ((c = user_store_members(ctx, &f, &found)) != OK || (c = user_store_member_counts(ctx, &counts)) != OK)
        return c;
    reply->pending = counts.pending;
    reply->total = counts.total;
    reply->next = found.next;
    reply->prev = found.prev;
    reply->n_members = found.n;
    reply->members = arena_many(ctx->arena, Pb__Member *, found.n);
    for (size_t i = 0; i < found.n; i++)
        reply->members[i] = member_of(ctx, found.items[i]);
    return OK;
}

/* ---- many at once */

static enum code check_new(struct ctx *ctx, const Pb__CreateUserRequest *u, Pb__Role *const *roles,
                           size_t n_roles) {
    const char *problem, *ignored;

    if (!text_is_handle(u->handle)) /* reserved names are the operator's to give */
        fail_field(
            ctx, "handle",
            arena_printf(
                ctx->arena,
                "“%s” is no handle: use 1 to 30 letters (a to z), digits and underscores, a letter first.",
                u->handle));
    if (!text_is_empty(u->email) && !text_is_email(u->email))
        fail_field(ctx, "email", arena_printf(ctx->arena, "“%s” is no e-mail address.", u->email));
    if (!text_is_empty(u->role) && user_role_find(roles, n_roles, u->role) == NULL)
        fail_field(ctx, "role", arena_printf(ctx->arena, "There is no role “%s”.", u->role));
    if (!text_is_empty(u->password) &&
        (problem = rules_password_problem(ctx->arena, u->password, u->handle, u->email,
                                          ctx->env->config->password_min, ctx->lang)) != NULL)
        fail_field(ctx, "password", problem);
    user_line(ctx, "name", u->name, RULES_NAME_MAX, &ignored);
    user_line(ctx, "headline", u->headline, RULES_HEADLINE_MAX, &ignored);
    user_text(ctx, "bio", u->bio, RULES_BIO_MAX, &ignored);
    return ctx_failed(ctx) ? ctx->error.code : OK;
}

static const char *joined(struct ctx *ctx, const char *const *words, size_t n) {
    struct buf out;

    buf_init(&out, ctx->arena, 8192);
    for (size_t i = 0; i < n; i++)
        buf_printf(&out, "%s%s", i > 0 ? " " : "", words[i]);
    return buf_str(&out);
}

/* One row of the columns. The same password for many of them is hashed once: demo communities share one. */
static enum code fill_new(struct ctx *ctx, const Pb__CreateUserRequest *u, struct new_members *m, size_t i,
                          const char **last_hash, const char **last_password) {
    struct safe_html html = {"", 0};
    const char **words;
    size_t n;
    enum code c;

    m->handles[i] = u->handle;
    m->emails[i] = u->email;
    m->roles[i] = text_is_empty(u->role) ? "member" : u->role;
    if ((c = user_line(ctx, "name", u->name, RULES_NAME_MAX, &m->names[i])) != OK ||
        (c = user_line(ctx, "headline", u->headline, RULES_HEADLINE_MAX, &m->headlines[i])) != OK ||
        (c = user_text(ctx, "bio", u->bio, RULES_BIO_MAX, &m->bios[i])) != OK ||
        (!text_is_empty(m->bios[i]) && (c = markdown_render(ctx, m->bios[i], &html)) != OK))
        return c;
    m->bio_htmls[i] = arena_strndup(ctx->arena, html.p, html.n);
    n = user_words(ctx, u->handle, m->names[i], m->headlines[i], &words);
    m->words[i] = joined(ctx, words, n);
    m->password_hashes[i] = "";
    if (text_is_empty(u->password))
        return OK;
    if (*last_password == NULL || strcmp(*last_password, u->password) != 0) {
        if ((*last_hash = user_password_hash(ctx, u->password)) == NULL)
            return ctx->error.code;
        *last_password = u->password;
    }
    m->password_hashes[i] = *last_hash;
    return OK;
}

static enum code some_taken(struct ctx *ctx) {
    bool email = strcmp(user_store_violated(ctx), "accounts_email") == 0;

    fail_clear(ctx);
    if (email)
        return fail_field(ctx, "email", "One of these e-mail addresses belongs to an account already.");
    return fail_field(ctx, "handle", "One of these handles is taken.");
}

static struct new_members *new_columns(struct ctx *ctx, size_t n, int64_t **ret_ids,
                                       int64_t **ret_discoverable) {
    struct new_members *m = arena_one(ctx->arena, struct new_members);
    const char ***const columns[] = {&m->handles,   &m->emails, &m->password_hashes, &m->names, &m->roles,
                                     &m->headlines, &m->bios,   &m->bio_htmls,       &m->words};

    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        *columns[i] = arena_many(ctx->arena, const char *, n);
    m->n = n;
    m->ids = *ret_ids = arena_many(ctx->arena, int64_t, n);
    m->discoverable = *ret_discoverable = arena_many(ctx->arena, int64_t, n);
    return m;
}

enum code user_service_create_users(struct ctx *ctx, const Pb__CreateUsersRequest *req,
                                    Pb__CreateUsersReply *reply) {
    struct new_members *m;
    Pb__Role **roles;
    const char *last_hash = NULL, *last_password = NULL;
    int64_t *ids, *discoverable;
    size_t n_roles;
    enum code c;

    if (req->n_users > CREATE_MAX)
        return fail(ctx, INVALID, "Make at most 5,000 members at once.");
    if ((c = viewer_may(ctx, PERMISSIONS_ADMIN)) != OK ||
        (c = user_store_roles(ctx, false, &roles, &n_roles)) != OK || req->n_users == 0)
        return c;
    m = new_columns(ctx, req->n_users, &ids, &discoverable);
    for (size_t i = 0; i < req->n_users; i++) {
        ids[i] = id_next();
        discoverable[i] = req->users[i]->discoverable;
        if ((c = check_new(ctx, req->users[i], roles, n_roles)) != OK ||
            (c = fill_new(ctx, req->users[i], m, i, &last_hash, &last_password)) != OK)
            return c;
    }
    c = user_store_create_many(ctx, m, user_security_body(ctx, ctx->viewer_id, "member.created", "", 0));
    if (c != OK)
        return c == EXISTS ? some_taken(ctx) : c;
    reply->ids = ids;
    reply->n_ids = req->n_users;
    return OK;
}

/* ---- invitations */

enum code user_service_create_invite(struct ctx *ctx, const Pb__CreateInviteRequest *req, Pb__Invite *reply) {
    struct person *actor;
    Pb__Invite *made;
    const char *detail;
    enum code c;

    if ((c = user_actor(ctx, req->actor_id, PERMISSION_INVITE, &actor)) != OK)
        return c;
    if (strcmp(ctx->env->config->registration, "closed") == 0)
        return fail(
            ctx, PRECONDITION,
            tr_mark("This site takes no new members at the moment, so an invite link would not work."));
    if (req->max_uses < 1 || req->max_uses > 1000)
        fail_field(ctx, "max_uses", tr_mark("An invite link can be used 1 to 1,000 times."));
    if (req->days < 1 || req->days > 365)
        fail_field(ctx, "days", tr_mark("An invite link works for 1 to 365 days."));
    if (ctx_failed(ctx))
        return ctx->error.code;
    detail = arena_printf(ctx->arena, "%d × %d d", (int)req->max_uses, (int)req->days);
    c = user_store_invite_new(ctx, user_actor_id(actor), req->max_uses,
                              clock_now_ms() + (int64_t)req->days * 86400000,
                              user_security_body(ctx, user_actor_id(actor), "invite.made", detail, 0), &made);
    if (c == OK)
        *reply = *made;
    return c;
}

/* Own ones; who may change the site sees and ends everybody's. */
static int64_t whose(const struct person *actor) {
    return actor == NULL || (actor->card->permissions & PERMISSION_SETTINGS) != 0 ? 0 : actor->card->id;
}

enum code user_service_list_invites(struct ctx *ctx, const Pb__InvitesRequest *req, Pb__InvitesReply *reply) {
    struct person *actor;
    enum code c = user_actor(ctx, req->actor_id, PERMISSION_INVITE, &actor);

    return c != OK ? c : user_store_invites(ctx, whose(actor), &reply->invites, &reply->n_invites);
}

enum code user_service_revoke_invite(struct ctx *ctx, const Pb__RevokeInviteRequest *req, Pb__Empty *reply) {
    struct person *actor;
    bool ok;
    enum code c;

    (void)reply;
    if ((c = user_actor(ctx, req->actor_id, PERMISSION_INVITE, &actor)) != OK ||
        (c = user_store_invite_revoke(ctx, req->id, whose(actor),
                                      user_security_body(ctx, user_actor_id(actor), "invite.revoked", "", 0),
                                      &ok)) != OK)
        return c;
    return ok ? OK : fail(ctx, NOT_FOUND, tr_mark("This invite link has ended already."));
}

enum code user_service_invite_open(struct ctx *ctx, const char *code, const Pb__Invite **ret_invite) {
    Pb__Invite *i = NULL;
    enum code c = strlen(code) > 64 ? OK : user_store_invite_by_code(ctx, code, &i);

    if (c != OK)
        return c;
    if (i == NULL || i->uses >= i->max_uses || i->expires_ms <= clock_now_ms())
        return fail(ctx, NOT_FOUND,
                    tr_mark("This invite link has been used up or is too old. Ask for a new one."));
    *ret_invite = i;
    return OK;
}

/* ---- the site */

/* Counting takes a while on a large site, and anybody may ask: so each worker counts at most once a minute.
 */
static enum code members_about(struct ctx *ctx, struct user_site *ret) {
    static int64_t counted_ms;
    static struct member_counts counts;
    int64_t now = clock_now_ms();
    enum code c;

    if (now - counted_ms > 60000 || now < counted_ms) {
        if ((c = user_store_member_counts(ctx, &counts)) != OK)
            return c;
        counted_ms = now;
    }
    ret->members = counts.total - counts.pending;
    ret->month = counts.month;
    ret->halfyear = counts.halfyear;
    return OK;
}

enum code user_service_site(struct ctx *ctx, struct user_site *ret_site) {
    Pb__UserCard **staff;
    enum code c;

    if ((c = members_about(ctx, ret_site)) != OK ||
        (c = user_store_staff(ctx, 20, &staff, &ret_site->n_staff)) != OK)
        return c;
    ret_site->staff = (const Pb__UserCard **)staff;
    return OK;
}

#define WEEKS_KEEP_MS (15 * 60 * 1000)

/* Anybody may ask for it. */
enum code user_service_weeks(struct ctx *ctx, struct user_week ret[USER_WEEKS]) {
    static int64_t counted_ms, week, members[USER_WEEKS], registrations[USER_WEEKS];
    int64_t now = clock_now_ms();
    enum code c;

    if (now - counted_ms > WEEKS_KEEP_MS || now < counted_ms) {
        week = (now - ID_EPOCH_MS) / ID_WEEK_MS;
        if ((c = user_store_weeks(ctx, week, members, registrations, USER_WEEKS)) != OK)
            return c;
        counted_ms = now;
    }
    for (int64_t i = 0; i < USER_WEEKS; i++)
        ret[i] = (struct user_week){ID_EPOCH_MS + (week - i) * ID_WEEK_MS, members[i], registrations[i]};
    return OK;
}

/* ---- audit */

enum code user_service_audit(struct ctx *ctx, const struct audit_filter *filter, size_t limit,
                             struct audit_page *ret_page) {
    struct audit_match match = {filter->actor_id, filter->target_id, filter->kind};
    struct audit_entries found;
    enum code c = viewer_may(ctx, PERMISSION_AUDIT);

    if (c != OK)
        return c;
    limit = limit_of(limit, 40, PAGE_MAX);
    if ((c = user_store_audit(ctx, &match, (struct doc_from){filter->before, filter->after}, limit,
                              &found)) != OK)
        return c;
    *ret_page = (struct audit_page){arena_many(ctx->arena, struct audit_item, found.n), found.n, found.next,
                                    found.prev};
    for (size_t i = 0; i < found.n; i++) {
        const struct audit_entry *e = &found.items[i];

        ret_page->items[i] = (struct audit_item){e->seq,  e->at_ms, e->actor_id, e->target_id,
                                                 e->kind, e->ip,    e->device,   e->detail};
    }
    return OK;
}

/* Where a walk down the chain stands: what the entry above said. Outside of any page's memory. */
struct walk {
    int64_t seq; /* 0: at the start */
    char prev[80], before[256];
};

static bool step(struct walk *w, const struct audit_entry *e) {
    if (!e->whole || (w->seq != 0 && (e->seq != w->seq - 1 || strcmp(w->prev, e->hash) != 0)))
        return false;
    w->seq = e->seq;
    snprintf(w->prev, sizeof w->prev, "%s", e->prev);
    return true;
}

static enum code audit_broken(struct ctx *ctx) {
    return fail(ctx, DATA_LOSS, "The audit log has been tampered with.");
}

/* One page of the walk, in memory of its own: the log may be larger than any arena. */
static enum code walk_page(struct ctx *ctx, struct walk *w, int64_t *n, int64_t *ret_seq) {
    struct audit_entries found = {0};
    enum code c = user_store_audit(ctx, &(struct audit_match){0}, (struct doc_from){.before = w->before},
                                   PAGE_MAX, &found);

    for (size_t i = 0; c == OK && i < found.n; i++, ++*n) {
        *ret_seq = found.items[i].seq;
        if (!step(w, &found.items[i]))
            return audit_broken(ctx);
    }
    if (c == OK)
        snprintf(w->before, sizeof w->before, "%s", found.next);
    return c;
}

enum code user_service_audit_verify(struct ctx *ctx, int64_t *ret_n, int64_t *ret_seq) {
    struct walk w = {0};
    enum code c = viewer_may(ctx, PERMISSION_AUDIT);

    *ret_n = *ret_seq = 0;
    while (c == OK) {
        struct ctx own = *ctx;

        own.arena = arena_new((size_t)64 << 20);
        c = walk_page(&own, &w, ret_n, ret_seq);
        arena_free(own.arena);
        if (c != OK)
            return fail(ctx, c,
                        c == DATA_LOSS ? tr_mark("The audit log has been tampered with.")
                                       : tr_mark("The audit log can't be read right now."));
        if (w.before[0] == '\0')
            break;
    }
    if (c == OK && w.seq > 1)
        return audit_broken(ctx); /* its beginning is missing */
    return c;
}
