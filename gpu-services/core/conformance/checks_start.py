"""Habits of a server that starts."""

from typing import Any, Final

from ..lifecycle import TRANSITIONS
from .server import BOOT_ID
from .talk import Answer
from .verdict import NOT_REACHED, Case, Check, Verdict, envelope_problem, failed, passed, skipped

LAST_LINES = 8
LINE_LENGTH = 300


def listens_at_once(case: Case) -> Verdict:
    load, limit = case.notes.supervised.load, case.limits.first_health_seconds
    if load.first_health_seconds is None:
        return failed("/health never answered")
    seen = f"first answer after {load.first_health_seconds:.1f} s"
    return passed(seen) if load.first_health_seconds <= limit else failed(f"{seen}; {limit:g} s are allowed")


def replaces_stale_socket(case: Case) -> Verdict:
    if case.notes.supervised.load.first_health is not None:
        return passed()
    if case.notes.loading.has_listened:
        return failed("beside a socket file that was left behind it never answered; without one it did")
    return NOT_REACHED


def speaks_health(case: Case) -> Verdict:
    healths = case.notes.supervised.load.healths
    problems = (problem for answer in healths if (problem := health_problem(answer)))
    if not healths:
        return NOT_REACHED
    return failed(problem) if (problem := next(problems, None)) else passed(f"{len(healths)} answers")


def health_problem(answer: Answer) -> str | None:
    body: Any = answer.json()
    if answer.status != 200 or not isinstance(body, dict):
        return f"/health answered {answer}; it is 200 with a JSON object in every state"
    if body.get("status") not in TRANSITIONS:
        return f"status is {body.get('status')!r}; the words are {', '.join(TRANSITIONS)}"
    load = body.get("load")
    if not isinstance(load, dict) or not {"progress", "phase"} <= set(load):
        return f"load is {load!r}; it is an object with progress and phase"
    return None if isinstance(body.get("in_flight"), int) else "in_flight is not a number"


def has_boot_id(case: Case) -> Verdict:
    supervised = case.notes.supervised
    events = [event for event in supervised.events if event["type"] in ("state", "load", "job")]
    told = {event.get("boot_id") for event in events}
    shown = {(answer.json() or {}).get("boot_id") for answer in supervised.load.healths}
    if not told | shown:
        return NOT_REACHED
    return (
        passed() if told | shown == {BOOT_ID} else failed(f"boot ids seen: {sorted(map(str, told | shown))}")
    )


def tells_states(case: Case) -> Verdict:
    supervised = case.notes.supervised
    if supervised.not_events:
        return failed(f"on the events pipe was no event but {supervised.not_events[0]!r}")
    if supervised.load.ready_seconds is None:
        return NOT_REACHED
    told = [event.get("status") for event in supervised.events_of("state")]
    if told[:2] != ["STARTING", "READY"]:
        return failed(f"health became READY, and the events pipe was told {told or 'nothing'}")
    return passed(" → ".join(map(str, told)))


def refuses_while_loading(case: Case) -> Verdict:
    load = case.notes.supervised.load
    if load.refusal is None:
        return NOT_REACHED if load.first_health is None else skipped("it was ready before it could be asked")
    problem = envelope_problem(load.refusal)
    return (
        failed(f"a request got {problem or load.refusal}")
        if load.refusal.status != 503 or problem
        else passed()
    )


def tells_load_progress(case: Case) -> Verdict:
    if "load_progress" not in case.plan.claims:
        return skipped("conformance.json does not claim load_progress")
    load = case.notes.supervised.load
    if load.ready_seconds is None:
        return NOT_REACHED
    told = [event.get("progress") for event in case.notes.supervised.events_of("load")]
    return growth(told, "load events", at_least=2)


def growth(told: list[Any], what: str, at_least: int) -> Verdict:
    """Of fractions; None among them means "cannot be told" and is no step back."""
    fractions = [float(each) for each in told if isinstance(each, (int, float))]
    seen = f"{len(told)} {what}: {', '.join(f'{each:g}' for each in fractions[:8])}"
    if any(not 0 <= each <= 1 for each in fractions):
        return failed(f"{seen}; a fraction is from 0 to 1")
    if fractions != sorted(fractions):
        return failed(f"{seen}; it went backwards")
    return passed(seen) if len(set(fractions)) >= at_least else failed(f"{seen}; it never grew")


