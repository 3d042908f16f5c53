/* What travels through Redis between those who tell of something and the hubs that hold the streams.
 *
 * live:<member>: a capped Redis stream; a field m of each entry has an event. It is there while a member has
 * a stream open, and for a while afterwards: who has none costs no more than a look. The entry's id is the
 * member's sequence, by which a client goes on where it was. The same is published on a channel of that name
 * (behind the site's, see stream_site()), with the id and a space before it.
 * live:c:<channel>: a channel that many listen to; nothing of it is kept.
 * live:body:<ref>: a payload that many members get, once, for an hour.
 * live:on:<member>: there while the member has a stream open (presence); it expires by itself.
 * live:open: there while any hub has any stream open; so nobody makes what nobody would get. */
#ifndef DEEPLINK_STREAM_WIRE_H
#define DEEPLINK_STREAM_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi/base/buf.h"

#define STREAM_MEMBER_KEY "live:"
#define STREAM_CHANNEL_KEY "live:c:"
#define STREAM_BODY_KEY "live:body:"
#define STREAM_ONLINE_KEY "live:on:"
#define STREAM_OPEN_KEY "live:open"
#define STREAM_KEEP_S 3600  /* events of a member are kept that long after the last stream was open */
#define STREAM_KEEP_MAX 200 /* and about so many */
#define STREAM_ONLINE_S 90

#define STREAM_NAME_MAX 32
#define STREAM_REF_MAX 24

/* Channels know no number of a database: a Redis that several sites share keeps them apart by what stands
 * before each channel's name, made of the site's secret. With its end in NUL. */
#define STREAM_SITE_MAX 18
void stream_site(const unsigned char *secret, char ret[STREAM_SITE_MAX]);

/* Lua. KEYS: a member's stream, live:open; ARGV: seconds that it is kept. Makes the stream when it is not
 * there, and returns the id of its last entry: the member's sequence now. */
extern const char stream_arm_script[];

/* One thing that happened. */
struct stream_event {
    char name[STREAM_NAME_MAX]; /* "update", "notification", "counts" … */
    int64_t key;                /* the same thing told again has the same key, and reaches nobody twice; 0: it
                                   is told as often as it is said */
    int64_t authors[2];         /* whose doing it shows; who blocks or mutes them does not get it; 0: none */
    char ref[STREAM_REF_MAX];   /* where the payload is kept (live:body:<ref>); "": here */
    const char *payload;        /* one line */
    size_t n;
};

/* Appends it as the hubs read it: "<name> <key> <author> <author> <ref or =>\n<payload>". */
void stream_event_write(struct buf *out, const struct stream_event *e);

/* Reads n bytes; what it points to stays where it was. False when they are no event. */
bool stream_event_read(const char *p, size_t n, struct stream_event *ret);

/* Whether the text is the id of an entry of a Redis stream, "<number>-<number>", of at most 41 bytes. */
bool stream_id_valid(const char *id);

/* Less than, equal to or greater than 0, as a is before, the same as or after b. Both are valid. */
int stream_id_compare(const char *a, const char *b);

#endif
