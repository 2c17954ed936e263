"""The state of the stand-in, told on the events pipe and in /health."""

import json
import os
import threading
import time
from typing import Any

from settings import Settings

SERVING = ("READY", "BUSY")
LAST_STEPS_SECONDS = 0.5


class Status:
    """Safe to use from any thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._boot_id = "another-start" if settings.habit == "wrong_boot_id" else settings.boot_id
        self._started_at = time.monotonic()
        self._lock = threading.Condition()
        self.name = "STARTING"
        self.error: str | None = None
        self.progress: float | None = None
        self.phase: str | None = None
        self.in_flight = 0
        self.is_garbled = False

    def become(self, name: str, error: str | None = None) -> None:
        self.name, self.error = name, error
        self.tell("state", status=name, **({"error": error} if error else {}))

    def load_progress(self, fraction: float, phase: str) -> None:
        self.progress, self.phase = fraction, phase
        self.tell("load", progress=fraction, phase=phase)

    def tell(self, kind: str, **facts: object) -> None:
        if self._settings.events_fd is None or not self._settings.is_protocol_speaker:
            return
        line = json.dumps({"type": kind, **facts, "boot_id": self._boot_id}) + "\n"
        os.write(self._settings.events_fd, line.encode())

    def try_enter(self) -> bool:
        with self._lock:
            if self.name not in SERVING:
                return False
            self.in_flight += 1
            self.name = "BUSY"
            return True

    def leave(self) -> None:
        with self._lock:
            self.in_flight -= 1
            if self.in_flight == 0 and self.name == "BUSY":
                self.name = "READY"
            self._lock.notify_all()

    def refusal(self) -> tuple[str, str]:
        """Message and code for a request that may not enter."""
        if self.name == "ASLEEP":
            return "The model is asleep; it answers once it was woken", "model_asleep"
        return "The model is still loading; try again soon", "model_loading"

    def try_sleep(self) -> bool:
        """A request may be at its last steps when its answer has gone out: it gets a moment."""
        with self._lock:
            self._lock.wait_for(lambda: self.name != "BUSY", LAST_STEPS_SECONDS)
            if self.name != "READY":
                return False
            self.name = "ASLEEP"
            return True

    def wait_until_idle(self) -> None:
        with self._lock:
            self._lock.wait_for(lambda: self.in_flight == 0)

    def health(self) -> tuple[int, dict[str, Any]]:
        if self._settings.habit == "foreign":
            return (200, {"status": "ok"}) if self.name in SERVING else (503, {"status": "loading"})
        return 200, {
            "status": self.name,
            "boot_id": self._boot_id,
            "name": "stand-in",
            "model": self._settings.model,
            "pid": os.getpid(),
            "load": {"progress": self.progress, "phase": self.phase},
            "in_flight": self.in_flight,
            "can_sleep": self._settings.can_sleep,
            "error": self.error,
            "uptime_s": round(time.monotonic() - self._started_at, 3),
        }
