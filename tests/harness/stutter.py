#!/usr/bin/env python3
"""Holds a running test site's processes for a while, again and again: what a test reads too early it then misses each time.

    tests/harness/stutter.py HOLD RUN NAME… -- COMMAND…    as: stutter.py 1.2 0.4 work -- tests/run http browser

HOLD and RUN: seconds for which they are held and let run. NAME: which processes, by their command: work, serve, stream.
Ends with the command's status.
"""
import os
import signal
import subprocess
import sys
import time


def processes(names):
    """Those of deeplink that run one of these commands."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as f:
                words = f.read().split("\0")
        except OSError:
            continue  # it has ended meanwhile
        if words[0].endswith("/deeplink") and any(name in words[1:] for name in names):
            found.append(int(pid))
    return found


def send(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def main():
    at = sys.argv.index("--") if "--" in sys.argv else 0
    if at < 4 or at + 1 == len(sys.argv):
        sys.exit(__doc__)
    hold, run, names = float(sys.argv[1]), float(sys.argv[2]), sys.argv[3:at]
    with subprocess.Popen(sys.argv[at + 1:]) as command:
        while command.poll() is None:
            held = processes(names)
            send(held, signal.SIGSTOP)
            time.sleep(hold)
            send(held, signal.SIGCONT)
            time.sleep(run)
    sys.exit(command.returncode)


if __name__ == "__main__":
    main()
