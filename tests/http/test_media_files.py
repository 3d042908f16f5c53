#!/usr/bin/env python3
"""Files of what members uploaded, as nginx and the workers hand them out: who may have what, and with which headers."""
import os
import re
import time

from lib_media import SITE, check, equal, finish, get, place, sign, sql, store, until

PICTURE = bytes(range(256)) * 400


def common(words, answer):
    equal(words + ": nothing is guessed", answer.all("X-Content-Type-Options"), ["nosniff"])
    equal(words + ": no cookie", answer.all("Set-Cookie"), [])
    equal(words + ": one policy", len(answer.all("Content-Security-Policy")), 1)
    check(words + ": nothing runs", answer.headers["Content-Security-Policy"].startswith("default-src 'none'"))
    equal(words + ": one word on keeping", len(answer.all("Cache-Control")), 1)


def for_everybody():
    key = store(PICTURE, "webp", True)
    answer = get("/m/" + key)
    equal("everybody gets it", (answer.status, answer.body == PICTURE), (200, True))
    equal("its type is what its name says", answer.headers["Content-Type"], "image/webp")
    equal("for good", answer.headers["Cache-Control"], "public, max-age=31536000, immutable")
    equal("it is shown in its place", answer.all("Content-Disposition"), [])
    equal("other sites may show it", answer.headers["Cross-Origin-Resource-Policy"], "cross-origin")
    check("in a sandbox", "sandbox" in answer.headers["Content-Security-Policy"])
    common("public", answer)
    again = get("/m/" + key, If_None_Match=answer.headers["ETag"])
    equal("and is not sent twice", (again.status, again.body), (304, b""))
    part = get("/m/" + key, Range="bytes=100-199")
    equal("a part of it", (part.status, part.body == PICTURE[100:200]), (206, True))
    equal("says which", part.headers["Content-Range"], "bytes 100-199/%d" % len(PICTURE))
    equal("beyond its end there is nothing", get("/m/" + key, Range="bytes=999999-").status, 416)
    head = get("/m/" + key, "HEAD")
    equal("its head", (head.status, head.headers["Content-Length"], head.body), (200, str(len(PICTURE)), b""))
    os.unlink(place("public", key))
    equal("taken back it is gone at once", get("/m/" + key).status, 404)


def by_signature():
    key, other = store(PICTURE + b"1", "webp", False), store(PICTURE + b"2", "mp4", False)
    good = sign(key)
    answer = get(good, Cookie="sid=whatever")
    equal("who has the address gets it", (answer.status, answer.body == PICTURE + b"1"), (200, True))
    equal("with its type", answer.headers["Content-Type"], "image/webp")
    check("for themselves", answer.headers["Cache-Control"].startswith("private, max-age=3"),
          answer.headers["Cache-Control"])
    common("signed", answer)
    part = get(good, Range="bytes=0-9")
    equal("a part, too", (part.status, part.body), (206, PICTURE[:10]))
    head = get(good, "HEAD")
    equal("its head, too", (head.status, head.headers["Content-Length"]), (200, str(len(PICTURE) + 1)))
    again = get(good, If_None_Match=answer.headers["ETag"])
    equal("not twice", again.status, 304)
    query = good.split("?")[1]
    for words, path in {
        "without a signature": "/m/" + key,
        "with that of another": "/m/" + other + "?" + query,
        "that has expired": sign(key, -1),
        "that says a later day": good.replace("?e=", "?e=9"),
        "that is cut off": good[:-3],
        "that is changed": good[:-1] + ("A" if good[-1] != "A" else "B"),
        "that is empty": good.split("&")[0] + "&s=",
        "with the expiry alone": good.split("&")[0],
        "with the signature alone": "/m/" + key + "?" + query.split("&")[1],
        "for what is not there": sign("0" * 64 + ".webp"),
        "of no key": "/m/0123.webp",
        "by nginx's own way": "/-/media/%s/%s/%s" % (key[:2], key[2:4], key),
    }.items():
        equal("no file " + words, get(path).status, 404)
    for path in ("/m/..%2f..%2fsecrets%2fkey", "/m/../secrets/key", "/m/%2e%2e/%2e%2e/secrets/key"):
        check("no way up the tree: " + path, get(path).status in (400, 404))
    check("the log tells no signature", not logged(query.split("s=")[1]))


def logged(words):
    deadline = time.monotonic() + 10
    path = os.path.join(SITE, "nginx", "access.log")
    while time.monotonic() < deadline:
        with open(path, encoding="utf-8") as f:
            text = f.read()
        if '"/m/' in text:
            return words in text
        time.sleep(0.1)
    return True


