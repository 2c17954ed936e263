"""The event loop that runs the model's own code, apart from the one that answers the socket.

The model's code may block its loop: a blocking `initialize`, or an `async def` handler that calls
the model directly. So it gets the main thread with a loop of its own (libraries that install signal
handlers need the main thread), and the server runs in another thread, where /health is answered and
a client that leaves is noticed all the same.
"""

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class WorkLoop:
    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._is_over = threading.Event()

    def run_until_stopped(self) -> None:
        """Runs in the calling thread until `stop`; then cancels what is left."""
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
            self._cancel_all()
        finally:
            self._is_over.set()

    def submit(self, work: Coroutine[Any, Any, Result]) -> "concurrent.futures.Future[Result]":
        """From any thread."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def stop(self, wait_seconds: float) -> bool:
        """From another thread. False if the loop is still blocked after `wait_seconds`."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        return self._is_over.wait(wait_seconds)

    def _cancel_all(self) -> None:
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self.loop.run_until_complete(asyncio.wait(tasks, timeout=1.0))
