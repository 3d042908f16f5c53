#include "handlers/user/store.h"

#include <inttypes.h>
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "gen/queries.h"
#include "handlers/services.h"
#include "handlers/user/store_rows.h"
#include "handlers/user/store_sql.h"

/* Columns 0 to 17 of the views faces and persons. */
static Pb__UserCard *card_of(struct ctx *ctx, const PGresult *r, int row) {
    Pb__UserCard *c = arena_one(ctx->arena, Pb__UserCard);

    pb__user_card__init(c);
    c->id = pg_get_int(r, row, 0);
    c->handle = pg_get_str(r, row, 1);
    c->name = pg_get_str(r, row, 2);
    c->headline = pg_get_str(r, row, 3);
    c->permissions = (uint64_t)pg_get_int(r, row, 4);
    c->role = pg_get_str(r, row, 5);
    c->locked = pg_get_bool(r, row, 6);
    c->state = (Pb__AccountState)pg_get_int(r, row, 7);
    c->discoverable = pg_get_bool(r, row, 8);
    c->hide_network = pg_get_bool(r, row, 9);
    c->created_ms = pg_get_time(r, row, 10);
    c->version = pg_get_int(r, row, 11);
    c->noindex = pg_get_bool(r, row, 12);
    c->avatar = pg_get_str(r, row, 13);
    c->avatar_large = pg_get_str(r, row, 14);
    c->avatar_words = pg_get_str(r, row, 15);
    c->banner = pg_get_str(r, row, 16);
    c->banner_words = pg_get_str(r, row, 17);
    return c;
}

Pb__UserCard **user_store_cards_of(struct ctx *ctx, const PGresult *r, size_t *ret_n) {
    int n = PQntuples(r);
    Pb__UserCard **cards = arena_many(ctx->arena, Pb__UserCard *, (size_t)n);

    for (int i = 0; i < n; i++)
        cards[i] = card_of(ctx, r, i);
    *ret_n = (size_t)n;
    return cards;
}

static struct person *person_of(struct ctx *ctx, const PGresult *r, int row) {
    struct person *p = arena_one(ctx->arena, struct person);
    int c = CARD_COLUMNS;

    p->card = card_of(ctx, r, row);
    p->rank = pg_get_int(r, row, c++);
    p->email = pg_get_str(r, row, c++);
    p->new_email = pg_get_str(r, row, c++);
    p->password_hash = pg_get_str(r, row, c++);
    p->auth_version = pg_get_int(r, row, c++);
    p->password_changed_ms = pg_get_time(r, row, c++);
    p->needs_approval = pg_get_bool(r, row, c++);
    p->reason = pg_get_str(r, row, c++);
    p->note = pg_get_str(r, row, c++);
    p->invited_by = pg_get_int(r, row, c++);
    p->default_audience = pg_get_str(r, row, c++);
    p->theme = pg_get_str(r, row, c++);
    p->language = pg_get_str(r, row, c++);
    p->confirmed_ms = pg_get_time(r, row, c++);
    p->active_id = pg_get_int(r, row, c++);
    p->erase_ms = pg_get_time(r, row, c++);
    return p;
}

static struct person *first_person(struct ctx *ctx, const PGresult *r) {
    return PQntuples(r) > 0 ? person_of(ctx, r, 0) : NULL;
}

enum code user_store_person(struct ctx *ctx, int64_t id, struct person **ret) {
    PGresult *r;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_PERSON, &r, pg_i8(id));

    if (c == OK)
        *ret = first_person(ctx, r);
    return c;
}

enum code user_store_person_by_handle(struct ctx *ctx, const char *handle, struct person **ret) {
    PGresult *r;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_PERSON_BY_HANDLE, &r, pg_text(handle));

    if (c == OK)
        *ret = first_person(ctx, r);
    return c;
}

enum code user_store_person_by_email(struct ctx *ctx, const char *email, struct person **ret) {
    PGresult *r;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_PERSON_BY_EMAIL, &r, pg_text(email));

    if (c == OK)
        *ret = first_person(ctx, r);
    return c;
}

