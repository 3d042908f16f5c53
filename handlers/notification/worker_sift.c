/* Who is not to hear of it. Each step asks the service that knows, for all at once. */
#include "fcgi/base/clock.h"
#include "gen/stubs.h"
#include "handlers/common/act.h"
#include "handlers/common/edge.h"
#include "handlers/common/models.h"
#include "handlers/common/permission.h"
#include "handlers/notification/kinds.h"
#include "handlers/notification/service_prefs.h"
#include "handlers/notification/worker.h"

#define AT_ONCE 1000

/* Those that are still to be made, or of which `wanted` says that a step is about them. */
typedef bool is_about(const struct told *t);

static bool is_open(const struct told *t) { return !t->is_off && !t->is_dropped; }
static bool is_by_member(const struct told *t) { return is_open(t) && t->actor != 0; }
static bool is_by_act(const struct told *t) { return is_open(t) && t->needs_acts != 0; }
static bool is_filtered(const struct told *t) {
    return is_by_member(t) && notification_kind(t->kind)->filtered;
}

static size_t pick(struct told *const *told, size_t n, is_about *about, struct told **ret) {
    size_t k = 0;

    for (size_t i = 0; i < n; i++)
        if (about(told[i]))
            ret[k++] = told[i];
    return k;
}

static bool is_active(const Pb__UserCard *card) {
    return card != NULL && card->state == PB__ACCOUNT_STATE__STATE_ACTIVE;
}

/* The cards of users and, behind them, actors. */
static enum code cards_of(struct ctx *ctx, struct told *const *told, size_t n, const Pb__UserCard ***ret) {
    int64_t *ids = arena_many(ctx->arena, int64_t, 2 * n);

    *ret = arena_many(ctx->arena, const Pb__UserCard *, 2 * n);
    for (size_t i = 0; i < n; i++) {
        ids[i] = told[i]->user;
        ids[n + i] = told[i]->actor;
    }
    return cards_get(ctx, ids, 2 * n, *ret);
}

/* What one does oneself is no news. */
static void sift_own(struct told *const *told, size_t n) {
    for (size_t i = 0; i < n; i++)
        told[i]->is_dropped = told[i]->is_dropped || told[i]->user == told[i]->actor;
}

/* Who is not there: suspended, deleted. */
static enum code sift_members(struct ctx *ctx, struct told *const *all, size_t n_all) {
    struct told **told = arena_many(ctx->arena, struct told *, n_all);
    size_t n = pick(all, n_all, is_open, told);
    const Pb__UserCard **cards;
    enum code c;

    if (n == 0)
        return OK;
    if ((c = cards_of(ctx, told, n, &cards)) != OK)
        return c;
    for (size_t i = 0; i < n; i++)
        told[i]->is_dropped = !is_active(cards[i]) || (told[i]->actor != 0 && !is_active(cards[n + i]));
    return OK;
}

static Pb__PairsRequest pairs_of(struct ctx *ctx, struct told *const *told, size_t n) {
    Pb__PairsRequest ask = PB__PAIRS_REQUEST__INIT;

    ask.viewer_ids = arena_many(ctx->arena, int64_t, n);
    ask.target_ids = arena_many(ctx->arena, int64_t, n);
    ask.n_viewer_ids = ask.n_target_ids = n;
    for (size_t i = 0; i < n; i++) {
        ask.viewer_ids[i] = told[i]->user;
        ask.target_ids[i] = told[i]->actor;
    }
    return ask;
}

static enum code sift_some_edges(struct ctx *ctx, struct told *const *told, size_t n) {
    Pb__PairsRequest ask = pairs_of(ctx, told, n);
    const Pb__PairsReply *found;
    enum code c;

    if ((c = connection_get_pairs(ctx, &ask, &found)) != OK)
        return c;
    for (size_t i = 0; i < n && i < found->n_edges; i++) {
        told[i]->edges = found->edges[i];
        told[i]->is_dropped = (told[i]->edges & (EDGE_SEVERED | EDGE_MUTING)) != 0 ||
                              (told[i]->edges & told[i]->needs_edges) != told[i]->needs_edges;
    }
    return OK;
}

