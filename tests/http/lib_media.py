"""Short ways of the tests of stored files: requests, rows, files as a store has them, signed addresses."""
import base64
import hashlib
import http.client
import os
import subprocess
import time
from urllib.parse import urlsplit

SITE, ADMIN = os.environ["TEST_SITE"], os.environ["TEST_PG_ADMIN"]
BASE = urlsplit(os.environ["TEST_BASE_URL"])
counts = [0, 0]


def check(words, good, found=""):
    counts[0 if good else 1] += 1
    if not good:
        print("FAIL: %s: %s" % (words, found), flush=True)


def equal(words, found, wanted):
    check(words, found == wanted, "%r, not %r" % (found, wanted))


def sql(text):
    return subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", ADMIN, "-c", text], check=True,
                          stdout=subprocess.PIPE, text=True).stdout.strip()


class Answer:
    def __init__(self, method, path, headers):
        connection = http.client.HTTPConnection(BASE.hostname, BASE.port, timeout=20)
        connection.request(method, path, headers=headers)
        reply = connection.getresponse()
        self.status, self.headers, self.body = reply.status, reply.headers, reply.read()
        connection.close()

    def all(self, name):
        return self.headers.get_all(name) or []


def get(path, method="GET", **headers):
    return Answer(method, path, {k.replace("_", "-"): v for k, v in headers.items()})


def place(tree, key):
    """Where a file is; its folders belong to the servers' user, as those that they make."""
    path, owner = os.path.join(SITE, "media"), os.stat(os.path.join(SITE, "media"))
    for name in (tree, key[:2], key[2:4]):
        path = os.path.join(path, name)
        if not os.path.isdir(path):
            os.mkdir(path)
            os.chown(path, owner.st_uid, owner.st_gid)
    return os.path.join(path, key)


def store(content, extension, public):
    """As the store has it; public: also as everybody gets it."""
    key = hashlib.sha256(content).hexdigest() + "." + extension
    with open(place("files", key), "wb") as f:
        f.write(content)
    owner = os.stat(os.path.join(SITE, "media"))
    os.chown(place("files", key), owner.st_uid, owner.st_gid)
    if public:
        os.link(place("files", key), place("public", key))
    return key


def sign(key, left=3600):
    with open(os.path.join(SITE, "secrets", "key"), encoding="ascii") as f:
        text = f.read().strip()
    secret = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    expires = int(time.time()) + left
    mac = hashlib.blake2b(("media:%s:%d" % (key, expires)).encode(), digest_size=32, key=secret).digest()[:12]
    return "/m/%s?e=%d&s=%s" % (key, expires, base64.urlsafe_b64encode(mac).rstrip(b"=").decode())


def until(words, good, seconds=20):
    """Waits until it is so."""
    deadline = time.monotonic() + seconds
    while not good() and time.monotonic() < deadline:
        time.sleep(0.1)
    check(words, good())


def finish():
    print("%d passed, %d failed" % tuple(counts))
    raise SystemExit(counts[1] > 0)
