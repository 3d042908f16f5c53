"""Peers that break HTTP/2 or try to use the gRPC workers up: meanwhile a right client is answered, and in the end every
worker is the one that was there before."""
import os
import random
import socket
import struct
import threading
import time

import grpc

import lib
from lib import check, equal, ours

pb = lib.stubs()
connection_pb2 = pb["connection_pb2"]
PATH = "%s/grpc-connection.sock" % lib.SOCKETS
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
GET_COUNTS = "/deeplink.v1.Connection/GetCounts"
MASTER = open(os.environ["TEST_SITE"] + "/serve-connection.pid", encoding="ascii").read().strip()


def workers():
    return sorted(open("/proc/%s/task/%s/children" % (MASTER, MASTER), encoding="ascii").read().split())


def memory():
    return max(int(line.split()[1]) for pid in workers() for line in open("/proc/%s/status" % pid, encoding="ascii")
               if line.startswith("VmRSS"))


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def text(s):
    s = s if isinstance(s, bytes) else s.encode()
    out, n = b"", len(s)
    if n < 127:
        out = bytes([n])
    else:
        out, n = b"\x7f", n - 127
        while n >= 128:
            out, n = out + bytes([n % 128 + 128]), n // 128
        out += bytes([n])
    return out + s


def fields(pairs):
    return b"".join(b"\0" + text(k) + text(v) for k, v in pairs)


def head(path=GET_COUNTS, key=lib.SECRET, more=()):
    return fields([(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "x"), ("te", "trailers"),
                   ("content-type", "application/grpc"), ("authorization", "Bearer " + key), *more])


def begin(settings=b""):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(10)
    s.connect(PATH)
    s.sendall(PREFACE + frame(SETTINGS, 0, 0, settings))
    return s


def send(s, data):
    try:
        s.sendall(data)
        return True
    except OSError:
        return False


def drain(s, seconds=0.2):
    s.settimeout(seconds)
    got = b""
    try:
        while piece := s.recv(65536):
            got += piece
    except OSError:
        pass
    return got


# ---- what they do ------------------------------------------------------------------------------------------------------


def byte_by_byte():
    s = begin()
    for b in frame(HEADERS, 4, 1, head()) + frame(DATA, 1, 1, b"\0\0\0\0\0"):
        send(s, bytes([b]))
        time.sleep(0.002)
    return drain(s, 1)


def silence():
    kept = [socket.socket(socket.AF_UNIX) for _ in range(100)]
    for s in kept:
        s.connect(PATH)
    time.sleep(1)
    for s in kept:
        s.close()


def half_bodies():
    for _ in range(20):
        s = begin()
        send(s, frame(HEADERS, 4, 1, head()) + frame(DATA, 0, 1, b"\0\0\0\xff\xff" + bytes(1000)))
        s.shutdown(socket.SHUT_WR)
        drain(s)
        s.close()


def huge_headers():
    s = begin()
    for i in range(1, 41, 2):
        big = head(more=[("x-%d" % k, "v" * 4000) for k in range(3)])
        send(s, frame(HEADERS, 4, i, big))
        send(s, frame(HEADERS, 0, i + 40, b"") + b"".join(frame(CONTINUATION, 0, i + 40, b"\0\1a\1b" * 3000) for _ in range(40)))
    return drain(s)


def huge_messages():
    for length in (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x00\x40\x00\x01"):
        s = begin()
        send(s, frame(HEADERS, 4, 1, head()))
        send(s, frame(DATA, 0, 1, b"\0" + length + bytes(10000)))
        send(s, frame(DATA, 1, 1, bytes(10000)))
        drain(s)


def many_bodies():
    """As much as the windows allow, in as many streams as there may be, none of them ever whole."""
    kept = []
    for _ in range(8):
        s = begin()
        for i in range(1, 512, 2):
            send(s, frame(HEADERS, 4, i, head()) + frame(DATA, 0, i, b"\0\0\x3f\xff\xff" + bytes(3000)))
        kept.append(s)
    time.sleep(1)
    for s in kept:
        s.close()


def rapid_reset():
    s = begin()
    for i in range(1, 20001, 2):
        if not send(s, frame(HEADERS, 5, i, head()) + frame(RST, 0, i, struct.pack(">I", 8))):
            break
    got = drain(s)
    check("who only resets is sent away", frame(GOAWAY, 0, 0)[3:4] in got or not got, got[-60:])


def thousands_of_streams():
    s = begin()
    for i in range(1, 10001, 2):
        if not send(s, frame(HEADERS, 4, i, head())):
            break
    drain(s)


def floods():
    for payload in (frame(PING, 0, 0, bytes(8)), frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65535)), frame(WINDOW, 0, 0, struct.pack(">I", 1)),
                    frame(PRIORITY, 0, 3, bytes(5)), frame(DATA, 0, 0), frame(PUSH, 4, 1, bytes(4)), frame(99, 0, 0, b"x")):
        s = begin()
        for _ in range(3000):  # and nothing of what comes back is read
            if not send(s, payload * 10):
                break
        s.close()


