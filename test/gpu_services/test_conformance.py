"""The conformance kit: good manners pass, and each bad habit fails the check that is named after it."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.conformance.examination import ALL_CHECKS, Result, examine, is_passed
from core.conformance.limits import Limits
from core.conformance.plan import Plan, plan_from, read_plan
from harness import FIXTURES, ROOT, SERVICES

STAND_IN = ROOT / "test" / "stand-ins"
ILL_MANNERED = FIXTURES / "ill_mannered.py"
# Wide enough for a machine that pauses; each of those that must strike in a test is narrow in it.
WIDE = Limits(first_health_seconds=20, load_seconds=60, answer_seconds=60, cancel_seconds=5, grace_seconds=20)
NARROW: dict[str, dict[str, Any]] = {
    "hang_load": {"load_seconds": 4},
    "foreign": {"load_seconds": 4},
    "hang_first_token": {"answer_seconds": 3},
    "hang_mid_stream": {"answer_seconds": 3},
    "wake_hangs": {"answer_seconds": 3},
    "wake_dies": {"answer_seconds": 3},
    "ignore_term": {"grace_seconds": 3},
    "SlowToListen": {"first_health_seconds": 3.5},
}
STEPS = 150

SEEN_LOADING = {"Polite", "TakesRequestsEarly", "TellsNoLoadProgress", "LoadsBackwards"}
GOOD_STAND_IN_HABITS = {"none", "slow_load_with_progress", "split_utf8"}
STAND_IN_HABITS = [
    ("hang_load", "becomes-ready"),
    ("exit0", "becomes-ready"),
    ("oom_text", "becomes-ready"),
    ("setup_failed", "becomes-ready"),
    ("wrong_boot_id", "shows-its-boot-id"),
    ("silent", "tells-its-states"),
    ("foreign", "speaks-health"),
    ("garbage", "answers"),
    ("html_502", "answers"),
    ("hang_first_token", "answers"),
    ("hang_mid_stream", "answers"),
    ("crash_mid_stream", "answers"),
    ("ignore_cancel", "stops-when-left"),
    ("ignore_term", "ends-when-told"),
    ("ignore_term", "ends-while-loading"),
    ("ignore_term", "ends-at-work"),
    ("fork_escape", "leaves-no-process"),
    ("hold_stdout", "leaves-no-process"),
    ("flood_stdout", "logs-json"),
    ("keep_vram", "gives-the-gpu-back"),
    ("late_vram", "gives-the-gpu-back"),
    ("sleep_keeps_vram", "sleep-frees-the-gpu"),
    ("sleep_fails", "sleeps-and-wakes"),
    ("wake_fails", "sleeps-and-wakes"),
    ("wake_dies", "sleeps-and-wakes"),
    ("wake_hangs", "sleeps-and-wakes"),
    ("wake_garbles", "wakes-unchanged"),
]
SERVICE_HABITS = [
    ("SlowToListen", "listens-at-once"),
    ("MindsStaleSockets", "replaces-a-stale-socket"),
    ("NeedsSupervisor", "runs-alone"),
    ("OpensSocketToAll", "keeps-its-socket-private"),
    ("TakesRequestsEarly", "refuses-while-loading"),
    ("TellsNoLoadProgress", "tells-load-progress"),
    ("LoadsBackwards", "tells-load-progress"),
    ("FailsSilently", "says-why-it-fails"),
    ("ChokesOnBadInput", "refuses-bad-input"),
    ("RefusesInItsOwnWords", "refuses-bad-input"),
    ("KnowsEveryPath", "refuses-unknown-paths"),
    ("HidesItsWork", "shows-its-work"),
    ("TellsNoJobProgress", "tells-job-progress"),
    ("WorksInSecret", "stops-when-left"),
    ("WorksInSecret", "stops-a-stream-when-left"),
    ("SleepsAtWork", "sleeps-only-when-idle"),
    ("EndsWithError", "ends-when-told"),
    ("DropsItsWork", "finishes-its-work"),
    ("LeavesFiles", "leaves-no-file"),
    ("LeavesSharedMemory", "leaves-no-shared-memory"),
    ("Prints", "logs-json"),
    ("LogsHeaders", "logs-no-secret"),
    ("LogsEnvironment", "logs-no-secret"),
]


@pytest.fixture
def ledger(folder: Path) -> Iterator[Path]:
    """GPU memory on paper, which the stand-in's nvidia-smi reads."""
    path = folder / "ledger"
    path.mkdir()
    yield path


def stand_in(habit: str, ledger: Path) -> tuple[Plan, Limits]:
    plan = read_plan(STAND_IN, sys.executable, {})
    args = {**plan.args, "habit": habit, "ledger": str(ledger), "vram_mb": 4000, "late_ms": 60_000}
    smi = (sys.executable, str(STAND_IN / "nvidia_smi.py"), str(ledger))
    limits = replace(WIDE, gpu_seconds=1, nvidia_smi=smi, **NARROW.get(habit, {}))
    return replace(plan, args=args), limits


def service(habit: str) -> tuple[Plan, Limits]:
    def ask(path: str, steps: object) -> dict[str, Any]:
        return {"path": path, "json": {"steps": steps}}

    entries = {
        "args": {"habit": habit, "load_seconds": 2 if habit in SEEN_LOADING else 0.4},
        "claims": ["load_progress", "job_progress"],
        "request": ask("/work", STEPS if habit == "DropsItsWork" else 5),
        "long": ask("/work", STEPS),
        "stream": ask("/stream", STEPS),
        "bad": ask("/work", "many"),
        "broken_args": {"broken": True},
    }
    limits = replace(WIDE, **NARROW.get(habit, {}))
    return plan_from(entries, ILL_MANNERED, sys.executable, "the test"), limits


