"""What the site's processes have used: CPU time by group, memory, and what else the machine did meanwhile."""
import os

TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")
GROUPS = ("nginx", "workers", "work", "redis", "postgresql")


def stat(pid):
    """The fields of /proc/PID/stat from the third on, the state."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
        return f.read().rpartition(") ")[2].split()


def first_number(path):
    with open(path, encoding="utf-8") as f:
        return int(f.readline())


class Group:
    """Processes and their children, for example prefork masters and their workers."""

    def __init__(self, *masters):
        self.masters = masters

    def pids(self):
        found = list(self.masters)
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    if int(stat(name)[1]) in found:
                        found.append(int(name))
                except (OSError, IndexError):
                    pass
        return found

    def cpu(self):
        """{pid: ms on a CPU} of all processes, and under None what children that have ended had used."""
        used = {}
        for pid in self.pids():
            try:
                fields = stat(pid)
                used[pid] = precise_ms(pid)
                if used[pid] is None:
                    used[pid] = (int(fields[11]) + int(fields[12])) * TICK_MS
                if pid in self.masters:
                    used[None] = used.get(None, 0) + (int(fields[13]) + int(fields[14])) * TICK_MS
            except (OSError, IndexError):
                pass
        return used


def precise_ms(pid):
    """Milliseconds on a CPU as the scheduler counts them, all threads; None where the kernel does not say."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
                total += int(f.read().split()[0])
        except FileNotFoundError:
            return None
    return total / 1e6


def used_between(before, after):
    """Milliseconds of a group between two answers of cpu()."""
    ended = sum(ms for pid, ms in before.items() if pid is not None and pid not in after)
    among_children = after.get(None, 0) - before.get(None, 0)
    total = max(0.0, among_children - ended)
    for pid, ms in after.items():
        if pid is not None:
            total += ms - before.get(pid, 0)
    return total


def pss_mb(groups):
    """Proportional set size of all their processes in MB: shared pages are divided by their users."""
    total = 0
    for group in groups:
        for pid in group.pids():
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
                total += sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
    return total * 1024 / 1e6


def machine():
    """(busy, all) milliseconds of all CPUs together since the start of the machine."""
    with open("/proc/stat", encoding="ascii") as f:
        fields = [int(x) for x in f.readline().split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) * TICK_MS, sum(fields) * TICK_MS