/* Blocked, muted, and follows that are none any more. */
static enum code sift_edges(struct ctx *ctx, struct told *const *all, size_t n_all) {
    struct told **told = arena_many(ctx->arena, struct told *, n_all);
    size_t n = pick(all, n_all, is_by_member, told);
    enum code c = OK;

    for (size_t i = 0; i < n && c == OK; i += AT_ONCE)
        c = sift_some_edges(ctx, told + i, n - i < AT_ONCE ? n - i : AT_ONCE);
    return c;
}

static Pb__ActsRequest acts_of(struct ctx *ctx, struct told *const *told, size_t n) {
    Pb__ActsRequest ask = PB__ACTS_REQUEST__INIT;

    ask.user_ids = arena_many(ctx->arena, int64_t, n);
    ask.post_ids = arena_many(ctx->arena, int64_t, n);
    ask.told_ids = arena_many(ctx->arena, int64_t, n);
    ask.n_user_ids = ask.n_post_ids = ask.n_told_ids = n;
    for (size_t i = 0; i < n; i++) {
        ask.user_ids[i] = told[i]->actor;
        ask.post_ids[i] = told[i]->post;
        ask.told_ids[i] = told[i]->user;
    }
    return ask;
}

static enum code sift_some_acts(struct ctx *ctx, struct told *const *told, size_t n) {
    Pb__ActsRequest ask = acts_of(ctx, told, n);
    const Pb__ActsReply *found;
    enum code c;

    if ((c = post_get_acts(ctx, &ask, &found)) != OK)
        return c;
    for (size_t i = 0; i < n && i < found->n_acts; i++)
        told[i]->is_dropped = (found->acts[i] & ACT_THREAD_MUTED) != 0 ||
                              (found->acts[i] & told[i]->needs_acts) != told[i]->needs_acts;
    return OK;
}

/* Muted conversations, deleted posts, likes that were taken back. */
static enum code sift_acts(struct ctx *ctx, struct told *const *all, size_t n_all) {
    struct told **told = arena_many(ctx->arena, struct told *, n_all);
    size_t n = pick(all, n_all, is_by_act, told);
    enum code c = OK;

    for (size_t i = 0; i < n && c == OK; i += AT_ONCE)
        c = sift_some_acts(ctx, told + i, n - i < AT_ONCE ? n - i : AT_ONCE);
    return c;
}

static int verdict_on(const struct told *t, const struct sender_policy *policy, const Pb__UserCard *actor) {
    struct sender sender = {.edges = t->edges,
                            .age_ms = clock_now_ms() - actor->created_ms,
                            .is_private = t->is_private,
                            .is_answer = t->is_answer,
                            .is_staff = (actor->permissions & PERMISSION_MODERATE) != 0};

    return policy_verdict(policy, &sender);
}

/* Those of whom a request was accepted are heard all the same. */
static enum code execute(struct ctx *ctx, struct told *const *told, const int *verdicts, size_t n) {
    int64_t *users = arena_many(ctx->arena, int64_t, n), *actors = arena_many(ctx->arena, int64_t, n);
    bool *is_accepted = arena_many(ctx->arena, bool, n);
    enum code c;

    for (size_t i = 0; i < n; i++) {
        users[i] = told[i]->user;
        actors[i] = told[i]->actor;
    }
    if (n == 0 || (c = notification_store_accepted(ctx, users, actors, n, is_accepted)) != OK)
        return n == 0 ? OK : c;
    for (size_t i = 0; i < n; i++) {
        if (is_accepted[i])
            continue;
        told[i]->is_dropped = verdicts[i] == POLICY_DROP;
        told[i]->state = TOLD_HELD;
    }
    return OK;
}

