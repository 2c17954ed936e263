"""The door of a service: /health from the first second, 503 until the model is ready, then its app."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from .errors import error_response
from .exchange import Exchange
from .job import Job
from .lifecycle import Lifecycle
from .protocol import EventsPipe

REFUSALS = {
    "STARTING": ("model_loading", "The model is still loading; try again soon"),
    "ASLEEP": ("model_asleep", "The model is asleep; it answers once it was woken"),
    "SETUP_FAILED": ("model_failed", "The model could not be loaded: {error}"),
    "DEFUNCT": ("model_failed", "The model has failed and must be started again: {error}"),
}

log = logging.getLogger(__name__)


class Front:
    """An ASGI app for the server's loop; `app` runs on the model's loop."""

    def __init__(
        self,
        app: ASGIApp,
        work_loop: asyncio.AbstractEventLoop,
        lifecycle: Lifecycle,
        events: EventsPipe,
        health: Callable[[], dict[str, Any]],
        own_routes: Mapping[str, ASGIApp],
    ) -> None:
        """`own_routes` are answered here, in every state."""
        self._app = app
        self._work_loop = work_loop
        self._lifecycle = lifecycle
        self._events = events
        self._health = health
        self._own_routes = own_routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"only HTTP is served here, not {scope['type']}")
        if scope["path"] == "/health":
            await JSONResponse(self._health())(scope, receive, send)
        elif (own := self._own_routes.get(scope["path"])) is not None:
            await own(scope, receive, send)
        elif not self._lifecycle.try_enter():
            await self._refuse(scope, receive, send)
        else:
            await self._serve(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        code, message = REFUSALS[self._lifecycle.status]
        text = message.format(error=self._lifecycle.error)
        await error_response(503, text, code=code)(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        job = Job(job_id_of(scope), self._events.job)
        try:
            await Exchange(self._app, self._work_loop, job).run(scope, receive, send)
        finally:
            self._lifecycle.leave()
            if job.cancelled:
                log.info("The client left before the answer was complete", extra={"job_id": job.id})


def job_id_of(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"x-job-id":
            return str(value.decode("latin-1"))
    return None