enum code user_store_cards(struct ctx *ctx, const int64_t *ids, size_t n, Pb__UserCard ***ret,
                           size_t *ret_n) {
    PGresult *r;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_CARDS, &r, pg_ids(ids, n));

    if (c == OK)
        *ret = user_store_cards_of(ctx, r, ret_n);
    return c;
}

enum code user_store_cards_after(struct ctx *ctx, int64_t after, unsigned n, Pb__UserCard ***ret,
                                 size_t *ret_n) {
    PGresult *r;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_CARDS_AFTER, &r, pg_i8(after), pg_i8(n));

    if (c == OK)
        *ret = user_store_cards_of(ctx, r, ret_n);
    return c;
}

enum code user_store_cards_by_handle(struct ctx *ctx, const char *const *folded, size_t n,
                                     Pb__UserCard ***ret, size_t *ret_n) {
    PGresult *r;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_CARDS_BY_HANDLE, &r, pg_texts(folded, n));

    if (c == OK)
        *ret = user_store_cards_of(ctx, r, ret_n);
    return c;
}

static void fill_fields(struct ctx *ctx, const PGresult *r, int row, Pb__Profile *p) {
    const char **names, **values;
    int64_t *verified;
    size_t n = pg_get_texts(ctx, r, row, CARD_COLUMNS + 2, &names),
           m = pg_get_texts(ctx, r, row, CARD_COLUMNS + 3, &values),
           k = pg_get_ids(ctx, r, row, CARD_COLUMNS + 4, &verified);

    p->n_fields = n < m ? n : m;
    p->fields = arena_many(ctx->arena, Pb__ProfileField *, p->n_fields);
    for (size_t i = 0; i < p->n_fields; i++) {
        p->fields[i] = arena_one(ctx->arena, Pb__ProfileField);
        pb__profile_field__init(p->fields[i]);
        p->fields[i]->name = names[i];
        p->fields[i]->value = values[i];
        p->fields[i]->verified_ms = i < k ? verified[i] : 0;
    }
}

static Pb__Profile *profile_of(struct ctx *ctx, const PGresult *r, int row) {
    Pb__Profile *p = arena_one(ctx->arena, Pb__Profile);

    pb__profile__init(p);
    p->card = card_of(ctx, r, row);
    p->bio = pg_get_str(r, row, CARD_COLUMNS);
    p->bio_html = pg_get_str(r, row, CARD_COLUMNS + 1);
    fill_fields(ctx, r, row, p);
    return p;
}

enum code user_store_profile(struct ctx *ctx, int64_t id, const char *handle, Pb__Profile **ret) {
    PGresult *r;
    enum code c = id != 0 ? pg_run(ctx, user_store_db(ctx), &Q_USER_PROFILE, &r, pg_i8(id))
                          : pg_run(ctx, user_store_db(ctx), &Q_USER_PROFILE_BY_HANDLE, &r, pg_text(handle));

    if (c == OK)
        *ret = PQntuples(r) > 0 ? profile_of(ctx, r, 0) : NULL;
    return c;
}

void user_store_profiles_ahead(struct ctx *ctx, const int64_t *ids, size_t n) {
    pg_ahead(ctx, user_store_db(ctx), &Q_USER_PROFILES, pg_ids(ids, n));
}

enum code user_store_profiles(struct ctx *ctx, const int64_t *ids, size_t n, Pb__Profile ***ret,
                              size_t *ret_n) {
    PGresult *r;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_PROFILES, &r, pg_ids(ids, n));

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(r);
    *ret = arena_many(ctx->arena, Pb__Profile *, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[i] = profile_of(ctx, r, (int)i);
    return OK;
}

enum code user_store_handle_taken(struct ctx *ctx, const char *handle, bool *ret) {
    PGresult *r;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_HANDLE_TAKEN, &r, pg_text(handle));

    if (c == OK)
        *ret = pg_get_bool(r, 0, 0);
    return c;
}

