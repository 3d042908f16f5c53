# Mastodon.py, unmodified, through nginx: an app is registered, its member consents, and it does what a client does all day.
# harness: set rate_limits = no
import datetime

from mastodon import (Mastodon, MastodonAPIError, MastodonIllegalArgumentError, MastodonNotFoundError,
                      MastodonUnauthorizedError)

from lib_site import BASE, Browser, check, code_of, equal, finish, make_member, make_token, raises

HOME = 500
SCOPES = ["read", "write", "follow"]


def enter(handle):
    """Registers an app, walks through the consent page, changes the code for a token."""
    client_id, secret = Mastodon.create_app("Client of " + handle, scopes=SCOPES, api_base_url=BASE, website="https://example.org")
    app = Mastodon(client_id=client_id, client_secret=secret, api_base_url=BASE)
    url = app.auth_request_url(scopes=SCOPES, allow_http=True)
    code = code_of(Browser().log_in(handle).consent(url))
    token = app.log_in(code=code, scopes=SCOPES, allow_http=True)
    check("a token", len(token) > 20, token)
    return app, code


def statuses(ada, bob):
    post = ada.status_post("Hello #world, @bob", visibility="public", spoiler_text="greeting", sensitive=True, language="en")
    equal("who wrote it", post.account.acct, "ada")
    check("a moment", isinstance(post.created_at, datetime.datetime))
    equal("its warning", (post.spoiler_text, post.sensitive, post.visibility), ("greeting", True, "public"))
    equal("its mention", [m.acct for m in post.mentions], ["bob"])
    equal("its tag", [t.name for t in post.tags], ["world"])
    again = [ada.status_post("Once", idempotency_key="k1").id for _ in range(2)]
    equal("sent twice, posted once", again[0], again[1])
    answer = bob.status_reply(post, "And to you")
    equal("an answer", answer.in_reply_to_id, post.id)
    equal("favourited", (bob.status_favourite(post).favourited, ada.status(post.id).favourites_count), (True, 1))
    equal("… by", [a.acct for a in ada.status_favourited_by(post)], ["bob"])
    boost = bob.status_reblog(post)
    check("a reblog has an id of its own", boost.id != post.id and boost.reblog.id == post.id)
    equal("… by", [a.acct for a in ada.status_reblogged_by(post)], ["bob"])
    equal("bookmarked", bob.status_bookmark(post).bookmarked, True)
    equal("bookmarks", [s.id for s in bob.bookmarks()], [post.id])
    equal("favourites", [s.id for s in bob.favourites()], [post.id])
    thread = ada.status_context(post)
    equal("thread", [s.id for s in thread.descendants], [answer.id])
    equal("taken back", (bob.status_unfavourite(post).favourited, bob.status_unreblog(post).reblogged, bob.status_unbookmark(post).bookmarked),
          (False, False, False))
    changed = ada.status_update(post, "Hello again #world")
    check("edited", "again" in changed.content and changed.edited_at is not None, changed.content)
    equal("its history", len(ada.status_history(post)), 2)
    check("its source", "again" in ada.status_source(post).text)
    raises("others do not edit", MastodonAPIError, bob.status_update, post, "mine")
    gone = ada.status_delete(post)
    equal("deleted, with its source", gone.text, "Hello again #world")
    raises("it is gone", MastodonNotFoundError, ada.status, post.id)


def follows(ada, bob, carl):
    ada.account_update_credentials(locked=True)
    me, him = ada.me(), bob.me()
    asked = bob.account_follow(me)
    equal("a locked account is asked", (asked.requested, asked.following), (True, False))
    equal("the request", [a.acct for a in ada.follow_requests()], ["bob"])
    ada.follow_request_authorize(him)
    equal("granted", bob.account_relationships([me.id])[0].following, True)
    carl.account_follow(me)
    ada.follow_request_reject(carl.me())
    equal("refused", carl.account_relationships(me)[0].requested, False)
    both = bob.account_relationships([me.id, carl.me().id])
    equal("several at once", [r.id for r in both], [me.id, carl.me().id])
    equal("followers", [a.acct for a in ada.account_followers(me)], ["bob"])
    equal("muted", bob.account_mute(carl.me()).muting, True)
    equal("unmuted", bob.account_unmute(carl.me()).muting, False)
    equal("blocked", ada.account_block(carl.me()).blocking, True)
    equal("blocks", [a.acct for a in ada.blocks()], ["carl"])
    equal("unblocked", ada.account_unblock(carl.me()).blocking, False)


def by_id(written):
    """The latest first: two of the same millisecond may have changed places."""
    return sorted(written, key=int, reverse=True)


