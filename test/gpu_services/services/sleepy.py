"""A model that can sleep. `args.fail` names the hook that fails, `args.gate` a FIFO that both wait for."""

import asyncio
import time
from pathlib import Path

from starlette.background import BackgroundTask
from starlette.responses import JSONResponse

from core.base_service import BaseService


class Sleepy(BaseService):
    can_sleep = True

    async def initialize(self) -> None:
        self.weights: list[int] | None = [1, 2, 3]

    def create_app(self) -> None:
        self.app.post("/sum")(self.sum)
        self.app.post("/wait")(self.wait)
        self.app.post("/linger")(self.linger)

    async def sleep(self) -> None:
        self.turn("sleep")
        self.weights = None

    async def wake(self) -> None:
        self.turn("wake")
        self.weights = [1, 2, 3]

    async def canary(self) -> str | None:
        return str(self.sum()["sum"])

    def turn(self, hook: str) -> None:
        self.events.load(None, hook)
        if "gate" in self.args:
            Path(self.args["gate"]).read_text()
        if self.args.get("fail") == hook:
            raise RuntimeError("the GPU is in a bad mood")

    def sum(self) -> dict[str, int]:
        assert self.weights is not None
        return {"sum": sum(self.weights)}

    async def linger(self) -> JSONResponse:
        """Not done yet when its answer is."""
        return JSONResponse({}, background=BackgroundTask(asyncio.sleep, 0.2))

    def wait(self) -> None:
        self.job.progress(None, "waiting")
        while not self.job.cancelled:
            time.sleep(0.005)


if __name__ == "__main__":
    Sleepy(name="sleepy").run()