enum code user_store_sign_up(struct ctx *ctx, const struct new_account *a, struct body security,
                             bool *ret_ok) {
    PGresult *r = NULL;
    enum code c =
        pg_run(ctx, user_store_db(ctx), &Q_USER_SIGN_UP, &r, pg_i8(a->id), pg_text(a->handle),
               pg_text(a->email), pg_text(a->password_hash), pg_text(a->name), pg_bool(a->needs_approval),
               pg_text(a->reason), pg_text_or_null(a->invite), pg_text(a->language),
               pg_texts(a->words, a->n_words), pg_i8(id_next()), user_store_bytes(security));

    return user_store_changed(ctx, c, r, ret_ok);
}

enum code user_store_create_many(struct ctx *ctx, const struct new_members *m, struct body security) {
    PGresult *r = NULL;
    bool ok;
    enum code c =
        pg_run(ctx, user_store_db(ctx), &Q_USER_CREATE_MANY, &r, pg_ids(m->ids, m->n),
               pg_texts(m->handles, m->n), pg_texts(m->emails, m->n), pg_texts(m->password_hashes, m->n),
               pg_texts(m->names, m->n), pg_texts(m->roles, m->n), pg_texts(m->headlines, m->n),
               pg_texts(m->bios, m->n), pg_texts(m->bio_htmls, m->n), pg_ids(m->discoverable, m->n),
               pg_texts(m->words, m->n), user_store_bytes(security));

    return user_store_changed(ctx, c, r, &ok);
}

const char *user_store_violated(struct ctx *ctx) { return pg_violated(user_store_db(ctx)); }

enum code user_store_link_new(struct ctx *ctx, const unsigned char hash[32], int64_t user_id,
                              const char *purpose, const char *email, int64_t expires_ms) {
    return pg_run(ctx, user_store_db(ctx), &Q_USER_TOKEN_NEW, NULL, pg_bytes(hash, 32), pg_i8(user_id),
                  pg_text(purpose), pg_text(email), pg_time(expires_ms));
}

enum code user_store_link_peek(struct ctx *ctx, const unsigned char hash[32], struct link_state *ret) {
    PGresult *r;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_TOKEN_PEEK, &r, pg_bytes(hash, 32));

    if (c != OK)
        return c;
    *ret = (struct link_state){0};
    if (PQntuples(r) > 0)
        *ret = (struct link_state){pg_get_int(r, 0, 0), pg_get_str(r, 0, 1), pg_get_bool(r, 0, 2),
                                   pg_get_bool(r, 0, 3)};
    return OK;
}

enum code user_store_confirm(struct ctx *ctx, const unsigned char hash[32], struct body security,
                             int64_t *ret_id, Pb__AccountState *ret_state) {
    PGresult *r = NULL;
    bool ok;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_CONFIRM, &r, pg_bytes(hash, 32), pg_i8(id_next()),
                         user_store_bytes(security));

    if ((c = user_store_changed(ctx, c, r, &ok)) != OK)
        return c;
    *ret_id = ok ? pg_get_int(r, 0, 0) : 0;
    *ret_state = ok ? (Pb__AccountState)pg_get_int(r, 0, 1) : PB__ACCOUNT_STATE__STATE_UNCONFIRMED;
    return OK;
}

enum code user_store_reset(struct ctx *ctx, const unsigned char hash[32], const char *password_hash,
                           struct body security, int64_t *ret_id) {
    PGresult *r = NULL;
    bool ok;
    enum code c =
        pg_run(ctx, user_store_db(ctx), &Q_USER_RESET, &r, pg_bytes(hash, 32), pg_text(password_hash),
               pg_i8(id_next()), user_store_bytes(security), pg_text(ctx->ip));

    if ((c = user_store_changed(ctx, c, r, &ok)) != OK)
        return c;
    *ret_id = ok ? pg_get_int(r, 0, 0) : 0;
    return OK;
}

enum code user_store_confirm_again(struct ctx *ctx, int64_t id, const char *email, bool *ret_ok) {
    PGresult *r = NULL;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_CONFIRM_AGAIN, &r, pg_i8(id),
                         pg_text_or_null(email), pg_i8(id_next()));

    return user_store_changed(ctx, c, r, ret_ok);
}

