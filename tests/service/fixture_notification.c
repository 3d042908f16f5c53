#include "tests/service/fixture_notification.h"

#include <stdlib.h>
#include <string.h>

#include "fcgi/base/buf.h"
#include "fcgi/drivers/redis.h"
#include "handlers/common/bell.h"
#include "tests/service/servers.h"

int64_t say(int64_t author, const char *text, int64_t parent) { return post(author, text, PUBLIC, parent); }

void edit(int64_t author, int64_t id, const char *text) {
    Pb__EditPostRequest req = PB__EDIT_POST_REQUEST__INIT;

    fixture_as(ctx, author);
    req.actor_id = author;
    req.id = id;
    req.text = text;
    expect_ok(ctx, post_edit_post(ctx, &req, NULL));
}

void respond_to(int64_t actor, int64_t requester, bool accept) {
    Pb__RespondRequest req = PB__RESPOND_REQUEST__INIT;

    fixture_as(ctx, actor);
    req.actor_id = actor;
    req.requester_id = requester;
    req.accept = accept;
    expect_ok(ctx, connection_respond_to_request(ctx, &req, NULL));
}

void lock(int64_t user) {
    Pb__UpdateSettingsRequest req = PB__UPDATE_SETTINGS_REQUEST__INIT;

    fixture_as(ctx, user);
    req.user_id = user;
    req.locked = true;
    req.discoverable = true;
    req.default_audience = "public";
    expect_ok(ctx, user_update_settings(ctx, &req, NULL));
}

void do_to(int64_t user, const char *action) {
    Pb__SetStateRequest req = PB__SET_STATE_REQUEST__INIT;

    fixture_as(ctx, 0);
    req.user_id = user;
    req.action = action;
    expect_ok(ctx, user_set_state(ctx, &req, NULL));
}

Pb__ListNotificationsRequest all_of(int64_t user) {
    Pb__ListNotificationsRequest req = PB__LIST_NOTIFICATIONS_REQUEST__INIT;

    req.user_id = user;
    return req;
}

const Pb__NotificationsPage *list(const Pb__ListNotificationsRequest *req) {
    const Pb__NotificationsPage *page;

    fixture_as(ctx, req->user_id);
    expect_ok(ctx, notification_list_notifications(ctx, req, &page));
    return page;
}

char letter_of(int64_t id) { return id == ann ? 'a' : id == ben ? 'b' : id == eve ? 'e' : id ? '?' : '-'; }

/* "like:b mention:e", newest first; of a group also how many and by whom: "like:b2be". */
const char *words(const Pb__NotificationsPage *page) {
    struct buf out;

    buf_init(&out, ctx->arena, 65536);
    for (size_t i = 0; i < page->n_items; i++) {
        const Pb__NotificationItem *one = page->items[i];

        buf_printf(&out, "%s%s:%c", i > 0 ? " " : "", one->kind, letter_of(one->actor_id));
        if (one->count > 1) {
            buf_printf(&out, "%lld", (long long)one->count);
            for (size_t k = 0; k < one->n_sample_ids; k++)
                buf_putc(&out, letter_of(one->sample_ids[k]));
        }
    }
    return buf_str(&out);
}

/* What a member sees, after all events were handled. */
const char *told(int64_t user) {
    Pb__ListNotificationsRequest req = all_of(user);

    fixture_events(ctx);
    return words(list(&req));
}

const Pb__UnreadCounts *unread_sql(int64_t user) {
    Pb__UnreadRequest req = PB__UNREAD_REQUEST__INIT;
    const Pb__UnreadCounts *n;

    fixture_as(ctx, user);
    req.user_id = user;
    expect_ok(ctx, notification_get_unread(ctx, &req, &n));
    return n;
}

/* As pages have it, by way of Redis. */
int64_t unread(int64_t user) {
    struct bell bell;

    fixture_as(ctx, user);
    bell_get(ctx, &bell);
    ck_assert(bell.known);
    ck_assert_int_eq(bell.unread, unread_sql(user)->notifications);
    ck_assert_int_eq(bell.requests, unread_sql(user)->requests);
    return bell.unread;
}

void read_all(int64_t user) {
    Pb__SetReadPositionRequest req = PB__SET_READ_POSITION_REQUEST__INIT;

    req.last_read_id = unread_sql(user)->last_id;
    req.user_id = user;
    req.forward = true;
    expect_ok(ctx, notification_set_read_position(ctx, &req, NULL));
}

long long count(const char *from_where) {
    return strtoll(as_admin(arena_printf(ctx->arena, "SELECT count(*) FROM %s", from_where)), NULL, 10);
}

long long emitted(int64_t user) {
    return count(
        arena_printf(ctx->arena, "events.outbox WHERE topic = 'notify.v1' AND key = %lld", (long long)user));
}

/* Delivers everything there ever was again. */
void replay(void) {
    as_admin("UPDATE events.consumer SET xid = '0', id = 0 WHERE name = 'notify'");
    fixture_events(ctx);
}
