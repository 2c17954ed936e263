"""What a service is told from outside: by the supervisor's variables, or on the command line."""

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

DEFAULT_GRACE_SECONDS = 9.0  # one less than the launcher's, so that the service ends by itself


@dataclass(frozen=True)
class Settings:
    """`socket_path` wins over `port`; `port` is None where neither variable nor option names one."""

    socket_path: str | None = None
    port: int | None = None
    boot_id: str | None = None
    model: str | None = None
    args: dict[str, Any] = field(default_factory=dict)
    events_fd: int | None = None
    grace_seconds: float = DEFAULT_GRACE_SECONDS
    sleep: bool = False  # it is to sleep when it is evicted, where it can


def read_settings(environ: Mapping[str, str] = os.environ, argv: Sequence[str] = ()) -> Settings:
    """Options win over variables. Raises SystemExit with one line for a wrong option or variable."""
    parser = option_parser()
    options = parser.parse_args(argv)
    try:
        args = parse_args(options.args or environ.get("ROUNDHOUSE_ARGS") or "{}")
        port = options.port if options.port is not None else number(environ, "ROUNDHOUSE_SERVICE_PORT")
        events_fd = number(environ, "ROUNDHOUSE_EVENTS_FD")
        grace_seconds = float(environ.get("ROUNDHOUSE_GRACE_SECONDS") or DEFAULT_GRACE_SECONDS)
    except ValueError as error:
        parser.error(str(error))
    from_environment = None if options.port is not None else environ.get("ROUNDHOUSE_SOCKET")
    return Settings(
        socket_path=options.socket or from_environment or None,
        port=port,
        boot_id=environ.get("ROUNDHOUSE_BOOT_ID") or None,
        model=environ.get("ROUNDHOUSE_MODEL") or None,
        args=args,
        events_fd=events_fd,
        grace_seconds=grace_seconds,
        sleep=environ.get("ROUNDHOUSE_SLEEP") == "1",
    )


def option_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="A model server; also runs standalone.")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--port", type=int, help="listen on 127.0.0.1 at this port")
    where.add_argument("--socket", metavar="PATH", help="listen on this Unix socket")
    parser.add_argument("--args", metavar="JSON", help="the model's args, as in models.yaml")
    return parser


def parse_args(text: str) -> dict[str, Any]:
    try:
        args = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"args is not JSON: {error}") from None
    if not isinstance(args, dict):
        raise ValueError('args must be a JSON object, such as {"n_ctx": 4096}')
    return args


def number(environ: Mapping[str, str], name: str) -> int | None:
    text = environ.get(name)
    if not text:
        return None
    if not text.isdigit():
        raise ValueError(f"{name} must be a whole number, not {text!r}")
    return int(text)
