"""A file that grows, and knows the hash of all that it holds."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

READ_BYTES = 1 << 20


class CheckedFile:
    """Takes up a part that is there already. `on_growth` is told the size after each piece, and may raise.

    The client writes to it as to any binary file, and truncates it when a server begins anew.
    """

    def __init__(self, path: Path, blob: str, size_bytes: int, on_growth: Callable[[int], None]) -> None:
        self._blob = blob
        self._size_bytes = size_bytes
        self._on_growth = on_growth
        self._file: BinaryIO = open(path, "a+b")  # noqa: SIM115, closed by close()
        self._hash = new_hash(blob, size_bytes)
        self.size = 0
        self._take_up()

    def _take_up(self) -> None:
        self._file.seek(0)
        while piece := self._file.read(READ_BYTES):
            self._grow(piece)

    def write(self, piece: bytes) -> int:
        written = self._file.write(piece)
        self._grow(piece)
        return written

    def _grow(self, piece: bytes) -> None:
        self._hash.update(piece)
        self.size += len(piece)
        self._on_growth(self.size)

    def tell(self) -> int:
        return self.size

    def seek(self, position: int) -> int:
        """Only to the beginning, before it is truncated there."""
        if position != 0:
            raise ValueError("a checked file only grows, or begins anew")
        return position

    def truncate(self) -> int:
        self._file.truncate(0)
        self._hash = new_hash(self._blob, self._size_bytes)
        self.size = 0
        self._on_growth(0)
        return 0

    @property
    def is_right(self) -> bool:
        return self.size == self._size_bytes and self._hash.hexdigest() == self._blob

    def close(self, *, to_disk: bool = False) -> None:
        self._file.flush()
        if to_disk:
            os.fsync(self._file.fileno())
        self._file.close()


def new_hash(blob: str, size_bytes: int) -> Any:
    """sha256 for what is large, git's own for what is small; their lengths tell them apart."""
    if len(blob) == 64:
        return hashlib.sha256()
    return hashlib.sha1(b"blob %d\0" % size_bytes)
