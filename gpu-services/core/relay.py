"""Passes requests on to an engine's own HTTP server and its answers back, byte by byte as they come."""

import json
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from .errors import ServiceError, envelope

HOP_BY_HOP = frozenset({"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"})
SET_ANEW = frozenset({"host", "content-length"})
CONTEXT_TOO_LONG = "exceed_context_size_error"


class Relay:
    """Used on one event loop. A cancelled request closes its connection, which tells the engine to stop."""

    def __init__(self, socket_path: str) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=16)
        self._client = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=socket_path, limits=limits),
            base_url="http://engine",
            timeout=None,
            trust_env=False,
        )

    async def is_healthy(self, path: str) -> bool:
        try:
            return (await self._client.get(path, timeout=5.0)).status_code == 200
        except httpx.HTTPError:
            return False

    async def answer(self, request: Request) -> Response:
        """Raises ServiceError 502 if the engine cannot be reached or dies before its answer begins."""
        async with AsyncExitStack() as stack:
            try:
                reply = await stack.enter_async_context(self._send(request, await request.body()))
                if reply.status_code >= 400:
                    return engine_error(reply.status_code, await reply.aread())
            except httpx.HTTPError as error:
                raise ServiceError(502, f"The engine did not answer: {error}", code="engine_failed") from None
            headers = dict(passed_on(reply.headers.items(), but=HOP_BY_HOP))
            return StreamingResponse(pieces(reply, stack.pop_all()), reply.status_code, headers)

    def _send(self, request: Request, body: bytes) -> Any:
        headers = passed_on(request.headers.items(), but=HOP_BY_HOP | SET_ANEW)
        path = httpx.URL(path=request.scope["path"], query=request.scope["query_string"])
        return self._client.stream(request.method, path, content=body or None, headers=headers)

    async def close(self) -> None:
        await self._client.aclose()


async def pieces(reply: httpx.Response, connection: AsyncExitStack) -> AsyncIterator[bytes]:
    """An engine that dies midway raises here, so that the client sees a broken answer, not a short one."""
    async with connection:
        async for piece in reply.aiter_raw():
            yield piece


def passed_on(headers: Iterable[tuple[str, str]], but: frozenset[str]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() not in but]


def engine_error(status: int, body: bytes) -> Response:
    """The engine's own words in OpenAI's envelope."""
    try:
        error = json.loads(body)["error"]
        message, kind = str(error["message"]), error.get("type")
    except (ValueError, TypeError, KeyError):
        message, kind = body.decode(errors="replace")[:512] or f"The engine answered {status}", None
    if kind == CONTEXT_TOO_LONG:
        details = envelope(400, message, code="context_length_exceeded", param="messages")
        return JSONResponse(details, status_code=400)
    param = quoted.group(1) if (quoted := re.match(r"'(\w+)' is required", message)) else None
    code = "missing_required_parameter" if param else "engine_error"
    return JSONResponse(envelope(status, message, code=code, param=param), status_code=status)