enum code user_store_mail_for_address(struct ctx *ctx, const char *kind, const char *email) {
    PGresult *r = NULL;
    bool ok;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_MAIL_FOR_ADDRESS, &r, pg_i8(id_next()),
                         pg_text(kind), pg_text(email), pg_text(ctx->ip), pg_text(""));

    return user_store_changed(ctx, c, r, &ok);
}

enum code user_store_logged_in(struct ctx *ctx, const struct person *p, const char *new_hash,
                               const char *device, struct body security, bool *ret_ok) {
    PGresult *r = NULL;
    unsigned char hash[CRYPTO_HASH_BYTES];
    enum code c;

    crypto_digest(hash, device, strlen(device));
    c = pg_run(ctx, user_store_db(ctx), &Q_USER_LOGGED_IN, &r, pg_i8(p->card->id), pg_i8(p->auth_version),
               pg_i8(id_next()), pg_text(new_hash), pg_bytes(hash, sizeof hash), pg_text(device),
               pg_i8(id_next()), pg_text(ctx->ip), user_store_bytes(security));
    return user_store_changed(ctx, c, r, ret_ok);
}

enum code user_store_security(struct ctx *ctx, int64_t user_id, struct body security) {
    PGresult *r = NULL;
    bool ok;

    enum code c =
        pg_run(ctx, user_store_db(ctx), &Q_USER_SECURITY, &r, pg_i8(user_id), user_store_bytes(security));

    return user_store_changed(ctx, c, r, &ok);
}

enum code user_store_seen(struct ctx *ctx, int64_t user_id) {
    return pg_run(ctx, user_store_db(ctx), &Q_USER_SEEN, NULL, pg_i8(user_id), pg_i8(id_next()));
}

enum code user_store_password(struct ctx *ctx, int64_t id, int64_t auth_version, const char *hash,
                              struct body security, bool *ret_ok) {
    PGresult *r = NULL;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_PASSWORD_SET, &r, pg_i8(id), pg_text(hash),
                         pg_i8(auth_version), pg_i8(id_next()), user_store_bytes(security), pg_text(ctx->ip));

    return user_store_changed(ctx, c, r, ret_ok);
}

enum code user_store_email_ask(struct ctx *ctx, int64_t id, const char *email, struct body security,
                               bool *ret_ok) {
    PGresult *r = NULL;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_EMAIL_ASK, &r, pg_i8(id), pg_text(email),
                         pg_i8(id_next()), pg_i8(id_next()), user_store_bytes(security), pg_text(ctx->ip));

    return user_store_changed(ctx, c, r, ret_ok);
}

enum code user_store_settings(struct ctx *ctx, const Pb__UpdateSettingsRequest *s, bool *ret_ok) {
    PGresult *r = NULL;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_SETTINGS, &r, pg_i8(s->user_id), pg_bool(s->locked),
                         pg_bool(s->discoverable), pg_bool(s->hide_network), pg_bool(s->noindex),
                         pg_text(s->default_audience), pg_i8_or_null(s->if_version));

    return user_store_changed(ctx, c, r, ret_ok);
}

enum code user_store_appearance(struct ctx *ctx, int64_t id, const char *theme, const char *language,
                                bool *ret_ok) {
    PGresult *r = NULL;
    enum code c =
        pg_run(ctx, user_store_db(ctx), &Q_USER_APPEARANCE, &r, pg_i8(id), pg_text(theme), pg_text(language));

    if (c == OK)
        *ret_ok = PQntuples(r) > 0;
    return c;
}

enum code user_store_profile_set(struct ctx *ctx, int64_t id, const struct profile_words *p, bool *ret_ok) {
    PGresult *r = NULL;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_PROFILE_SET, &r, pg_i8(id), pg_text(p->name),
                         pg_text(p->headline), pg_text(p->bio), pg_text(p->bio_html),
                         pg_texts(p->field_names, p->n_fields), pg_texts(p->field_values, p->n_fields),
                         pg_texts(p->words, p->n_words), pg_i8_or_null(p->if_version));

    return user_store_changed(ctx, c, r, ret_ok);
}

/* ---- lists */

/* Up to one row more than the limit: that one tells that the list goes on. Rows that were read upwards come
 * the oldest first. */
