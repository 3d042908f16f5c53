/* Short ways to the user service, for its tests: `ctx` is the context of the test that runs. */
#ifndef DEEPLINK_TESTS_FIXTURE_USER_H
#define DEEPLINK_TESTS_FIXTURE_USER_H

#include "deeplink/v1/user.pb-c.h"
#include "tests/service/fixture.h"

#define PASSWORD "correct horse battery"
#define OTHER_PASSWORD "purple monkey dishwasher"

extern struct ctx *ctx; /* each test program defines it */

void registration(const char *mode);
void setup(void);
const char *address(const char *handle);
/* Runs SQL as the databases' administrator; the first value, "" when there is none. */
const char *sql(const char *text);
/* The newest mail to an address that says these words; *ret_n (may be NULL) how many there are. NULL when
 * there is none. */
const char *mail_to(const char *email, const char *words, int *ret_n);
/* The token behind /confirm/ or /reset/ in the newest such mail to an address. */
const char *token_to(const char *email, const char *path);
enum code sign_up_as(const char *handle, const char *email, const char *invite, const char *reason);
enum code sign_up(const char *handle);
enum code confirm(const char *token, const Pb__ConfirmReply **ret);
enum code log_in_with(const char *login, const char *password, const Pb__LogInReply **ret);
const Pb__LogInReply *log_in(const char *login);
enum code verify(const char *token);
enum code set_state(int64_t actor, int64_t user, const char *action, const char *note);
enum code set_role(int64_t actor, int64_t user, const char *role);
enum code change_password(int64_t id, const char *current, const char *next, int64_t keep);
const Pb__Invite *invite(int64_t by, int uses, int days);
size_t count_sessions(int64_t user);
Pb__AccountState state_of(int64_t id);
int64_t id_of(const char *handle);
/* The failure's words about a field; NULL when it is not about it. Forgets the failure. */
const char *refused(enum code c, const char *field);
/* Runs fn(i) in n processes that begin at once; how many came back OK. */
int race(int n, enum code (*fn)(int i));
#define expect_refused(call, field) \
    ck_assert_msg(refused((call), (field)) != NULL, "%s is not refused for its %s", #call, field)

/* Runs these as a suite; what main() returns. */
int user_main(const char *name, const TTest *const *tests, size_t n);

#endif
