"""Two results of measure.py, of a site in one pool and of one in a pool a service, in one table.

    bench/shapes.py SINGLE.json SPLIT.json
"""
import json
import sys

from report import table


def read(path):
    with open(path, encoding="utf-8") as f:
        result = json.load(f)
    return result, {row["name"]: row for row in result["rows"]}


single, one = read(sys.argv[1])
split, other = read(sys.argv[2])
rows = [(one[name], other[name]) for name in one if name in other]
print("\n## One pool, and a pool a service\n")
table([("", lambda r: r[0]["words"]),
       ("single/s", lambda r: f"{r[0]['per_second']:,.0f}"),
       ("split/s", lambda r: f"{r[1]['per_second']:,.0f}"),
       ("split of single", lambda r: f"{r[1]['per_second'] / r[0]['per_second']:.0%}"),
       ("single CPU ms", lambda r: f"{r[0]['cpu_ms_all']:.3f}"),
       ("split CPU ms", lambda r: f"{r[1]['cpu_ms_all']:.3f}"),
       ("single p99 ms", lambda r: f"{r[0]['p99_ms']:.2f}"),
       ("split p99 ms", lambda r: f"{r[1]['p99_ms']:.2f}"),
       ("errors", lambda r: f"{r[0]['errors'] + r[1]['errors']}")], rows)
print(f"\nMemory: {single['pss_mb']:.1f} MB in one pool, {split['pss_mb']:.1f} MB in a pool a service. "
      "Aim: split at 60 % of single's rate.")
