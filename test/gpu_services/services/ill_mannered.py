"""A model server with one bad habit, named in `args.habit`; with none it is polite."""

import asyncio
import json
import logging
import mmap
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field
from starlette.types import ASGIApp, Receive, Scope, Send

from core.base_service import BaseService
from core.settings import read_settings

STEP_SECONDS = 0.02
SHARED_MEMORY = "/dev/shm/rh-ill-mannered"

left_behind: list[mmap.mmap] = []


class Work(BaseModel):
    steps: int = Field(ge=1, le=10_000)


class Polite(BaseService):
    can_sleep = True

    async def initialize(self) -> None:
        for step in range(10):
            self.load_progress(step / 10, "weights")
            await asyncio.sleep(float(self.args.get("load_seconds", 0.4)) / 10)
        if self.args.get("broken"):
            raise RuntimeError("no such checkpoint")

    def create_app(self) -> None:
        self.app.post("/work")(self.work)
        self.app.post("/stream")(self.stream)

    async def work(self, body: Work) -> Any:
        return {"steps": [step async for step in self.steps(body)]}

    async def stream(self, body: Work) -> Any:
        pieces = (f"data: {step}\n\n" async for step in self.steps(body))
        return StreamingResponse(pieces, media_type="text/event-stream")

    async def steps(self, body: Work) -> AsyncIterator[int]:
        for step in range(body.steps):
            await asyncio.sleep(STEP_SECONDS)
            self.job.progress((step + 1) / body.steps, "working")
            yield step

    async def sleep(self) -> None: ...

    async def wake(self) -> None: ...


class SlowToListen(Polite):
    def run(self) -> None:
        time.sleep(4)
        super().run()


class MindsStaleSockets(Polite):
    def run(self) -> None:
        if Path(self.settings.socket_path or "").is_socket():
            sys.exit("address already in use")
        super().run()


class NeedsSupervisor(Polite):
    def run(self) -> None:
        if self.settings.socket_path is None:
            sys.exit("where is my supervisor?")
        super().run()


class OpensSocketToAll(Polite):
    async def initialize(self) -> None:
        os.chmod(self.settings.socket_path or "", 0o666)


class TakesRequestsEarly(Polite):
    def _front(self) -> Any:
        front = super()._front()

        async def too_early(scope: Scope, receive: Receive, send: Send) -> None:
            is_early = not self.lifecycle.is_serving and scope["path"] != "/health"
            answerer: ASGIApp = JSONResponse({"steps": []}) if is_early else front
            await answerer(scope, receive, send)

        return too_early


class TellsNoLoadProgress(Polite):
    async def initialize(self) -> None: ...


class LoadsBackwards(Polite):
    async def initialize(self) -> None:
        self.load_progress(0.8)
        self.load_progress(0.3)


class FailsSilently(Polite):
    async def initialize(self) -> None:
        if self.args.get("broken"):
            os._exit(1)


class ChokesOnBadInput(Polite):
    async def work(self, request: Request) -> Any:  # type: ignore[override]
        body = json.loads(await request.body())
        return {"steps": list(range(body["steps"]))}


class RefusesInItsOwnWords(Polite):
    async def work(self, request: Request) -> Any:  # type: ignore[override]
        try:
            return {"steps": list(range(json.loads(await request.body())["steps"]))}
        except (ValueError, TypeError):
            return JSONResponse({"detail": "no"}, status_code=422)


class KnowsEveryPath(Polite):
    def create_app(self) -> None:
        super().create_app()
        self.app.get("/{path:path}")(lambda path: {"path": path})


class HidesItsWork(Polite):
    def health(self) -> dict[str, Any]:
        return {**super().health(), "status": self.shown_status(), "in_flight": 0}

    def shown_status(self) -> str:
        return "READY" if self.lifecycle.is_serving else self.lifecycle.status


class TellsNoJobProgress(Polite):
    async def steps(self, body: Work) -> AsyncIterator[int]:
        for step in range(body.steps):
            await asyncio.sleep(STEP_SECONDS)
            yield step


class WorksInSecret(Polite):
    """Looks idle when its client has left; its thread works on."""

    async def steps(self, body: Work) -> AsyncIterator[int]:
        end_at = time.monotonic() + body.steps * STEP_SECONDS * 4
        threading.Thread(target=burn, args=(lambda: time.monotonic() > end_at,), daemon=True).start()
        async for step in super().steps(body):
            yield step


def burn(is_over: Callable[[], bool]) -> None:
    while not is_over():
        sum(range(10_000))


class SleepsAtWork(Polite):
    def _front(self) -> Any:
        front = super()._front()

        async def yes_sir(scope: Scope, receive: Receive, send: Send) -> None:
            answerer: ASGIApp = JSONResponse(self.health()) if "sleep" in scope["path"] else front
            await answerer(scope, receive, send)

        return yes_sir


class EndsWithError(Polite):
    async def shutdown(self) -> None:
        os._exit(3)


class DropsItsWork(Polite):
    async def initialize(self) -> None:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))


class LeavesFiles(Polite):
    async def initialize(self) -> None:
        tempfile.mkstemp(prefix="upload-")


class LeavesSharedMemory(Polite):
    async def initialize(self) -> None:
        leave_shared_memory()


def leave_shared_memory() -> None:
    path = Path(f"{SHARED_MEMORY}-{os.getpid()}")
    path.write_bytes(b"x")
    with path.open("r+b") as file:
        left_behind.append(mmap.mmap(file.fileno(), 1))


class Prints(Polite):
    async def initialize(self) -> None:
        print("hello", flush=True)


class LogsHeaders(Polite):
    async def work(self, body: Work, request: Request) -> Any:  # type: ignore[override]
        logging.getLogger(__name__).info("headers: %s", dict(request.headers))
        return await super().work(body)


class LogsEnvironment(Polite):
    async def initialize(self) -> None:
        logging.getLogger(__name__).info("environment: %s", dict(os.environ))


def all_habits() -> dict[str, type[Polite]]:
    """By the class's name."""
    habits: list[type[Polite]] = [Polite, *Polite.__subclasses__()]
    return {habit.__name__: habit for habit in habits}


if __name__ == "__main__":
    settings = read_settings(os.environ, sys.argv[1:])
    all_habits()[settings.args.get("habit", "Polite")](name="ill-mannered", settings=settings).run()
