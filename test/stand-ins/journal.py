"""An fsynced diary of generations, from which a test proves that no two ran at once."""

import fcntl
import json
import os
import threading
import time


class Journal:
    """One line per entry. A process that generates holds a lock beside the journal; taken: `overlap`."""

    def __init__(self, path: str | None, model: str) -> None:
        self._path = path
        self._model = model
        self._lock = threading.Lock()
        self._jobs: list[str] = []
        self._lock_fd: int | None = None

    def start(self, job: str, attempt: int) -> None:
        with self._lock:
            is_alone = job not in self._jobs and self._hold()
            self._jobs.append(job)
            if not is_alone:
                self._write("overlap", job, attempt)
            self._write("gen_start", job, attempt)

    def first_token(self, job: str, attempt: int) -> None:
        with self._lock:
            self._write("first_token", job, attempt)

    def end(self, job: str, attempt: int) -> None:
        with self._lock:
            self._write("gen_end", job, attempt)
            self._jobs.remove(job)
            if not self._jobs and self._lock_fd is not None:
                os.close(self._lock_fd)
                self._lock_fd = None

    def _hold(self) -> bool:
        if self._path is None or self._lock_fd is not None:
            return True
        fd = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        self._lock_fd = fd
        return True

    def _write(self, event: str, job: str, attempt: int) -> None:
        if self._path is None:
            return
        entry = {"event": event, "job": job, "attempt": attempt, "model": self._model}
        line = json.dumps({**entry, "pid": os.getpid(), "mono": time.monotonic()}) + "\n"
        fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(fd, line.encode())
            os.fsync(fd)
        finally:
            os.close(fd)
