"""A thread for a model that takes one call at a time; the calls wait for it in order."""

import asyncio
import contextvars
import queue
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from anyio import CancelScope

Result = TypeVar("Result")
Item = TypeVar("Item")
Tell = Callable[[Item], None]


class OneAtATime:
    """Its calls see the caller's job. A daemon: a call that never returns does not keep the process alive."""

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = queue.SimpleQueue()
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    async def run(self, work: Callable[[], Result]) -> Result:
        """A caller that is cancelled gets control back when `work` has really ended, or never begins."""
        call: Future[Result] = Future()
        context = contextvars.copy_context()
        self._calls.put((call, lambda: context.run(work)))
        waiting = asyncio.wrap_future(call)
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError:
            if not call.cancel():
                with CancelScope(shield=True):
                    await asyncio.wait([waiting])
            raise

    async def stream(self, work: Callable[[Tell[Item]], None]) -> AsyncIterator[Item]:
        """What `work` tells, as it comes; then raises what `work` raised, if it did."""
        loop = asyncio.get_running_loop()
        told: asyncio.Queue[tuple[Item] | None] = asyncio.Queue()

        def tell(item: Item) -> None:
            loop.call_soon_threadsafe(told.put_nowait, (item,))

        running = asyncio.ensure_future(self.run(lambda: work(tell)))
        running.add_done_callback(lambda _: told.put_nowait(None))
        try:
            while (item := await told.get()) is not None:
                yield item[0]
            await running
        finally:
            running.cancel()
            with CancelScope(shield=True):  # anyio cancels again at each turn of the loop
                await asyncio.wait([running])

    def _serve(self) -> None:
        while True:
            call, work = self._calls.get()
            if not call.set_running_or_notify_cancel():
                continue
            try:
                call.set_result(work())
            except BaseException as error:
                call.set_exception(error)
            del call, work  # they hold a picture or a song until the next call comes
