"""One route per way of working for a request. A handler tells what it saw as the phase of its job."""

import asyncio
import time
from pathlib import Path
from typing import Any

from fastapi import HTTPException
from pydantic import BaseModel, Field

from core.base_service import BaseService
from core.errors import BadRequest
from core.job import JobCancelled, current_job


class Message(BaseModel):
    content: str = Field(max_length=5)


class Chat(BaseModel):
    messages: list[Message]


class Busy(BaseService):
    linger_seconds = 600.0  # the test ends it

    def create_app(self) -> None:
        for handler in (self.steps, self.wait_async, self.wait_sync, self.block_loop, self.gate, self.chat):
            self.app.post(f"/{handler.__name__}")(handler)
        for handler in (self.crash, self.refuse, self.bad, self.broken_gpu):
            self.app.get(f"/{handler.__name__}")(handler)

    def steps(self) -> dict[str, bool]:
        for step in range(1, 5):
            current_job().progress(step / 4, f"step {step}")
        return {"done": True}

    async def wait_async(self) -> None:
        self.job.progress(None, "waiting")
        try:
            await asyncio.Event().wait()
        finally:
            self.job.progress(None, "handler was cancelled")

    def wait_sync(self) -> None:
        self.until_cancelled()

    async def block_loop(self) -> None:
        self.until_cancelled()

    def until_cancelled(self) -> None:
        self.job.progress(None, "waiting")
        try:
            while True:
                self.job.raise_if_cancelled()
                time.sleep(0.005)
        except JobCancelled:
            self.job.progress(None, "saw the cancel")
            raise

    def gate(self) -> dict[str, str]:
        self.job.progress(None, "waiting")
        return {"read": Path(self.args["gate"]).read_text()}

    def chat(self, body: Chat) -> Any:
        return body

    def crash(self) -> None:
        raise ValueError("tensors do not match")

    def refuse(self) -> None:
        raise HTTPException(429, "too much at once")

    def bad(self) -> None:
        raise BadRequest("no such voice", param="voice")

    def broken_gpu(self) -> dict[str, str]:
        self.give_up("the GPU's context is poisoned")
        return {"said": "it"}


if __name__ == "__main__":
    Busy(name="busy").run()