def what_browsers_do_not_show():
    for extension, type_, shown in (("docx", "application/octet-stream", False), ("txt", "application/octet-stream", False),
                                    ("html", "application/octet-stream", False), ("svg", "application/octet-stream", False),
                                    ("pdf", "application/pdf", True), ("mp3", "audio/mpeg", True)):
        content = b"<html><script>alert(1)</script>" + extension.encode()
        key = store(content, extension, True)
        answer = get("/m/" + key)
        equal(extension + ": type", answer.headers["Content-Type"], type_)
        equal(extension + ": a download", answer.all("Content-Disposition"), [] if shown else ["attachment"])
        common(extension, answer)
        os.unlink(place("public", key))
        answer = get(sign(key))
        equal(extension + ": a download by signature", answer.all("Content-Disposition"), [] if shown else ["attachment"])
        check(extension + ": never a page", "html" not in answer.headers["Content-Type"])
        common(extension + " signed", answer)


def playlists():
    """A long video's pieces are had by who may have its playlist, and only so."""
    piece = store(PICTURE + b"piece", "mp4", False)
    text = '#EXTM3U\n#EXT-X-MAP:URI="%s",BYTERANGE="10@0"\n#EXTINF:6.0,\n#EXT-X-BYTERANGE:90@10\n%s\n' % (piece, piece)
    key, other = store(text.encode(), "m3u8", False), store(PICTURE + b"other", "mp4", False)
    good = sign(key, 600)
    answer = get(good)
    equal("a playlist", (answer.status, answer.headers["Content-Type"]), (200, "application/vnd.apple.mpegurl"))
    equal("its pieces have addresses", len(re.findall(r"/m/%s\?e=\d+&s=[\w-]+" % re.escape(piece), answer.body.decode())), 2)
    equal("all else is as it was", re.sub(r"/m/(%s)\?e=\d+&s=[\w-]+" % re.escape(piece), r"\1", answer.body.decode()), text)
    address = re.search(r'URI="([^"]+)"', answer.body.decode()).group(1)
    equal("which are good", get(address, Range="bytes=0-9").body, PICTURE[:10])
    whole = get(address)
    equal("whole, too", (whole.status, whole.body == PICTURE + b"piece"), (200, True))
    check("nobody else keeps it", whole.headers["Cache-Control"].startswith("private, max-age="), whole.headers["Cache-Control"])
    equal("as long as the playlist's own", re.search(r"e=(\d+)", address).group(1), re.search(r"e=(\d+)", good).group(1))
    expiry, signature = re.search(r"e=(\d+)&s=(.+)", address).groups()
    for words, path in {
        "the piece without a signature": "/m/" + piece,
        "the piece by the playlist's": "/m/%s?%s" % (piece, good.split("?")[1]),
        "the playlist by the piece's": "/m/%s?%s" % (key, address.split("?")[1]),
        "another file by the piece's": "/m/%s?%s" % (other, address.split("?")[1]),
        "the piece a day longer": "/m/%s?e=%d&s=%s" % (piece, int(expiry) + 86400, signature),
        "the piece with a changed signature": address[:-1] + ("A" if address[-1] != "A" else "B"),
        "the piece when it has expired": sign(piece, -1),
        "the playlist without a signature": "/m/" + key,
        "the playlist when it has expired": sign(key, -1),
        "the playlist with a changed signature": good[:-1] + ("A" if good[-1] != "A" else "B"),
    }.items():
        equal("not to be had: " + words, get(path).status, 404)
    both = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=800000,RESOLUTION=854x480\n%s\n" % key
    of_both = store(both.encode(), "m3u8", False)
    listed = re.search(r"^/m/%s\?e=(\d+)&s=[\w-]+$" % re.escape(key), get(sign(of_both, 600)).body.decode(), re.M)
    check("a playlist of playlists gives each an address", listed is not None)
    equal("which is good, and leads on to the pieces", get(listed.group(0)).body.decode().count("/m/%s?e=%s&" % (piece, listed.group(1))), 2)
    equal("the other one is not to be had by its signature", get("/m/%s?%s" % (of_both, listed.group(0).split("?")[1])).status, 404)
    for playlist, words in ((key, text), (of_both, both)):
        os.link(place("files", playlist), place("public", playlist))
        equal("for everybody it is as it is", get("/m/" + playlist).body.decode(), words)


def before_the_store_knows():
    """A post has just come, or its files: nginx has no link yet, and the workers know."""
    key = store(PICTURE + b"3", "webp", False)
    sql("INSERT INTO media.items (id, owner_id, state, kind, purpose, bytes, source, public, target_kind, target_id)"
        " VALUES (77, 1, 1, 1, 'post', 1, '', true, 'post', 1);"
        "INSERT INTO media.blobs (key, bytes) VALUES ('%s', 1);" % key +
        "INSERT INTO media.files VALUES (77, 'large', '%s')" % key)
    equal("the workers know", get("/m/" + key).status, 200)
    until("and soon nginx does", lambda: os.path.exists(place("public", key)))
    sql("DELETE FROM media.items WHERE id = 77")
    until("deleted is gone", lambda: not os.path.exists(place("files", key)))
    check("and no longer shown", not os.path.exists(place("public", key)))
    equal("for everybody", get("/m/" + key).status, 404)
    equal("with a signature, too", get(sign(key)).status, 404)


for_everybody()
by_signature()
what_browsers_do_not_show()
playlists()
before_the_store_knows()
finish()
