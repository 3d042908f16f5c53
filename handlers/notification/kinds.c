#include "handlers/notification/kinds.h"

#include <inttypes.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

static const struct notification_kind kinds[KIND_END] = {
    [KIND_MENTION] = {.name = "mention", .mastodon = "mention", .filtered = true},
    [KIND_COMMENT] = {.name = "comment", .mastodon = "mention", .filtered = true},
    [KIND_LIKE] = {.name = "like", .mastodon = "favourite", .grouped = true, .filtered = true},
    [KIND_REPOST] = {.name = "repost", .mastodon = "reblog", .grouped = true, .filtered = true},
    [KIND_FOLLOW] = {.name = "follow", .mastodon = "follow", .grouped = true, .filtered = true},
    [KIND_FOLLOW_REQUEST] = {.name = "follow_request", .mastodon = "follow_request", .filtered = true},
    [KIND_FOLLOW_ACCEPTED] = {.name = "follow_accepted"},
    [KIND_EDIT] = {.name = "edit", .mastodon = "update", .renewed = true},
    [KIND_SIGN_IN] = {.name = "sign_in"},
    [KIND_MODERATION] = {.name = "moderation"},
    [KIND_POST] = {.name = "post", .mastodon = "status"},
};

const struct notification_kind *notification_kind(int64_t kind) {
    return kind > 0 && kind < KIND_END ? &kinds[kind] : NULL;
}

int notification_kind_named(const char *name) {
    for (int i = 1; i < KIND_END; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return i;
    return 0;
}

const char *notification_group_key(struct ctx *ctx, int kind, int64_t id, int64_t post, int64_t ms) {
    if (!kinds[kind].grouped)
        return arena_printf(ctx->arena, "ungrouped-%" PRId64, id);
    return arena_printf(ctx->arena, "%s-%" PRId64 "-%" PRId64, kinds[kind].mastodon, post, ms / DAY_MS);
}

static bool is_word_of(const struct notification_kind *k, const char *word) {
    return strcmp(k->name, word) == 0 || (k->mastodon != NULL && strcmp(k->mastodon, word) == 0);
}

void notification_kinds_named(const char *const *words, size_t n, int64_t *ret, size_t *ret_n) {
    *ret_n = 0;
    for (int kind = 1; kind < KIND_END; kind++)
        for (size_t i = 0; i < n; i++)
            if (is_word_of(&kinds[kind], words[i])) {
                ret[(*ret_n)++] = kind;
                break;
            }
}

size_t notification_grouped_kinds(int64_t *ret) {
    size_t n = 0;

    for (int kind = 1; kind < KIND_END; kind++)
        if (kinds[kind].grouped)
            ret[n++] = kind;
    return n;
}
