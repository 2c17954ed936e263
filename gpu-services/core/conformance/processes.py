"""Processes of a server, found by their parents and by a marker in their environment."""

import os
import select
import signal
import time
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def tree(root: int) -> set[int]:
    """`root` and its descendants."""
    children: dict[int, list[int]] = {}
    for pid in all_pids():
        if (fields := stat_fields(pid)) is not None:
            children.setdefault(int(fields[1]), []).append(pid)
    found, frontier = set(), [root]
    while frontier:
        pid = frontier.pop()
        found.add(pid)
        frontier.extend(children.get(pid, []))
    return found


def marked(marker: str) -> set[int]:
    """Live processes whose environment carries the marker, wherever they are in the tree."""
    found = set()
    for pid in all_pids():
        try:
            if marker.encode() in Path(f"/proc/{pid}/environ").read_bytes() and is_alive(pid):
                found.add(pid)
        except OSError:
            pass
    return found - {os.getpid()}


def cpu_seconds(pids: set[int]) -> float:
    fields = filter(None, map(stat_fields, pids))
    return sum(int(each[11]) + int(each[12]) for each in fields) / TICKS_PER_SECOND


def started_at(pid: int) -> str | None:
    """With the pid, what tells a process from a later one of the same number."""
    fields = stat_fields(pid)
    return None if fields is None else fields[19]


def is_alive(pid: int) -> bool:
    fields = stat_fields(pid)
    return fields is not None and fields[0] != "Z"


def name_of(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return f"{pid} ({b' '.join(words)[:80].decode(errors='replace').strip()})"
    except OSError:
        return str(pid)


def until_gone(pids: set[int], seconds: float) -> set[int]:
    """Those that are still alive after `seconds`."""
    give_up_at = time.monotonic() + seconds
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except OSError:
            continue
        select.select([handle], [], [], max(0.0, give_up_at - time.monotonic()))
        os.close(handle)
    return {pid for pid in pids if is_alive(pid)}


def kill(pids: set[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def all_pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def stat_fields(pid: int) -> list[str] | None:
    """From the state on (field 3 of proc(5) is the first)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return None
