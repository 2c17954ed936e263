"""Starts model servers and launchers as processes, and waits for what they tell."""

import json
import os
import select
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.engine_service import engine_socket_path

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ROOT / "gpu-services"
FIXTURES = Path(__file__).parent / "services"
LAUNCHER = SERVICES / "core" / "launcher.py"
PATIENCE_SECONDS = 180.0  # only a broken program takes this long, on any machine

Event = dict[str, Any]


def leaves_after(seconds: float) -> httpx.Timeout:
    """Of a client that waits no longer than that for its answer, and for all else as any other."""
    return httpx.Timeout(PATIENCE_SECONDS, read=seconds)


def venv_python(name: str) -> str:
    python = ROOT / ".venvs" / name / "bin" / "python"
    if not python.exists():
        pytest.fail(f"{python} is missing; run scripts/install.sh")
    return str(python)


@contextmanager
def short_folder() -> Iterator[Path]:
    """A short path of its own: a socket's path ends at 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="rh-", dir="/tmp") as path:
        yield Path(path)


class Lines:
    """Lines of a pipe, one after the other."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._buffer = b""
        self.is_closed = False

    def next(self) -> str | None:
        """None at the end of the pipe; fails the test if nothing comes."""
        while b"\n" not in self._buffer:
            if not select.select([self._fd], [], [], PATIENCE_SECONDS)[0]:
                pytest.fail("nothing was told in time")
            if not (piece := os.read(self._fd, 65536)):
                return None
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode()

    def rest(self) -> list[str]:
        return list(iter(self.next, None))

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            os.close(self._fd)


class Events(Lines):
    def until(self, matches: Callable[[Event], bool]) -> Event:
        while (line := self.next()) is not None:
            event: Event = json.loads(line)
            if matches(event):
                return event
        pytest.fail("the events ended before the one waited for")

    def until_status(self, status: str) -> Event:
        return self.until(lambda event: event.get("status") == status)

    def all_that_remain(self) -> list[Event]:
        return [json.loads(line) for line in self.rest()]


@dataclass
class Service:
    process: "subprocess.Popen[bytes]"
    events: Events
    socket_path: str
    marker: str
    boot_id: str = "boot-1"
    log_file: Path = field(default_factory=Path)

    def client(self) -> httpx.Client:
        transport = httpx.HTTPTransport(uds=self.socket_path)
        return httpx.Client(transport=transport, base_url="http://model", timeout=PATIENCE_SECONDS)

    def engine_client(self) -> httpx.Client:
        """Past the service, to the engine behind it."""
        transport = httpx.HTTPTransport(uds=engine_socket_path(self.socket_path))
        return httpx.Client(transport=transport, base_url="http://engine", timeout=PATIENCE_SECONDS)

    def async_client(self) -> httpx.AsyncClient:
        transport = httpx.AsyncHTTPTransport(uds=self.socket_path)
        return httpx.AsyncClient(transport=transport, base_url="http://model", timeout=PATIENCE_SECONDS)

    def health(self) -> dict[str, Any]:
        with self.client() as client:
            response = client.get("/health")
        assert response.status_code == 200
        body: dict[str, Any] = response.json()
        return body

    def logged(self) -> str:
        return self.log_file.read_text()

    def wait(self) -> int:
        return self.process.wait(PATIENCE_SECONDS)


@contextmanager
def running_service(
    script: Path, folder: Path, python: str = sys.executable, **variables: str
) -> Iterator[Service]:
    """As the supervisor starts it, less the launcher. At the end nothing of it may be left."""
    read_fd, write_fd = os.pipe()
    marker = uuid.uuid4().hex
    service = {
        "ROUNDHOUSE_SOCKET": str(folder / "m.sock"),
        "ROUNDHOUSE_BOOT_ID": "boot-1",
        "ROUNDHOUSE_MODEL": "model-1",
        "ROUNDHOUSE_INSTANCE": marker,
        "ROUNDHOUSE_EVENTS_FD": str(write_fd),
        "PYTHONPATH": str(SERVICES),
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [python, str(script)],
            env={**os.environ, **service, **variables},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(write_fd,),
        )
    os.close(write_fd)
    events = Events(read_fd)
    try:
        yield Service(process, events, service["ROUNDHOUSE_SOCKET"], marker, log_file=folder / "log")
    finally:
        process.kill()
        process.wait()
        events.close()
        until_gone(marker)


@contextmanager
def ready_service(
    script: Path, folder: Path, python: str = sys.executable, **variables: str
) -> Iterator[Service]:
    with running_service(script, folder, python, **variables) as service:
        service.events.until_status("READY")
        yield service


def survivors(marker: str) -> list[int]:
    """Live processes whose environment carries the marker."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            is_ours = marker.encode() in (path / "environ").read_bytes()
            if is_ours and (path / "stat").read_text().rpartition(") ")[2][0] != "Z":
                found.append(int(path.name))
        except OSError:
            pass
    return found


def until_gone(marker: str) -> None:
    """Waits for each process that carries the marker to end, and fails the test if one does not."""
    for pid in survivors(marker):
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        has_ended = select.select([handle], [], [], PATIENCE_SECONDS)[0]
        os.close(handle)
        assert has_ended, f"process {pid} was left behind"
    assert survivors(marker) == []


def eventually(holds: Callable[[], bool]) -> None:
    """For facts that nothing announces."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < give_up_at, "it never became true"
        time.sleep(0.01)


@dataclass
class Leash:
    """A launcher and what can be seen of it."""

    process: "subprocess.Popen[bytes]"
    events: Events
    output: Lines
    marker: str

    def wait(self) -> int:
        return self.process.wait(PATIENCE_SECONDS)


@contextmanager
def launched(
    command: Sequence[str],
    grace_seconds: float = 60.0,
    wrapper: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
) -> Iterator[Leash]:
    """`wrapper` goes between this process and the launcher, as the holder of the death pipe."""
    read_fd, write_fd = os.pipe()
    marker = uuid.uuid4().hex
    launcher = [sys.executable, "-I", "-S", str(LAUNCHER), "--grace-seconds", str(grace_seconds), "--"]
    process = subprocess.Popen(
        [*wrapper, *launcher, *command],
        env={
            **os.environ,
            **(variables or {}),
            "ROUNDHOUSE_INSTANCE": marker,
            "ROUNDHOUSE_EVENTS_FD": str(write_fd),
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=(write_fd,),
        start_new_session=True,
    )
    os.close(write_fd)
    events = Events(read_fd)
    assert process.stdin is not None and process.stdout is not None
    try:
        yield Leash(process, events, Lines(process.stdout.fileno()), marker)
    finally:
        process.stdin.close()
        process.wait(PATIENCE_SECONDS)
        process.stdout.close()
        events.close()
        until_gone(marker)
