/* Who may see what, and how reads become items; shared by the parts of the post service. */
#ifndef DEEPLINK_POST_RULES_H
#define DEEPLINK_POST_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handlers/common/page_cache.h"
#include "handlers/post/store.h"

/* Where a post would be shown. */
enum post_place {
    POST_BY_ITSELF, /* asked for by its address, in a thread, in one's likes and bookmarks, on its author's
                       profile */
    POST_IN_HOME,
    POST_IN_LIST, /* that the viewer keeps; its candidates are of its members */
    POST_IN_LOCAL,
    POST_IN_TAG
};

/* All that the rules look at. */
struct post_sight {
    int64_t viewer; /* 0: nobody */
    bool intranet;  /* the site shows nothing to nobody */
    enum post_place place;
    const Pb__PostView *post, *inner;          /* inner: the original of a repost */
    const Pb__UserCard *author, *inner_author; /* NULL: unknown */
    uint32_t edges, inner_edges;               /* viewer to author, EDGE_… */
    const char *const *languages; /* home and lists: those that the viewer wants of the author … */
    size_t n_languages;           /* … 0: all */
    bool tag_followed;            /* home: the viewer follows one of its tags */
};

/* Whether a post's language is among those that a follow is to bring (n = 0: all): itself, or what it is a
 * kind of ("pt" of "pt-BR"). A post without one is. */
bool post_language_is_wanted(const char *language, const char *const *wanted, size_t n);

/* The one place that decides whether a viewer sees a post: for pages, JSON, streams, search and push alike.
 *   - tombstones, and posts of members who are not active: nobody
 *   - blocks, either way: neither sees the other
 *   - public and unlisted posts: everybody; on an intranet, members
 *   - followers: those who follow the author, are mentioned or answered
 *   - direct: those mentioned or answered
 *   - one's own: always
 *   - in timelines, also: nothing by those muted
 *   - home: by the viewer and whom the viewer follows, as far as that follow brings it (reposts, languages)
 * and none of the viewer's exclusive lists has its author, and public posts with tags that the viewer
 * follows; of comments, authors' own threads alone; no reposts by others of what the viewer wrote, which
 * stands there already
 *   - lists: by whom the viewer follows, as far as that follow brings it; no reposts of what the viewer wrote
 *   - local: public posts that answer nothing and repost nothing
 *   - tags: public posts
 *   - a repost: all this for the repost, and for its original, which must be public or unlisted */
bool post_may_see(const struct post_sight *s);

static inline bool post_is_gone(const Pb__PostView *post) { return post != NULL && post->created_ms == 0; }

/* Whether a post that its author wrote is for home timelines at all (see above). */
static inline bool post_is_for_home(int64_t author, int64_t in_reply_to_author) {
    return in_reply_to_author == 0 || in_reply_to_author == author;
}

/* Items for those reads that the viewer may see, in order. ret[k] is for reads[which[k]]; both have room for
 * n. */
enum code post_items(struct ctx *ctx, int64_t viewer, enum post_place place, const struct post_read *reads,
                     size_t n, Pb__PostItem **ret, size_t *which, size_t *ret_n);

/* The same of posts by themselves, each for a viewer of its own: reads[i] is what viewers[i] may see or not.
 */
enum code post_items_for(struct ctx *ctx, const int64_t *viewers, const struct post_read *reads, size_t n,
                         Pb__PostItem **ret, size_t *which, size_t *ret_n);

/* One item, the rules aside; cards come from `author` and friends, NULL where unknown. */
Pb__PostItem *post_item(struct ctx *ctx, const struct post_read *read, const Pb__UserCard *author,
                        const Pb__UserCard *inner_author, const Pb__UserCard *reply_to);

/* What a viewer may see by itself: NOT_FOUND for all else, with HTTP 410 for what was deleted. A repost's id
 * stands for its original when `original` is set: nothing can be done to a repost itself. */
enum code post_look_up(struct ctx *ctx, int64_t viewer, int64_t id, bool original, struct post_read *ret);

/* The item of one read that may be seen. */
enum code post_item_of(struct ctx *ctx, const struct post_read *read, Pb__PostItem **ret);

/* The folded name of a tag, with or without '#'; NOT_FOUND when no post could have it. */
enum code post_tag_named(struct ctx *ctx, const char *name, const char **ret_folded);

/* Whether a tag, as written, is among n folded ones. */
bool post_tag_is_among(struct ctx *ctx, const char *name, const char *const *folded, size_t n);

/* Says of n tags whether the viewer follows them. */
enum code post_tags_mark(struct ctx *ctx, int64_t viewer, Pb__TagInfo *const *tags, size_t n);

/* Pages that show a list of this tag depend on this name (page_cache_on_name). */
const char *post_tag_dependency(struct ctx *ctx, const char *folded);

/* Every page that shows this post, or should: after it came, changed or went. tags: as written, of before and
 * after. */
void post_purge(struct page_purge *purge, const Pb__PostView *post, const char *const *tags, size_t n_tags);

#endif
