#!/usr/bin/env python3
"""Open streams: how long from a like's request to its event in another client, what a stream takes, and how many events a
second go out.

Half of the members that have streams have a page open that shows a post of theirs (its event: counts), half an app (its
event: the notification, which goes through the outbox and the notification service). Members, tokens, sessions and posts
are made directly or by the API beforehand; measured are real requests through nginx."""
import argparse
import base64
import hashlib
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time

from processes import Group

SECRET_CHARS = 43
LIKERS = 60
UPDATES = 20


def arguments():
    p = argparse.ArgumentParser()
    for name in ("address", "load", "deeplink", "database", "redis", "dir", "results"):
        p.add_argument("--" + name, required=True)
    p.add_argument("--streams", type=int, default=2000)
    p.add_argument("--rates", default="100,250,500")
    p.add_argument("--seconds", type=float, default=15)
    p.add_argument("--group", action="append", default=[], help="NAME=PID[+PID]")
    return p.parse_args()


def digest(text):
    return hashlib.blake2b(text.encode(), digest_size=32).digest()


def secret(i):
    raw = hashlib.sha256(b"bench %d" % i).digest()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def session(id, user, now_ms):
    """Pb.Session: id, user_id, created_ms, seen_ms."""
    return b"".join(bytes([field << 3]) + varint(value) for field, value in ((1, id), (2, user), (3, now_ms), (4, now_ms)))


