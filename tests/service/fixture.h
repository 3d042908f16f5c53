/* What the services' tests stand on: a migrated database, Redis and documents of the test's own, and a
 * context with all services connected. Servers come by environment, see tests/harness/stack.sh. */
#ifndef DEEPLINK_TESTS_FIXTURE_H
#define DEEPLINK_TESTS_FIXTURE_H

#include <check.h>
#undef fail /* an old name of Check for ck_abort(); ours is in fcgi/ctx.h */
#include <stddef.h>
#include <stdint.h>

#include "fcgi/ctx.h"

/* A fresh context on a fresh arena, all services connected (once a process: call it in each test's setup,
 * CK_NOFORK or fork alike). The previous one of this process is gone. */
struct ctx *fixture_ctx(void);

/* The same as the member of that id, or as nobody. Forgets a failure and the errors of before. */
void fixture_as(struct ctx *ctx, int64_t viewer_id);

/* An active member of that handle, made by CreateUsers; the password is "correct horse battery". */
int64_t fixture_member(struct ctx *ctx, const char *handle);
/* An unused handle that begins so. */
const char *fixture_handle(struct ctx *ctx, const char *prefix);

/* Lets every consumer of the app handle all events that are there. */
void fixture_events(struct ctx *ctx);

/* Empties Redis. */
void fixture_flush_redis(struct ctx *ctx);

/* Checks a result and shows the failure's words when it is another. */
void fixture_expect(struct ctx *ctx, enum code is, enum code should, const char *file, int line);
#define expect_ok(ctx, call) fixture_expect((ctx), (call), OK, __FILE__, __LINE__)
#define expect_code(ctx, call, code) fixture_expect((ctx), (call), (code), __FILE__, __LINE__)

/* Runs the suite and returns main's exit status. */
int fixture_main(Suite *suite);

#endif
