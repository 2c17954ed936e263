"""What a request's way between the two loops promises where the loops are out of step."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from starlette.types import Message, Receive, Scope, Send

from core.exchange import Exchange
from core.job import Job
from harness import PATIENCE_SECONDS


@pytest.fixture
def model_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


async def test_a_client_that_leaves_while_the_models_loop_is_busy_ends_its_handler(
    model_loop: asyncio.AbstractEventLoop,
) -> None:
    is_free, has_left = threading.Event(), asyncio.Event()
    model_loop.call_soon_threadsafe(is_free.wait)

    async def leave() -> Message:
        has_left.set()
        return {"type": "http.disconnect"}

    async def work(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(10 * PATIENCE_SECONDS)

    async def send(message: Message) -> None:
        raise AssertionError(message)

    job = Job()
    running = asyncio.ensure_future(Exchange(work, model_loop, job).run({}, leave, send))
    await has_left.wait()
    is_free.set()
    await asyncio.wait_for(running, PATIENCE_SECONDS)
    assert job.cancelled
