"""HTTP with a server on a socket or a port; a call can be left in the middle."""

import http.client
import json
import socket
import time
from dataclasses import dataclass
from typing import Any

from .request import Request

CONNECT_SECONDS = 5.0
CANARY = "rh-canary-7f3b91"  # sent as a key with every request: it has no business in a log


@dataclass(frozen=True)
class Address:
    socket_path: str | None = None
    port: int | None = None


@dataclass(frozen=True)
class Answer:
    """`trouble` says why there is no whole answer; then the status is that of the part, or 0."""

    status: int
    body: bytes = b""
    content_type: str = ""
    seconds: float = 0.0
    trouble: str | None = None

    def json(self) -> Any:
        """None for what is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def __str__(self) -> str:
        if self.trouble is not None:
            return self.trouble
        return f"{self.status} {self.body[:200].decode(errors='replace')}"


class Connection(http.client.HTTPConnection):
    def __init__(self, address: Address) -> None:
        super().__init__("127.0.0.1", address.port or 80, timeout=CONNECT_SECONDS)
        self._socket_path = address.socket_path

    def connect(self) -> None:
        if self._socket_path is None:
            super().connect()
            return
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(CONNECT_SECONDS)
        self.sock.connect(self._socket_path)


class Call:
    """A request that was sent. Errors of any kind end up as the trouble of its answer."""

    def __init__(self, address: Address, request: Request, seconds: float, job: str | None = None) -> None:
        self._connection = Connection(address)
        self._started_at = time.monotonic()
        self._give_up_at = self._started_at + seconds
        self._response: http.client.HTTPResponse | None = None
        self._body = b""
        self._trouble: str | None = None
        headers = {"Content-Type": request.content_type, "Authorization": f"Bearer {CANARY}"}
        if job is not None:
            headers["X-Job-Id"] = job
        try:
            self._connection.request(request.method, request.path, request.body or None, headers)
            self._socket = self._connection.sock
        except (OSError, http.client.HTTPException) as error:
            self._trouble = f"cannot be asked: {describe(error)}"

    def begin_answer(self) -> None:
        """Waits for the first piece of the body."""
        try:
            if self._trouble is None:
                self._head()
                self._read()
        except (OSError, http.client.HTTPException) as error:
            self._trouble = f"no answer: {describe(error)}"

    def answer(self) -> Answer:
        try:
            if self._trouble is None:
                self._head()
                while self._read():
                    pass
                self._check_length()
        except (OSError, http.client.HTTPException) as error:
            part = f" after {len(self._body)} bytes" if self._body else ""
            self._trouble = f"no whole answer{part}: {describe(error)}"
        finally:
            self.hang_up()
        status = self._response.status if self._response else 0
        kind = self._response.getheader("Content-Type", "") if self._response else ""
        return Answer(status, self._body, kind, time.monotonic() - self._started_at, self._trouble)

    def hang_up(self) -> None:
        if self._response is not None:
            self._response.close()
        self._connection.close()

    def _head(self) -> None:
        if self._response is None:
            self._wait_no_longer_than_allowed()
            self._response = self._connection.getresponse()

    def _read(self) -> bool:
        assert self._response is not None
        self._wait_no_longer_than_allowed()
        piece = self._response.read1(1 << 16)
        self._body += piece
        return bool(piece)

    def _check_length(self) -> None:
        assert self._response is not None
        if self._response.length:
            raise http.client.IncompleteRead(self._body, self._response.length)

    def _wait_no_longer_than_allowed(self) -> None:
        remaining = self._give_up_at - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        if self._socket.fileno() >= 0:
            self._socket.settimeout(remaining)


def describe(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "nothing came in time"
    if isinstance(error, http.client.IncompleteRead):
        return "it broke off"
    return str(error) or type(error).__name__
