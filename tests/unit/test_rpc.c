/* Messages packed and unpacked in the arena, and what a call without a reply is. */
#include <check.h>
#undef fail
#include <stdlib.h>
#include <string.h>

#include "deeplink/v1/user.pb-c.h"
#include "fcgi/app.h"
#include "fcgi/base/arena.h"
#include "fcgi/rpc.h"
#include "handlers/common/scopes.h"

static struct ctx ctx;

static void setup(void) { ctx = (struct ctx){.arena = arena_new((size_t)1 << 20), .request_id = ""}; }
static void teardown(void) { arena_free(ctx.arena); }

static ProtobufCMessage *unpack(const void *p, size_t n) {
    return rpc_unpack(&ctx, &pb__user_card__descriptor, p, n);
}

START_TEST(packs_and_unpacks) {
    Pb__UserCard card = PB__USER_CARD__INIT;
    const unsigned char *p;
    size_t n;
    card.id = INT64_MAX;
    card.handle = (char[]){"ann"};
    card.name = (char[]){"Ann Ü"};
    card.locked = true;
    rpc_pack(&ctx, &card.base, &p, &n);
    ck_assert_uint_gt(n, 10);
    const Pb__UserCard *back = (const Pb__UserCard *)(const void *)unpack(p, n);
    ck_assert_ptr_nonnull(back);
    ck_assert(back->id == INT64_MAX);
    ck_assert_str_eq(back->handle, "ann");
    ck_assert_str_eq(back->name, "Ann Ü");
    ck_assert(back->locked);
    ck_assert_str_eq(back->headline, "");
    for (size_t cut = 1; cut < n; cut++) /* half a message is none, or a shorter one: never a crash */
        unpack(p, cut);
}
END_TEST

START_TEST(malformed_is_null) {
    ck_assert_ptr_null(unpack("\xff\xff\xff\xff\xff", 5));
    ck_assert_ptr_null(unpack("\x12\x7f"
                              "a",
                              3)); /* a text of 127 bytes that has 1 */
    ck_assert_ptr_nonnull(unpack("", 0));
}
END_TEST

START_TEST(the_allocator_is_the_arena) {
    ProtobufCAllocator *a = rpc_allocator(&ctx);
    size_t before = arena_used(ctx.arena);
    void *p = a->alloc(a->allocator_data, 100);
    memset(p, 1, 100);
    a->free(a->allocator_data, p);
    ck_assert_uint_ge(arena_used(ctx.arena), before + 100);
}
END_TEST

START_TEST(no_reply_is_an_error) {
    struct rpc_call call = {.ctx = &ctx, .code = OK};
    Pb__UserCard card = PB__USER_CARD__INIT;
    rpc_done(&card.base, &call);
    ck_assert_int_eq(call.code, OK);
    ck_assert_ptr_eq(call.reply, &card.base);
    rpc_done(NULL, &call);
    ck_assert_int_eq(call.code, INTERNAL);
    ck_assert_int_eq(ctx.error.code, INTERNAL);
    call.code = NOT_FOUND;
    rpc_done(NULL, &call);
    ck_assert_int_eq(call.code, NOT_FOUND);
}
END_TEST

static enum code take_two(struct ctx *c, const ProtobufCMessage *message, void *arg) {
    (void)message;
    return ++*(int *)arg < 2 ? OK : fail(c, CANCELLED, "enough");
}

START_TEST(a_stream_is_taken_until_its_taker_has_enough) {
    int n = 0;
    Pb__UserCard card = PB__USER_CARD__INIT;
    struct rpc_call call = {.ctx = &ctx, .code = OK, .each = (rpc_each *)take_two, .arg = &n};
    rpc_done(&card.base, &call);
    ck_assert_int_eq(call.code, OK);
    rpc_done(&card.base, &call);
    ck_assert_int_eq(call.code, CANCELLED);
    ck_assert_int_eq(n, 2);
}
END_TEST

START_TEST(a_service_here_is_its_own_table) {
    int table;
    struct service one = {.name = "one", .table = &table};
    const struct service *list[] = {&one, NULL};
    struct app app = {.services = list};
    struct env env = {.app = &app};
    ctx.env = &env;
    ck_assert_ptr_eq(rpc_service(&ctx, 0), &table);
}
END_TEST

/* Who from outside may do what, as proto/ says: each scope is one, each field there is, and where a member
 * must act, the message or the context says who. */
START_TEST(doors_are_right) {
    size_t open = 0;
    for (const struct service *const *s = deeplink_app.services; *s != NULL; s++) {
        const ProtobufCServiceDescriptor *d = (*s)->descriptor;
        for (unsigned i = 0; (*s)->doors != NULL && i < d->n_methods; i++) {
            const struct rpc_door *door = &(*s)->doors[i];
            const ProtobufCMessageDescriptor *m = d->methods[i].input;
            const char *name = d->methods[i].name;
            if (door->least == RPC_NOBODY) {
                ck_assert_msg(door->scope == NULL && door->actor == NULL, "%s", name);
                continue;
            }
            open++;
            ck_assert_msg(door->scope == NULL || scopes_clean(ctx.arena, door->scope, "") != NULL, "%s: %s",
                          name, door->scope);
            ck_assert_msg(door->actor == NULL ||
                              protobuf_c_message_descriptor_get_field_by_name(m, door->actor) != NULL,
                          "%s: %s", name, door->actor);
            ck_assert_msg(door->least == RPC_OUTSIDE || door->scope != NULL, "%s needs a scope", name);
            ck_assert_msg(door->actor != NULL || strncmp(name, "List", 4) == 0 ||
                              door->least == RPC_OUTSIDE ||
                              protobuf_c_message_descriptor_get_field_by_name(m, "viewer_id") != NULL ||
                              protobuf_c_message_descriptor_get_field_by_name(m, "actor_id") != NULL,
                          "%s does not say who acts", name);
        }
    }
    ck_assert_uint_ge(open, 20);
}
END_TEST

int main(void) {
    Suite *s = suite_create("rpc");
    TCase *t = tcase_create("rpc");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, packs_and_unpacks);
    tcase_add_test(t, malformed_is_null);
    tcase_add_test(t, the_allocator_is_the_arena);
    tcase_add_test(t, no_reply_is_an_error);
    tcase_add_test(t, a_stream_is_taken_until_its_taker_has_enough);
    tcase_add_test(t, a_service_here_is_its_own_table);
    tcase_add_test(t, doors_are_right);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
