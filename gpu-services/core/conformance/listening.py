"""What a server tells without being asked: its events and its output, read by threads and kept."""

import json
import os
import threading
import time
from collections.abc import Callable
from typing import IO, Any

Event = dict[str, Any]
LINES_KEPT = 20_000
BYTES_KEPT = 4 << 20


class Listener:
    """Reads a pipe to its end; waiting for what comes wakes up at each piece."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def close(self, seconds: float = 1.0) -> None:
        """What holds the pipe open after the server's end is not waited for."""
        self._thread.join(seconds)
        if not self._thread.is_alive():
            self._pipe.close()

    def _listen(self) -> None:
        buffer = b""
        while piece := os.read(self._pipe.fileno(), 1 << 16):
            *lines, buffer = (buffer + piece).split(b"\n")
            buffer = buffer[-BYTES_KEPT:]
            with self._news:
                for line in lines:
                    self._heard(line)
                self._news.notify_all()
        with self._news:
            if buffer:
                self._heard(buffer)
            self._news.notify_all()

    def _heard(self, line: bytes) -> None:
        raise NotImplementedError


class Events(Listener):
    def __init__(self, pipe: IO[bytes]) -> None:
        self.seen: list[Event] = []
        self.not_events: list[str] = []
        super().__init__(pipe)

    def wait_for(self, matches: Callable[[Event], bool], seconds: float) -> Event | None:
        """The first such event, also one that has come already."""
        give_up_at = time.monotonic() + seconds
        with self._news:
            while True:
                if found := next(filter(matches, self.seen), None):
                    return found
                if not self._news.wait(max(0.0, give_up_at - time.monotonic())):
                    return next(filter(matches, self.seen), None)

    def of_job(self, job: str) -> list[Event]:
        with self._news:
            return [event for event in self.seen if event.get("job_id") == job]

    def of_type(self, kind: str) -> list[Event]:
        with self._news:
            return [event for event in self.seen if event.get("type") == kind]

    def _heard(self, line: bytes) -> None:
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if isinstance(event, dict) and isinstance(event.get("type"), str):
            self.seen.append(event)
        else:
            self.not_events.append(line[:200].decode(errors="replace"))


class Output(Listener):
    def __init__(self, pipe: IO[bytes]) -> None:
        self.lines: list[str] = []
        self.bytes = 0
        super().__init__(pipe)

    def _heard(self, line: bytes) -> None:
        self.bytes += len(line) + 1
        if len(self.lines) < LINES_KEPT and self.bytes <= BYTES_KEPT:
            self.lines.append(line.decode(errors="replace"))
