"""Serves a front on a Unix socket or a port, from a thread of its own, until it is told to stop."""

import asyncio
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from .settings import Settings

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
BACKLOG = 2048
KEEP_ALIVE_SECONDS = 75  # longer than clients keep idle connections, so that none is used as it closes

log = logging.getLogger(__name__)


class CannotListen(Exception):
    """The message says where, why, and what to do."""


@contextmanager
def listening_socket(settings: Settings, default_port: int | None) -> Iterator[socket.socket]:
    """Listens at once, so that a client's connection waits instead of failing. Raises CannotListen."""
    if settings.socket_path is not None:
        sock = unix_socket(settings.socket_path)
    else:
        sock = port_socket(settings.port if settings.port is not None else default_port)
    sock.listen(BACKLOG)
    try:
        yield sock
    finally:
        sock.close()
        if settings.socket_path is not None:
            remove_if_there(settings.socket_path)


def unix_socket(path: str) -> socket.socket:
    """Only this user may connect; a socket file left behind is replaced."""
    remove_if_there(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        sock.bind(path)
    except OSError as error:
        sock.close()
        raise CannotListen(f"cannot listen on the socket {path}: {error}") from None
    finally:
        os.umask(mask)
    return sock


def port_socket(port: int | None) -> socket.socket:
    if port is None:
        raise CannotListen("no port is given: start with --port N or --socket PATH")
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(("127.0.0.1", port))
    except OSError as error:
        sock.close()
        reason = error.strerror or str(error)
        raise CannotListen(f"cannot listen on 127.0.0.1:{port}: {reason}; choose another --port") from None
    return sock


def remove_if_there(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


class Runner:
    """One uvicorn server in a thread. `on_end` runs in that thread after the last answer."""

    def __init__(self, front: ASGIApp, sock: socket.socket, grace_seconds: float) -> None:
        config = uvicorn.Config(
            front,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=max(1, int(grace_seconds)),
        )
        self._server = uvicorn.Server(config)
        self._socket = sock

    def start(self, on_end: Callable[[], None]) -> threading.Thread:
        def serve() -> None:
            try:
                asyncio.run(self._server.serve(sockets=[self._socket]))
            finally:
                on_end()

        thread = threading.Thread(target=serve, name="server", daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        """Takes no new request and finishes those in flight; a second call does not wait for them."""
        if self._server.should_exit:
            self._server.force_exit = True
        self._server.should_exit = True


def watch_stop_signals(on_stop: Callable[[], None]) -> None:
    """Calls `on_stop` at each SIGTERM or SIGINT, also while the main thread is busy in native code."""
    read_fd, write_fd = os.pipe()
    os.set_blocking(write_fd, False)
    signal.set_wakeup_fd(write_fd, warn_on_full_buffer=False)
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: None)

    def watch() -> None:
        while True:
            if any(number in STOP_SIGNALS for number in os.read(read_fd, 64)):
                on_stop()

    threading.Thread(target=watch, name="signals", daemon=True).start()
