"""What calls by gRPC cost, measured by h2load: ours, and a null server that answers the same bytes.

    bench/calls.py --key SECRET --null SOCKET=PID --ours SOCKET=PID
"""
import argparse
import re
import subprocess
import tempfile

from processes import Group, used_between
from report import table

CALLS = 20000
KINDS = [("Health/Check, 16 connections", "/grpc.health.v1.Health/Check", b"", 16, 1),
         ("Health/Check, 1 connection, 32 at once", "/grpc.health.v1.Health/Check", b"", 1, 32),
         ("GetCounts of one member, 16 connections", "/deeplink.v1.Connection/GetCounts", b"\x0a\x01\x01", 16, 1)]


def load(socket, path, message, connections, streams, key):
    with tempfile.NamedTemporaryFile() as f:
        f.write(b"\0" + len(message).to_bytes(4, "big") + message)
        f.flush()
        said = subprocess.run(["h2load", "-n", str(CALLS), "-c", str(connections), "-m", str(streams), "-t", "1", "-d", f.name,
                               "-H", "content-type: application/grpc", "-H", "te: trailers", "-H", "authorization: Bearer " + key,
                               "-B", "unix:" + socket, "http://localhost" + path],
                              capture_output=True, text=True, check=True, timeout=120).stdout
    done = re.search(r"finished in .*?, ([\d.]+) req/s", said)
    well = re.search(r"(\d+) succeeded", said)
    if done is None or int(well.group(1)) != CALLS:
        raise SystemExit("bench: h2load says: " + said)
    return float(done.group(1))


def measure(where, *kind, key):
    socket, pid = where.rsplit("=", 1)
    group = Group(int(pid))
    load(socket, *kind, key)  # warm
    before = group.cpu()
    rate = load(socket, *kind, key)
    return rate, used_between(before, group.cpu()) / CALLS


parser = argparse.ArgumentParser()
for name in ("key", "null", "ours"):
    parser.add_argument("--" + name, required=True)
args = parser.parse_args()
rows = [(words, measure(args.null, *kind, key=args.key), measure(args.ours, *kind, key=args.key)) for words, *kind in KINDS]
print("\n## Calls by gRPC (h2load)\n")
table([("", lambda r: r[0]),
       ("per second", lambda r: f"{r[2][0]:,.0f}"),
       ("CPU ms", lambda r: f"{r[2][1]:.4f}"),
       ("null/s", lambda r: f"{r[1][0]:,.0f}"),
       ("null CPU ms", lambda r: f"{r[1][1]:.4f}"),
       ("of null", lambda r: f"{r[2][0] / r[1][0]:.0%}")], rows)
