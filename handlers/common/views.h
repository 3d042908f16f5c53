/* What templates of all services share: the post card, a member in a list, paging, the side column.
 * Views are plain structs that a handler fills; everything they point to lives until the request ends. Texts
 * are never escaped here, the templates do that. */
#ifndef DEEPLINK_COMMON_VIEWS_H
#define DEEPLINK_COMMON_VIEWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "deeplink/v1/connection.pb-c.h"
#include "deeplink/v1/post.pb-c.h"
#include "deeplink/v1/user.pb-c.h"
#include "fcgi/base/arena.h"
#include "fcgi/format.h"
#include "fcgi/html.h"
#include "handlers/common/act.h"
#include "handlers/common/compose_media.h"
#include "handlers/common/edge.h"
#include "handlers/common/media_view.h"
#include "handlers/common/page.h"
#include "handlers/common/permission.h"

/* Whether any of these bits is set: templates have no bit operators. */
static inline bool has(uint64_t bits, uint64_t mask) { return (bits & mask) != 0; }

/* Whether two texts are the same; NULL equals NULL alone. */
static inline bool same(const char *a, const char *b) {
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static inline bool is_empty(const char *s) { return s == NULL || *s == '\0'; }

/* A count that also says 0. */
static inline const char *count_or_zero(const struct page *page, int64_t n) {
    return n > 0 ? count_short(page, n) : "0";
}

/* The day alone: "22 Nov 2026". */
static inline const char *time_day(const struct page *page, int64_t ms) {
    return format_day(page->arena, page->lang, ms);
}

/* The site's address with a path behind it, for feeds, canonical links and mails. Lives in the request's
 * arena. */
static inline const char *url_absolute(const struct page *page, const char *path) {
    return arena_printf(page->arena, "%s%s", page->base_url != NULL ? page->base_url : "",
                        path != NULL ? path : "/");
}

/* ---- paging */

/* Links to the pages around this one; each a local path with its query, NULL where there is nothing further.
 */
struct pager {
    const char *older;
    const char *newer;
    const char *fragment; /* the bare HTML of `older`, for endless scrolling; NULL: no such fragment */
};

/* ---- posts */

/* A post as one reader sees it. Filled by post_card_fill(). */
struct post_card {
    const Pb__PostView *post;     /* the one shown: the original of a repost */
    const Pb__UserCard *author;   /* of `post`; NULL: nobody any more */
    const Pb__UserCard *reposter; /* who reposted it; NULL: it stands here by itself */
    const Pb__UserCard *reply_to; /* whom it answers; NULL: unknown or no answer */
    int64_t row_id;               /* the repost's own id, else post->id: what max_id and min_id mean */
    uint32_t mine;                /* ACT_… bits */
    uint32_t edges;               /* EDGE_… bits, reader to author */
    bool pinned;                  /* say that it is pinned (only among the author's own posts) */
    bool own;                     /* the reader wrote it */
    bool may_act;                 /* the reader may like, bookmark and comment */
    bool may_repost;              /* … and repost: public and unlisted posts alone */
    bool may_edit, may_delete, may_pin;
};

/* A text is folded past this many bytes or, counted roughly by block and line ends in its HTML, lines. */
#define POST_FOLD_BYTES 1000
#define POST_FOLD_LINES 12

static inline bool post_is_long(const char *html) {
    unsigned lines = 0;
    for (const char *p = html; (p = strchr(p, '<')) != NULL; p++)
        lines += strncmp(p, "<br", 3) == 0 || strncmp(p, "</p", 3) == 0 || strncmp(p, "</li", 4) == 0;
    return lines > POST_FOLD_LINES || strlen(html) > POST_FOLD_BYTES;
}

/* What the template post_article makes of a card, as the worker has kept it from before or makes it now
 * (post_cards.c). It depends on nothing but: the versions of the post, of its media and of the members named
 * on it, the reader's reactions and rights, page->lang, and the label of its time. So it is right until
 * post_article_until(); signed addresses of media are good for a day at least, and never end before. */
struct safe_html post_article_html(const struct page *page, const struct post_card *card);

static inline int64_t post_article_until(const struct page *page, const struct post_card *card) {
    int64_t age = page->now_ms - card->post->created_ms, minute = 60000, hour = 60 * minute;
    int64_t step = age < hour ? minute : hour;
    return page->now_ms + step - (age < 0 ? 0 : age % step);
}

static inline struct safe_html post_html(const struct post_card *card) {
    return (struct safe_html){card->post->html, strlen(card->post->html)};
}

/* What the reader may do, from who they are and what the post is. */
static inline void post_card_rights(const struct page *page, struct post_card *card) {
    const Pb__UserCard *viewer = page->viewer;
    bool open = card->post->audience == PB__AUDIENCE__AUDIENCE_PUBLIC ||
                card->post->audience == PB__AUDIENCE__AUDIENCE_UNLISTED;
    card->own = viewer != NULL && viewer->id == card->post->author_id;
    card->may_act =
        viewer != NULL && has(viewer->permissions, PERMISSION_POST) && !has(card->edges, EDGE_SEVERED);
    card->may_repost = card->may_act && open;
    card->may_edit = card->own;
    card->may_pin = card->own && open && card->post->in_reply_to_id == 0;
    card->may_delete = card->own || (viewer != NULL && has(viewer->permissions, PERMISSION_MODERATE));
}

/* A card for an item of a timeline. Repost and original, name and rights are sorted out; `pinned` is left
 * for the caller. */
static inline void post_card_fill(const struct page *page, const Pb__PostItem *item, struct post_card *ret) {
    bool repost = item->original != NULL;
    *ret = (struct post_card){
        .post = repost ? item->original : item->post,
        .author = repost ? item->original_author : item->author,
        .reposter = repost ? item->author : NULL,
        .reply_to = item->reply_to,
        .row_id = item->post->id,
        .mine = item->mine,
        .edges = item->edges,
    };
    post_card_rights(page, ret);
}

/* A timeline: cards with the links around them. */
struct post_list {
    const struct post_card *posts;
    size_t n;
    struct pager pager;
};

/* ---- the composer */

/* The form for a new post, or for a comment when in_reply_to is set. What was typed comes back by
 * page_typed(). */
struct composer {
    int64_t in_reply_to;          /* 0: a post of its own */
    const Pb__UserCard *reply_to; /* whom it answers; NULL: nobody, or oneself */
    const char *text;             /* what stands in the field at first ("@ada "), or NULL */
    const char *audience;         /* chosen at first: public, unlisted, followers or direct */
    const char *return_to;        /* local path to come back to; NULL: to the new post */
    int64_t max_length;           /* of the text, in letters */
    const struct attached *media; /* files in it */
    size_t n_media;
    bool autofocus;
};

/* ---- members */

/* A member in a list, with what the reader may do there. */
struct member_row {
    const Pb__UserCard *user;
    uint32_t edges;   /* EDGE_… bits, reader to member; EDGE_SELF for the reader */
    int64_t until_ms; /* mutes: when it ends; 0: no end */
};

/* A row made on the way, in the request's arena. */
static inline const struct member_row *member_row_of(const struct page *page, const Pb__UserCard *user,
                                                     uint32_t edges) {
    struct member_row *row = arena_one(page->arena, struct member_row);
    row->user = user;
    row->edges = edges;
    return row;
}

struct member_list {
    const struct member_row *rows;
    size_t n;
    struct pager pager;
};

/* ---- the side column */

/* Beside the timelines; the layout takes NULL where there is nothing to say. */
struct side {
    const struct member_row *suggestions;
    size_t n_suggestions;
    Pb__TagInfo *const *tags;
    size_t n_tags;
    bool counted; /* the reader's own numbers below are known */
    int64_t posts, followers, following;
    int64_t requests; /* who asks to follow the reader: a badge at "Network" */
};

/* ---- settings and administration: which page of theirs this is, for the navigation beside them */

enum section {
    SECTION_PROFILE,
    SECTION_PICTURE,
    SECTION_ACCOUNT,
    SECTION_SESSIONS,
    SECTION_APPS,
    SECTION_PRIVACY,
    SECTION_APPEARANCE,
    SECTION_NOTIFICATIONS,
    SECTION_ACTIVITY,
    SECTION_BLOCKS,
    SECTION_MUTES,
    SECTION_INVITES,
    SECTION_MEMBERS,
    SECTION_ROLES,
    SECTION_AUDIT,
    SECTION_WEBHOOKS,
    SECTION_MEDIA,
    SECTION_STORAGE
};

/* ---- errors */

/* error_page, for every service: page->error, page->request_id. */
struct error_view {
    int status;       /* 400 … 503 */
    const char *text; /* what happened, translated; NULL: what the status says */
    int retry_after;  /* seconds; 0: not said */
};

/* ---- mails */

/* One thing that happened, in a mail about it. */
struct mail_item {
    const char *text; /* "Ada Lovelace likes your post" */
    const char *said; /* the beginning of a post, or NULL */
    const char *when; /* "22 Nov 2026, 06:03" */
    const char *url;  /* absolute */
};

/* What the mails of templates/mail say; which fields count stands at each template. */
struct mail_view {
    const char *name;               /* whom it is for */
    const char *url;                /* absolute, what the button opens */
    const char *hours;              /* how long that works, as a number in text: "24" */
    const char *email;              /* the new address */
    const char *device, *ip, *when; /* of a sign-in */
    const char *note;               /* from an administrator, or NULL */
    const struct mail_item *items;  /* what happened */
    size_t n_items;
    const char *more; /* how much there is beside those; NULL: nothing */
    const char *settings_url, *stop_url;
    bool digest; /* of a day, not of the moment */
};

#endif
