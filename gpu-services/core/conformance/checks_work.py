"""Habits of a server at work."""

import json
from typing import Any, Final

from .checks_start import growth
from .notes import Interruption
from .scene_supervised import IDLE_CPU_SHARE, JOB
from .talk import Answer
from .traces import GPU_NOISE_MB
from .verdict import NOT_REACHED, Case, Check, Verdict, envelope_problem, failed, passed, skipped

LONG_ENOUGH_SECONDS = 1.0
HEALTH_AT_WORK_SECONDS = 5.0
CHANGES_EACH_TIME = frozenset(
    {"id", "created", "created_at", "completed_at", "timings", "system_fingerprint"}
)
NO_REQUEST = skipped("there is no request: give one in conformance.json or with --request")
NO_LONG = skipped("there is no long request: give one in conformance.json or with --long")


def answers(case: Case) -> Verdict:
    answer = case.notes.supervised.answer
    if case.plan.request is None:
        return NO_REQUEST
    if answer is None:
        return NOT_REACHED
    if answer.status != 200 or answer.trouble is not None:
        return failed(f"a request got {answer}")
    if not answer.body:
        return failed("a request got 200 and nothing with it")
    if answer.content_type.startswith("application/json") and answer.json() is None:
        return failed(f"its JSON is none: {answer.body[:80]!r}")
    return passed(f"{len(answer.body)} bytes of {answer.content_type} in {answer.seconds:.1f} s")


def refuses_bad_input(case: Case) -> Verdict:
    if case.plan.request is None:
        return NO_REQUEST
    if not case.notes.supervised.bad:
        return NOT_REACHED
    for what, answer in case.notes.supervised.bad.items():
        if not 400 <= answer.status < 500 or answer.trouble is not None:
            return failed(f"{what} got {answer}")
        if problem := envelope_problem(answer):
            return failed(f"{what}: {problem}")
    return passed(f"{len(case.notes.supervised.bad)} kinds of it")


def refuses_unknown_paths(case: Case) -> Verdict:
    answer = case.notes.supervised.unknown_path
    if answer is None:
        return NOT_REACHED
    problem = envelope_problem(answer)
    return failed(f"it got {problem or answer}") if answer.status != 404 or problem else passed()


def shows_its_work(case: Case) -> Verdict:
    if case.plan.long is None:
        return NO_LONG
    at_work, after = case.notes.supervised.at_work, case.notes.supervised.after_work
    if at_work is None or not after:
        return NOT_REACHED
    if at_work.trouble is not None or at_work.seconds > HEALTH_AT_WORK_SECONDS:
        return failed(f"/health in the middle of a request: {at_work.trouble or f'{at_work.seconds:.1f} s'}")
    body = at_work.json() or {}
    during, later = facts(body), facts(after)
    if during != ("BUSY", 1) or later != ("READY", 0):
        return failed(
            f"health says {during} at work and {later} afterwards; it is ('BUSY', 1) and ('READY', 0)"
        )
    return passed(f"health within {at_work.seconds * 1000:.0f} ms")


def facts(health: dict[str, Any]) -> tuple[Any, Any]:
    return health.get("status"), health.get("in_flight")


def tells_job_progress(case: Case) -> Verdict:
    if "job_progress" not in case.plan.claims:
        return skipped("conformance.json does not claim job_progress")
    if case.plan.long is None:
        return NO_LONG
    if (problem := too_short(case)) is not None:
        return problem
    told = [event for event in case.notes.supervised.events if event.get("job_id") == f"{JOB}_long"]
    return growth([event.get("progress") for event in told], "job events", at_least=3)


def too_short(case: Case) -> Verdict | None:
    """Also what else went wrong with the long request undisturbed."""
    long = case.notes.supervised.long
    if long is None:
        return NOT_REACHED
    if long.status != 200 or long.trouble is not None:
        return failed(f"the long request got {long}")
    if long.seconds < LONG_ENOUGH_SECONDS:
        return failed(
            f"the long request of the plan took {long.seconds:.1f} s only: nothing shows; make it longer"
        )
    return None


def stops_when_left(case: Case) -> Verdict:
    if case.plan.long is None:
        return NO_LONG
    return too_short(case) or judge_interruption(case.notes.supervised.left)


def stops_stream_when_left(case: Case) -> Verdict:
    if case.plan.stream is None or case.plan.long is None:
        return skipped("conformance.json has no stream")
    return too_short(case) or judge_interruption(case.notes.supervised.left_stream)


def judge_interruption(left: Interruption | None) -> Verdict:
    if left is None:
        return NOT_REACHED
    if left.limit_seconds <= 0:
        return failed("the work was over before its client could leave; a stream comes piece by piece")
    if left.idle_seconds is None:
        return failed(f"{left.limit_seconds:.1f} s after its client had left it was still at work")
    if left.cpu_share > IDLE_CPU_SHARE:
        return failed(f"it said it was idle and used {left.cpu_share:.0%} of a core")
    if left.next_answer.status != 200 or left.next_answer.trouble is not None:
        return failed(f"the next request got {left.next_answer}")
    return passed(f"idle after {left.idle_seconds:.2f} s of at most {left.limit_seconds:.1f} s")


def sleeps_only_when_idle(case: Case) -> Verdict:
    if not case.notes.supervised.can_sleep:
        return skipped("health does not say can_sleep")
    if case.plan.long is None:
        return NO_LONG
    answer = case.notes.supervised.sleep_at_work
    if answer is None:
        return NOT_REACHED
    return too_short(case) or (
        passed()
        if answer.status == 409
        else failed(f"told to sleep in the middle of a request, it said {answer}")
    )


