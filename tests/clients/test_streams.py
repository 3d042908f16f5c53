# Mastodon.py, unmodified, through nginx: posts, edits, deletions and notifications as its listeners get them.
# harness: set rate_limits = no
import threading
import time

from mastodon import Mastodon, StreamListener

from lib_site import BASE, check, equal, finish, make_member, make_token

SCOPES = "read write follow"


class Listener(StreamListener):
    def __init__(self):
        self.events = []
        self.opened = threading.Event()

    def on_update(self, status):
        self.events.append(("update", status.id))

    def on_status_update(self, status):
        self.events.append(("edit", status.id))

    def on_delete(self, status_id):
        self.events.append(("delete", status_id))

    def on_notification(self, notification):
        self.events.append((notification.type, notification.account.acct))

    def on_abort(self, err):
        self.events.append(("abort", str(err)))

    def handle_heartbeat(self):
        self.opened.set()

    def wait(self, event, seconds=30):
        end = time.monotonic() + seconds
        while event not in self.events and time.monotonic() < end:
            time.sleep(0.02)
        return event in self.events


def heard(post, *listeners):
    """Whether a post comes to each of them soon: a subscription is not answered, so one posts until they hear."""
    return all([listener.wait(("update", post), 2) for listener in listeners])


def client(handle):
    make_member(handle)
    return Mastodon(access_token=make_token(handle, SCOPES), api_base_url=BASE)


def main():
    ada, bob = client("ada"), client("bob")
    check("the stream is healthy", ada.stream_healthy())
    bob.account_follow(ada.me())
    friends = bob.list_create("Friends")
    bob.list_accounts_add(friends, [ada.me()])
    home, local, tag, own, listed = (Listener() for _ in range(5))
    handles = [bob.stream_user(home, run_async=True), bob.stream_public(local, run_async=True),
               bob.stream_hashtag("birds", tag, run_async=True), ada.stream_user(own, run_async=True),
               bob.stream_list(friends, listed, run_async=True)]
    for name, listener in (("user", home), ("public", local), ("hashtag", tag), ("own", own), ("list", listed)):
        check(f"{name} opens", listener.opened.wait(10))
    check("all are subscribed", any(heard(ada.status_post("Is there a #birds watcher").id, home, local, tag, own, listed) for _ in range(30)))
    post = ada.status_post("Some #birds")
    for name, listener in (("user", home), ("public", local), ("hashtag", tag), ("own", own), ("list", listed)):
        check(f"a post comes on {name}", listener.wait(("update", post.id)), listener.events)
    bob.status_favourite(post)
    check("a favourite", own.wait(("favourite", "bob")), own.events)
    bob.status_reply(post, "Nice")
    check("a mention", own.wait(("mention", "bob")), own.events)
    ada.status_update(post, "More #birds")
    for name, listener in (("user", home), ("list", listed)):
        check(f"an edit on {name}", listener.wait(("edit", post.id)), listener.events)
    ada.status_delete(post)
    check("a deletion", home.wait(("delete", post.id)), home.events)
    equal("nothing broke off", [e for x in (home, local, tag, own, listed) for e in x.events if e[0] == "abort"], [])
    equal("each post once", home.events.count(("update", post.id)), 1)
    for handle in handles:
        handle.close()


main()
finish()
