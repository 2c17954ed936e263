"""What a download tells: JSON, one object per line on stdout, for a terminal or a script to follow."""

import json
import sys
import threading
from typing import Any

_lock = threading.Lock()


class Trouble(Exception):
    """A download that cannot be: one sentence of what happened, one of what to do."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


class Interrupted(BaseException):
    """Ctrl-C or SIGTERM: what is on the disk stays, and the next download goes on from there."""


def tell(event: str, **fields: Any) -> None:
    with _lock:
        sys.stdout.write(json.dumps({"event": event, **fields}, ensure_ascii=False) + "\n")
        sys.stdout.flush()
