"""Plays the scenes that the wanted checks need, then judges."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final

from . import checks_end, checks_start, checks_work
from .limits import Limits
from .notes import Notes
from .plan import Plan
from .scene_supervised import play_supervised
from .scenes_short import play_broken, play_loading, play_standalone
from .verdict import Case, Check, Scene, Verdict

ALL_CHECKS: Final[tuple[Check, ...]] = (*checks_start.CHECKS, *checks_work.CHECKS, *checks_end.CHECKS)
SCENES: Final[dict[Scene, str]] = {
    "supervised": "started by the launcher, asked, left, ended",
    "loading": "ended while it loads",
    "standalone": "alone on a port, ended at work",
    "broken": "started with args that cannot work",
}


@dataclass(frozen=True)
class Result:
    check: Check
    verdict: Verdict


def examine(
    plan: Plan,
    limits: Limits,
    checks: Collection[Check] = ALL_CHECKS,
    on_scene: Callable[[Scene], None] = lambda scene: None,
) -> list[Result]:
    notes = Notes()
    wanted = {scene for check in checks for scene in check.scenes}
    for scene in SCENES:
        if scene in wanted:
            on_scene(scene)
            play(scene, plan, limits, notes, {part for check in checks for part in check.parts})
    case = Case(plan, limits, notes)
    return [Result(check, check.judge(case)) for check in checks]


def play(scene: Scene, plan: Plan, limits: Limits, notes: Notes, parts: Collection[str]) -> None:
    if scene == "supervised":
        play_supervised(plan, limits, notes.supervised, parts)
    elif scene == "loading":
        play_loading(plan, limits, notes.loading)
    elif scene == "standalone":
        play_standalone(plan, limits, notes.standalone)
    else:
        play_broken(plan, limits, notes.broken)


def is_passed(results: Iterable[Result]) -> bool:
    return all(result.verdict.is_fine for result in results)
