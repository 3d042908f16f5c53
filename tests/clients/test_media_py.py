# Mastodon.py, unmodified: pictures are uploaded, described, posted, edited, and become faces.
# harness: set rate_limits = no
import io
import struct
import zlib

import requests
from mastodon import Mastodon, MastodonAPIError, MastodonNotFoundError

from lib_site import BASE, check, equal, finish, make_member, make_token, raises


def png(red, green, blue, width=60, height=40):
    """A picture of one colour."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    rows = (b"\0" + bytes((red, green, blue)) * width) * height
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def enter(handle):
    make_member(handle)
    return Mastodon(api_base_url=BASE, access_token=make_token(handle))


def post_of(client, *colours, **more):
    """Uploads pictures, waits for them, and posts them."""
    media = [client.media_post(io.BytesIO(png(*c)), "image/png", synchronous=True, **more) for c in colours]
    return media, client.status_post("With pictures", media_ids=media)


def posting(ada, bob):
    media = ada.media_post(io.BytesIO(png(255, 0, 0)), "image/png", description="A red field", focus=(0.5, -0.25), synchronous=True)
    equal("a picture", (media.type, media.description), ("image", "A red field"))
    equal("its focus", (media.meta.focus.x, media.meta.focus.y), (0.5, -0.25))
    equal("its size", (media.meta.original.width, media.meta.original.height), (60, 40))
    answer = requests.get(media.url, timeout=10)
    equal("it can be had", (answer.status_code, answer.headers["content-type"]), (200, "image/webp"))
    pictures, post = post_of(ada, (0, 0, 0), (255, 255, 255), (0, 255, 0), (0, 0, 255))
    equal("four in order", [m.id for m in post.media_attachments], [m.id for m in pictures])
    equal("another reader sees them", [m.id for m in bob.status(post).media_attachments], [m.id for m in pictures])
    alone = ada.status_post("", media_ids=[media])
    equal("a picture alone", (alone.content, alone.media_attachments[0].description), ("", "A red field"))
    equal("listed", [s.id for s in bob.account_statuses(ada.me(), only_media=True)], [alone.id, post.id])
    equal("and for the site", [s.id for s in bob.timeline_public(only_media=True)], [alone.id, post.id])
    return media, post


def editing(ada, post):
    first, *_, last = post.media_attachments
    changed = ada.status_update(post, "With fewer", media_ids=[last, first])
    equal("fewer, in another order", [m.id for m in changed.media_attachments], [last.id, first.id])
    changed = ada.status_update(post, "With fewer", media_attributes=[  # the library cannot send both at once
        ada.generate_media_edit_attributes(last.id), ada.generate_media_edit_attributes(first.id, description="All black", focus=(0, 1))])
    equal("in the same order", [m.id for m in changed.media_attachments], [last.id, first.id])
    equal("described", (changed.media_attachments[1].description, changed.media_attachments[1].meta.focus.y), ("All black", 1))
    equal("history", [len(e.media_attachments) for e in ada.status_history(post)], [4, 2, 2])
    fresh = ada.media_post(io.BytesIO(png(9, 90, 9)), "image/png", synchronous=True)
    equal("described before it is posted", ada.media_update(fresh, description="Later").description, "Later")
    gone = ada.status_delete(post)
    equal("the deleted one's pictures are named", [m.id for m in gone.media_attachments], [last.id, first.id])
    again = ada.status_post("Anew", media_ids=[m.id for m in gone.media_attachments])
    equal("and posted anew", [m.id for m in again.media_attachments], [last.id, first.id])


def refusals(ada, bob, used):
    def raises_422(name, fn, *args, **kwargs):
        try:
            fn(*args, **kwargs)
        except MastodonAPIError as e:
            return check(name, type(e) is MastodonAPIError and e.args[1] == 422, repr(e))
        return check(name, False, "nothing was raised")
    raises_422("HTML is no picture", ada.media_post, io.BytesIO(b"<!doctype html><script>1</script>"), "image/jpeg", file_name="a.jpg")
    raises_422("one that another post has", ada.status_post, "x", media_ids=[used])
    theirs = bob.media_post(io.BytesIO(png(1, 2, 3)), "image/png", synchronous=True)
    raises_422("another member's", ada.status_post, "x", media_ids=[theirs])
    raises_422("five", ada.status_post, "x", media_ids=[1, 2, 3, 4, 5])
    raises_422("a face that is none", ada.account_update_credentials, avatar=b"%PDF-1.4", avatar_mime_type="application/pdf")
    raises("another member's upload", MastodonNotFoundError, ada.media_update, theirs, description="Mine")


def faces(ada, bob):
    before = ada.me()
    ada.account_update_credentials(avatar=png(200, 100, 50, 300, 300), avatar_mime_type="image/png",
                                   header=png(50, 100, 200, 600, 200), header_mime_type="image/png")
    me = ada.me()
    check("a face", me.avatar != before.avatar and me.avatar == me.avatar_static, me.avatar)
    check("a header", me.header != before.header, me.header)
    equal("others see it", bob.account(me).avatar, me.avatar)
    answer = requests.get(me.avatar, timeout=10)
    equal("it can be had", (answer.status_code, answer.headers["content-type"]), (200, "image/webp"))
    ada.account_delete_avatar()
    ada.account_delete_header()
    equal("taken away", (ada.me().avatar, ada.me().header), (before.avatar, before.header))


def main():
    ada, bob = enter("ada"), enter("bob")
    media, post = posting(ada, bob)
    editing(ada, post)
    refusals(ada, bob, media)
    faces(ada, bob)
    finish()


main()
