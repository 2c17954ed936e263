"""The thread for models that take one call at a time."""

import asyncio
import threading

import anyio
import pytest

from core.job import Job, current_job, enter_job
from core.one_at_a_time import OneAtATime, Tell


@pytest.fixture
def thread() -> OneAtATime:
    return OneAtATime("model")


async def test_calls_run_in_order_one_at_a_time_in_one_thread(thread: OneAtATime) -> None:
    running, seen = [], []

    def work(n: int) -> int:
        running.append(n)
        assert running == [n]
        seen.append((n, threading.current_thread().name))
        running.remove(n)
        return n

    results = await asyncio.gather(*(thread.run(lambda n=n: work(n)) for n in range(20)))  # type: ignore[misc]
    assert results == list(range(20))
    assert seen == [(n, "model") for n in range(20)]


async def test_a_call_sees_its_callers_job_and_raises_what_it_raises(thread: OneAtATime) -> None:
    job = Job("job_1")
    enter_job(job)
    assert await thread.run(current_job) is job
    with pytest.raises(ZeroDivisionError):
        await thread.run(lambda: 1 // 0)
    assert await thread.run(lambda: "goes on") == "goes on"


async def test_a_cancelled_caller_gets_control_back_when_the_work_has_ended(thread: OneAtATime) -> None:
    begun, may_end, ended = asyncio.Event(), threading.Event(), []
    loop = asyncio.get_running_loop()

    def work() -> None:
        loop.call_soon_threadsafe(begun.set)
        may_end.wait()
        ended.append(True)

    caller = asyncio.ensure_future(thread.run(work))
    await begun.wait()
    caller.cancel()
    await asyncio.sleep(0)
    assert not caller.done()
    may_end.set()
    await asyncio.wait([caller])
    assert caller.cancelled() and ended == [True]


async def test_what_is_cancelled_before_its_turn_never_runs(thread: OneAtATime) -> None:
    may_end, ran = threading.Event(), []
    first = asyncio.ensure_future(thread.run(may_end.wait))
    second = asyncio.ensure_future(thread.run(lambda: ran.append("second")))
    third = asyncio.ensure_future(thread.run(lambda: ran.append("third")))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.wait([second])
    may_end.set()
    await asyncio.gather(first, third)
    assert ran == ["third"]


async def test_a_stream_gives_what_is_told_while_the_work_goes_on(thread: OneAtATime) -> None:
    heard = threading.Event()

    def work(tell: Tell[int]) -> None:
        tell(1)
        heard.wait()
        tell(2)

    items = []
    async for item in thread.stream(work):
        items.append(item)
        heard.set()
    assert items == [1, 2]


async def test_a_stream_raises_what_its_work_raises_after_what_it_told(thread: OneAtATime) -> None:
    def work(tell: Tell[str]) -> None:
        tell("first")
        raise ValueError("broken")

    items = []
    with pytest.raises(ValueError, match="broken"):
        async for item in thread.stream(work):
            items.append(item)
    assert items == ["first"]


async def test_a_stream_that_is_left_waits_for_its_work(thread: OneAtATime) -> None:
    job, ended = Job("job_1"), []

    def work(tell: Tell[int]) -> None:
        tell(1)
        while not job.cancelled:
            pass
        ended.append(True)

    stream = thread.stream(work)
    assert await anext(stream) == 1
    job.cancel()
    await stream.aclose()  # type: ignore[attr-defined]
    assert ended == [True]


async def test_a_stream_that_is_cancelled_at_every_turn_waits_for_its_work_too(thread: OneAtATime) -> None:
    """As anyio's scopes do, and with them Starlette's streams whose client has left."""
    begun, may_end, ended = asyncio.Event(), threading.Event(), []

    def work(tell: Tell[int]) -> None:
        tell(1)
        may_end.wait()
        ended.append(True)

    async def listen() -> None:
        async for _ in thread.stream(work):
            begun.set()

    async def leave() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(listen)
            await begun.wait()
            group.cancel_scope.cancel()

    leaving = asyncio.ensure_future(leave())
    await begun.wait()
    for _ in range(10):
        await asyncio.sleep(0)
    assert not leaving.done()
    may_end.set()
    await leaving
    assert ended == [True]
