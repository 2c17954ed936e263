"""The command line. Exit code: 0 if the contract is kept, 1 if not, 2 if it cannot be checked."""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .examination import ALL_CHECKS, SCENES, examine, is_passed
from .limits import Limits
from .plan import read_plan
from .report import as_json, as_table
from .request import PlanError
from .verdict import Check

CANNOT_BE_CHECKED = 2


def main() -> int:
    options = option_parser().parse_args()
    if options.list:
        print("\n".join(f"{check.name}: it must not be one that {check.habit}" for check in ALL_CHECKS))
        return 0
    if options.service is None:
        print("conformance: give the folder of a service, such as gpu-services/piper", file=sys.stderr)
        return CANNOT_BE_CHECKED
    try:
        plan = read_plan(options.service, options.python, entries_over(options))
        checks = chosen(options.only)
    except PlanError as error:
        print(f"conformance: {error}", file=sys.stderr)
        return CANNOT_BE_CHECKED
    begun_at = time.monotonic()
    say_scene = (
        None if options.json else lambda scene: print(f"… {SCENES[scene]}", file=sys.stderr, flush=True)
    )
    results = examine(plan, limits_from(options), checks, say_scene or (lambda scene: None))
    show = as_json if options.json else as_table
    print(show(str(options.service), results, time.monotonic() - begun_at))
    return 0 if is_passed(results) else 1


def option_parser() -> argparse.ArgumentParser:
    standard = Limits()
    parser = argparse.ArgumentParser(
        prog="python -m core.conformance",
        description="Starts a model server several times and checks that it keeps its contract.",
        epilog="What to send is in conformance.json in the service's folder; see gpu-services/README.md.",
    )
    parser.add_argument("service", nargs="?", type=Path, help="its folder, or its Python file")
    parser.add_argument(
        "--args", type=json_object, metavar="JSON", help="args of the model, as in models.yaml"
    )
    for name in ("request", "long", "stream", "bad"):
        parser.add_argument(f"--{name}", type=sent, metavar="PATH:JSON", help=f"the {name} request")
    parser.add_argument("--only", metavar="NAMES", help="some checks, separated by commas")
    parser.add_argument("--list", action="store_true", help="print the checks and end")
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    parser.add_argument("--python", default=sys.executable, help="runs the service; default: this one")
    parser.add_argument("--nvidia-smi", default=shutil.which("nvidia-smi"), metavar="PROGRAM")
    for field in ("first_health", "load", "answer", "cancel", "grace", "gpu"):
        default = getattr(standard, f"{field}_seconds")
        parser.add_argument(f"--{field.replace('_', '-')}-seconds", type=float, default=default, metavar="N")
    return parser


def json_object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError
    return value


def sent(text: str) -> dict[str, Any]:
    path, _, body = text.partition(":")
    return {"path": path, "json": json_object(body)}


def entries_over(options: argparse.Namespace) -> dict[str, Any]:
    names = ("args", "request", "long", "stream", "bad")
    return {name: value for name in names if (value := getattr(options, name)) is not None}


def chosen(names: str | None) -> Sequence[Check]:
    if names is None:
        return ALL_CHECKS
    known = {check.name: check for check in ALL_CHECKS}
    if unknown := [name for name in names.split(",") if name not in known]:
        raise PlanError(f"--only: there is no check {unknown[0]!r}; there are {', '.join(known)}")
    return [known[name] for name in names.split(",")]


def limits_from(options: argparse.Namespace) -> Limits:
    return Limits(
        first_health_seconds=options.first_health_seconds,
        load_seconds=options.load_seconds,
        answer_seconds=options.answer_seconds,
        cancel_seconds=options.cancel_seconds,
        grace_seconds=options.grace_seconds,
        gpu_seconds=options.gpu_seconds,
        nvidia_smi=tuple(options.nvidia_smi.split()) if options.nvidia_smi else None,
    )


if __name__ == "__main__":
    sys.exit(main())
