/* What the hub (deeplink stream) is told about the program whose streams it holds; a part of struct app. The
 * hub knows no service: which streams there are, and what the read models say that it looks at, stands here.
 */
#ifndef DEEPLINK_STREAM_H
#define DEEPLINK_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/* What a token may be allowed; a ticket has these bits. */
#define STREAM_SCOPE_POSTS 1u
#define STREAM_SCOPE_NOTIFICATIONS 2u

/* A stream that a client can ask for by name. */
struct stream_kind {
    const char *name;    /* "public:local" */
    const char *events;  /* of the member's own that it takes, between '|'; NULL: none */
    const char *quiet;   /* of these, the ones that STREAM_SCOPE_NOTIFICATIONS is needed for; NULL: none */
    const char *channel; /* that it listens to: "local", or "tag:" with the parameter behind it; NULL: none */
    const char *parameter; /* "tag" or "list" that has to be said; NULL: none */
    unsigned scopes;       /* all of these bits are needed */
    /* Why another's is refused. The member's id stands before the parameter in the channel, so that nobody
     * hears of what is another's, and among the member's relations is a field of the channel's name with the
     * parameter behind it for each of its own. NULL: it is everybody's. */
    const char *refused;
    const char *brief; /* events, between '|', of which only the id is told: {"id":"…"}; NULL: none */
};

struct stream_app {
    const struct stream_kind *kinds; /* ends with a row without name */
    const struct stream_kind *page;  /* what our own pages listen to */
    /* The key of a hash that has what stands between a member and others, by their ids, and a field "_" when
     * it is whole; and whether a value of it hides the other from the member, until when (0: no end). */
    const char *relations;
    bool (*hides)(const char *value, int64_t *ret_until_ms);
    /* Channels of posts ("post:<id>") tell states, not happenings: an older one is of no interest. The key of
     * the read model that has the state now, and its event; false: it tells nothing. */
    void (*state_key)(int64_t id, char *key, size_t max);
    bool (*state)(int64_t id, const char *value, struct buf *out, int64_t *ret_version);
};

/* The channel of a parameter as others name it: tags are folded. In the arena; NULL: it cannot be one. */
struct arena;
const char *stream_channel(struct arena *a, const struct stream_kind *kind, int64_t member,
                           const char *parameter);

/* Whether a word is among those between '|'; NULL has none. */
bool stream_word_among(const char *words, const char *word);

/* The row of that name; NULL: none. */
const struct stream_kind *stream_kind_named(const struct stream_app *app, const char *name);

#endif
