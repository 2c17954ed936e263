"""The long scene: started as the supervisor does, asked, left in the middle, put to sleep, ended."""

import os
import socket
import stat
import time
from collections.abc import Callable, Collection
from pathlib import Path

from . import processes
from .limits import Limits
from .notes import Interruption, Sleep, Supervised
from .plan import Plan
from .request import Request
from .scene_load import watch_load
from .server import MODEL, Server, SupervisedServer, runtime_folder
from .talk import Answer, Call
from .traces import Surroundings, eventually

JOB = "job_conformance"
SETTLE_SECONDS = 0.3
CPU_WINDOW_SECONDS = 0.25
IDLE_CPU_SHARE = 0.3
SHARE_BEFORE_LEAVING = 0.25
SHARE_TO_SPIN = 0.75  # of the rest
TIMES_TO_LEAVE = 3
UNKNOWN_PATH = Request("/roundhouse-conformance/nowhere", method="GET")


def play_supervised(plan: Plan, limits: Limits, notes: Supervised, parts: Collection[str]) -> None:
    """`parts` names what else to do than start, ask once and stop: bad, long, left, left_stream, sleep."""
    with runtime_folder() as folder:
        leave_stale_socket(folder / "m.sock")
        before = Surroundings(folder, limits)
        server = SupervisedServer(plan, limits, folder)
        try:
            if watch_load(server, plan, limits, notes.load):
                Play(server, plan, limits, notes, before).act(parts)
            end(server, plan, limits, notes)
        finally:
            server.close()
            notes.events, notes.not_events = server.events.seen, server.events.not_events
            notes.output, notes.complaints = server.output.lines, server.complaints.lines
        if notes.ending is not None:
            notes.traces = before.traces((), server.shared_memory)


def leave_stale_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))


def end(server: Server, plan: Plan, limits: Limits, notes: Supervised) -> None:
    """SIGTERM while a short request is in flight, where that can be caught."""
    if notes.load.ready_seconds is None or server.exit_code is not None:
        return
    last: Call | None = None
    server.look()
    if plan.request is not None:
        last = Call(server.address, plan.request.for_model(MODEL), limits.answer_seconds, f"{JOB}_last")
        eventually(lambda: server.health_body().get("in_flight") != 0, 0.1, pause_seconds=0.005)
    server.signal_end()
    if last is not None:
        notes.last_answer = last.answer()
    notes.ending = server.ending(limits.grace_seconds + 5)