def becomes_ready(case: Case) -> Verdict:
    supervised = case.notes.supervised
    if supervised.load.ready_seconds is not None:
        return passed(f"after {supervised.load.ready_seconds:.1f} s")
    return failed(with_last_words(supervised.load.trouble, [*supervised.output, *supervised.complaints]))


def with_last_words(trouble: str | None, lines: list[str]) -> str:
    shown = [f"    {line[:LINE_LENGTH]}" for line in lines[-LAST_LINES:]]
    return "\n".join([trouble or "it never answered", *shown])


def keeps_socket_private(case: Case) -> Verdict:
    mode = case.notes.supervised.socket_mode
    if mode is None:
        return NOT_REACHED
    return failed(f"others may use it: mode {mode:o}") if mode & 0o077 else passed(f"mode {mode:o}")


def runs_alone(case: Case) -> Verdict:
    standalone = case.notes.standalone
    if standalone.load.ready_seconds is None:
        lines = [*standalone.output, *standalone.complaints]
        return failed(with_last_words(standalone.load.trouble, lines))
    if standalone.answer is not None and standalone.answer.status != 200:
        return failed(f"a request got {standalone.answer}")
    return passed(f"ready after {standalone.load.ready_seconds:.1f} s")


def says_why_it_fails(case: Case) -> Verdict:
    broken = case.notes.broken
    if case.plan.broken_args is None:
        return skipped("conformance.json has no broken_args")
    if broken.status != "SETUP_FAILED":
        return failed(
            f"with broken args it said {broken.status or 'nothing'} and ended with {broken.exit_code}"
        )
    if not broken.error:
        return failed("SETUP_FAILED came without its reason")
    return passed(broken.error[:80]) if broken.exit_code else failed(f"it ended with code {broken.exit_code}")


CHECKS: Final = (
    Check(
        "listens-at-once",
        "answers nothing while it gets going",
        "Listen first: import heavy libraries inside `initialize`, not at the top of the file.",
        listens_at_once,
    ),
    Check(
        "becomes-ready",
        "never becomes ready",
        "Its last words are above; an exception in `initialize` is told as SETUP_FAILED with its message.",
        becomes_ready,
    ),
    Check(
        "replaces-a-stale-socket",
        "does not start where an earlier start left its socket file",
        "Unlink the path before binding to it.",
        replaces_stale_socket,
        scenes=("supervised", "loading"),
    ),
    Check(
        "keeps-its-socket-private",
        "lets other users of the machine use its socket",
        "Bind under umask 0177.",
        keeps_socket_private,
    ),
    Check(
        "speaks-health",
        "answers /health in other words than the supervisor knows",
        "200 in every state, with status, load, in_flight, boot_id; BaseService does it.",
        speaks_health,
    ),
    Check(
        "shows-its-boot-id",
        "answers with the boot id of another start, or with none",
        "Put ROUNDHOUSE_BOOT_ID into /health and into every event.",
        has_boot_id,
    ),
    Check(
        "tells-its-states",
        "says nothing on the events pipe, or something else than in /health",
        "Write one JSON line per change of state to ROUNDHOUSE_EVENTS_FD, and nothing else.",
        tells_states,
    ),
    Check(
        "refuses-while-loading",
        "takes requests before it can answer them",
        "503 in OpenAI's envelope until the model is ready.",
        refuses_while_loading,
    ),
    Check(
        "tells-load-progress",
        "claims to tell how far its load is, and does not",
        "Call self.load_progress(fraction, phase) as it goes, or take the claim out of conformance.json.",
        tells_load_progress,
    ),
    Check(
        "runs-alone",
        "needs the supervisor to run",
        "Take --port and --args; BaseService does it.",
        runs_alone,
        scenes=("standalone",),
    ),
    Check(
        "says-why-it-fails",
        "fails to load and does not say why",
        "SETUP_FAILED with the reason on the events pipe and in /health, then exit 1: raise in `initialize`.",
        says_why_it_fails,
        scenes=("broken",),
    ),
)
