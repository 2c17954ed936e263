"""Work in a thread of the pool."""

import asyncio
import threading

import pytest

from core.in_thread import in_thread
from core.job import Job, current_job, enter_job


async def test_work_sees_its_callers_job_and_raises_what_it_raises() -> None:
    job = Job("job_1")
    enter_job(job)
    assert await in_thread(current_job) is job
    assert await in_thread(max, 1, 2) == 2
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 // 0)


async def test_a_cancelled_caller_gets_control_back_when_the_work_has_ended() -> None:
    begun, may_end, ended = asyncio.Event(), threading.Event(), []
    loop = asyncio.get_running_loop()

    def work() -> None:
        loop.call_soon_threadsafe(begun.set)
        may_end.wait()
        ended.append(True)

    caller = asyncio.ensure_future(in_thread(work))
    await begun.wait()
    caller.cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    assert not caller.done()
    may_end.set()
    await asyncio.wait([caller])
    assert caller.cancelled() and ended == [True]
