"""Passes requests on to an engine's own HTTP server and its answers back, as they come."""

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from .errors import ServiceError

HOP_BY_HOP = frozenset({"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"})
SET_ANEW = frozenset({"host", "content-length"})
CONTEXT_TOO_LONG = "exceed_context_size_error"

ReadError = Callable[[int, bytes], ServiceError]


class Relay:
    """Used on one event loop. A cancelled request closes its connection, which tells the engine to stop."""

    def __init__(self, socket_path: str, read_error: ReadError | None = None) -> None:
        """`read_error` makes the engine's own errors, status and body, into ours."""
        self._read_error = read_error or engine_error
        # No connection is used twice: engines close idle ones whenever they like, and a new one costs 0.1 ms.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        self._client = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=socket_path, limits=limits),
            base_url="http://engine",
            timeout=None,
            trust_env=False,
        )

    async def is_healthy(self, path: str) -> bool:
        try:
            await self.call("GET", path, timeout_seconds=5.0)
        except ServiceError:
            return False
        return True

    async def call(
        self, method: str, path: str, timeout_seconds: float, body: dict[str, Any] | None = None
    ) -> httpx.Response:
        """A request of the service's own, such as for health or metrics. Raises ServiceError."""
        with engine_failures():
            reply = await self._client.request(method, path, timeout=timeout_seconds, json=body)
            await self._raise_for_error(reply)
            return reply

    async def answer(self, request: Request) -> Response:
        """Raises ServiceError: the engine's own, or 502 if it dies before its answer begins."""
        async with AsyncExitStack() as stack:
            with engine_failures():
                reply = await stack.enter_async_context(self._send(request, await request.body()))
                await self._raise_for_error(reply)
                headers = dict(passed_on(reply.headers.items(), but=HOP_BY_HOP))
                if "content-length" in reply.headers:
                    return Response(await reply.aread(), reply.status_code, headers)
            return RelayedResponse(reply, stack.pop_all(), headers)

    async def events(self, request: Request, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """Sends `body` instead of the request's own; yields the JSON of each event. Close it when done."""
        with engine_failures():
            async with self._send(request, json.dumps(body).encode()) as reply:
                await self._raise_for_error(reply)
                async for line in lines(reply):
                    if line.startswith(b"data: {"):
                        yield json.loads(line[len(b"data: ") :])

    def _send(self, request: Request, body: bytes) -> Any:
        headers = passed_on(request.headers.items(), but=HOP_BY_HOP | SET_ANEW)
        url = httpx.URL(path=request.scope["path"], query=request.scope["query_string"] or None)
        return self._client.stream(request.method, url, content=body or None, headers=headers)

    async def _raise_for_error(self, reply: httpx.Response) -> None:
        if reply.status_code >= 400:
            raise self._read_error(reply.status_code, await reply.aread())

    async def close(self) -> None:
        await self._client.aclose()


class RelayedResponse(StreamingResponse):
    """Closes the connection to the engine however it ends, at once: that is what stops the engine.

    An engine that dies midway raises, so that the client sees a broken answer, not a short one.
    """

    def __init__(self, reply: httpx.Response, connection: AsyncExitStack, headers: dict[str, str]) -> None:
        super().__init__(reply.aiter_raw(), reply.status_code, headers)
        self._connection = connection

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._connection:
            await super().__call__(scope, receive, send)


async def lines(reply: httpx.Response) -> AsyncIterator[bytes]:
    """Split at newlines only: JSON may hold the other separators that str.splitlines knows."""
    buffer = b""
    async for piece in reply.aiter_bytes():
        *whole, buffer = (buffer + piece).split(b"\n")
        for line in whole:
            yield line.rstrip(b"\r")


def passed_on(headers: Iterable[tuple[str, str]], but: frozenset[str]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() not in but]


@contextmanager
def engine_failures() -> Iterator[None]:
    try:
        yield
    except httpx.HTTPError as error:
        message = f"The engine did not answer: {error or type(error).__name__}"
        raise ServiceError(502, message, code="engine_failed") from None


def engine_error(status: int, body: bytes) -> ServiceError:
    """The engine's own words as an error of ours."""
    try:
        error = json.loads(body)["error"]
        message, kind = str(error["message"]), error.get("type")
    except (ValueError, TypeError, KeyError):
        message, kind = body.decode(errors="replace")[:512] or f"The engine answered {status}", None
    if kind == CONTEXT_TOO_LONG:
        return ServiceError(400, message, code="context_length_exceeded", param="messages")
    param = quoted.group(1) if (quoted := re.match(r"'(\w+)' is required", message)) else None
    code = "missing_required_parameter" if param else "engine_error"
    return ServiceError(status, message, code=code, param=param)
