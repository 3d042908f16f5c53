#!/usr/bin/env python3
"""Measures a running site, which bench/run.sh has started, and prints one table. See docs/bench.md."""
import argparse
import json
import os
import platform
import re
import shlex
import signal
import statistics
import subprocess
import sys
import time

from client import Client, Request
from events import Events
from members import posts_in
from processes import GROUPS, Group, machine, pss_mb, used_between
from report import print_report
from rows import Community, all_rows

ORDERS = [("null", "static", "ours"), ("static", "ours", "null"), ("ours", "null", "static")]  # one a round
CONNECTIONS = 16
SECONDS = {"ours": 3.0, "null": 2.0, "static": 1.5, "warm": 0.6}
SECONDS_QUICK = {"ours": 0.9, "null": 0.5, "static": 0.4, "warm": 0.3}
OVERHEAD_S = 0.5  # of a round: starting, draining
SHORTEST = 0.3    # of a measurement, when time is short
FILLING = b"<p>The quick brown fox jumps over the lazy dog.</p>\n"


def say(words):
    print(f"bench: {words}", file=sys.stderr, flush=True)


class Bench:
    def __init__(self, args):
        self.args = args
        self.wanted = dict(SECONDS_QUICK if args.quick else SECONDS)
        if args.seconds:
            self.wanted["ours"] = args.seconds
        self.seconds = self.wanted
        self.client = Client(args.load, args.address, CONNECTIONS)
        self.events = Events(args.address)
        self.groups = {name: Group(*map(int, pids.split("+"))) for name, pids in (pair.split("=") for pair in args.group)}
        self.others = []

    def share_time(self, n_rows):
        """Shortens the measurements of the next row where else there would be no time for the rows after it."""
        left = self.args.began + self.args.budget - time.time()
        whole = len(ORDERS) * (sum(self.wanted.values()) + OVERHEAD_S) * n_rows
        part = max(SHORTEST, min(1.0, left / whole))
        self.seconds = {what: seconds * part for what, seconds in self.wanted.items()}

    def deeplink_mb(self):
        return pss_mb([self.groups[name] for name in ("workers", "work", "stream")])

    def measure(self, path, seconds, start=0, writes=False):
        """Loads for so many seconds. What writes has ended when all its events are handled."""
        before = {name: group.cpu() for name, group in self.groups.items()}
        busy, whole = machine()
        said = self.client.load(path, seconds, start)
        drained = self.events.drain() if writes else 0.0
        used = {name: used_between(before[name], group.cpu()) for name, group in self.groups.items()}
        busy, whole = machine()[0] - busy, machine()[1] - whole
        self.others.append(max(0.0, busy - sum(used.values()) - said["cpu_ms"]) / max(1.0, whole))
        return result_of(said, drained, used, self.others[-1])

    def instead(self, row, kinds):
        """The same requests answered with as many bytes by the null handler, and by a file."""
        def size(request):
            return round(kinds.get(str(request.kind), {"bytes": 0})["bytes"])

        mean = sum(map(size, row.requests)) // len(row.requests)
        with open(self.args.static_file, "wb") as f:
            f.write((FILLING * (mean // len(FILLING) + 1))[:mean])
        null = [r.instead(f"/bench/null?bytes={size(r)}&status={r.status}") for r in row.requests]
        static = [Request("/bench/static", r.cookie) for r in row.requests[:200]]
        return {"null": self.client.write("null", null), "static": self.client.write("static", static)}

    def row(self, row):
        files = {"ours": self.client.write("ours", row.requests)}
        warm = self.measure(files["ours"], self.seconds["warm"], 0, row.writes)
        files.update(self.instead(row, warm["kinds"]))
        start, rounds = warm["next"], []
        for order in ORDERS:
            results = {}
            for what in order:
                time.sleep(0.05)
                if what == "ours":
                    results[what] = self.measure(files[what], self.seconds[what], start, row.writes)
                    start = results[what]["next"]
                else:
                    results[what] = self.measure(files[what], self.seconds[what])
            rounds.append(results)
        about = {"name": row.name, "words": row.words, "writes": row.writes}
        return {**about, **medians(rounds), "rounds": rounds}

    def fan_out(self, followers):
        """They all follow the same authors, so the same post should be on top for all of them."""
        answers = self.client.ask([Request("/fragment/home", m.cookie) for m in followers])
        tops = [posts_in(a.body)[:1] if a else [] for a in answers]
        same = max(map(tops.count, tops))
        if same < len(tops) or tops[0] == []:
            say(f"the newest post is on top for {same} of {len(tops)} followers")
        return {"followers": len(tops), "see_the_newest": same}


def result_of(said, drained, used, others):
    total = said["all"]
    n = max(1, total["answers"])
    return {
        "per_second": total["answers"] / (said["seconds"] + drained),
        "acknowledged_per_second": total["answers"] / said["seconds"],
        "answers": total["answers"], "seconds": said["seconds"], "drain_seconds": drained,
        "p50_ms": total["p50_ms"], "p99_ms": total["p99_ms"], "max_ms": total["max_ms"],
        "bytes": total["bytes"], "errors": said["errors"], "kinds": said["kinds"], "next": said["next"],
        "cpu_ms": {name: ms / n for name, ms in used.items()}, "load_cpu_ms": said["cpu_ms"] / n,
        "others_cpu": others,
    }


def medians(rounds):
    """Ratios are made within each round, so that a slow minute of the machine slows both."""
    def median(of):
        return statistics.median(of(r) for r in rounds)

    def cpu(what, names):
        return median(lambda r: sum(r[what]["cpu_ms"][name] for name in names))

    ours = {name: median(lambda r, n=name: r["ours"][n])
            for name in ("per_second", "acknowledged_per_second", "p50_ms", "p99_ms", "bytes")}
    return {
        **ours, "errors": sum(sum(r[what]["errors"].values()) for r in rounds for what in r),
        "cpu_ms": {name: cpu("ours", [name]) for name in GROUPS}, "cpu_ms_all": cpu("ours", GROUPS),
        "null_per_second": median(lambda r: r["null"]["per_second"]),
        "null_cpu_ms": cpu("null", ["nginx", "null"]),
        "static_per_second": median(lambda r: r["static"]["per_second"]),
        "static_cpu_ms": cpu("static", ["nginx"]),
        "of_null": median(lambda r: r["ours"]["per_second"] / max(1, r["null"]["per_second"])),
        "of_static": median(lambda r: r["ours"]["per_second"] / max(1, r["static"]["per_second"])),
    }


# ---- where and with whom ---------------------------------------------------------------------------------


def syncs_per_second(folder):
    """How often a file of the site's disk can be made durable: the limit of commits one after another."""
    path = os.path.join(folder, "sync")
    with open(path, "wb", buffering=0) as f:
        n, end = 0, time.monotonic() + 0.3
        while time.monotonic() < end:
            f.write(b"x" * 8192)
            os.fdatasync(f.fileno())
            n += 1
    os.unlink(path)
    return n / 0.3


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        found = re.search(r"^model name\s*: (.*)", f.read(), re.M)
    return found.group(1) if found else platform.machine()


def circumstances(args):
    return {"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "quick": args.quick, "connections": CONNECTIONS,
            "cores": os.cpu_count(), "cpu": cpu_model(), "kernel": platform.release(),
            "syncs_per_second": syncs_per_second(args.site), "load_average_before": os.getloadavg()[0],
            "graph": args.graph_name, "import_seconds": args.import_seconds}


def handles_of(path):
    """The members that `deeplink import graph` makes of an edge list."""
    with open(path, encoding="utf-8") as f:
        lines = [line.replace(",", " ").split() for line in f if not re.match(r"\s*([#%]|$)", line)]
    return [f"u{n}" for n in sorted({int(x) for words in lines for x in words[:2]})]


def settle(database):
    """What else happens within minutes of a site's life is done before anything is measured: from here on every commit
    waits for the disk, as is PostgreSQL's default; autovacuum has been here, which until then believes the new tables
    empty; and the pages that the first posts link to, which nobody reaches from here, have been looked at."""
    commands = ["ALTER SYSTEM RESET synchronous_commit", "SELECT pg_reload_conf()",
                "UPDATE media.cards SET due_at = NULL", "VACUUM ANALYZE", "CHECKPOINT"]
    options = [word for command in commands for word in ("-c", command)]
    subprocess.run(["psql", "-X", "-q", *options, database], check=True, stdout=subprocess.DEVNULL)


def community_of(bench, args):
    both = handles_of(args.authors)
    half, each = len(both) // 2, 2 if args.quick else 4
    community = Community(bench.client, shlex.split(args.deeplink), handles_of(args.graph), both[:half], both[half:], each)
    say(f"{community.n_posts} posts written, {time.time() - args.began:.0f} s after the start")
    bench.events.drain()
    community.look_around()
    bench.events.drain()
    settle(args.database)
    return community


def chosen_rows(community, only):
    rows = all_rows(community)
    names = [row.name for row in rows]
    wanted = only.split(",") if only else names
    for name in wanted:
        if name not in names:
            raise SystemExit(f"bench: there is no row {name}; there are {' '.join(names)}")
    return [row for row in rows if row.name in wanted]


def measure_all(bench, community, result):
    rows = chosen_rows(community, bench.args.only)
    for i, row in enumerate(rows):
        bench.share_time(len(rows) - i)
        result["rows"].append(bench.row(row))
        say(f"{row.name}: {result['rows'][-1]['per_second']:,.0f} a second")
        if row.name == "compose":
            result["fan_out"] = bench.fan_out(community.followers)


def parse():
    parser = argparse.ArgumentParser()
    for name in ("address", "load", "site", "static-file", "graph", "graph-name", "authors", "results",
                 "database", "deeplink"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--group", action="append", default=[], help="NAME=PID[+PID]...")
    parser.add_argument("--import-seconds", type=float, default=0)
    parser.add_argument("--began", type=float, required=True)
    parser.add_argument("--budget", type=float, required=True, help="seconds after --began to be done in")
    parser.add_argument("--shape", default="single")
    parser.add_argument("--only", default="")
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--quick", action="store_true")
    return parser.parse_args()


def main():
    args = parse()
    bench = Bench(args)
    result = dict(circumstances(args), shape=args.shape)
    community = community_of(bench, args)
    result.update(members=len(community.members), members_with_full_home=community.n_full,
                  posts=community.n_posts, posting_seconds=community.posting_s,
                  pss_mb_before=bench.deeplink_mb(), rows=[])
    say(f"measuring begins, {time.time() - args.began:.0f} s after the start")
    measure_all(bench, community, result)
    result.update(pss_mb=bench.deeplink_mb(), others_cpu=statistics.mean(bench.others),
                  worker_restarts=bench.events.sum("deeplink_worker_restarts_total"),
                  seconds=time.time() - args.began)
    print_report(result)
    with open(args.results, "w", encoding="utf-8") as f:
        json.dump(result, f, indent=1)
    print(f"\nAll numbers: {args.results}")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