static void member_page_of(struct ctx *ctx, const PGresult *r, const struct member_filter *f,
                           struct member_page *ret) {
    size_t rows = (size_t)PQntuples(r), n = rows > f->limit ? f->limit : rows;
    bool up = f->after != 0, goes_on = rows > n;

    *ret = (struct member_page){.items = arena_many(ctx->arena, struct person *, n), .n = n};
    for (size_t i = 0; i < n; i++)
        ret->items[up ? n - 1 - i : i] = person_of(ctx, r, (int)i);
    if (n == 0)
        return;
    if (up || goes_on)
        ret->next = ret->items[n - 1]->card->id;
    if (up ? goes_on : f->before != 0)
        ret->prev = ret->items[0]->card->id;
}

enum code user_store_members(struct ctx *ctx, const struct member_filter *f, struct member_page *ret) {
    PGresult *r = NULL;
    struct pg_val state = f->state < 0 ? pg_null() : pg_i4(f->state), role = pg_text(f->role);
    struct pg_val before = pg_i8_or_null(f->before), after = pg_i8_or_null(f->after),
                  more = pg_i8((int64_t)f->limit + 1);
    enum code c;

    if (f->tsquery != NULL)
        c = pg_run(ctx, user_store_db(ctx), &Q_USER_MEMBERS_FIND, &r, role, before, after, more, state,
                   pg_text(f->tsquery), pg_text(f->email_prefix));
    else if (f->state >= 0)
        c = pg_run(ctx, user_store_db(ctx), &Q_USER_MEMBERS_IN_STATE, &r, role, before, after, more, state);
    else
        c = pg_run(ctx, user_store_db(ctx), &Q_USER_MEMBERS, &r, role, before, after, more);
    if (c == OK)
        member_page_of(ctx, r, f, ret);
    return c;
}

enum code user_store_member_counts(struct ctx *ctx, struct member_counts *ret) {
    int64_t day = 86400000, now = clock_now_ms();
    PGresult *r;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_MEMBER_COUNTS, &r,
                         pg_i8(id_floor_at(now - 30 * day)), pg_i8(id_floor_at(now - 180 * day)));

    if (c == OK)
        *ret = (struct member_counts){pg_get_int(r, 0, 0), pg_get_int(r, 0, 1), pg_get_int(r, 0, 2),
                                      pg_get_int(r, 0, 3)};
    return c;
}

enum code user_store_weeks(struct ctx *ctx, int64_t week, int64_t *ret_members, int64_t *ret_registrations,
                           size_t n) {
    int64_t first = week - (int64_t)n + 1;
    PGresult *r = NULL;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_WEEKS, &r, pg_i8(first));

    memset(ret_members, 0, n * sizeof *ret_members);
    memset(ret_registrations, 0, n * sizeof *ret_registrations);
    for (int row = 0; c == OK && row < PQntuples(r); row++) {
        int64_t at = week - pg_get_int(r, row, 0);

        if (at < 0 || at >= (int64_t)n)
            continue;
        ret_members[at] = pg_get_int(r, row, 1);
        ret_registrations[at] = pg_get_int(r, row, 2);
    }
    return c;
}

enum code user_store_staff(struct ctx *ctx, int limit, Pb__UserCard ***ret, size_t *ret_n) {
    PGresult *r;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_STAFF, &r, pg_i8(limit));

    if (c == OK)
        *ret = user_store_cards_of(ctx, r, ret_n);
    return c;
}

/* ---- administration */

enum code user_store_set_state(struct ctx *ctx, const struct state_change *s, struct body body,
                               struct body security, bool *ret_ok) {
    PGresult *r = NULL;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_SET_STATE, &r, pg_i8(s->id), pg_i4((int)s->from),
                         pg_i4((int)s->to), pg_i8(id_next()), pg_text(s->note), pg_text(s->mail),
                         user_store_bytes(body), user_store_bytes(security));

    return user_store_changed(ctx, c, r, ret_ok);
}

