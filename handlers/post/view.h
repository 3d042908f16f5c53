/* Views of the post service's pages; each is filled by pages.c and view.c and written by the template named
 * above it. */
#ifndef DEEPLINK_POST_VIEW_H
#define DEEPLINK_POST_VIEW_H

#include "handlers/common/views.h"

/* post_landing: the front page for strangers. */
struct landing_view {
    struct post_list latest; /* a handful of public posts; may be empty */
    int64_t members;         /* 0: not said */
};

/* post_home. */
struct home_view {
    struct post_list list;
    struct composer composer;
    const struct side *side;         /* NULL: none */
    bool first_page;                 /* the composer stands on the first page alone */
    bool follows_nobody;             /* then the empty page helps on */
    const struct member_row *people; /* for the empty page: whom to follow first */
    size_t n_people;
};

/* post_local: all public posts. */
struct local_view {
    struct post_list list;
    const struct side *side;
};

/* post_tags: tags in use lately. */
struct tags_view {
    Pb__TagInfo *const *tags, *const *followed; /* followed: by the reader */
    size_t n, n_followed;
};

/* post_tag: one tag's posts; page->feed names its Atom feed. */
struct tag_view {
    const char *name;      /* as written, without '#' */
    int64_t posts, people; /* both 0: not said */
    bool followed;         /* by the reader */
    struct post_list list;
    const struct side *side;
};

/* post_bookmarks and post_likes: the reader's own. */
struct kept_view {
    struct post_list list;
    const struct side *side;
};

/* post_list_page: the timeline of some whom the reader follows. */
struct list_page_view {
    const Pb__List *members;
    struct post_list list;
    const struct side *side;
};

/* A comment with those below it. Built from ThreadReply.descendants, which come depth first: a comment of
 * depth d belongs to the nearest one before it of depth d - 1. */
struct comment {
    const struct post_card *card;
    unsigned level; /* 0 for a direct answer, at most 6 (deeper ones say 6) */
    size_t below;   /* how many comments are below it, all levels together */
    struct comment *const *children;
    size_t n_children;
    const char *more; /* local path of the comments on it that are left out here, or NULL */
};

#define COMMENT_LEVEL_MAX 6

/* The tree of n comments below a post that come depth first, as the direct answers and how many of them there
 * are (*ret_n). Those deeper than COMMENT_LEVEL_MAX follow each other on that level. Only what does not stand
 * right below what it answers keeps its line that says whom it answers. more: of each comment. */
struct comment *const *comments_tree(struct arena *a, int64_t post, struct post_card *cards,
                                     const uint32_t *depths, const char *const *more, size_t n,
                                     size_t *ret_n);

/* post_thread. */
struct thread_view {
    const struct post_card *ancestors; /* the first post first */
    size_t n_ancestors;
    const struct post_card *post;
    struct comment *const *comments;
    size_t n_comments;        /* direct answers */
    int64_t n_total;          /* comments of all levels, when all of them are here; else 0 */
    const char *more;         /* local path to further direct comments, or NULL */
    bool part;                /* these are not the first ones */
    struct composer composer; /* used when post->may_act */
    const struct side *side;
};

/* post_gone_comment (410). */
struct gone_comment_view {
    const char *more; /* local path of what others said to it */
};

/* post_compose: the composer on a page of its own. */
struct compose_view {
    struct composer composer;
    const struct post_card *answered; /* NULL: a post of its own */
};

/* post_edit. */
struct edit_view {
    int64_t id;
    const Pb__SourceReply *source;
    const char *handle; /* the author's, for the way back */
    int64_t max_length;
    const struct attached *media;
    size_t n_media;
};

/* post_media: one picture or video of a post. */
struct media_page_view {
    const struct media_item *item;
    const char *previous, *next; /* local paths; NULL: none */
    size_t number, n;            /* which of how many that have such a page */
    const char *close;           /* local path of the post */
};

/* post_delete: asks. */
struct delete_view {
    const struct post_card *post;
    const char *return_to; /* where to go when it is gone; local path */
};

/* post_history: oldest first in `revisions`; the page shows the newest first. */
struct revision_row {
    const Pb__Revision *revision;
    int64_t number; /* 1: as it was written */
    struct safe_html html;
    const struct media_list *media;
    bool current;
};
struct history_view {
    const struct post_card *post;
    const struct revision_row *revisions; /* newest first */
    size_t n;
};

/* post_who: who liked or reposted. */
struct who_view {
    const struct post_card *post;
    bool reposts; /* else likes */
    struct member_list members;
};

/* post_feed: Atom (RFC 4287) of a profile or a tag. Times are written by time_iso(). */
struct feed_entry {
    const struct post_card *card;
    const struct media_list *media; /* none where they are behind a warning */
    const char *content;            /* HTML; "": only the warning is said */
};
struct feed_view {
    const char *title;
    const char *self; /* local path of the feed */
    const char *html; /* local path of the page */
    int64_t updated_ms;
    const struct feed_entry *entries;
    size_t n;
};

/* ---- Profiles */

enum profile_tab { PROFILE_POSTS, PROFILE_REPLIES };

/* post_profile. */
struct profile_view {
    const Pb__Profile *profile; /* card, bio_html, fields, counts */
    struct safe_html bio;       /* profile->bio_html */
    uint32_t edges;             /* reader to member; EDGE_SELF on one's own */
    enum profile_tab tab;
    const struct post_card *pinned; /* on the first page of PROFILE_POSTS */
    size_t n_pinned;
    struct post_list list;
    bool counts_hidden;   /* followers and following are not for this reader, or not known now */
    bool posts_uncounted; /* how many posts there are is not known now */
    int64_t mute_until_ms;
};

/* post_profile_gone: a suspended or deleted member's page (410). */
struct gone_view {
    bool suspended;
};

#endif
