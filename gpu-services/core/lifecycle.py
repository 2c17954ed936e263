"""The states of a model server, as a table, and the one place that changes them."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

Status = Literal["STARTING", "READY", "BUSY", "ASLEEP", "SETUP_FAILED", "DEFUNCT"]

TRANSITIONS: Final[dict[Status, tuple[Status, ...]]] = {
    "STARTING": ("READY", "SETUP_FAILED", "DEFUNCT"),
    "READY": ("BUSY", "ASLEEP", "DEFUNCT"),
    "BUSY": ("READY", "DEFUNCT"),
    "ASLEEP": ("READY", "DEFUNCT"),
    "SETUP_FAILED": (),
    "DEFUNCT": (),
}
SERVING: Final[tuple[Status, ...]] = ("READY", "BUSY")


class IllegalTransition(Exception):
    def __init__(self, before: Status, after: Status) -> None:
        super().__init__(f"A model server that is {before} cannot become {after}")


@dataclass(frozen=True)
class LoadProgress:
    """`fraction` from 0 to 1, or None where it cannot be told."""

    fraction: float | None = None
    phase: str | None = None


class Lifecycle:
    """Holds status, load progress and requests in flight; safe to use from any thread."""

    def __init__(
        self,
        on_status: Callable[[Status, str | None], None] = lambda status, error: None,
        monotonic_seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self.status: Status = "STARTING"
        self.error: str | None = None
        self.load = LoadProgress()
        self.in_flight = 0
        self._on_status = on_status
        self._monotonic_seconds = monotonic_seconds
        self._started_at = monotonic_seconds()
        self._lock = threading.Lock()

    @property
    def is_serving(self) -> bool:
        return self.status in SERVING

    @property
    def is_asleep(self) -> bool:
        return self.status == "ASLEEP"

    @property
    def is_over(self) -> bool:
        return not TRANSITIONS[self.status]

    def uptime_seconds(self) -> float:
        return self._monotonic_seconds() - self._started_at

    def become(self, status: Status, error: str | None = None) -> None:
        """Raises IllegalTransition for a move that the table does not name."""
        with self._lock:
            self._move(status)
            self.error = error
        self._on_status(status, error)

    def try_enter(self) -> bool:
        """Counts one request in; False, and nothing counted, while the model is not serving."""
        with self._lock:
            if not self.is_serving:
                return False
            self.in_flight += 1
            if self.status == "READY":
                self._move("BUSY")
            return True

    def try_sleep(self) -> bool:
        """ASLEEP from now on, so that nothing enters any more; False if it is not READY. Not told yet."""
        with self._lock:
            if self.status != "READY":
                return False
            self._move("ASLEEP")
            return True

    def fell_asleep(self) -> None:
        """Tells what `try_sleep` began, unless the model failed meanwhile."""
        if self.is_asleep:
            self._on_status("ASLEEP", None)

    def leave(self) -> None:
        with self._lock:
            self.in_flight -= 1
            if self.in_flight == 0 and self.status == "BUSY":
                self._move("READY")

    def _move(self, status: Status) -> None:
        if status not in TRANSITIONS[self.status]:
            raise IllegalTransition(self.status, status)
        self.status = status
