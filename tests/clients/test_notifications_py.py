# Mastodon.py, unmodified: notifications one by one and in groups, counted, dismissed; policy and requests.
# harness: set rate_limits = no
import datetime
import time

from mastodon import Mastodon, MastodonNotFoundError

from lib_site import BASE, check, equal, finish, make_member, make_token, raises


def until(what, fn):
    for _ in range(600):
        found = fn()
        if found:
            return found
        time.sleep(0.05)
    raise TimeoutError(what)


def client(handle):
    make_member(handle)
    return Mastodon(api_base_url=BASE, access_token=make_token(handle))


def one_by_one(ada, bob, cyd, post):
    bob.status_favourite(post)
    cyd.status_favourite(post)
    bob.account_follow(ada.me())
    cyd.status_reply(post, "And to you")
    found = until("four", lambda: len(ada.notifications()) == 4 and ada.notifications())
    equal("types", sorted(n.type for n in found), ["favourite", "favourite", "follow", "mention"])
    check("moments, accounts, posts", all(isinstance(n.created_at, datetime.datetime) and n.account.acct for n in found))
    equal("what was liked", {n.status.id for n in found if n.type == "favourite"}, {post.id})
    equal("some types", [n.type for n in ada.notifications(types=["follow"])], ["follow"])
    equal("all but some", len(ada.notifications(exclude_types=["favourite"])), 2)
    equal("by one member", {n.account.acct for n in ada.notifications(account_id=bob.me())}, {"bob"})
    equal("one", ada.notifications(id=found[0].id).id, found[0].id)
    first = ada.notifications(limit=2)
    second = ada.fetch_next(first)
    equal("pages", [n.id for n in first + second], [n.id for n in found])
    equal("unread", ada.notifications_unread_count().count, 4)
    ada.markers_set("notifications", found[1])
    equal("read up to the second", ada.notifications_unread_count().count, 1)
    ada.notifications_dismiss(found[0])
    raises("dismissed", MastodonNotFoundError, ada.notifications, id=found[0].id)


def groups(ada, post):
    found = ada.grouped_notifications(expand_accounts="full")
    likes = [g for g in found.notification_groups if g.type == "favourite"][0]
    equal("a group", (likes.notifications_count, len(likes.sample_account_ids), str(likes.status_id)), (2, 2, str(post.id)))
    check("its accounts and posts beside it", {str(i) for i in likes.sample_account_ids} <= {str(a.id) for a in found.accounts} and found.statuses)
    partial = ada.grouped_notifications(types=["favourite"])
    equal("pictures alone", (len(partial.accounts), len(partial.partial_accounts)), (1, 1))
    equal("one group", ada.grouped_notification(likes.group_key).notification_groups[0].group_key, likes.group_key)
    equal("all in it", {a.acct for a in ada.grouped_notification_accounts(likes.group_key)}, {"bob", "cyd"})
    check("counted in groups", ada.unread_grouped_notifications_count() >= 0)
    ada.dismiss_grouped_notification(likes.group_key)
    raises("dismissed", MastodonNotFoundError, ada.grouped_notification, likes.group_key)


def requests(ada, bob, cyd):
    policy = ada.update_notifications_policy(for_not_following="filter")
    equal("policy", (policy.for_not_following, ada.notifications_policy().for_not_following), ("filter", "filter"))
    bob.status_post("@ada hello")
    cyd.status_post("@ada hello")
    found = until("two requests", lambda: len(ada.notification_requests()) == 2 and ada.notification_requests())
    equal("whose", {r.account.acct for r in found}, {"bob", "cyd"})
    check("the latest of them", found[0].last_status.content)
    equal("one", ada.notification_request(found[0].id).id, found[0].id)
    equal("the summary", ada.notifications_policy().summary.pending_requests_count, 2)
    ada.accept_notification_request(found[0])
    check("merged", ada.notifications_merged())
    check("and there", any(n.account.acct == found[0].account.acct and n.type == "mention" for n in ada.notifications()))
    ada.dismiss_multiple_notification_requests([found[1].id])
    equal("none left", list(ada.notification_requests()), [])
    ada.notifications_clear()
    equal("cleared", list(ada.notifications()), [])


def main():
    ada, bob, cyd = client("ada"), client("bob"), client("cyd")
    post = ada.status_post("Hello")
    for part in (lambda: one_by_one(ada, bob, cyd, post), lambda: groups(ada, post), lambda: requests(ada, bob, cyd)):
        try:
            part()
        except Exception as e:  # one part's failure is one failure, the rest goes on
            import traceback
            check("a part goes through", False, "".join(traceback.format_exception(e)))
    finish()


main()
