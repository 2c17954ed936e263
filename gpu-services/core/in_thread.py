"""A handler's work in a thread of the pool."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from anyio import CancelScope
from starlette.concurrency import run_in_threadpool

Result = TypeVar("Result")


async def in_thread(work: Callable[..., Result], *args: Any) -> Result:
    """Like Starlette's `run_in_threadpool`; but a caller that is cancelled gets control back when `work` has
    really ended, so that requests in flight are counted right. `work` should look at `job.cancelled`."""
    call = asyncio.ensure_future(run_in_threadpool(work, *args))
    try:
        return await asyncio.shield(call)
    except asyncio.CancelledError:
        with CancelScope(shield=True):
            await asyncio.wait([call])
        raise
