"""What a check says, and the check itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from .limits import Limits
from .notes import Notes
from .plan import Plan
from .talk import Answer

Outcome = Literal["passed", "FAILED", "skipped", "not reached"]
Scene = Literal["supervised", "loading", "standalone", "broken"]


@dataclass(frozen=True)
class Verdict:
    outcome: Outcome
    seen: str

    @property
    def is_fine(self) -> bool:
        return self.outcome in ("passed", "skipped")


def passed(seen: str = "") -> Verdict:
    return Verdict("passed", seen)


def failed(seen: str) -> Verdict:
    return Verdict("FAILED", seen)


def skipped(why: str) -> Verdict:
    return Verdict("skipped", why)


NOT_REACHED = Verdict("not reached", "the server had gone, or was stuck, before")


@dataclass(frozen=True)
class Case:
    """What a check judges."""

    plan: Plan
    limits: Limits
    notes: Notes


@dataclass(frozen=True)
class Check:
    """One habit. `habit` ends the sentence "it ..." and shows when the check fails, with `mend`."""

    name: str
    habit: str
    mend: str
    judge: Callable[[Case], Verdict]
    scenes: tuple[Scene, ...] = ("supervised",)
    parts: tuple[str, ...] = ()  # of the supervised scene, beyond start, one request and stop


def envelope_problem(answer: Answer) -> str | None:
    """None for an error in OpenAI's shape."""
    body = answer.json()
    error: Any = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return f"{answer} is not {{'error': {{...}}}}"
    if not isinstance(error.get("message"), str) or not error["message"]:
        return f"{answer} has no error.message"
    missing = {"type", "param", "code"} - set(error)
    return f"{answer} lacks error.{sorted(missing)[0]}" if missing else None