def only(name: str, plan: Plan, limits: Limits) -> Result:
    (result,) = examine(plan, limits, [check for check in ALL_CHECKS if check.name == name])
    return result


def said(results: Sequence[Result]) -> str:
    return "\n".join(f"{each.check.name}: {each.verdict}" for each in results if not each.verdict.is_fine)


# Good manners


@pytest.mark.parametrize("habit", ["slow_load_with_progress", "split_utf8"])
def test_a_stand_in_that_behaves_keeps_the_contract(habit: str, ledger: Path) -> None:
    plan, limits = stand_in(habit, ledger)
    if habit != "slow_load_with_progress":
        plan = replace(plan, claims=frozenset({"job_progress"}))
    results = examine(plan, limits)
    assert is_passed(results), said(results)
    skipped = {each.check.name for each in results if each.verdict.outcome == "skipped"}
    assert skipped <= {"tells-load-progress", "refuses-while-loading"}


def test_a_polite_service_keeps_the_contract() -> None:
    results = examine(*service("Polite"))
    assert is_passed(results), said(results)
    skipped = {each.check.name for each in results if each.verdict.outcome == "skipped"}
    assert skipped == {"gives-the-gpu-back", "sleep-frees-the-gpu"}


# Bad habits


@pytest.mark.parametrize(("habit", "name"), STAND_IN_HABITS)
def test_a_stand_in_with_a_bad_habit_fails_the_check_for_it(habit: str, name: str, ledger: Path) -> None:
    result = only(name, *stand_in(habit, ledger))
    assert result.verdict.outcome == "FAILED", result.verdict


@pytest.mark.parametrize(("habit", "name"), SERVICE_HABITS)
def test_a_service_with_a_bad_habit_fails_the_check_for_it(habit: str, name: str) -> None:
    result = only(name, *service(habit))
    for path in Path("/dev/shm").glob("rh-ill-mannered-*"):
        path.unlink()
    assert result.verdict.outcome == "FAILED", result.verdict


def test_every_check_can_fail_and_every_habit_of_the_stand_in_is_known() -> None:
    assert {name for _, name in STAND_IN_HABITS + SERVICE_HABITS} == {check.name for check in ALL_CHECKS}
    listing = subprocess.run(
        [sys.executable, "-c", "import settings; print(*settings.HABITS)"],
        cwd=STAND_IN,
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(listing.stdout.split()) == {habit for habit, _ in STAND_IN_HABITS} | GOOD_STAND_IN_HABITS


def test_what_was_not_reached_is_no_pass(ledger: Path) -> None:
    result = only("answers", *stand_in("exit0", ledger))
    assert result.verdict.outcome == "not reached"
    assert not is_passed([result])


# The command line


def kit(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "core.conformance", *arguments],
        cwd=SERVICES,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_report_names_the_habit_and_how_to_mend_it() -> None:
    run = kit(str(STAND_IN), "--only", "logs-json,becomes-ready", "--args", '{"habit": "exit0"}')
    assert run.returncode == 1
    assert "becomes-ready: it never becomes ready." in run.stdout
    assert "seen: it ended with code 0 before it was ready" in run.stdout
    assert "mend: " in run.stdout
    assert "breaks the contract" in run.stdout.splitlines()[-1]


def test_the_report_comes_as_json_too() -> None:
    run = kit(str(STAND_IN), "--only", "answers", "--json")
    report = json.loads(run.stdout)
    assert (run.returncode, report["passed"]) == (0, True)
    assert [(check["name"], check["outcome"]) for check in report["checks"]] == [("answers", "passed")]


def test_what_to_send_can_be_given_on_the_command_line() -> None:
    run = kit(str(ILL_MANNERED), "--only", "answers", "--request", '/work:{"steps": 1}', "--json")
    assert json.loads(run.stdout)["checks"][0]["outcome"] == "passed"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "give the folder of a service"),
        (["/nowhere"], "there is no /nowhere/server.py"),
        ([str(STAND_IN), "--only", "nonsense"], "there is no check 'nonsense'; there are listens-at-once"),
        ([str(STAND_IN), "--request", "work:{}"], "request must be an object like"),
    ],
)
def test_what_cannot_be_checked_is_told_in_one_line(arguments: list[str], complaint: str) -> None:
    run = kit(*arguments)
    assert run.returncode == 2
    assert complaint in run.stderr
    assert len(run.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "is not JSON"),
        ("[]", "must hold a JSON object"),
        ('{"requests": {}}', "'requests' is not known; there are args, claims"),
        ('{"claims": ["speed"]}', "'speed' is not known; there are load_progress"),
        ('{"long": {"path": "/x", "files": {"file": "no.wav"}}}', "'no.wav' is no file in"),
    ],
)
def test_a_mistake_in_conformance_json_is_told_with_its_place(
    folder: Path, text: str, complaint: str
) -> None:
    (folder / "server.py").write_text("")
    (folder / "conformance.json").write_text(text)
    run = kit(str(folder))
    assert run.returncode == 2
    assert f"{folder}/conformance.json" in run.stderr
    assert complaint in run.stderr