def sleeps_and_wakes(case: Case) -> Verdict:
    if not case.notes.supervised.can_sleep:
        return skipped("health does not say can_sleep")
    if case.plan.request is None:
        return NO_REQUEST
    sleep = case.notes.supervised.sleep
    if sleep is None:
        return NOT_REACHED
    if sleep.to_sleep.status != 200 or sleep.health_asleep.get("status") != "ASLEEP":
        return failed(
            f"told to sleep: {sleep.to_sleep}; health then said {sleep.health_asleep.get('status')}"
        )
    if sleep.while_asleep.status != 503 or envelope_problem(sleep.while_asleep):
        return failed(f"asleep, it answered a request: {sleep.while_asleep}")
    if sleep.to_wake.status != 200:
        return failed(f"told to wake: {sleep.to_wake}")
    told = [event.get("status") for event in case.notes.supervised.events_of("state")][2:4]
    if told != ["ASLEEP", "READY"]:
        return failed(f"the events pipe was told {told} of it")
    return passed(f"asleep in {sleep.to_sleep.seconds:.2f} s, awake in {sleep.to_wake.seconds:.2f} s")


def sleep_frees_the_gpu(case: Case) -> Verdict:
    if not case.notes.supervised.can_sleep or case.limits.nvidia_smi is None:
        return skipped("health does not say can_sleep, or there is no nvidia-smi")
    sleep = case.notes.supervised.sleep
    if sleep is None or sleep.resident_mb is None or sleep.asleep_mb is None:
        return NOT_REACHED
    seen = f"{sleep.resident_mb} MB awake, {sleep.asleep_mb} MB asleep"
    return passed(seen) if sleep.asleep_mb <= max(GPU_NOISE_MB, sleep.resident_mb / 2) else failed(seen)


def wakes_unchanged(case: Case) -> Verdict:
    if not case.notes.supervised.can_sleep:
        return skipped("health does not say can_sleep")
    if not case.plan.repeatable:
        return skipped("conformance.json says that its answers are never the same")
    sleep = case.notes.supervised.sleep
    if sleep is None or sleep.to_wake.status != 200:
        return NOT_REACHED
    if sleep.after.status != 200:
        return failed(f"awake again, it answered {sleep.after}")
    before, after = essence(sleep.before), essence(sleep.after)
    return passed() if before == after else failed(f"before {shown(before)}; afterwards {shown(after)}")


def essence(answer: Answer) -> Any:
    body = answer.json()
    return answer.body if body is None else without_changing(body)


def without_changing(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_changing(each) for key, each in value.items() if key not in CHANGES_EACH_TIME}
    return [without_changing(each) for each in value] if isinstance(value, list) else value


def shown(value: Any) -> str:
    return (repr(value) if isinstance(value, bytes) else json.dumps(value))[:160]


CHECKS: Final = (
    Check(
        "answers",
        "does not answer a plain request, or not with what it says",
        "Start it alone, send the same with curl, and read its log.",
        answers,
    ),
    Check(
        "refuses-bad-input",
        "takes bad input for its own failure, or refuses it in words that OpenAI's clients do not know",
        "4xx with {'error': {message, type, param, code}}: pydantic for the body, core.errors.BadRequest.",
        refuses_bad_input,
        parts=("bad",),
    ),
    Check(
        "refuses-unknown-paths",
        "answers paths that it does not have",
        "404 in OpenAI's envelope.",
        refuses_unknown_paths,
    ),
    Check(
        "shows-its-work",
        "hides from /health what it does, or does not answer it meanwhile",
        "BUSY and the number of requests in flight, from code that the model's work cannot block.",
        shows_its_work,
        parts=("long",),
    ),
    Check(
        "tells-job-progress",
        "claims to tell how far a job is, and does not",
        "Call self.job.progress(fraction, phase) as it goes, or take the claim out of conformance.json.",
        tells_job_progress,
        parts=("long",),
    ),
    Check(
        "stops-when-left",
        "goes on working for a client that has left",
        "Call self.job.raise_if_cancelled() between steps; hand `job = self.job` to threads and callbacks.",
        stops_when_left,
        parts=("left",),
    ),
    Check(
        "stops-a-stream-when-left",
        "goes on streaming to a client that has left",
        "Call raise_if_cancelled() between pieces, and close the generator that makes them.",
        stops_stream_when_left,
        parts=("left_stream",),
    ),
    Check(
        "sleeps-only-when-idle",
        "goes to sleep in the middle of a request",
        "Answer /roundhouse/sleep with 409 unless it is READY with nothing in flight; BaseService does it.",
        sleeps_only_when_idle,
        parts=("long",),
    ),
    Check(
        "sleeps-and-wakes",
        "says that it can sleep, and does not sleep, or not wake",
        "ASLEEP and 503 for requests after `sleep`, READY after `wake`, both told as events.",
        sleeps_and_wakes,
        parts=("sleep",),
    ),
    Check(
        "sleep-frees-the-gpu",
        "says that it sleeps and keeps most of the GPU's memory",
        "Drop every tensor on the device, then torch.cuda.empty_cache(); caches and graphs count, too.",
        sleep_frees_the_gpu,
        parts=("sleep",),
    ),
    Check(
        "wakes-unchanged",
        "answers otherwise after it was woken",
        "Bring back every weight and buffer, and seed each answer by its request alone.",
        wakes_unchanged,
        parts=("sleep",),
    ),
)
