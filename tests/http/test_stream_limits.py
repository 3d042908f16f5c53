# A hub spoken to without nginx, by tickets of the test's own making: forged and old tickets, limits by member and address,
# a reader who does not read, presence, and a hub that is told to stop.
# harness: set stream_member_max = 3
# harness: set stream_address_max = 5
import base64
import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request

SITE, SOCKET, REDIS, BASE = (os.environ[n] for n in ("TEST_SITE", "TEST_SOCKETS", "TEST_REDIS", "TEST_BASE_URL"))
counts = [0, 0]


def check(name, good, about=""):
    counts[0 if good else 1] += 1
    if not good:
        print(f"FAILED: {name}: {about}")


def redis(*words):
    return subprocess.run(["redis-cli", "-u", REDIS, *map(str, words)], check=True, capture_output=True, text=True).stdout.strip()


def unpadded(raw):
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


KEY = base64.urlsafe_b64decode(open(os.path.join(SITE, "secrets/key"), encoding="ascii").read().strip() + "=")


def mac(data):
    return hashlib.blake2b(data, digest_size=32, key=KEY).digest()


def ticket(member, face="e", ip="192.0.2.1", age_ms=0, stream="user", key=None):
    start = redis("XADD", f"live:{member}", "*", "o", "1")
    text = "\n".join([face, str(int(time.time() * 1000) - age_ms), "0", str(member), "5", "0", "3", start, "", ip, stream, "", ""])
    signed = (key or mac)(b"stream ticket\n" + text.encode())
    return f"{unpadded(text.encode())}.{unpadded(signed)}"


def ask(path):
    s = socket.socket(socket.AF_UNIX)
    s.connect(os.path.join(SOCKET, "stream.sock"))
    s.settimeout(10)
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return s


def opened(text):
    s = ask(f"/stream?t={text}")
    return s, int(s.recv(4096).split()[1])


def number(name):
    page = urllib.request.urlopen(BASE + "/metrics/streams").read().decode()
    return int(re.search(rf"^{name}(?:\{{[^}}]*\}})? (\d+)$", page, re.M).group(1))


def until(fn, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if fn():
            return True
        time.sleep(0.02)
    return False


def tickets():
    check("a good ticket", opened(ticket(101))[1] == 200)
    for name, text in (("no ticket", ""), ("not signed", ticket(101).split(".")[0] + "."), ("nonsense", "x.y"),
                       ("another key", ticket(101, key=lambda d: hashlib.blake2b(d, digest_size=32, key=b"k" * 32).digest())),
                       ("another purpose", ticket(101, key=lambda d: mac(d[1:]))), ("an old one", ticket(101, age_ms=31000)),
                       ("one for a WebSocket", ticket(101, face="w"))):
        status = opened(text)[1]
        check(name, status == 401, status)
    check("what is not there", int(ask("/other").recv(100).split()[1]) == 404)
    check("health", b"OK" in ask("/health").recv(1000))


def limits():
    mine = [opened(ticket(201, ip=f"192.0.2.{i}")) for i in range(4)]
    check("three of a member", [status for _, status in mine] == [200, 200, 200, 429], mine)
    mine[0][0].close()
    check("one goes, one may come", until(lambda: opened(ticket(201, ip="192.0.2.9"))[1] == 200))
    there = [opened(ticket(300 + i, ip="198.51.100.1")) for i in range(6)]
    check("five from an address", [status for _, status in there] == [200] * 5 + [429], there)
    for s, _ in mine + there:
        s.close()


def presence():
    s, _ = opened(ticket(401))
    check("who has a stream open is present", until(lambda: redis("EXISTS", "live:on:401") == "1"))
    check("for a while", 0 < int(redis("TTL", "live:on:401")) <= 90, redis("TTL", "live:on:401"))
    check("somebody has one open", until(lambda: redis("EXISTS", "live:open") == "1"))
    check("what is kept is kept for a while", 0 < int(redis("TTL", "live:401")) <= 3600)
    s.close()


SITE_NAME = "".join(chr(ord("a") + (b & 15)) for b in mac(b"channels")[:16]) + ":"


def tell(member, payload):
    event = f"notification 0 0 0 =\n{payload}"
    id = redis("XADD", f"live:{member}", "*", "m", event)
    return redis("PUBLISH", f"{SITE_NAME}live:{member}", f"{id} {event}")


def slow_reader():
    slow, _ = opened(ticket(501))
    quick, _ = opened(ticket(501, ip="192.0.2.77"))
    check("both listen", until(lambda: tell(501, '"first"') == "1"))
    before, big, got = number("deeplink_stream_slow_total"), '"' + "x" * 100000 + '"', b""
    for i in range(12):
        tell(501, big)
        while got.count(b"x" * 100000) <= i:  # the quick one reads while the other does not
            got += quick.recv(1 << 20)
    check("who does not read is dropped", until(lambda: number("deeplink_stream_slow_total") == before + 1),
          number("deeplink_stream_slow_total"))
    check("who reads got all of it", got.count(b"event: notification") >= 12, got.count(b"event: notification"))
    check("with its place", re.findall(rb"^id: \d+-\d+$", got, re.M) != [])
    slow.close()
    quick.close()


def stop():
    s, _ = opened(ticket(601))
    master = int(open(os.path.join(SITE, "stream.pid"), encoding="ascii").read())
    os.kill(master, signal.SIGHUP)
    s.settimeout(15)
    data = b"-"
    while data:
        data = s.recv(4096)
    check("a reload closes streams", data == b"")
    check("and another hub is there", until(lambda: opened(ticket(601))[1] == 200, 15))


def main():
    tickets()
    limits()
    presence()
    slow_reader()
    stop()
    print(f"{counts[0]} passed, {counts[1]} failed")
    sys.exit(counts[1] != 0)


main()
