"""The result as Markdown."""

COLUMNS = [
    ("", lambda r: r["words"]),
    ("per second", lambda r: f"{r['per_second']:,.0f}" + ("*" if r["writes"] else "")),
    ("p50 ms", lambda r: f"{r['p50_ms']:.2f}"),
    ("p99 ms", lambda r: f"{r['p99_ms']:.2f}"),
    ("errors", lambda r: f"{r['errors']}"),
    ("bytes", lambda r: f"{r['bytes']:,.0f}"),
    ("CPU ms", lambda r: f"{r['cpu_ms_all']:.3f}"),
    ("nginx", lambda r: f"{r['cpu_ms']['nginx']:.3f}"),
    ("workers", lambda r: f"{r['cpu_ms']['workers']:.3f}"),
    ("work", lambda r: f"{r['cpu_ms']['work']:.3f}"),
    ("Redis", lambda r: f"{r['cpu_ms']['redis']:.3f}"),
    ("PostgreSQL", lambda r: f"{r['cpu_ms']['postgresql']:.3f}"),
    ("null/s", lambda r: f"{r['null_per_second']:,.0f}"),
    ("null CPU ms", lambda r: f"{r['null_cpu_ms']:.3f}"),
    ("of null", lambda r: f"{r['of_null']:.0%}"),
    ("static/s", lambda r: f"{r['static_per_second']:,.0f}"),
    ("static CPU ms", lambda r: f"{r['static_cpu_ms']:.3f}"),
    ("of static", lambda r: f"{r['of_static']:.0%}"),
]

# What is aimed at: row (None: the whole), value, at least or at most, how much, how it is written.
AIMS = [
    ("home", "of_null", "at least", 0.5, "{:.0%} of the null handler's rate"),
    ("home", "cpu_ms_all", "at most", 0.4, "{:.3f} ms of CPU"),
    ("like", "cpu_ms_all", "at most", 0.4, "{:.3f} ms of CPU"),
    ("compose", "cpu_ms_all", "at most", 1.0, "{:.3f} ms of CPU with its fan-out"),
    ("compose", "per_second", "at least", 2000, "{:,.0f} a second with their fan-out"),
    ("profile-anonymous", "of_static", "at least", 0.8, "{:.0%} of static's rate"),
    ("post-anonymous", "of_static", "at least", 0.8, "{:.0%} of static's rate"),
    ("media", "of_static", "at least", 0.8, "{:.0%} of static's rate"),
    (None, "pss_mb", "at most", 60, "{:.1f} MB for all deeplink processes"),
]


def table(columns, rows):
    print("| " + " | ".join(name for name, _ in columns) + " |")
    print("|---" + "|--:" * (len(columns) - 1) + "|")
    for row in rows:
        print("| " + " | ".join(cell(row) for _, cell in columns) + " |")


def print_aims(result):
    by_name = {row["name"]: row for row in result["rows"]}
    for name, value, kind, limit, words in AIMS:
        of = result if name is None else by_name.get(name)
        if of is None:
            continue
        met = of[value] >= limit if kind == "at least" else of[value] <= limit
        print(f"- {of.get('words', 'memory')}: {words.format(of[value])}, aim {kind} "
              f"{words.format(limit).split()[0]}: {'met' if met else 'not met'}")


def print_circumstances(result):
    print(f"{result['cores']} cores ({result['cpu']}), {result['connections']} connections, "
          f"{result['syncs_per_second']:,.0f} disk syncs a second; other programs took "
          f"{result['others_cpu']:.0%} of the machine. {result['members']} members ({result['graph']}, "
          f"imported in {result['import_seconds']:.1f} s), {result['members_with_full_home']} of them with a "
          f"full home page; {result['posts']} posts. {result['seconds']:.0f} s in all.")
    print(f"\nProportional set size of all deeplink processes together: {result['pss_mb']:.1f} MB "
          f"({result['pss_mb_before']:.1f} MB before the first row).")
    if result["worker_restarts"]:
        print(f"\n**{result['worker_restarts']} workers ended unexpectedly.**")


def print_report(result):
    print()
    table(COLUMNS, result["rows"])
    print("\n\\* until the last event is handled: fan-out and counters are in the rate and the CPU time.\n")
    print_circumstances(result)
    print("\nAims:\n")
    print_aims(result)
