"""Signs of life for answers that come in one piece."""

import asyncio
from collections.abc import Iterable

from core.job import Job
from token_pulse import TokenPulse, tokens_in

METRICS = """\
# TYPE vllm:prompt_tokens counter
vllm:prompt_tokens_total{engine="0",model_name="m"} 19.0
# TYPE vllm:generation_tokens counter
vllm:generation_tokens_total{engine="0",model_name="m"} 5.0
vllm:generation_tokens_total{engine="1",model_name="m"} 1e+03
vllm:generation_tokens_created{engine="0",model_name="m"} 1.795e+09
vllm:request_generation_tokens_sum{engine="0",model_name="m"} 7.0
"""


class Engine:
    """Answers with one count after the other, then with the last; `asked` is set when all were read."""

    def __init__(self, counts: Iterable[float | None]) -> None:
        self._counts = list(counts)
        self.all_read = asyncio.Event()

    async def read(self) -> float | None:
        if len(self._counts) == 1:
            self.all_read.set()
            return self._counts[0]
        return self._counts.pop(0)


async def signs_during(counts: list[float | None]) -> int:
    signs: list[str] = []
    engine = Engine(counts)
    pulse = TokenPulse(engine.read, beat_seconds=0)
    job = Job(
        "job_1", lambda job_id, fraction, phase: signs.append(job_id), monotonic_seconds=lambda: len(signs)
    )
    async with pulse.held(job):
        await engine.all_read.wait()
        await asyncio.sleep(0)
    return len(signs)


def test_tokens_of_all_engines_are_counted() -> None:
    assert tokens_in(METRICS) == 1024


async def test_each_beat_in_which_tokens_came_is_a_sign() -> None:
    assert await signs_during([1, 2, 2, 5, 5]) == 2


async def test_an_engine_that_hangs_gives_no_sign() -> None:
    assert await signs_during([7, 7, 7, 7]) == 0


async def test_an_engine_that_does_not_answer_gives_none_and_may_come_back() -> None:
    assert await signs_during([1, None, None, 2, 2]) == 1


async def test_nobody_is_asked_when_no_answer_is_waited_for() -> None:
    engine = Engine([1, 2, 3])
    pulse = TokenPulse(engine.read, beat_seconds=0)
    async with pulse.held(Job()):
        await engine.all_read.wait()
    engine.all_read.clear()
    for _ in range(10):
        await asyncio.sleep(0)
    assert not engine.all_read.is_set()
