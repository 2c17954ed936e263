"""One answer, token by token, with the habit that the settings ask for."""

import resource
import select
import signal
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from answers import prompt_of, tokens_of
from journal import Journal
from settings import ANSWER_HABITS, Settings
from status import Status


class ClientLeft(Exception):
    """The connection was closed before the answer was complete."""


class Generation:
    """What one request makes, and when it hangs, crashes or notices that nobody listens any more."""

    def __init__(
        self,
        settings: Settings,
        status: Status,
        journal: Journal,
        connection: socket.socket,
        body: dict[str, Any],
        job: str,
        attempt: int,
    ) -> None:
        self._settings = settings
        self._status = status
        self._journal = journal
        self._connection = connection
        self._job = job
        self._attempt = attempt
        reply = "what was that" if status.is_garbled else settings.reply
        self._tokens = tokens_of(body, reply, settings.tokens)
        self.habit = habit_for(settings, body, attempt)

    def tokens(self) -> Iterator[str]:
        """Yields each token when its time has come. Raises ClientLeft."""
        self._journal.start(self._job, self._attempt)
        try:
            for at, token in enumerate(self._tokens):
                self._behave(at)
                self._wait(self._settings.token_ms / 1000)
                yield token
                if at == 0:
                    self._journal.first_token(self._job, self._attempt)
                self._status.tell(
                    "job", job_id=self._job, progress=(at + 1) / len(self._tokens), phase="generating"
                )
        finally:
            self._journal.end(self._job, self._attempt)

    def _behave(self, at: int) -> None:
        is_half = at == max(1, len(self._tokens) // 2)
        if (self.habit == "hang_first_token" and at == 0) or (self.habit == "hang_mid_stream" and is_half):
            while True:
                self._wait(60)
        if self.habit == "crash_mid_stream" and is_half:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            # To this thread: another one that took it would let this one go on for a moment.
            signal.pthread_kill(threading.get_ident(), signal.SIGSEGV)

    def _wait(self, seconds: float) -> None:
        """Sleeps, and wakes at once when the client leaves."""
        if self.habit == "ignore_cancel":
            time.sleep(seconds)
            return
        readable, _, _ = select.select([self._connection], [], [], seconds)
        if readable and self._connection.recv(1, socket.MSG_PEEK) == b"":
            raise ClientLeft


def habit_for(settings: Settings, body: dict[str, Any], attempt: int) -> str:
    """The habit of this answer: `attempts` and `when` may spare it."""
    if settings.habit not in ANSWER_HABITS:
        return "none"
    is_spared_by_attempt = settings.attempts is not None and attempt > settings.attempts
    is_spared_by_text = settings.when is not None and settings.when not in prompt_of(body)
    return "none" if is_spared_by_attempt or is_spared_by_text else settings.habit
