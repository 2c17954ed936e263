"""The request being answered: its progress and its cancellation, from any code that works for it."""

import contextvars
import threading
import time
from collections.abc import Callable

ReportProgress = Callable[[str, float | None, str | None], None]
EVERY_SECONDS = 0.1


class JobCancelled(Exception):
    """Raised by `raise_if_cancelled` when nobody waits for the answer any more."""


class Job:
    """One request. Safe to use from the handler, from a thread pool, and from the model's callbacks."""

    def __init__(
        self,
        job_id: str | None = None,
        report: ReportProgress = lambda job_id, fraction, phase: None,
        monotonic_seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self.id = job_id
        self._report = report
        self._monotonic_seconds = monotonic_seconds
        self._cancelled = threading.Event()
        self._last_phase: str | None = None
        self._next_report_at = float("-inf")

    def progress(self, fraction: float | None, phase: str | None = None) -> None:
        """Tells how far the job is, 0 to 1 (None: cannot be told). Call it as often as you like."""
        now = self._monotonic_seconds()
        is_due = now >= self._next_report_at or phase != self._last_phase or fraction == 1
        if self.id is None or not is_due:
            return
        self._next_report_at = now + EVERY_SECONDS
        self._last_phase = phase
        self._report(self.id, clamped(fraction), phase)

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    def raise_if_cancelled(self) -> None:
        """Raises JobCancelled once the client has left; call it between steps of the work."""
        if self.cancelled:
            raise JobCancelled("the client has left")

    def cancel(self) -> None:
        self._cancelled.set()


def clamped(fraction: float | None) -> float | None:
    return None if fraction is None else min(1.0, max(0.0, float(fraction)))


_current: contextvars.ContextVar[Job | None] = contextvars.ContextVar("roundhouse_job", default=None)


def current_job() -> Job:
    """The job that the calling code works for; outside of a request, one that is never cancelled."""
    return _current.get() or Job()


def enter_job(job: Job) -> None:
    """Makes `job` the current one for the calling task and all it starts."""
    _current.set(job)