def home(ada, bob):
    written = [ada.status_post("Post %d" % i).id for i in range(HOME)]
    seen, page, pages = [], bob.timeline_home(limit=40), 0
    while page and pages < 100:
        seen += [s.id for s in page if s.account.acct == "ada"]
        page, pages = bob.fetch_next(page), pages + 1
    newest_first = [i for i in seen if i in set(written)]
    equal("every post once and in order", newest_first, by_id(written))
    equal("nothing twice", len(seen), len(set(seen)))
    first = bob.timeline_home(limit=20)
    older = bob.fetch_next(first)
    equal("back again", [s.id for s in bob.fetch_previous(older)], [s.id for s in first])
    bob.markers_set("home", first[0])
    equal("how far one has read", str(bob.markers_get("home")["home"].last_read_id), str(first[0].id))


def lists(ada, bob, carl):
    made = carl.list_create("Friends", replies_policy="followed", exclusive=True)
    equal("a list", (made.title, made.replies_policy, made.exclusive), ("Friends", "followed", True))
    equal("one's lists", [x.id for x in carl.lists()], [made.id])
    changed = carl.list_update(made, "Close friends", replies_policy="list", exclusive=False)
    equal("changed", (changed.title, changed.replies_policy, changed.exclusive), ("Close friends", "list", False))
    raises("nobody whom one does not follow", MastodonNotFoundError, carl.list_accounts_add, made, [bob.me()])
    carl.account_follow(bob.me())
    carl.list_accounts_add(made, [bob.me()])
    raises("nobody twice", MastodonAPIError, carl.list_accounts_add, made, [bob.me()])
    equal("who is on it", [a.acct for a in carl.list_accounts(made)], ["bob"])
    equal("lists that hold bob", [x.id for x in carl.account_lists(bob.me())], [made.id])
    written = [bob.status_post("For a list %d" % i).id for i in range(45)]
    page, seen = carl.timeline_list(made, limit=20), []
    while page:
        seen += [s.id for s in page if s.id in written]
        page = carl.fetch_next(page)
    equal("its timeline to the end", seen, by_id(written))
    raises("nobody else's", MastodonNotFoundError, ada.timeline_list, made)
    carl.list_accounts_delete(made, [bob.me()])
    equal("nobody is left", list(carl.list_accounts(made)), [])
    carl.list_delete(made)
    raises("it is gone", MastodonNotFoundError, carl.list, made)


def rest(ada, bob):
    found = bob.search_v2("ada")
    equal("search finds members", [a.acct for a in found.accounts], ["ada"])
    equal("search by handle", [a.acct for a in bob.account_search("bo")], ["bob"])
    equal("look-up", bob.account_lookup("ada").id, ada.me().id)
    check("preferences", "posting:default:visibility" in bob.preferences())
    changed = ada.account_update_credentials(display_name="Ada L.", note="I count.", fields=[("Place", "London")])
    equal("profile", (changed.display_name, changed.source.note, changed.fields[0].name), ("Ada L.", "I count.", "Place"))
    for name, empty in [("lists", ada.lists), ("filters", ada.filters_v2), ("mutes", ada.mutes), ("announcements", ada.announcements),
                        ("emojis", ada.custom_emojis), ("conversations", ada.conversations)]:
        equal("nothing yet: " + name, list(empty()), [])
    instance = ada.instance()
    check("the site", instance.configuration.statuses.max_characters > 0 if hasattr(instance, "configuration") else instance.uri)
    check("the public timeline", len(ada.timeline_public(limit=5)) == 5)
    check("a tag's timeline", isinstance(ada.timeline_hashtag("world"), list))


def errors(ada):
    raises("no such post", MastodonNotFoundError, ada.status, 1)
    raises("no such member", MastodonNotFoundError, ada.account, 1)
    stranger = Mastodon(api_base_url=BASE, access_token="x" * 43)
    raises("a token that is none", MastodonUnauthorizedError, stranger.me)
    narrow = Mastodon(api_base_url=BASE, access_token=make_token("ada", "read"))
    raises("a scope that is missing", MastodonAPIError, narrow.status_post, "no")
    raises("an empty post", MastodonAPIError, ada.status_post, "")


def main():
    for handle in ("ada", "bob", "carl"):
        make_member(handle)
    (ada, _), (bob, _), (carl, code) = enter("ada"), enter("bob"), enter("carl")
    for part in (lambda: statuses(ada, bob), lambda: follows(ada, bob, carl), lambda: home(ada, bob), lambda: lists(ada, bob, carl),
                 lambda: rest(ada, bob), lambda: errors(ada)):
        try:
            part()
        except Exception as e:  # one part's failure is one failure, the rest goes on
            import traceback
            check("a part goes through", False, "".join(traceback.format_exception(e)))
    raises("a code is good for one use", MastodonIllegalArgumentError, carl.log_in, code=code, scopes=SCOPES, allow_http=True)
    raises("… and a second use ends what the first gave", MastodonUnauthorizedError, carl.me)
    ada.revoke_access_token(allow_http=True)
    raises("revoked", MastodonUnauthorizedError, ada.me)
    finish()


main()
