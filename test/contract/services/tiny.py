"""The smallest honest service on BaseService, with the stand-in's arguments: the protocol as it really is."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fastapi.responses import StreamingResponse

from core.base_service import BaseService


class Tiny(BaseService):
    async def initialize(self) -> None:
        self.load_progress(0.5, "weights")
        if "gate" in self.args:
            await asyncio.to_thread(Path(self.args["gate"]).read_text)
        if self.args.get("habit") == "setup_failed":
            raise RuntimeError("no such checkpoint: /models/missing")

    def create_app(self) -> None:
        @self.app.post("/v1/completions")
        async def complete(body: dict[str, Any]) -> Any:
            if body.get("stream"):
                return StreamingResponse(self.stream(), media_type="text/event-stream")
            return {"choices": [{"text": "".join([token async for token in self.tokens()])}]}

    @property
    def can_sleep(self) -> bool:
        return bool(self.args.get("can_sleep", False))

    async def sleep(self) -> None: ...

    async def wake(self) -> None: ...

    async def tokens(self) -> AsyncIterator[str]:
        count = self.args.get("tokens", 4)
        for at in range(count):
            await asyncio.sleep(self.args.get("token_ms", 0) / 1000)
            yield f"{at} "
            self.job.progress((at + 1) / count, "generating")

    async def stream(self) -> AsyncIterator[str]:
        async for token in self.tokens():
            yield f"data: {json.dumps({'choices': [{'text': token}]})}\n\n"
        yield "data: [DONE]\n\n"


if __name__ == "__main__":
    Tiny(name="tiny").run()
