"""Signs of life for answers that come in one piece: vLLM is silent about such a request until its end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from core.job import Job

BEAT_SECONDS = 5.0
COUNTERS = ("vllm:generation_tokens_total", "vllm:prompt_tokens_total")


class TokenPulse:
    """Tells progress for the jobs it holds whenever the engine's token counters have moved.

    An engine that hangs moves none of them, and its jobs fall silent. One task serves all jobs.
    """

    def __init__(
        self, read_tokens: Callable[[], Awaitable[float | None]], beat_seconds: float = BEAT_SECONDS
    ) -> None:
        self._read_tokens = read_tokens
        self._beat_seconds = beat_seconds
        self._jobs: list[Job] = []
        self._beating: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def held(self, job: Job) -> AsyncIterator[None]:
        self._jobs.append(job)
        if self._beating is None:
            self._beating = asyncio.ensure_future(self._beat())
        try:
            yield
        finally:
            self._jobs.remove(job)
            if not self._jobs and self._beating is not None:
                self._beating.cancel()
                self._beating = None

    async def _beat(self) -> None:
        before: float | None = None
        while True:
            await asyncio.sleep(self._beat_seconds)
            now = await self._read_tokens()
            if now is not None and before is not None and now > before:
                for job in self._jobs:
                    job.progress(None, "generating")
            before = now if now is not None else before


def tokens_in(metrics: str) -> float:
    """Prompt and generated tokens so far, of all engines, from the text of /metrics."""
    counted = (line for line in metrics.splitlines() if line.partition("{")[0] in COUNTERS)
    return sum(float(line.rpartition(" ")[2]) for line in counted)
