/* Short ways to the post service, for its tests: `ctx` is the context of the test that runs. */
#ifndef DEEPLINK_TESTS_FIXTURE_POST_H
#define DEEPLINK_TESTS_FIXTURE_POST_H

#include "deeplink/v1/connection.pb-c.h"
#include "deeplink/v1/post.pb-c.h"
#include "tests/service/fixture.h"

#define PUBLIC PB__AUDIENCE__AUDIENCE_PUBLIC
#define UNLISTED PB__AUDIENCE__AUDIENCE_UNLISTED
#define FOLLOWERS PB__AUDIENCE__AUDIENCE_FOLLOWERS
#define DIRECT PB__AUDIENCE__AUDIENCE_DIRECT

extern struct ctx *ctx;       /* each test program defines it */
extern int64_t ann, ben, eve; /* members, made anew for each test by set_up() */
extern const char *ann_handle, *ben_handle;

typedef enum code edge_rpc(struct ctx *c, const Pb__EdgeRequest *req, const Pb__Relationship **reply);
typedef enum code page_rpc(struct ctx *c, const Pb__PageRequest *req, const Pb__TimelinePage **reply);

void set_up(void);
enum code try_create(const Pb__CreatePostRequest *req, int64_t *ret_id);
enum code try_post(int64_t author, const char *text, Pb__Audience audience, int64_t parent, int64_t *ret_id);
int64_t post_in(int64_t author, const char *text, Pb__Audience audience, int64_t parent,
                const char *language);
int64_t post(int64_t author, const char *text, Pb__Audience audience, int64_t parent);
enum code try_react(int64_t viewer, int64_t id, const char *kind, bool on, const Pb__PostItem **ret);
const Pb__PostItem *react(int64_t viewer, int64_t id, const char *kind, bool on);
/* The post as this viewer sees it; NULL when not at all. */
const Pb__PostItem *see(int64_t viewer, int64_t id);
void del(int64_t actor, int64_t id);
void edge(edge_rpc *rpc, int64_t actor, int64_t target);
void follow_tag(int64_t who, const char *tag, bool on);
/* A list of the owner: a new one, changed, with one member more or less. */
int64_t list_new(int64_t owner, Pb__RepliesPolicy replies, bool exclusive);
void list_change(int64_t owner, int64_t list, Pb__RepliesPolicy replies, bool exclusive);
enum code try_list_put(int64_t owner, int64_t list, int64_t member, bool on);
void list_put(int64_t owner, int64_t list, int64_t member, bool on);
const Pb__ThreadReply *thread(int64_t viewer, int64_t id);
const Pb__TimelinePage *timeline(page_rpc *rpc, Pb__PageRequest req);
Pb__PageRequest ask(int64_t viewer, unsigned limit);
bool has_post(const Pb__TimelinePage *page, int64_t id);
/* A timeline's ids, newest first, page by page to its end; and from the end up, oldest first. */
size_t walk_down(page_rpc *rpc, Pb__PageRequest req, int64_t *ids, size_t room);
size_t walk_up(page_rpc *rpc, Pb__PageRequest req, int64_t *ids, size_t room);
/* Walks a timeline down to its end and up again; checks that both ways say the same, in order, without
 * repeat. Returns the ids. */
size_t walk(page_rpc *rpc, Pb__PageRequest req, int64_t *ids, size_t room);

#endif
