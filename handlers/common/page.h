/* What every page has around its content. Templates get it as `page`. */
#ifndef DEEPLINK_COMMON_PAGE_H
#define DEEPLINK_COMMON_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "deeplink/v1/user.pb-c.h"
#include "fcgi/html.h"
#include "fcgi/i18n.h"
#include "fcgi/request.h"
#include "gen/static.h" /* STATIC_URL_… made by static/hash.sh */
#include "handlers/common/bell.h"
#include "handlers/common/permission.h"

enum place {
    PLACE_NONE,
    PLACE_HOME,
    PLACE_LOCAL,
    PLACE_NETWORK,
    PLACE_NOTIFICATIONS,
    PLACE_BOOKMARKS,
    PLACE_LISTS,
    PLACE_ME,
    PLACE_SETTINGS,
    PLACE_ADMIN
};

struct page {
    struct arena *arena;  /* for what the helpers below make */
    int lang;             /* index of the language, for tr() */
    const char *lang_tag; /* "en" */
    bool rtl;
    const char *site_name, *site_description;
    const char *base_url;       /* for canonical and Open Graph */
    const char *theme;          /* "auto", "light" or "dark" */
    const Pb__UserCard *viewer; /* NULL: not signed in */
    uint64_t permissions;
    const char *csrf; /* value for the form field `csrf`; a token of its own also where nobody is signed in */
    const char *path; /* of this page, without query */
    const char *here; /* path with query, for "return to" */
    const char *request_id;
    const char *registration; /* open, approval, invite, closed */
    enum place place;
    const char *title;       /* without the site's name */
    const char *description; /* NULL: the site's */
    const char *canonical;   /* local path; NULL: page->path */
    const char *feed;        /* local path of an Atom feed, or NULL */
    const char *og_type;     /* NULL: "website" */
    const char *image;       /* local path of a picture that everybody may have, for link previews; or NULL */
    const char *image_words; /* what it shows; NULL: not said */
    bool noindex;
    struct bell bell;   /* what the viewer has not read */
    const char *notice; /* what has just been done ("Saved."), or NULL */
    int64_t now_ms;
    const struct error *error; /* what was wrong with the form being shown again, or NULL */
    bool again; /* the form is shown again although nothing was wrong: what was typed comes back */
    const struct request *req; /* for typed(): what was typed into it */
};

/* Chrome for this request. title is public text (translated). */
struct page *page_new(struct request *req, enum place place, const char *title);

/* What was wrong with one field, NULL when nothing. */
const char *page_field_error(const struct page *page, const char *field);

/* Value of a form field: what was typed when the form is shown again, else `otherwise`. */
const char *page_typed(const struct page *page, const char *field, const char *otherwise);

/* Leaves a short notice ("saved", "reset-sent", … see notices in page.c) for the next page, by a cookie that
 * it takes away. */
void page_notice_next(struct request *req, const char *code);

/* Helpers for templates. */
struct safe_url url_user(const struct page *page, const Pb__UserCard *u); /* /@handle */
struct safe_url url_user_tab(const struct page *page, const Pb__UserCard *u,
                             const char *tab);                                     /* /@handle/followers */
struct safe_url url_post(const struct page *page, const char *handle, int64_t id); /* /@handle/<id> */
const char *avatar_class(int64_t id); /* "c0" … "c11": a colour out of the id */
const char *avatar_initials(const struct page *page, const Pb__UserCard *u); /* one or two letters */
const char *time_iso(const struct page *page, int64_t ms);
const char *time_short(const struct page *page, int64_t ms); /* "5m", "3h", "22 Nov"; see fcgi/format.h */
const char *time_long(const struct page *page, int64_t ms);  /* "22 Nov 2026, 06:03" */
const char *count_short(const struct page *page, int64_t n); /* "", "7", "1.2k" */
const char *bell_words(const struct page *page);             /* how much is unread: "7", "99+" */
const char *form_key(const struct page *page); /* a fresh random word, so that a form sent twice is known */
bool page_may(const struct page *page, uint64_t permission);

#endif
