"""Watches a server until it is ready, or never will be."""

import time

from .limits import Limits
from .notes import Load
from .plan import Plan
from .server import Server
from .talk import Answer, Call

PAUSE_SECONDS = 0.03
SERVING = ("READY", "BUSY")


def watch_load(server: Server, plan: Plan, limits: Limits, load: Load) -> bool:
    """True when it is ready."""
    while server.seconds() < limits.load_seconds:
        answer = server.health()
        if answer.trouble is None:
            note_health(load, answer, server.seconds())
            status = status_of(answer)
            if status in SERVING:
                load.ready_seconds = server.seconds()
                return True
            if status == "STARTING" and load.refusal is None and plan.request is not None:
                refusal = Call(server.address, plan.request, limits.answer_seconds).answer()
                still_loads = status_of(server.health()) == "STARTING"
                load.refusal = refusal if still_loads else None
            if status in ("SETUP_FAILED", "DEFUNCT"):
                load.trouble = f"it said {status}: {(answer.json() or {}).get('error')}"
                return False
        if server.exit_code is not None:
            load.trouble = f"it ended with code {server.exit_code} before it was ready"
            return False
        time.sleep(PAUSE_SECONDS)
    load.trouble = f"it was not ready after {limits.load_seconds:g} s"
    return False


def note_health(load: Load, answer: Answer, seconds: float) -> None:
    if load.first_health is None:
        load.first_health, load.first_health_seconds = answer, seconds
    load.healths.append(answer)


def status_of(answer: Answer) -> str | None:
    body = answer.json()
    return str(body["status"]) if isinstance(body, dict) and "status" in body else None