class Bench:
    def __init__(self, args):
        self.args = args
        self.host, self.port = args.address.split(":")
        self.groups = {}
        for group in args.group:
            name, pids = group.split("=")
            self.groups[name] = Group(*map(int, pids.split("+")))

    def sql(self, text, stdin=None):
        return subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", self.args.database, "-c", text],
                              input=stdin, text=True, check=True, capture_output=True).stdout.strip()

    def redis(self, commands):
        wire = b"".join(b"*%d\r\n" % len(c) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in c) for c in commands)
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.args.redis.removeprefix("unix://").split("?")[0])
            s.sendall(wire)
            answers = b""
            while answers.count(b"+OK\r\n") < len(commands):
                more = s.recv(65536)
                if not more or b"-ERR" in more:
                    raise SystemExit(f"bench: Redis said {more[:200]}")
                answers += more

    # ---- who is there

    def make_members(self):
        half = self.args.streams // 2
        graph = os.path.join(self.args.dir, "streams.graph")
        with open(graph, "w", encoding="ascii") as f:
            for i in range(half):
                f.write(f"{i} {i + half}\n")  # members come in pairs: one has a page open, the other an app
            for i in range(LIKERS):
                f.write(f"{2 * half + i} {2 * half + (i + 1) % LIKERS}\n")
            f.write("".join(f"{2 * half + LIKERS} {half + i}\n" for i in range(half)))  # whom all apps follow
        os.chmod(graph, 0o644)
        subprocess.run(self.args.deeplink.split() + ["import", "graph", graph], check=True, capture_output=True)
        rows = self.sql("SELECT substr(handle, 2)::int, id FROM users.accounts WHERE handle ~ '^u[0-9]+$' ORDER BY 1")
        self.ids = {int(n): int(id) for n, id in (row.split("|") for row in rows.splitlines())}
        now = int(time.time() * 1000)
        self.token = {n: f"{id}.{secret(n)}" for n, id in self.ids.items()}
        lines = "".join(f"{2 ** 62 + n}\t\\\\x{digest(self.token[n]).hex()}\t{2 ** 62 + n}\t{id}\tread write\t1\n"
                        for n, id in self.ids.items())
        self.sql("COPY users.access_tokens (id, hash, family, user_id, scopes, auth_version) FROM STDIN", lines)
        self.sql("UPDATE users.access_tokens t SET auth_version = a.auth_version FROM users.accounts a WHERE a.id = t.user_id")
        self.redis([[b"SET", b"session:" + digest(secret(n)).hex().encode(), session(2 ** 61 + n, id, now), b"EX", b"86400"]
                    for n, id in self.ids.items()])
        self.cookie = {n: f"sid={id}.{secret(n)}" for n, id in self.ids.items()}

    def post(self, connection, n, text):
        connection.request("POST", "/api/v1/statuses", json.dumps({"status": text, "visibility": "public"}),
                           {"Authorization": "Bearer " + self.token[n], "Content-Type": "application/json"})
        answer = connection.getresponse()
        body = json.loads(answer.read())
        if answer.status != 200:
            raise SystemExit(f"bench: a post was refused: {answer.status} {body}")
        return body["id"]

    def write_file(self):
        half = self.args.streams // 2
        connection = http.client.HTTPConnection(self.host, int(self.port))
        posts = {n: self.post(connection, n, f"The post of member {n}") for n in range(2 * half)}
        self.file = os.path.join(self.args.dir, "streams.txt")
        with open(self.file, "w", encoding="ascii") as f:
            for n in range(half):
                f.write(f"S {n} /live?posts%5B%5D={posts[n]} Cookie: {self.cookie[n]}\n")
                f.write(f"S {n + half} /api/v1/streaming/user Authorization: Bearer {self.token[n + half]}\n")
            for i in range(LIKERS):
                for n in range(half):
                    for who in (n, n + half):
                        f.write(f"L {who} /api/v1/statuses/{posts[who]}/favourite "
                                f"Authorization: Bearer {self.token[2 * half + (i + n) % LIKERS]}\n")

    # ---- what they do

    def memory(self):
        """Of each group, kB: the proportional share of what its processes hold."""
        out = {}
        for name, group in self.groups.items():
            total = 0
            for pid in group.pids():
                try:
                    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
                        total += int(re.search(r"^Pss:\s+(\d+)", f.read(), re.M).group(1))
                except OSError:
                    pass
            out[name] = total
        return out

    def cpu(self):
        return {name: group.cpu() for name, group in self.groups.items()}

    def say(self, load, line):
        load.stdin.write(line + "\n")
        load.stdin.flush()
        return json.loads(load.stdout.readline())

    def fan_out(self, load):
        """One member whom all apps follow writes; every app gets each post."""
        half = self.args.streams // 2
        connection = http.client.HTTPConnection(self.host, int(self.port))
        load.stdin.write(f"watch {half * UPDATES} 60\n")
        load.stdin.flush()
        load.stdout.readline()
        began = time.monotonic()
        writer = threading.Thread(target=lambda: [self.post(connection, 2 * half + LIKERS, f"News {i}") for i in range(UPDATES)])
        writer.start()
        result = json.loads(load.stdout.readline())
        writer.join()
        result["wanted"] = half * UPDATES
        result["deliveries_per_second"] = round(result["updates"] / max(result["last_s"], 1e-3))
        result["seconds"] = time.monotonic() - began
        return result

    def run(self):
        began = time.monotonic()
        self.make_members()
        self.write_file()
        self.sql("VACUUM ANALYZE")  # as autovacuum does within minutes of a site's life
        print(f"bench: {len(self.ids)} members with a post each in {time.monotonic() - began:.1f} s")
        load = subprocess.Popen([self.args.load, self.args.address, self.file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        before = self.memory()
        opened = self.say(load, "open")
        time.sleep(3)
        after = self.memory()
        n = opened["open"]
        each = {name: round((after[name] - before[name]) / max(n, 1), 1) for name in ("hub", "nginx", "redis")}
        print(f"streams open: {n} of {self.args.streams}, {opened['failed']} failed, {opened['seconds']} s; "
              f"a stream takes {each['hub']} kB in the hub, {each['nginx']} kB in nginx, {each['redis']} kB in Redis")
        rows = []
        for rate in map(float, self.args.rates.split(",")):
            used = self.cpu()
            row = self.say(load, f"like {rate} {self.args.seconds}")
            row["rate"] = rate
            row["cpu_ms_per_s"] = {name: round(sum(ms - used[name].get(pid, 0) for pid, ms in now.items()) / self.args.seconds)
                                   for name, now in self.cpu().items()}
            rows.append(row)
            print(f"{rate:5.0f} likes/s: " + ", ".join(
                f"{kind} p50 {row[kind]['p50_us'] / 1000:.1f} p99 {row[kind]['p99_us'] / 1000:.1f} max {row[kind]['max_us'] / 1000:.1f} ms "
                f"(n {row[kind]['n']})" for kind in ("counts", "notification", "answer")) +
                f"; answered {row['answered']} of {row['sent']}, {row['bad']} bad, {row['late']} late; "
                "CPU " + " ".join(f"{name} {ms / 10:.0f} %" for name, ms in row["cpu_ms_per_s"].items()))
            time.sleep(2)
        fan = self.fan_out(load)
        print(f"fan-out: {fan['updates']} of {fan['wanted']} deliveries, {fan['deliveries_per_second']}/s")
        load.stdin.write("end\n")
        load.stdin.close()
        load.wait()
        result = {"streams": opened, "kb_each": each, "likes": rows, "fan_out": fan}
        with open(self.args.results, "w", encoding="utf-8") as f:
            json.dump(result, f, indent=1)
        return 0 if n == self.args.streams else 1


if __name__ == "__main__":
    sys.exit(Bench(arguments()).run())
