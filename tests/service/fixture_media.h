/* Short ways to media, for tests of what they are attached to: uploads, and what a worker would make of them,
 * without a worker. `ctx` is the context of the test that runs. */
#ifndef DEEPLINK_TESTS_FIXTURE_MEDIA_H
#define DEEPLINK_TESTS_FIXTURE_MEDIA_H

#include "deeplink/v1/media.pb-c.h"
#include "tests/service/fixture.h"

extern struct ctx *ctx; /* each test program defines it */

/* A small picture, uploaded by a member for a purpose (post, avatar, banner). */
int64_t upload(int64_t owner, const char *purpose);
/* A picture that is made: with the files that a worker would have made, which exist by name alone. told: with
 * the event; else nobody hears of it. */
void make_ready(int64_t id, bool told);
/* The same for one that cannot be made. */
void make_failed(int64_t id);
/* It vanishes, with the event. */
void make_gone(int64_t id);
/* As the media service has it; NULL: not at all. */
const Pb__MediaView *medium(int64_t id);

#endif