def never_reads():
    """Asks for more than it takes: its windows are closed, and its socket is full."""
    kept = []
    for settings in (struct.pack(">HI", 4, 0), b""):
        s = begin(settings)
        message = b"\0\0\0\0\0"
        for i in range(1, 400, 2):
            if not send(s, frame(HEADERS, 4, i, head("/deeplink.v1.Connection/StreamFollowers")) + frame(DATA, 1, i, message)):
                break
        kept.append(s)
    time.sleep(1)
    for s in kept:
        s.close()


def guessing():
    s = begin()
    for i in range(1, 2001, 2):
        if not send(s, frame(HEADERS, 5, i, head(key="x" * 40))):
            break
    drain(s)


def noise():
    random.seed(7)
    for n in range(300):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(1)
        s.connect(PATH)
        kind = n % 3
        data = random.randbytes(random.randrange(1, 3000))
        if kind == 0:
            send(s, data)
        elif kind == 1:
            send(s, PREFACE + data)
        else:
            good = PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, 4, 1, head()) + frame(DATA, 1, 1, b"\0\0\0\0\2\x08\x01")
            at = random.randrange(24, len(good))
            send(s, good[:at] + bytes([random.randrange(256)]) + good[at + 1:])
        if n % 2:
            drain(s, 0.01)
        s.close()


def hpack_bombs():
    s = begin()
    send(s, frame(HEADERS, 4, 1, b"\x40" + text("a") + text("b" * 4000) + b"\xbe" * 16000))
    send(s, frame(HEADERS, 4, 3, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff"))
    send(s, frame(HEADERS, 4, 5, b"\x3f\xff\xff\xff\xff\x07"))
    drain(s)


def odd_calls():
    """Right HTTP/2, wrong gRPC."""
    for pairs in ([(":method", "GET"), (":path", GET_COUNTS)], [(":method", "POST"), (":path", "/")], [(":method", "POST"), (":path", "")],
                  [(":method", "POST"), (":path", "//")], [(":method", "POST"), (":path", "/deeplink.v1.Connection")],
                  [(":method", "POST"), (":path", "/" + "x" * 3000)], [(":method", "POST"), (":path", GET_COUNTS), ("grpc-timeout", "x" * 100)],
                  [(":method", "POST"), (":path", GET_COUNTS), ("deeplink-viewer", "-1"), ("deeplink-permissions", "9" * 60), ("deeplink-depth", "9" * 9)],
                  [(":method", "POST"), (":path", GET_COUNTS), ("deeplink-agent", "%ff%00%zz"), ("deeplink-request", "\r\n" * 5)]):
        s = begin()
        common = [(":scheme", "http"), (":authority", "x"), ("content-type", "application/grpc"), ("authorization", "Bearer " + lib.SECRET)]
        send(s, frame(HEADERS, 4, 1, fields(sorted(pairs + common, key=lambda p: not p[0].startswith(":")))))
        send(s, frame(DATA, 1, 1, b"\0\0\0\0\0"))
        drain(s, 0.1)
        s.close()


# ---- meanwhile -----------------------------------------------------------------------------------------------------------

slowest, wrong, asked = 0.0, [], 0
stop = threading.Event()


def right_client():
    """A connection of its own each time, as somebody who has just come."""
    global slowest, asked
    while not stop.is_set():
        with lib.channel("connection", **{"grpc.n": asked}) as channel:
            stub, begun = pb["connection_pb2_grpc"].ConnectionStub(channel), time.monotonic()
            try:
                stub.GetCounts(connection_pb2.GetCountsRequest(user_ids=[1]), metadata=ours(), timeout=10)
            except grpc.RpcError as e:
                wrong.append(str(e))
            asked += 1
            slowest = max(slowest, time.monotonic() - begun)


before, room = workers(), memory()
asking = threading.Thread(target=right_client)
asking.start()
for attack in (byte_by_byte, silence, half_bodies, huge_headers, huge_messages, many_bodies, rapid_reset, thousands_of_streams, floods, never_reads,
               guessing, noise, hpack_bombs, odd_calls):
    slowest = 0.0
    got = attack()
    time.sleep(0.2)
    check("%s: nobody waits for it longer than two seconds" % attack.__name__, slowest < 2, slowest)
    equal("%s: the workers are the same" % attack.__name__, workers(), before)
    if attack is byte_by_byte:
        check("a slow caller gets its answer", b"grpc-status" in (got or b"") or len(got or b"") > 40, got)
stop.set()
asking.join()
equal("a right client is answered meanwhile", wrong[:2], [])
check("often", asked > 50, asked)
check("no worker has grown without bound", memory() < room + 150 * 1024, (room, memory()))
lib.done()
