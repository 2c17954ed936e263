"""Runs one command and guarantees that its whole process tree ends with it.

    python3 launcher.py --grace-seconds 10 -- COMMAND [ARG ...]
    python3 launcher.py --wait

With `--wait` the command comes later, as one line of JSON on stdin: `command`, `grace_seconds`, `cwd`
and `env`. A launcher that was started ahead of time spares the start of a server an interpreter's.

The tree is killed when the command exits, when stdin reaches its end (the death pipe: only the
supervisor holds the other side, so its end means that the supervisor is gone), and after SIGTERM
plus the grace period. A second SIGTERM, or a grace of 0, kills at once. A command that has to write
out what it holds gets SIGTERM and `--orphan-grace-seconds` when the supervisor is gone. Being the
subreaper of all descendants, the launcher reaches those that left the session and ignore SIGTERM,
too. It exits with the command's code, 128 + n for signal n. With ROUNDHOUSE_EVENTS_FD it tells
`started` and `exited`.
Standard library only; Linux, Python 3.10 or newer.
"""

import argparse
import ctypes
import json
import math
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple, NoReturn

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
STDIN_FD = 0
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
KILL_ROUND_SECONDS = 0.05  # a descendant that forked while being killed is found in the next round
CANNOT_RUN = 127

libc = ctypes.CDLL(None)


def main() -> NoReturn:
    options = parse_arguments(sys.argv[1:])
    events_fd = int(os.environ.get("ROUNDHOUSE_EVENTS_FD") or -1)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    wakeup_fd = watch_signals()
    order = wait_for_order(wakeup_fd) if options.wait else order_of(options)
    if order is None:
        sys.exit(0)
    try:
        leader = spawn(order, events_fd)
    except OSError as error:
        print(f"launcher: cannot run {order.command[0]}: {error.strerror}", file=sys.stderr)
        emit(events_fd, {"type": "exited", "code": CANNOT_RUN, "signal": None})
        sys.exit(CANNOT_RUN)
    emit(events_fd, {"type": "started", "pid": leader})
    children = Children(leader)
    run_until_over(children, wakeup_fd, order)
    kill_tree(children, wakeup_fd)
    code, signal_name = outcome(children.leader_status)
    emit(events_fd, {"type": "exited", "code": code, "signal": signal_name})
    sys.stderr.flush()
    os._exit(exit_code(children.leader_status))  # the interpreter's own farewell would be waited for


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="launcher", description="Runs a command on a leash.")
    parser.add_argument("--grace-seconds", type=float, default=10.0)
    parser.add_argument("--orphan-grace-seconds", type=float, default=0.0)
    parser.add_argument("--wait", action="store_true")
    parser.add_argument("command", nargs="*", metavar="COMMAND")
    options = parser.parse_args(arguments)
    if not options.wait and not options.command:
        parser.error("there is no command to run")
    return options


class Order(NamedTuple):
    """What to run. No `cwd` or `env`: those of the launcher."""

    command: list[str]
    grace_seconds: float
    cwd: str | None = None
    env: dict[str, str] | None = None
    orphan_grace_seconds: float = 0.0


def order_of(options: argparse.Namespace) -> Order:
    return Order(options.command, options.grace_seconds, orphan_grace_seconds=options.orphan_grace_seconds)


def wait_for_order(wakeup_fd: int) -> Order | None:
    """None: it was sent away, or its supervisor is gone."""
    line = b""
    while not line.endswith(b"\n"):
        readable, _, _ = select.select([STDIN_FD, wakeup_fd], [], [])
        if wakeup_fd in readable and set(signals_received(wakeup_fd)) & set(STOP_SIGNALS):
            return None
        if STDIN_FD in readable:
            piece = os.read(STDIN_FD, 1 << 16)
            if not piece:
                return None
            line += piece
    return Order(**json.loads(line))


def watch_signals() -> int:
    """Returns a descriptor that becomes readable, one byte per signal, at each signal of interest."""
    read_fd, write_fd = os.pipe()
    os.set_blocking(read_fd, False)
    os.set_blocking(write_fd, False)
    signal.set_wakeup_fd(write_fd, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, *STOP_SIGNALS):
        signal.signal(number, lambda *_: None)
    return read_fd