/* What the members' own policies say. */
static enum code sift_policies(struct ctx *ctx, struct told *const *told, size_t n,
                               const struct sender_policy *policies) {
    struct told **caught = arena_many(ctx->arena, struct told *, n);
    int *verdicts = arena_many(ctx->arena, int, n);
    const Pb__UserCard **cards;
    size_t k = 0;
    enum code c;

    if ((c = cards_of(ctx, told, n, &cards)) != OK)
        return c;
    for (size_t i = 0; i < n; i++) {
        int verdict = is_filtered(told[i]) && cards[n + i] != NULL
                          ? verdict_on(told[i], &policies[i], cards[n + i])
                          : POLICY_ACCEPT;

        if (verdict == POLICY_ACCEPT)
            continue;
        caught[k] = told[i];
        verdicts[k++] = verdict;
    }
    return execute(ctx, caught, verdicts, k);
}

/* What the members do not want to see of this kind, by their preferences, is made for other ways alone. */
static void sift_preferences(struct told *const *told, size_t n, const struct prefs *prefs) {
    for (size_t i = 0; i < n; i++)
        if (is_open(told[i]) && told[i]->state == TOLD_SHOWN &&
            (prefs_ways(&prefs[i], notification_kind(told[i]->kind)->name) & WAY_IN_APP) == 0)
            told[i]->state = TOLD_QUIET;
}

/* What the members chose themselves is asked before the others' steps, and looked at after them. */
struct choices {
    struct told **told;
    int64_t *users;
    size_t n;
};

static enum code choices_queue(struct ctx *ctx, struct told *const *all, size_t n_all, struct choices *ret) {
    enum code c = OK;

    ret->told = arena_many(ctx->arena, struct told *, n_all);
    ret->n = pick(all, n_all, is_open, ret->told);
    ret->users = arena_many(ctx->arena, int64_t, ret->n);
    for (size_t i = 0; i < ret->n; i++)
        ret->users[i] = ret->told[i]->user;
    if (ret->n == 0 || (c = notification_store_policies_queue(ctx, ret->users, ret->n)) != OK ||
        (c = notification_store_prefs_queue(ctx, ret->users, ret->n)) != OK)
        return c;
    notification_store_send(ctx);
    return OK;
}

static enum code sift_choices(struct ctx *ctx, const struct choices *choices) {
    size_t n = choices->n;
    struct sender_policy *policies = arena_many(ctx->arena, struct sender_policy, n);
    struct prefs *prefs;
    enum code c;

    if (n == 0)
        return OK;
    if ((c = notification_store_policies_fetch(ctx, choices->users, n, policies)) != OK ||
        (c = notification_prefs_fetch(ctx, choices->users, n, &prefs)) != OK ||
        (c = sift_policies(ctx, choices->told, n, policies)) != OK)
        return c;
    sift_preferences(choices->told, n, prefs);
    return OK;
}

/* What the steps will ask, if none of them leaves out what the one before has let through: on most days. */
static void sift_ahead(struct ctx *ctx, struct told *const *all, size_t n_all) {
    struct told **told = arena_many(ctx->arena, struct told *, n_all);
    size_t n = pick(all, n_all, is_by_member, told);

    if (n > 0 && n <= AT_ONCE) {
        Pb__PairsRequest pairs = pairs_of(ctx, told, n);

        connection_get_pairs_ahead(ctx, &pairs);
    }
    n = pick(all, n_all, is_by_act, told);
    if (n > 0 && n <= AT_ONCE) {
        Pb__ActsRequest acts = acts_of(ctx, told, n);

        post_get_acts_ahead(ctx, &acts);
    }
}

enum code notification_sift(struct ctx *ctx, struct told *const *told, size_t n) {
    struct choices choices;
    enum code c;

    sift_own(told, n);
    sift_ahead(ctx, told, n);
    if ((c = choices_queue(ctx, told, n, &choices)) != OK)
        return c;
    if ((c = sift_members(ctx, told, n)) != OK || (c = sift_edges(ctx, told, n)) != OK ||
        (c = sift_acts(ctx, told, n)) != OK)
        return c;
    return sift_choices(ctx, &choices);
}
