"""What a service tells the supervisor: the body of /health, and one line per event on the events pipe."""

import json
import os
import select
from collections.abc import Sequence
from typing import Any

from .lifecycle import Lifecycle
from .settings import Settings

LINE_LIMIT_BYTES = 4096  # up to here a write to a pipe is one piece, whoever else writes
STATE_WAIT_SECONDS = 1.0


def health_body(name: str, settings: Settings, lifecycle: Lifecycle, can_sleep: bool) -> dict[str, Any]:
    return {
        "status": lifecycle.status,
        "boot_id": settings.boot_id,
        "name": name,
        "model": settings.model,
        "pid": os.getpid(),
        "load": {"progress": lifecycle.load.fraction, "phase": lifecycle.load.phase},
        "in_flight": lifecycle.in_flight,
        "can_sleep": can_sleep,
        "error": lifecycle.error,
        "uptime_s": round(lifecycle.uptime_seconds(), 3),
    }


class EventsPipe:
    """Writes events; without a pipe, or with one that nobody reads, it drops them and stops nothing."""

    def __init__(self, fd: int | None, boot_id: str | None) -> None:
        self._fd = fd if fd is not None and is_open(fd) else None
        self._boot_id = boot_id
        if self._fd is not None:
            os.set_inheritable(self._fd, False)

    def state(self, status: str, error: str | None = None) -> None:
        event: dict[str, Any] = {"type": "state", "status": status}
        if error is not None:
            event["error"] = error
        self._write(event, STATE_WAIT_SECONDS)

    def load(self, progress: float | None, phase: str | None) -> None:
        self._write({"type": "load", "progress": progress, "phase": phase})

    def weights(self, paths: Sequence[str]) -> None:
        self._write({"type": "weights", "paths": list(paths)})

    def job(self, job_id: str, progress: float | None, phase: str | None) -> None:
        self._write({"type": "job", "job_id": job_id, "progress": progress, "phase": phase})

    def _write(self, event: dict[str, Any], wait_seconds: float = 0.0) -> None:
        if self._fd is None:
            return
        line = encode_line({**event, "boot_id": self._boot_id})
        try:
            if select.select([], [self._fd], [], wait_seconds)[1]:
                os.write(self._fd, line)
        except OSError:
            self._fd = None  # the supervisor is gone; the launcher ends us


def encode_line(event: dict[str, Any]) -> bytes:
    """One JSON line under the limit; a long error loses its beginning, since its end tells more."""
    line = json.dumps(event, ensure_ascii=False).encode() + b"\n"
    error = event.get("error")
    if len(line) < LINE_LIMIT_BYTES or not error:
        return line
    return encode_line({**event, "error": "…" + error[1 + len(error) // 4 :]})


def is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
        return True
    except OSError:
        return False
