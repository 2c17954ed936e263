"""An engine with an HTTP server of its own, as a child process on a Unix socket."""

import asyncio
import logging
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .line_splitter import LineSplitter
from .runner import remove_if_there

LAUNCHER = Path(__file__).with_name("launcher.py")
GRACE_SECONDS = 2.0  # it has no request any more
TAIL_LINES = 20
PIECE_BYTES = 1 << 16

log = logging.getLogger("engine")


class EngineProcess:
    """Started through the launcher: the engine and all its children end with this process."""

    def __init__(
        self,
        socket_path: str,
        on_line: Callable[[str], None] = lambda line: None,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self.socket_path = socket_path
        self._on_line = on_line
        self._grace_seconds = grace_seconds
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    async def start(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        remove_if_there(self.socket_path)
        without_events = {key: value for key, value in environment.items() if key != "ROUNDHOUSE_EVENTS_FD"}
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(LAUNCHER), "--grace-seconds", str(self._grace_seconds)),
            *("--", *command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=without_events,
        )
        self._reader = asyncio.ensure_future(self._read_lines(self._process))

    @property
    def pid(self) -> int:
        """Of the launcher; the engine is its child."""
        assert self._process is not None
        return self._process.pid

    @property
    def has_exited(self) -> bool:
        return self._process is not None and self._process.returncode is not None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def wait(self) -> int:
        """The exit code, 128 + n for signal n, after the last line was read."""
        assert self._process is not None and self._reader is not None
        code = await self._process.wait()
        await asyncio.wait([self._reader], timeout=1.0)
        return code

    def last_words(self) -> str:
        return "\n".join(self._tail)

    async def stop(self) -> None:
        """TERM, grace, KILL of the whole tree."""
        if self._process is not None and self.is_running:
            self._process.terminate()
            await self.wait()
        remove_if_there(self.socket_path)

    async def kill(self) -> None:
        """KILL of the whole tree, at once: for an engine that has nothing to finish."""
        if self._process is not None and self.is_running:
            assert self._process.stdin is not None
            self._process.stdin.close()  # the launcher's death pipe
            await self.wait()
        remove_if_there(self.socket_path)

    async def _read_lines(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        splitter = LineSplitter()
        while piece := await process.stdout.read(PIECE_BYTES):
            self._tell(splitter.add(piece))
        self._tell(splitter.end())

    def _tell(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._tail.append(line)
            log.info(line)
            self._on_line(line)
