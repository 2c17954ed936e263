"""Sleep and wake of a model that is none: it gives its memory on paper back and takes it again."""

import os
import threading
import time
from typing import Any

from answers import error_body
from ledger import hold, let_go
from loading import LINGER_SECONDS, take_memory
from settings import Settings
from status import Status


class SleepSwitch:
    def __init__(self, settings: Settings, status: Status) -> None:
        self._settings = settings
        self._status = status
        self.hooks = {
            "/roundhouse/sleep": self._sleep,
            "/roundhouse/wake": self._wake,
            "/roundhouse/canary": self._sing,
        }

    def turn(self, path: str) -> tuple[int, dict[str, Any]]:
        """The answer to a POST."""
        if not self._settings.can_sleep:
            return 501, error_body("This model does not offer sleep", "sleep_not_offered")
        if not self._is_allowed(path):
            return 409, error_body(f"It is {self._status.name}", "wrong_state")
        return self.hooks[path]()

    def _is_allowed(self, path: str) -> bool:
        if path == "/roundhouse/sleep":
            return self._status.try_sleep()
        return self._status.name == ("ASLEEP" if path == "/roundhouse/wake" else "READY")

    def _sing(self) -> tuple[int, dict[str, Any]]:
        return 200, {"canary": "gibberish" if self._status.is_garbled else "tweet"}

    def _sleep(self) -> tuple[int, dict[str, Any]]:
        if self._settings.habit == "sleep_fails":
            return self._fail("no room to sleep in")
        if self._settings.ledger is not None and self._settings.habit != "sleep_keeps_vram":
            let_go(self._settings.ledger)
            if self._settings.asleep_mb > 0:
                hold(self._settings.ledger, self._settings.asleep_mb, name=self._settings.model)
        self._status.become("ASLEEP")
        return self._status.health()

    def _wake(self) -> tuple[int, dict[str, Any]]:
        if self._settings.habit == "wake_dies":
            self._status.become("DEFUNCT", "the weights have melted")
        if self._settings.habit in ("wake_dies", "wake_hangs"):
            threading.Event().wait()
        time.sleep(self._settings.wake_ms / 1000)
        if self._settings.habit == "wake_fails":
            return self._fail("the weights are gone")
        take_memory(self._settings)
        self._status.is_garbled = self._settings.habit == "wake_garbles"
        self._status.become("READY")
        return self._status.health()

    def _fail(self, reason: str) -> tuple[int, dict[str, Any]]:
        self._status.become("DEFUNCT", reason)
        threading.Thread(target=end_soon, daemon=True).start()
        return 500, error_body(reason, "model_failed")


def end_soon() -> None:
    time.sleep(LINGER_SECONDS)
    os._exit(1)
