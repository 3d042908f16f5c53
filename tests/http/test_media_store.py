#!/usr/bin/env python3
"""A site whose files are in a bucket: clients are sent there, and an operator moves, verifies and sweeps.
harness: alone
harness: s3
"""
import hashlib
import http.client
import json
import os
import subprocess
from urllib.parse import urlsplit

from lib_media import SITE, check, equal, finish, get, place, sign, sql, store, until

S3 = os.environ["TEST_S3"]
FOLDER = "folder:" + os.path.join(SITE, "media")
OWNER = 4711


def deeplink(*words, status=0):
    """A subcommand as the operator runs it; what it says to programs."""
    command = [os.environ["TEST_DEEPLINK"], "--config", os.environ["TEST_CONFIG"], "media", *words, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    equal("deeplink media %s" % " ".join(words[:2]), (done.returncode, done.stderr if done.returncode != status else ""),
          (status, ""))
    return (json.loads(done.stdout) if done.stdout else {}), done.stderr


def medium(id_, files, public):
    """A finished one, whose files a folder has: { name: content }; its keys."""
    keys = {name: store(content, "webp", False) for name, content in files.items()}
    sql("INSERT INTO media.items (id, owner_id, state, kind, purpose, bytes, source, public, target_kind, target_id)"
        " VALUES (%d, %d, 1, 1, 'post', 10, '', %s, 'post', %d)" % (id_, OWNER, str(public).lower(), id_))
    for name, content in files.items():
        sql("INSERT INTO media.blobs (key, bytes) VALUES ('%s', %d);" % (keys[name], len(content)) +
            "INSERT INTO media.files VALUES (%d, '%s', '%s')" % (id_, name, keys[name]))
    return keys


def fetch(url):
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
    connection.request("GET", parts.path + "?" + parts.query)
    reply = connection.getresponse()
    body = reply.read()
    connection.close()
    return reply.status, reply.headers, body


def in_bucket(key):
    return os.path.join(os.environ["TEST_S3_DIR"], "data", "media", "files", key[:2], key[2:4], key)


PICTURE = bytes(range(256)) * 300
shown = medium(101, {"large": PICTURE + b"a", "original": PICTURE + b"b"}, True)
hidden = medium(102, {"large": PICTURE + b"c", "original": PICTURE + b"d"}, False)
big = medium(103, {"video": os.urandom(1 << 20) * 18}, False)


def moving():
    found, _ = deeplink("verify", status=1)
    equal("the bucket has nothing yet", (found["blobs"], found["missing"], found["lost"]), (5, 5, 3))
    moved, _ = deeplink("move", "--from", FOLDER, "--to", S3)
    equal("all is copied", (moved["blobs"], moved["copied"], moved["missing"]), (5, 5, 0))
    moved, _ = deeplink("move", "--from", FOLDER, "--to", S3)
    equal("and not twice", (moved["blobs"], moved["copied"]), (5, 0))
    found, _ = deeplink("verify")
    equal("all is there", (found["blobs"], found["missing"], found["damaged"], found["unknown"]), (5, 0, 0, 0))
    back = os.path.join(SITE, "media2")
    os.mkdir(back)
    moved, _ = deeplink("move", "--to", "folder:" + back)
    equal("and can be copied back", moved["copied"], 5)
    with open(os.path.join(back, "files", big["video"][:2], big["video"][2:4], big["video"]), "rb") as f:
        equal("whole", hashlib.sha256(f.read()).hexdigest(), big["video"][:64])
    deeplink("move", "--to", "ftp://nowhere", status=2)
    deeplink("move", "--to", "s3://media?endpoint=http://127.0.0.1:9", status=69)


def handing_out():
    sql("UPDATE media.unsettled SET at = now()")
    until("the store has been told", lambda: sql("SELECT count(*) FROM media.unsettled") == "0")
    answer = get("/m/" + shown["large"])
    equal("everybody is sent to the bucket", answer.status, 302)
    check("for a while", answer.headers["Cache-Control"].startswith("public, max-age="), answer.headers["Cache-Control"])
    status, headers, body = fetch(answer.headers["Location"])
    equal("and gets it there", (status, body == PICTURE + b"a"), (200, True))
    equal("with its type", headers["Content-Type"], "image/webp")
    equal("originals are nobody's", get("/m/" + shown["original"]).status, 404)
    equal("nor what is not for everybody", get("/m/" + hidden["large"]).status, 404)
    answer = get(sign(hidden["large"]))
    equal("but by signature", answer.status, 302)
    check("which nobody keeps", answer.headers["Cache-Control"].startswith("private, max-age=0"),
          answer.headers["Cache-Control"])
    equal("it is had", fetch(answer.headers["Location"])[2] == PICTURE + b"c", True)
    equal("one cannot be had for the other", fetch(answer.headers["Location"].replace(
        hidden["large"], hidden["original"]).replace(hidden["large"][:2] + "/" + hidden["large"][2:4],
                                                     hidden["original"][:2] + "/" + hidden["original"][2:4]))[0], 403)


def damage():
    with open(in_bucket(shown["large"]), "r+b") as f:
        f.write(b"broken")
    os.unlink(in_bucket(hidden["original"]))
    found, words = deeplink("verify", status=1)
    equal("what is damaged is found", (found["damaged"], found["missing"]), (1, 1))
    equal("what can be made anew", (found["remade"], found["lost"]), (1, 1))
    check("and named", shown["large"] in words and hidden["original"] + ": missing, and it was an original" in words, words)
    check("nothing is changed", os.path.exists(in_bucket(shown["large"])))
    found, _ = deeplink("verify", "--repair", status=1)
    check("half a picture is gone", not os.path.exists(in_bucket(shown["large"])))
    equal("a worker is asked for another, or has tried", sql(
        "SELECT due_at IS NOT NULL OR lease IS NOT NULL OR error <> '' FROM media.items WHERE id = 101"), "t")
    moved, _ = deeplink("move", "--from", FOLDER, "--to", S3)
    equal("from a backup all comes back", moved["copied"], 2)
    found, _ = deeplink("verify")
    equal("and is well", (found["missing"], found["damaged"]), (0, 0))


def sweeping():
    sql("UPDATE media.items SET target_kind = NULL, target_id = NULL, public = false, changed_at = now() - interval '2 days'"
        " WHERE id = 102")
    swept, _ = deeplink("sweep", "--dry-run")
    equal("it says what would go", (swept["media"], swept["dry_run"]), (1, True))
    check("and leaves it", os.path.exists(in_bucket(hidden["large"])))
    swept, _ = deeplink("sweep")
    equal("it goes", swept["media"], 1)
    until("with its files", lambda: not os.path.exists(in_bucket(hidden["large"])))
    until("all of them", lambda: not os.path.exists(in_bucket(hidden["original"])))
    equal("for who had an address, too", fetch(get(sign(hidden["large"])).headers["Location"])[0], 404)
    swept, _ = deeplink("sweep")
    equal("then there is nothing", (swept["media"], swept["blobs"], swept["files"]), (0, 0, 0))
    check("what is used stays", os.path.exists(in_bucket(shown["large"])) and os.path.exists(in_bucket(big["video"])))


moving()
handing_out()
damage()
sweeping()
finish()