def spawn(order: Order, events_fd: int) -> int:
    """Starts the command with /dev/null as stdin, so that it never holds the death pipe."""
    launcher = os.getpid()

    def die_with_launcher() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != launcher:
            os._exit(CANNOT_RUN)

    inherited = (events_fd,) if events_fd >= 0 else ()
    leader = subprocess.Popen(
        order.command,
        cwd=order.cwd,
        env=order.env,
        stdin=subprocess.DEVNULL,
        pass_fds=inherited,
        preexec_fn=die_with_launcher,
    )
    leader.returncode = 0  # Children reaps it, not Popen
    return leader.pid


class Children:
    """All descendants end up as children of the subreaper; this reaps them and keeps the leader's status."""

    def __init__(self, leader: int) -> None:
        self.leader = leader
        self.leader_status: int | None = None

    def reap(self) -> bool:
        """Collects the dead. True if none is left: no child means no descendant."""
        try:
            while (reaped := os.waitpid(-1, os.WNOHANG))[0]:
                if reaped[0] == self.leader:
                    self.leader_status = reaped[1]
            return False
        except ChildProcessError:
            return True


def run_until_over(children: Children, wakeup_fd: int, order: Order) -> None:
    """Returns when the tree must go: leader exited, or the grace of a stop or of an orphan used up."""
    kill_at = math.inf
    watched = [STDIN_FD, wakeup_fd]
    while True:
        children.reap()
        if children.leader_status is not None:
            return
        wait_seconds = None if kill_at == math.inf else max(0.0, kill_at - time.monotonic())
        readable, _, _ = select.select(watched, [], [], wait_seconds)
        kill_before = kill_at
        for number in signals_received(wakeup_fd):
            if number in STOP_SIGNALS:
                is_second = kill_at < math.inf
                kill_at = 0.0 if is_second else time.monotonic() + order.grace_seconds
        if STDIN_FD in readable and supervisor_is_gone():
            watched.remove(STDIN_FD)
            kill_at = min(kill_at, time.monotonic() + order.orphan_grace_seconds)
        if kill_at <= time.monotonic():
            return
        if kill_at < kill_before:
            os.kill(children.leader, signal.SIGTERM)


def supervisor_is_gone() -> bool:
    try:
        return os.read(STDIN_FD, 4096) == b""
    except OSError:
        return True


def signals_received(wakeup_fd: int) -> bytes:
    try:
        return os.read(wakeup_fd, 4096)
    except BlockingIOError:
        return b""


def kill_tree(children: Children, wakeup_fd: int) -> None:
    """SIGKILL to every descendant, round after round, until none is left."""
    while not children.reap():
        for pid in descendants(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if not children.reap():
            select.select([wakeup_fd], [], [], KILL_ROUND_SECONDS)
            signals_received(wakeup_fd)


def descendants(root: int) -> set[int]:
    children_of: dict[int, list[int]] = {}
    for pid, parent in processes():
        children_of.setdefault(parent, []).append(pid)
    found: set[int] = set()
    frontier = [root]
    while frontier:
        for pid in children_of.get(frontier.pop(), []):
            found.add(pid)
            frontier.append(pid)
    return found


def processes() -> Iterator[tuple[int, int]]:
    """(pid, parent pid) of every process that can be seen."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as stat:
                    fields = stat.read().rpartition(b") ")[2].split()
                yield int(name), int(fields[1])
            except OSError:
                pass  # it ended meanwhile


def outcome(status: int | None) -> tuple[int | None, str | None]:
    """(exit code, None) or (None, signal name), as Node's child processes tell it."""
    assert status is not None, "the tree is empty, so the leader was reaped"
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        known = {entry.value: entry.name for entry in signal.Signals}
        return None, known.get(number, f"SIG{number}")
    return os.WEXITSTATUS(status), None


def exit_code(status: int | None) -> int:
    assert status is not None
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def emit(events_fd: int, event: dict[str, object]) -> None:
    """One line on the events pipe; a supervisor that is gone, or does not read, stops nothing."""
    if events_fd < 0:
        return
    try:
        if select.select([], [events_fd], [], 1.0)[1]:
            os.write(events_fd, json.dumps(event).encode() + b"\n")
    except OSError:
        pass


if __name__ == "__main__":
    main()
