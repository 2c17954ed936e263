"""Why vLLM failed, out of its log: it says so once, among pages of tracebacks and of errors about errors."""

import re
from collections.abc import Iterable

PREFIX = re.compile(r"^(?:\([\w.-]+ pid=\d+\) *)*(?:(?:ERROR|WARNING|INFO) [\d-]+ [\d:]+ \[[^\]]+\] ?)?")
# `torch.OutOfMemoryError: …`, `entry.py: error: …`, `… Worker proc VllmWorker-0 died unexpectedly …`
REASON = re.compile(
    r"^(?:[\w.]*(?:Error|Exception|Interrupt)(?:: .+|$)"
    r"|[\w.-]+: error: .+"
    r"|Worker proc \S+ died unexpectedly.*)"
)
# They only say that something else went wrong.
ECHOES = re.compile(
    r"See (?:root cause|stack trace)|initialization failed|EngineDeadError|EngineGenerateError"
    r"|RuntimeError: cancelled|KeyboardInterrupt|leaked \w+ objects"
)
MORE_LINES = 3  # pydantic puts what matters on the second line
STOPS = re.compile(r"^(?:Traceback |  File |\s*$|usage: |During handling|The above exception)")


class RootCause:
    """Reads the log line by line; keeps the last reason that is not about another one."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._is_open = False

    def read(self, line: str) -> None:
        text = PREFIX.sub("", line)
        if REASON.match(text):
            self._is_open = ECHOES.search(text) is None
            self._lines = [text] if self._is_open else self._lines
        elif self._is_open:
            self._go_on(line, text)

    def _go_on(self, line: str, text: str) -> None:
        belongs = text.startswith(" ") and not STOPS.match(text) and len(self._lines) <= MORE_LINES
        self._is_open = belongs
        if belongs:
            self._lines.append(text.strip())

    def forget(self) -> None:
        self._lines, self._is_open = [], False

    def text(self) -> str | None:
        return " ".join(self._lines) or None


def root_cause(lines: Iterable[str]) -> str | None:
    reader = RootCause()
    for line in lines:
        reader.read(line)
    return reader.text()
