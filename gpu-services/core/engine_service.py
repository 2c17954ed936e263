"""A model server around an engine that has an HTTP server of its own."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from .base_service import BaseService
from .engine_process import GRACE_SECONDS, EngineProcess
from .errors import ServiceError
from .relay import Relay, engine_error
from .runner import remove_if_there
from .settings import Settings

PROBE_EVERY_SECONDS = 0.05  # only while it loads
KILL_SECONDS = 2.0  # until all processes of an engine are gone
SOCKET_NAME = "e.sock"  # llama.cpp takes a name for a socket by its ending


class EngineFailed(Exception):
    """The engine ended; the message carries its exit code and last lines."""


class EngineService(BaseService):
    """Subclass it: `engine_command` and `relayed_paths` are enough."""

    relayed_paths: Sequence[str] = ("/v1/chat/completions", "/v1/completions")
    engine_health_path = "/health"
    engine_grace_seconds = GRACE_SECONDS

    def __init__(self, name: str, port: int | None = None, settings: Settings | None = None) -> None:
        super().__init__(name=name, port=port, settings=settings)
        engine_socket = engine_socket_path(self.settings.socket_path)
        self.engine = EngineProcess(engine_socket, self.on_engine_line, self.engine_grace_seconds)
        self.relay = Relay(engine_socket, self.engine_error)
        self._watcher: asyncio.Task[None] | None = None

    # What a model's author writes.

    def engine_command(self, socket_path: str) -> Sequence[str]:
        """The program and its arguments; it must serve HTTP on `socket_path`."""
        raise NotImplementedError

    def engine_environment(self) -> Mapping[str, str]:
        return os.environ

    def on_engine_line(self, line: str) -> None:
        """Sees each line the engine prints; tell `load_progress` from it."""

    def measured_load(self) -> float | None:
        """How far the engine's load is, 0 to 1, where it can be measured from outside."""
        return None

    def engine_error(self, status: int, body: bytes) -> ServiceError:
        """An error that the engine answered, as one of ours."""
        return engine_error(status, body)

    def why_it_ended(self) -> str:
        """What the engine said of its end."""
        return f"Its last lines:\n{self.engine.last_words()}"

    async def answer(self, request: Request) -> Response:
        """One request to a relayed path; override it to change what goes in or comes out."""
        return await self.relay.answer(request)

    # How it runs.

    def create_app(self) -> None:
        for path in self.relayed_paths:
            self.app.add_api_route(path, self.answer, methods=["GET", "POST"], include_in_schema=False)

    async def initialize(self) -> None:
        self.load_progress(0.0, "starting the engine")
        await self.engine.start(self.engine_command(self.engine.socket_path), self.engine_environment())
        exited = asyncio.ensure_future(self.engine.wait())
        while not await self.relay.is_healthy(self.engine_health_path):
            await asyncio.wait([exited], timeout=PROBE_EVERY_SECONDS)
            if exited.done():
                raise EngineFailed(self._obituary(exited.result(), "while it loaded"))
            if (fraction := self.measured_load()) is not None:
                known = self.lifecycle.load.fraction or 0.0
                self.load_progress(max(known, round(fraction, 2)), self.lifecycle.load.phase)
        self._watcher = asyncio.ensure_future(self._watch(exited))

    @property
    def shutdown_seconds(self) -> float:
        return self.engine_grace_seconds + KILL_SECONDS

    async def shutdown(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
        await self.relay.close()
        has_loaded = self.lifecycle.is_serving or self.lifecycle.is_asleep
        # Before that it has nothing to finish, and some engines do not hear SIGTERM while they load.
        await (self.engine.stop() if has_loaded else self.engine.kill())
        self.clear_away()

    def clear_away(self) -> None:
        remove_if_there(self.engine.socket_path)
        if self.settings.socket_path is None:
            shutil.rmtree(Path(self.engine.socket_path).parent, ignore_errors=True)

    async def _watch(self, exited: "asyncio.Future[int]") -> None:
        code = await exited
        self.give_up(self._obituary(code, "while it served"))

    def _obituary(self, code: int, when: str) -> str:
        return f"The engine ended with code {code} {when}. {self.why_it_ended()}"


def engine_socket_path(service_socket_path: str | None) -> str:
    """Beside the service's own socket, where the supervisor cleans up; else in a new private folder."""
    if service_socket_path is None:
        return os.path.join(tempfile.mkdtemp(prefix="rh-engine-"), SOCKET_NAME)
    return f"{service_socket_path.removesuffix('.sock')}-{SOCKET_NAME}"
