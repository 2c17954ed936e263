"""One start of the server under test, as the supervisor would start it or alone on a port."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import processes
from .limits import Limits
from .listening import Events, Output
from .plan import Plan
from .request import Request
from .talk import CANARY, Address, Answer, Call
from .traces import STRAGGLER_SECONDS, shared_memory_of

LAUNCHER = Path(__file__).resolve().parents[1] / "launcher.py"
BOOT_ID = "conformance-boot"
MODEL = "conformance"
OWN_SHARE_OF_GRACE = 0.5  # so that a busy machine makes no difference
HEALTH_SECONDS = 10.0
FAREWELL_SECONDS = 15.0
KILLED = 128 + signal.SIGKILL
NOT_FOR_SERVICES = re.compile(
    r"^(ROUNDHOUSE_|PYTHONHOME$|VIRTUAL_ENV$)|(^|_)(KEYS?|TOKENS?|SECRETS?|PASSWORDS?)(_|$)"
)


@dataclass(frozen=True)
class Ending:
    """How it ended after SIGTERM; `code` is None if it had to be killed."""

    code: int | None
    seconds: float


class Server:
    def __init__(self, command: list[str], env: dict[str, str], address: Address, folder: Path) -> None:
        """With ROUNDHOUSE_EVENTS_FD in `env`, that descriptor is the service's, and its reader is ours."""
        self.address = address
        self.marker = env["ROUNDHOUSE_INSTANCE"]
        self.folder = folder
        self.begun_at = time.monotonic()
        self._known: dict[int, str | None] = {}
        self.shared_memory: set[str] = set()
        events_fd = env.get("ROUNDHOUSE_EVENTS_FD")
        self._process = subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(int(events_fd),) if events_fd else (),
            start_new_session=True,
        )
        assert self._process.stdout is not None and self._process.stderr is not None
        self.output = Output(self._process.stdout)
        self.complaints = Output(self._process.stderr)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def seconds(self) -> float:
        return time.monotonic() - self.begun_at

    def health(self) -> Answer:
        return Call(self.address, Request("/health", method="GET"), HEALTH_SECONDS).answer()

    def health_body(self) -> dict[str, Any]:
        """Empty when there is none."""
        body = self.health().json()
        return body if isinstance(body, dict) else {}

    def look(self) -> None:
        """Notes what must not outlive it."""
        tree = processes.tree(self.pid)
        self._known.update({pid: processes.started_at(pid) for pid in tree})
        self.shared_memory |= shared_memory_of(tree)

    def terminate(self) -> None:
        self.look()
        self.signal_end()

    def signal_end(self) -> None:
        self._process.terminate()

    def ending(self, grace_seconds: float) -> Ending:
        """Waits for the end that `terminate` asked for."""
        asked_at = time.monotonic()
        try:
            code: int | None = self._process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            code = None
        return Ending(None if code in (KILLED, -signal.SIGKILL) else code, time.monotonic() - asked_at)

    def left_alive(self) -> tuple[str, ...]:
        """Of a server that has ended. A launcher ends what is left; a server that runs alone has none."""
        seen = {pid for pid, start in self._known.items() if processes.started_at(pid) == start}
        left = processes.until_gone((seen | processes.marked(self.marker)) - {self.pid}, STRAGGLER_SECONDS)
        return tuple(sorted(map(processes.name_of, left)))

    def close(self) -> None:
        """Nothing of it is left afterwards."""
        assert self._process.stdin is not None
        self._process.stdin.close()  # a launcher takes it for the end of its supervisor, and kills its tree
        self._let_end()
        processes.kill(processes.marked(self.marker))
        for listener in (self.output, self.complaints):
            listener.close()

    def _let_end(self) -> None:
        self._process.kill()
        self._process.wait()


class SupervisedServer(Server):
    """Under the launcher, on a Unix socket, with an events pipe."""

    def __init__(self, plan: Plan, limits: Limits, folder: Path) -> None:
        read_fd, write_fd = os.pipe()
        grace = limits.grace_seconds
        launcher = [sys.executable, "-I", "-S", str(LAUNCHER), "--grace-seconds", str(grace), "--"]
        env = {
            **base_environment(plan, limits, folder),
            "ROUNDHOUSE_SOCKET": str(folder / "m.sock"),
            "ROUNDHOUSE_BOOT_ID": BOOT_ID,
            "ROUNDHOUSE_MODEL": MODEL,
            "ROUNDHOUSE_ARGS": json.dumps(plan.args),
            "ROUNDHOUSE_EVENTS_FD": str(write_fd),
        }
        try:
            address = Address(socket_path=env["ROUNDHOUSE_SOCKET"])
            super().__init__([*launcher, plan.python, str(plan.script)], env, address, folder)
        finally:
            os.close(write_fd)
        self._pipe = os.fdopen(read_fd, "rb", buffering=0)
        self.events = Events(self._pipe)

    def close(self) -> None:
        super().close()
        self.events.close()

    def _let_end(self) -> None:
        try:
            self._process.wait(FAREWELL_SECONDS)
        except subprocess.TimeoutExpired:
            super()._let_end()


class StandaloneServer(Server):
    """Alone, on a port, with a key in its environment that it should keep to itself."""

    def __init__(self, plan: Plan, limits: Limits, folder: Path) -> None:
        port = free_port()
        options = ["--port", str(port), "--args", json.dumps(plan.args)]
        env = {**base_environment(plan, limits, folder), "HF_TOKEN": CANARY}
        super().__init__([plan.python, str(plan.script), *options], env, Address(port=port), folder)


def base_environment(plan: Plan, limits: Limits, folder: Path) -> dict[str, str]:
    """What the supervisor hands on, less what is for one way to start only."""
    kept = {name: value for name, value in os.environ.items() if not NOT_FOR_SERVICES.search(name)}
    libraries = plan.services.parent / ".runtime" / "lib"
    if libraries.is_dir():
        kept["LD_LIBRARY_PATH"] = ":".join(filter(None, [str(libraries), kept.get("LD_LIBRARY_PATH")]))
    (folder / "tmp").mkdir(exist_ok=True)
    return {
        **kept,
        "PYTHONPATH": str(plan.services),
        "PYTHONUNBUFFERED": "1",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "SPT_NOENV": "1",
        "TMPDIR": str(folder / "tmp"),
        "ROUNDHOUSE_GRACE_SECONDS": str(limits.grace_seconds * OWN_SHARE_OF_GRACE),
        "ROUNDHOUSE_INSTANCE": f"conformance-{uuid.uuid4().hex}",
    }


@contextmanager
def runtime_folder() -> Iterator[Path]:
    """A short path: a socket's ends at 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="rh-", dir="/tmp") as path:
        yield Path(path)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
