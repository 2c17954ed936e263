"""Puts a model to sleep, wakes it and asks its canary, at the supervisor's word: routes of the front."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from .errors import describe, error_response
from .lifecycle import Lifecycle

SLEEP_PATH = "/roundhouse/sleep"
WAKE_PATH = "/roundhouse/wake"
CANARY_PATH = "/roundhouse/canary"

LAST_STEPS_LOOKS = 30
LOOK_EVERY_SECONDS = 0.02

Value = TypeVar("Value")

log = logging.getLogger(__name__)


class Sleeper(Protocol):
    """What the switch needs of a service."""

    lifecycle: Lifecycle

    @property
    def can_sleep(self) -> bool: ...
    async def sleep(self) -> None: ...
    async def wake(self) -> None: ...
    async def canary(self) -> str | None: ...
    def health(self) -> dict[str, Any]: ...
    def give_up(self, reason: str) -> None: ...


class SleepSwitch:
    """Used on the server's loop; the hooks run on the model's loop, one at a time and never beside a request.

    From the moment it is told to sleep until it is awake again a model is ASLEEP: it takes no request. The
    answer, and the event, come when the hook is done. A client that leaves stops neither.
    """

    def __init__(self, service: Sleeper, work_loop: asyncio.AbstractEventLoop) -> None:
        self._service = service
        self._work_loop = work_loop
        self._is_turning = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (await self._answer(scope["path"], scope["method"]))(scope, receive, send)

    async def _answer(self, path: str, method: str) -> Response:
        if method != "POST":
            return error_response(405, "Method Not Allowed", code="method_not_allowed")
        if not self._service.can_sleep:
            return error_response(501, "This model does not offer sleep", code="sleep_not_offered")
        if self._is_turning:
            return refusal(path, "already falling asleep or waking")
        self._is_turning = True
        return await asyncio.shield(self._turn_if_allowed(path))

    async def _turn_if_allowed(self, path: str) -> Response:
        try:
            if not await self._is_allowed_soon(path):
                return refusal(path, self._service.lifecycle.status)
            return await self._turn(path)
        finally:
            self._is_turning = False

    async def _is_allowed_soon(self, path: str) -> bool:
        """A request may still be at its last steps when its whole answer has reached the client.

        Looks are counted, not seconds: a machine that pauses takes none of its time away.
        """
        for _ in range(LAST_STEPS_LOOKS):
            if self._is_allowed(path):
                return True
            if self._service.lifecycle.status != "BUSY":
                return False
            await asyncio.sleep(LOOK_EVERY_SECONDS)
        return self._is_allowed(path)

    def _is_allowed(self, path: str) -> bool:
        lifecycle = self._service.lifecycle
        if path == SLEEP_PATH:
            return lifecycle.try_sleep()
        return lifecycle.is_asleep if path == WAKE_PATH else lifecycle.status == "READY"

    async def _turn(self, path: str) -> Response:
        try:
            if path == CANARY_PATH:
                return JSONResponse({"canary": await self._run(self._service.canary)})
            if path == SLEEP_PATH:
                await self._run(self._service.sleep)
                self._service.lifecycle.fell_asleep()
            else:
                await self._run(self._service.wake)
                self._service.lifecycle.become("READY")
        except (Exception, SystemExit) as error:
            reason = f"{path} failed: {describe(error)}"
            log.error(reason, exc_info=error)
            self._service.give_up(reason)
            return error_response(500, reason, code="model_failed")
        return JSONResponse(self._service.health())

    async def _run(self, hook: Callable[[], Awaitable[Value]]) -> Value:
        async def on_work_loop() -> Value:
            return await hook()

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(on_work_loop(), self._work_loop))


def refusal(path: str, state: str) -> Response:
    wanted = "ASLEEP" if path == WAKE_PATH else "READY, with no request in flight"
    return error_response(409, f"{path} needs a model that is {wanted}; it is {state}", code="wrong_state")
