#include "handlers/common/scopes.h"

#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"
#include "fcgi/i18n.h"

#define WORDS_MAX 1500

const struct scope scopes_all[] = {
    {"read", tr_mark("Read everything in your account"), false},
    {"read:accounts", tr_mark("See members and your own account"), false},
    {"read:blocks", tr_mark("See whom you block"), false},
    {"read:bookmarks", tr_mark("See your bookmarks"), false},
    {"read:chat", tr_mark("Read your messages"), false},
    {"read:connections", tr_mark("See your network"), false},
    {"read:favourites", tr_mark("See what you like"), false},
    {"read:filters", tr_mark("See your filters"), false},
    {"read:follows", tr_mark("See whom you follow"), false},
    {"read:insights", tr_mark("See your private insights"), false},
    {"read:lists", tr_mark("See your lists"), false},
    {"read:mutes", tr_mark("See whom you mute"), false},
    {"read:notifications", tr_mark("See your notifications"), false},
    {"read:search", tr_mark("Search in your name"), false},
    {"read:statuses", tr_mark("Read all posts that you can see"), false},
    {"write", tr_mark("Change everything in your account, and write in your name"), false},
    {"write:accounts", tr_mark("Change your profile"), false},
    {"write:blocks", tr_mark("Block and unblock members"), false},
    {"write:bookmarks", tr_mark("Bookmark posts"), false},
    {"write:chat", tr_mark("Send messages in your name"), false},
    {"write:connections", tr_mark("Change your network"), false},
    {"write:conversations", tr_mark("Mark conversations as read, and delete them"), false},
    {"write:favourites", tr_mark("Like posts"), false},
    {"write:filters", tr_mark("Change your filters"), false},
    {"write:follows", tr_mark("Follow and unfollow members"), false},
    {"write:lists", tr_mark("Change your lists"), false},
    {"write:media", tr_mark("Upload pictures and video"), false},
    {"write:mutes", tr_mark("Mute and unmute members"), false},
    {"write:notifications", tr_mark("Clear your notifications"), false},
    {"write:reports", tr_mark("Report members and posts"), false},
    {"write:statuses", tr_mark("Write, edit and delete posts in your name"), false},
    {"follow", tr_mark("Change whom you follow, block and mute"), false},
    {"push", tr_mark("Get your notifications as they come"), false},
    {"profile", tr_mark("See who you are: your name, handle and picture"), false},
    {"offline_access", tr_mark("Stay connected until you disconnect it"), false},
    {"admin:read", tr_mark("See everything that your role lets you see of members"), true},
    {"admin:read:accounts", tr_mark("See members' accounts as your role does"), true},
    {"admin:read:audit", tr_mark("Read the audit log"), true},
    {"admin:write", tr_mark("Do everything to members that your role allows"), true},
    {"admin:write:accounts", tr_mark("Approve, suspend and restore members"), true},
    {0},
};

/* The next word of a list, from *at on; its length, 0 at the end. */
static size_t next_word(const char **at, const char **ret, const char *between) {
    size_t n;

    *ret = *at + strspn(*at, between);
    n = strcspn(*ret, between);
    *at = *ret + n;
    return n;
}

static const struct scope *find(const char *p, size_t n) {
    for (const struct scope *s = scopes_all; s->name != NULL; s++)
        if (strlen(s->name) == n && memcmp(s->name, p, n) == 0)
            return s;
    return NULL;
}

/* What "follow" stands for (it is older than the parts). */
static bool follow_covers(const char *p, size_t n) {
    static const char *const parts[] = {"read:blocks",   "write:blocks", "read:follows",
                                        "write:follows", "read:mutes",   "write:mutes"};

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strlen(parts[i]) == n && memcmp(parts[i], p, n) == 0)
            return true;
    return false;
}

static bool covers(const char *wide, size_t wide_n, const char *p, size_t n) {
    if (wide_n <= n && memcmp(wide, p, wide_n) == 0 && (wide_n == n || p[wide_n] == ':'))
        return true;
    return wide_n == 6 && memcmp(wide, "follow", 6) == 0 && follow_covers(p, n);
}

static bool one_allowed(const char *granted, const char *p, size_t n) {
    const char *word;
    size_t word_n;

    while ((word_n = next_word(&granted, &word, " ")) > 0)
        if (covers(word, word_n, p, n))
            return true;
    return false;
}

bool scopes_allow(const char *granted, const char *needed) {
    const char *word;
    size_t n;

    if (needed == NULL)
        return true;
    while ((n = next_word(&needed, &word, "|")) > 0)
        if (one_allowed(granted, word, n))
            return true;
    return false;
}

bool scopes_within(const char *asked, const char *most) {
    const char *word;
    size_t n;

    while ((n = next_word(&asked, &word, " ")) > 0)
        if (!one_allowed(most, word, n))
            return false;
    return true;
}

bool scopes_have(const char *words, const char *word) {
    const char *p;
    size_t n;

    while ((n = next_word(&words, &p, " ")) > 0)
        if (n == strlen(word) && memcmp(p, word, n) == 0)
            return true;
    return false;
}

const char *scopes_clean(struct arena *a, const char *text, const char *otherwise) {
    struct buf out;
    const char *word;
    size_t n;

    buf_init(&out, a, WORDS_MAX);
    while ((n = next_word(&text, &word, " \t\r\n+")) > 0) {
        const struct scope *s = find(word, n);

        if (s == NULL)
            return NULL;
        if (scopes_have(buf_str(&out), s->name))
            continue;
        if (out.n > 0)
            buf_putc(&out, ' ');
        buf_puts(&out, s->name);
    }
    if (buf_overflowed(&out))
        return NULL;
    return out.n > 0 ? buf_str(&out) : otherwise;
}

const char *scopes_of_member(struct arena *a, const char *words) {
    struct buf out;
    const char *word;
    size_t n;

    buf_init(&out, a, WORDS_MAX);
    while ((n = next_word(&words, &word, " ")) > 0) {
        const struct scope *s = find(word, n);

        if (s == NULL || s->staff)
            continue;
        if (out.n > 0)
            buf_putc(&out, ' ');
        buf_puts(&out, s->name);
    }
    return buf_str(&out);
}

bool scopes_need_staff(const char *words) {
    const char *word;
    size_t n;

    while ((n = next_word(&words, &word, " ")) > 0) {
        const struct scope *s = find(word, n);

        if (s != NULL && s->staff)
            return true;
    }
    return false;
}
