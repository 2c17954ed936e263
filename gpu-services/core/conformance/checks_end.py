"""Habits of a server that ends, and what it leaves: processes, files, memory, words."""

import json
from collections.abc import Iterator
from typing import Any, Final

from .notes import Notes
from .server import Ending
from .talk import CANARY
from .traces import Traces
from .verdict import NOT_REACHED, Case, Check, Verdict, failed, passed, skipped

LINE_FIELDS = ("time", "level", "message")
SHOWN = 160


def ends_when_told(case: Case) -> Verdict:
    return judge_ending(case.notes.supervised.ending, case.limits.grace_seconds)


def ends_while_loading(case: Case) -> Verdict:
    note = " (it was ready already)" if case.notes.loading.was_ready else ""
    return judge_ending(case.notes.loading.ending, case.limits.grace_seconds, note)


def ends_at_work(case: Case) -> Verdict:
    if case.plan.long is None:
        return skipped("there is no long request: give one in conformance.json or with --long")
    if case.notes.standalone.ending is not None and not case.notes.standalone.was_at_work:
        return failed("health never showed the long request, so it could not be ended at work")
    return judge_ending(case.notes.standalone.ending, case.limits.grace_seconds)


def judge_ending(ending: Ending | None, grace_seconds: float, note: str = "") -> Verdict:
    if ending is None:
        return NOT_REACHED
    if ending.code is None or ending.seconds > grace_seconds:
        return failed(f"it was still there {min(ending.seconds, grace_seconds):.1f} s after SIGTERM{note}")
    if ending.code != 0:
        return failed(f"it ended with code {ending.code}; after SIGTERM it is 0{note}")
    return passed(f"{ending.seconds:.1f} s{note}")


def finishes_its_work(case: Case) -> Verdict:
    if case.plan.request is None:
        return skipped("there is no request: give one in conformance.json or with --request")
    answer = case.notes.supervised.last_answer
    if answer is None:
        return NOT_REACHED
    if answer.status != 200 or answer.trouble is not None:
        return failed(f"a request that was in flight at SIGTERM got {answer}")
    return passed(f"{answer.seconds:.1f} s")


def leaves_no_process(case: Case) -> Verdict:
    ended = case.notes.standalone.traces
    return NOT_REACHED if ended is None else nothing(ended.processes)


def leaves_no_file(case: Case) -> Verdict:
    found = all_traces(case.notes)
    return nothing(tuple(sorted({file for each in found for file in each.files}))) if found else NOT_REACHED


def leaves_no_shared_memory(case: Case) -> Verdict:
    found = all_traces(case.notes)
    return (
        nothing(tuple(sorted({name for each in found for name in each.shared_memory})))
        if found
        else NOT_REACHED
    )


def gives_the_gpu_back(case: Case) -> Verdict:
    if case.limits.nvidia_smi is None:
        return skipped("there is no nvidia-smi")
    kept = [each.gpu_mb for each in all_traces(case.notes) if each.gpu_mb is not None]
    if not kept:
        return NOT_REACHED
    seconds = case.limits.gpu_seconds
    return failed(f"{max(kept)} MB more in use {seconds:g} s after its end") if any(kept) else passed()


def all_traces(notes: Notes) -> list[Traces]:
    scenes = (notes.supervised.traces, notes.loading.traces, notes.standalone.traces)
    return [traces for traces in scenes if traces is not None]


def nothing(left: tuple[str, ...]) -> Verdict:
    return failed(", ".join(left)[:SHOWN]) if left else passed()


def logs_json(case: Case) -> Verdict:
    lines = case.notes.supervised.output
    if not lines:
        return NOT_REACHED if case.notes.supervised.load.first_health is None else failed("it logged nothing")
    wrong = [line for line in lines if not is_log_line(line)]
    if wrong:
        return failed(f"{len(wrong)} of {len(lines)} lines are not: {wrong[0][:SHOWN]!r}")
    return passed(f"{len(lines)} lines")


def is_log_line(line: str) -> bool:
    try:
        parsed: Any = json.loads(line)
    except ValueError:
        return False
    return isinstance(parsed, dict) and all(name in parsed for name in LINE_FIELDS)


def logs_no_secret(case: Case) -> Verdict:
    leaks = [line for line in all_lines(case.notes) if CANARY in line]
    return failed(leaks[0].replace(CANARY, "THE-KEY")[:SHOWN]) if leaks else passed()


def all_lines(notes: Notes) -> Iterator[str]:
    for scene in (notes.supervised, notes.standalone):
        yield from scene.output
        yield from scene.complaints


CHECKS: Final = (
    Check(
        "ends-when-told",
        "does not end when it is told to",
        "At SIGTERM take nothing new, finish, give back, exit 0 within the grace.",
        ends_when_told,
    ),
    Check(
        "ends-while-loading",
        "does not end when it is told to while it loads",
        "Handle SIGTERM outside of the thread that loads; BaseService does it.",
        ends_while_loading,
        scenes=("loading",),
    ),
    Check(
        "ends-at-work",
        "does not end when it is told to in the middle of a long request",
        "Cancel what outlasts the grace: raise_if_cancelled() between steps.",
        ends_at_work,
        scenes=("standalone",),
    ),
    Check(
        "finishes-its-work",
        "drops what is in flight when it is told to end",
        "Let requests that have begun end within the grace.",
        finishes_its_work,
    ),
    Check(
        "leaves-no-process",
        "leaves processes behind",
        "End and wait for what you start, in `shutdown`; EngineService does it.",
        leaves_no_process,
        scenes=("standalone",),
    ),
    Check(
        "leaves-no-file",
        "leaves files behind",
        "Remove sockets and temporary files in `shutdown`, and uploads as soon as their request is over.",
        leaves_no_file,
        scenes=("supervised", "loading", "standalone"),
    ),
    Check(
        "leaves-no-shared-memory",
        "leaves shared memory behind in /dev/shm",
        "Unlink it in `shutdown`; note an engine's names while it lives, and unlink them after its end.",
        leaves_no_shared_memory,
        scenes=("supervised", "loading", "standalone"),
    ),
    Check(
        "gives-the-gpu-back",
        "keeps memory of the GPU after its end",
        "nvidia-smi shows who holds it: a process that outlived the server, or the driver.",
        gives_the_gpu_back,
    ),
    Check(
        "logs-json",
        "logs lines that are not JSON",
        'logging, not print: one object per line on stdout, with "time", "level" and "message".',
        logs_json,
    ),
    Check(
        "logs-no-secret",
        "writes keys into its log",
        "Log neither the environment nor the headers of a request.",
        logs_no_secret,
        scenes=("supervised", "standalone"),
    ),
)
