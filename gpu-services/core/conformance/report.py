"""Results for people, and for programs."""

import json
from collections.abc import Iterator, Sequence

from .examination import Result, is_passed

MARKS = {"passed": "✔", "FAILED": "✘", "skipped": "·", "not reached": "?"}


def as_table(service: str, results: Sequence[Result], seconds: float) -> str:
    return "\n".join([*rows(results), "", *troubles(results), summary(service, results, seconds)])


def rows(results: Sequence[Result]) -> Iterator[str]:
    width = max(len(result.check.name) for result in results)
    for result in results:
        outcome, seen = result.verdict.outcome, first_line(result.verdict.seen)
        yield f"{MARKS[outcome]} {result.check.name:<{width}}  {outcome:<11}  {seen}".rstrip()


def troubles(results: Sequence[Result]) -> Iterator[str]:
    for result in results:
        if result.verdict.outcome == "FAILED":
            yield f"{result.check.name}: it {result.check.habit}."
            yield f"  seen: {result.verdict.seen}"
            yield f"  mend: {result.check.mend}"
            yield ""


def summary(service: str, results: Sequence[Result], seconds: float) -> str:
    counts = {mark: sum(result.verdict.outcome == mark for result in results) for mark in MARKS}
    said = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    return f"{service}: {'keeps' if is_passed(results) else 'breaks'} the contract ({said}; {seconds:.0f} s)"


def first_line(text: str) -> str:
    line = text.partition("\n")[0]
    return line if len(line) <= 90 else f"{line[:89]}…"


def as_json(service: str, results: Sequence[Result], seconds: float) -> str:
    checks = [
        {
            "name": result.check.name,
            "outcome": result.verdict.outcome.lower(),
            "seen": result.verdict.seen,
            "habit": f"it {result.check.habit}",
            "mend": result.check.mend,
        }
        for result in results
    ]
    whole = {"service": service, "passed": is_passed(results), "seconds": round(seconds, 1), "checks": checks}
    return json.dumps(whole, indent=2, ensure_ascii=False)
