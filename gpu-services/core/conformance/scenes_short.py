"""The short scenes: ended while it loads, alone on a port, started with args that cannot work."""

from dataclasses import replace

from .limits import Limits
from .notes import Broken, Loading, Standalone
from .plan import Plan
from .scene_load import SERVING, status_of, watch_load
from .server import StandaloneServer, SupervisedServer, runtime_folder
from .talk import Call
from .traces import Surroundings, eventually

SHARE_BEFORE_TERM = 0.25


def play_loading(plan: Plan, limits: Limits, notes: Loading) -> None:
    with runtime_folder() as folder:
        before = Surroundings(folder, limits)
        server = SupervisedServer(plan, limits, folder)
        try:
            eventually(
                lambda: server.health().trouble is None or server.exit_code is not None, limits.load_seconds
            )
            health = server.health()
            notes.has_listened = health.trouble is None
            notes.was_ready = status_of(health) in SERVING
            if server.exit_code is None:
                server.terminate()
                notes.ending = server.ending(limits.grace_seconds + 5)
        finally:
            server.close()
        if notes.ending is not None:
            notes.traces = before.traces((), server.shared_memory)


def play_standalone(plan: Plan, limits: Limits, notes: Standalone) -> None:
    with runtime_folder() as folder:
        before = Surroundings(folder, limits)
        server = StandaloneServer(plan, limits, folder)
        left: tuple[str, ...] = ()
        try:
            if watch_load(server, plan, limits, notes.load):
                work_and_end(server, plan, limits, notes)
                left = server.left_alive() if notes.ending and notes.ending.code is not None else ()
        finally:
            server.close()
            notes.output, notes.complaints = server.output.lines, server.complaints.lines
        if notes.ending is not None:
            notes.traces = before.traces(left, server.shared_memory)


def work_and_end(server: StandaloneServer, plan: Plan, limits: Limits, notes: Standalone) -> None:
    health = server.health_body()
    model = str(health.get("model") or health.get("name") or "")
    if plan.request is not None:
        notes.answer = Call(server.address, plan.request.for_model(model), limits.answer_seconds).answer()
    call: Call | None = None
    if plan.long is not None:
        call = Call(server.address, plan.long.for_model(model), limits.answer_seconds)
        notes.was_at_work = eventually(lambda: server.health_body().get("in_flight") == 1, 10.0) is not None
    if server.exit_code is None:
        server.terminate()
        notes.ending = server.ending(limits.grace_seconds + 5)
    if call is not None:
        call.hang_up()


def play_broken(plan: Plan, limits: Limits, notes: Broken) -> None:
    if plan.broken_args is None:
        return
    with runtime_folder() as folder:
        server = SupervisedServer(replace(plan, args={**plan.args, **plan.broken_args}), limits, folder)
        try:
            told = server.events.wait_for(
                lambda event: event.get("status") in (*SERVING, "SETUP_FAILED") or event["type"] == "exited",
                limits.load_seconds,
            )
            notes.seconds = server.seconds()
            notes.status = (told or {}).get("status")
            notes.error = (told or {}).get("error")
            if notes.status not in SERVING:
                notes.exit_code = server.ending(limits.grace_seconds).code
        finally:
            server.close()
