"""Bytes of a program's output into lines, those of a progress bar included."""

import re

LINE_LIMIT_BYTES = 1 << 20
LINE_END = re.compile(rb"[\r\n]")


class LineSplitter:
    """A bar is redrawn after a carriage return, so that ends a line, too. Empty lines are left out."""

    def __init__(self) -> None:
        self._rest = b""
        self._is_dropping = False

    def add(self, piece: bytes) -> list[str]:
        """The lines that `piece` completes; of a line over the limit nothing is told."""
        *whole, self._rest = LINE_END.split(self._rest + piece)
        if whole and self._is_dropping:
            self._is_dropping = False
            whole = whole[1:]
        if len(self._rest) > LINE_LIMIT_BYTES or self._is_dropping:
            self._rest, self._is_dropping = b"", True
        return texts(whole)

    def end(self) -> list[str]:
        """What was left without a line end."""
        rest, self._rest = self._rest, b""
        return texts([rest])


def texts(lines: list[bytes]) -> list[str]:
    return [text for line in lines if (text := line.decode(errors="replace").rstrip())]
