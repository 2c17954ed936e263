"""What to start and what to send it: conformance.json in the service's folder, and the command line."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .request import PlanError, Request, request_from

FILE_NAME = "conformance.json"
CLAIMS = ("load_progress", "job_progress")
KEYS = ("args", "claims", "request", "long", "stream", "bad", "broken_args", "repeatable")


@dataclass(frozen=True)
class Plan:
    """`long` must work for at least a second, so that it can be interrupted; `stream` is `long`, streamed."""

    script: Path
    python: str
    args: dict[str, Any] = field(default_factory=dict)
    claims: frozenset[str] = frozenset()
    request: Request | None = None
    long: Request | None = None
    stream: Request | None = None
    bad: Request | None = None
    broken_args: dict[str, Any] | None = None
    repeatable: bool = True

    @property
    def services(self) -> Path:
        """The folder that `core` is in."""
        return Path(__file__).resolve().parents[2]


def read_plan(service: Path, python: str, over: Mapping[str, Any]) -> Plan:
    """`over` wins over the file, and its args over those of the file one by one. Raises PlanError."""
    script = service if service.suffix == ".py" else service / "server.py"
    if not script.is_file():
        raise PlanError(f"there is no {script}: give the folder of a service, or its Python file")
    file = script.parent / FILE_NAME
    entries = entries_of(file)
    args = {**entries.get("args", {}), **over.get("args", {})}
    return plan_from({**entries, **over, "args": args}, script.resolve(), python, str(file))


def entries_of(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        entries = json.loads(file.read_text())
    except ValueError as error:
        raise PlanError(f"{file} is not JSON: {error}") from None
    if not isinstance(entries, dict):
        raise PlanError(f"{file} must hold a JSON object with some of: {', '.join(KEYS)}")
    return entries


def plan_from(entries: Mapping[str, Any], script: Path, python: str, where: str) -> Plan:
    if unknown := [key for key in entries if key not in KEYS]:
        raise PlanError(f"{where}: {unknown[0]!r} is not known; there are {', '.join(KEYS)}")
    claims = entries.get("claims", [])
    if unknown := [claim for claim in claims if claim not in CLAIMS]:
        raise PlanError(f"{where}: claims: {unknown[0]!r} is not known; there are {', '.join(CLAIMS)}")
    requests = {
        key: request_from(entries[key], script.parent, f"{where}: {key}")
        for key in ("request", "long", "stream", "bad")
        if key in entries
    }
    return Plan(
        script,
        python,
        args=entries.get("args", {}),
        claims=frozenset(claims),
        broken_args=entries.get("broken_args"),
        repeatable=entries.get("repeatable", True),
        **requests,
    )