enum code user_store_reject(struct ctx *ctx, int64_t id, const char *note, struct body body,
                            struct body security, bool *ret_ok) {
    PGresult *r = NULL;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_REJECT, &r, pg_i8(id), pg_i8(id_next()),
                         pg_text(note), user_store_bytes(body), user_store_bytes(security));

    return user_store_changed(ctx, c, r, ret_ok);
}

/* ---- invitations */

static Pb__Invite *invite_of(struct ctx *ctx, const PGresult *r, int row) {
    Pb__Invite *i = arena_one(ctx->arena, Pb__Invite);

    pb__invite__init(i);
    i->id = pg_get_int(r, row, 0);
    i->code = pg_get_str(r, row, 1);
    i->by_id = pg_get_int(r, row, 2);
    i->max_uses = (int32_t)pg_get_int(r, row, 3);
    i->uses = (int32_t)pg_get_int(r, row, 4);
    i->expires_ms = pg_get_time(r, row, 5);
    i->created_ms = pg_get_time(r, row, 6);
    return i;
}

enum code user_store_invite_new(struct ctx *ctx, int64_t by, int max_uses, int64_t expires_ms,
                                struct body security, Pb__Invite **ret) {
    PGresult *r = NULL;
    bool ok;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_INVITE_NEW, &r, pg_i8(id_next()),
                         pg_text(crypto_token(ctx->arena, 12)), pg_i8(by), pg_i4(max_uses),
                         pg_time(expires_ms), user_store_bytes(security));

    if ((c = user_store_changed(ctx, c, r, &ok)) == OK)
        *ret = invite_of(ctx, r, 0);
    return c;
}

enum code user_store_invites(struct ctx *ctx, int64_t by, Pb__Invite ***ret, size_t *ret_n) {
    PGresult *r;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_INVITES, &r, pg_i8_or_null(by));

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(r);
    *ret = arena_many(ctx->arena, Pb__Invite *, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[i] = invite_of(ctx, r, (int)i);
    return OK;
}

enum code user_store_invite_by_code(struct ctx *ctx, const char *code, Pb__Invite **ret) {
    PGresult *r;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_INVITE_BY_CODE, &r, pg_text(code));

    if (c == OK)
        *ret = PQntuples(r) > 0 ? invite_of(ctx, r, 0) : NULL;
    return c;
}

enum code user_store_invite_revoke(struct ctx *ctx, int64_t id, int64_t by, struct body security,
                                   bool *ret_ok) {
    PGresult *r = NULL;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_INVITE_REVOKE, &r, pg_i8(id), pg_i8_or_null(by),
                         user_store_bytes(security));

    return user_store_changed(ctx, c, r, ret_ok);
}

/* ---- mails to be sent */

static void mail_of(const PGresult *r, int row, struct mail_job *ret) {
    *ret = (struct mail_job){
        .id = pg_get_int(r, row, 0),
        .kind = pg_get_str(r, row, 1),
        .user_id = pg_get_int(r, row, 2),
        .email = pg_get_str(r, row, 3),
        .detail = pg_get_str(r, row, 4),
        .ip = pg_get_str(r, row, 5),
        .language = pg_get_str(r, row, 6),
        .created_ms = pg_get_time(r, row, 7),
        .name = pg_get_str(r, row, 8),
        .state = (Pb__AccountState)pg_get_int(r, row, 9),
        .needs_approval = pg_get_bool(r, row, 10),
        .handle = pg_get_str(r, row, 11),
        .new_email = pg_get_str(r, row, 12),
    };
}

enum code user_store_mails(struct ctx *ctx, const int64_t *ids, size_t n, struct mail_job **ret,
                           size_t *ret_n) {
    PGresult *r;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_MAILS, &r, pg_ids(ids, n));

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(r);
    *ret = arena_many(ctx->arena, struct mail_job, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        mail_of(r, (int)i, &(*ret)[i]);
    return OK;
}

enum code user_store_mail_done(struct ctx *ctx, int64_t id) {
    return pg_run(ctx, user_store_db(ctx), &Q_USER_MAIL_DONE, NULL, pg_i8(id));
}

enum code user_store_sweep(struct ctx *ctx) { return pg_run(ctx, user_store_db(ctx), &Q_USER_SWEEP, NULL); }