class Play:
    def __init__(
        self, server: SupervisedServer, plan: Plan, limits: Limits, notes: Supervised, before: Surroundings
    ) -> None:
        self._server = server
        self._before = before
        self._plan = plan
        self._limits = limits
        self._notes = notes

    def act(self, parts: Collection[str]) -> None:
        """Stops at the first answer that does not come: a server that hangs or died tells no more."""
        notes, plan = self._notes, self._plan
        if self._server.address.socket_path is not None:
            notes.socket_mode = stat.S_IMODE(os.stat(self._server.address.socket_path).st_mode)
        notes.can_sleep = self._server.health_body().get("can_sleep") is True
        notes.unknown_path = self._ask(UNKNOWN_PATH)
        if plan.request is None:
            return
        notes.answer = self._ask(plan.request, f"{JOB}_first")
        if notes.answer.trouble is not None:
            return
        if "bad" in parts:
            self._ask_badly(plan.request)
        if plan.long is not None and {"long", "left", "left_stream"} & set(parts):
            self._work_long(plan.long)
            if notes.long is None or notes.long.trouble is not None:
                return
            if "left" in parts:
                notes.left = self._leave(plan.long, plan.request, f"{JOB}_left", streams=False)
            if "left_stream" in parts and plan.stream is not None:
                notes.left_stream = self._leave(plan.stream, plan.request, f"{JOB}_stream", streams=True)
        if "sleep" in parts and notes.can_sleep:
            notes.sleep = self._sleep(plan.request)

    def _ask(self, request: Request, job: str | None = None) -> Answer:
        return self._send(request, job).answer()

    def _send(self, request: Request, job: str | None = None) -> Call:
        return Call(self._server.address, request.for_model(MODEL), self._limits.answer_seconds, job)

    def _ask_badly(self, good: Request) -> None:
        self._notes.bad["a body that is not JSON"] = self._ask(Request(good.path, b'{"broken'))
        if self._plan.bad is not None:
            self._notes.bad["the bad request of the plan"] = self._ask(self._plan.bad)

    def _work_long(self, request: Request) -> None:
        self._wait(self._is_idle)
        call = self._send(request, f"{JOB}_long")
        eventually(lambda: self._server.health_body().get("in_flight") != 0, 1.0)
        self._notes.at_work = self._server.health()
        if self._notes.can_sleep:
            self._notes.sleep_at_work = self._ask(Request("/roundhouse/sleep"))
        self._notes.long = call.answer()
        self._wait(self._is_idle)
        self._notes.after_work = self._server.health_body()

    def _leave(self, request: Request, short: Request, job: str, streams: bool) -> Interruption:
        """A machine that pauses spoils a try, a bad habit each one."""
        for _ in range(TIMES_TO_LEAVE):
            left = self._leave_once(request, short, job, streams)
            if left.limit_seconds > 0 and left.idle_seconds is not None and left.cpu_share <= IDLE_CPU_SHARE:
                break
            self._wait(self._is_idle)
        return left

    def _leave_once(self, request: Request, short: Request, job: str, streams: bool) -> Interruption:
        """Leaves after a quarter of the time it took undisturbed; the work must end in half of the rest.

        Its engine may spin for longer, but not until the work would have been done.
        """
        assert self._notes.long is not None
        whole_seconds = self._notes.long.seconds
        call, begun_at = self._send(request, job), time.monotonic()
        if streams:
            call.begin_answer()
        time.sleep(max(0.0, begun_at + SHARE_BEFORE_LEAVING * whole_seconds - time.monotonic()))
        is_at_work = not self._is_idle()
        call.hang_up()
        left_at = time.monotonic()
        rest_seconds = begun_at + whole_seconds - left_at if is_at_work else 0.0
        limit = min(self._limits.cancel_seconds, rest_seconds / 2)
        idle = self._wait(self._is_idle, max(limit, 0.0))
        if idle is not None and idle > limit + SETTLE_SECONDS:
            idle = None  # the machine paused: it may have come to its end by itself
        idle_by = left_at + min(self._limits.cancel_seconds, SHARE_TO_SPIN * rest_seconds)
        cpu_share = self._cpu_share(idle_by) if idle is not None else 0.0
        return Interruption(left_at - begun_at, idle, cpu_share, limit, self._ask(short))

    def _cpu_share(self, until: float) -> float:
        """After two idle windows, or at `until`: vLLM spins for a second in case work comes."""
        time.sleep(SETTLE_SECONDS)
        before, share = 1.0, self._cpu_share_now()
        while max(before, share) > IDLE_CPU_SHARE and time.monotonic() + CPU_WINDOW_SECONDS <= until:
            before, share = share, self._cpu_share_now()
        return share

    def _cpu_share_now(self) -> float:
        pids = processes.tree(self._server.pid)
        before, begun_at = processes.cpu_seconds(pids), time.monotonic()
        time.sleep(CPU_WINDOW_SECONDS)
        return (processes.cpu_seconds(pids) - before) / (time.monotonic() - begun_at)

    def _sleep(self, request: Request) -> Sleep:
        self._wait(self._is_idle)
        before, resident_mb = self._ask(request), self._before.taken_mb()
        self._wait(self._is_idle)
        to_sleep = self._ask(Request("/roundhouse/sleep"))
        health, asleep_mb = self._server.health_body(), self._before.taken_mb()
        while_asleep = self._ask(request)
        to_wake = self._ask(Request("/roundhouse/wake"))
        after = self._ask(request)
        return Sleep(before, to_sleep, health, while_asleep, to_wake, after, resident_mb, asleep_mb)

    def _is_idle(self) -> bool:
        """A request may still be at its last steps when its whole answer has come."""
        return self._server.health_body().get("in_flight") == 0

    def _wait(self, holds: Callable[[], bool], seconds: float | None = None) -> float | None:
        return eventually(holds, self._limits.cancel_seconds if seconds is None else seconds)
