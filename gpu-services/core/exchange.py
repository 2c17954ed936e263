"""Carries one request from the server's loop to the model's loop and the answer back."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from anyio import CancelScope
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .job import Job, enter_job

BODY_PIECES_AHEAD = 8

log = logging.getLogger(__name__)


class Exchange:
    """Made and used on the server's loop. A client that leaves cancels the job and its handler."""

    def __init__(self, app: ASGIApp, work_loop: asyncio.AbstractEventLoop, job: Job) -> None:
        self._app = app
        self._work_loop = work_loop
        self._server_loop = asyncio.get_running_loop()
        self._job = job
        self._inbox: asyncio.Queue[Message] = asyncio.Queue(BODY_PIECES_AHEAD)
        self._finished: asyncio.Future[BaseException | None] = self._server_loop.create_future()
        self._handler: asyncio.Task[None] | None = None
        self._wanted: CancelScope | None = None
        self._has_answered = False

    async def run(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Returns when the handler has really ended, so that whoever counts requests counts right."""
        self._send = send
        self._work_loop.call_soon_threadsafe(self._start, scope)
        listener = asyncio.ensure_future(self._listen(receive))
        try:
            error = await asyncio.shield(self._finished)
        except asyncio.CancelledError:
            self._cancel()
            raise
        finally:
            listener.cancel()
        if error is None or self._job.cancelled:
            return
        log.error("A request failed", exc_info=error, extra={"job_id": self._job.id})
        if not self._has_answered:
            raise error

    async def _listen(self, receive: Receive) -> None:
        """Passes the body on, then waits for the client to leave."""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                if not self._has_answered:
                    self._cancel()
                return
            await self._inbox.put(message)

    def _cancel(self) -> None:
        self._job.cancel()
        self._work_loop.call_soon_threadsafe(self._cancel_handler)

    # The rest runs on the model's loop.

    def _start(self, scope: Scope) -> None:
        self._handler = self._work_loop.create_task(self._handle(scope))
        self._handler.add_done_callback(self._tell_finished)

    async def _handle(self, scope: Scope) -> None:
        """A scope of anyio's, unlike a task that is cancelled, waits for the threads that it began."""
        enter_job(self._job)
        with CancelScope() as self._wanted:
            if self._job.cancelled:  # before this began
                self._wanted.cancel()
            await self._app(scope, self._receive_there, self._send_there)

    def _cancel_handler(self) -> None:
        if self._wanted is not None:
            self._wanted.cancel()

    def _tell_finished(self, handler: "asyncio.Task[None]") -> None:
        error = asyncio.CancelledError() if handler.cancelled() else handler.exception()
        self._on_server_loop(lambda: self._finished.set_result(error))

    def _on_server_loop(self, callback: Callable[[], Any]) -> None:
        try:
            self._server_loop.call_soon_threadsafe(callback)
        except RuntimeError:
            pass  # the server has ended

    async def _receive_there(self) -> Message:
        waiting = asyncio.run_coroutine_threadsafe(self._next_message(), self._server_loop)
        return await asyncio.wrap_future(waiting)

    async def _send_there(self, message: Message) -> None:
        await asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(self._send_here(message), self._server_loop)
        )

    async def _next_message(self) -> Message:
        if self._job.cancelled:
            return {"type": "http.disconnect"}
        return await self._inbox.get()

    async def _send_here(self, message: Message) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._has_answered = True  # what the server calls a disconnect after this is none
        await self._send(message)
