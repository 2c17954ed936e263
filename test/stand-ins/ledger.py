"""GPU memory on paper: a folder with one file per holder, for the sums of the stand-in nvidia-smi.

A file is named after the holder's pid and holds {"mb", "name", "release", "late_ms"}. `release` says
when the memory comes back after the holder's end: "at_once", "late" or "never". A file named total_mb
holds the size of the GPU.
"""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEFAULT_TOTAL_MB = 24_000


@dataclass(frozen=True)
class Holder:
    pid: int
    name: str
    mb: int


def hold(folder: str, mb: int, *, name: str, release: str = "at_once", late_ms: int = 0) -> None:
    """Notes that this process holds `mb`; the file appears whole."""
    entry = {"mb": mb, "name": name, "release": release, "late_ms": late_ms}
    draft = Path(folder, f".{os.getpid()}")
    draft.write_text(json.dumps(entry))
    draft.rename(Path(folder, str(os.getpid())))


def let_go(folder: str) -> None:
    """What this process holds; nothing, where it holds nothing."""
    Path(folder, str(os.getpid())).unlink(missing_ok=True)


def holders(folder: str) -> Iterator[Holder]:
    for path in Path(folder).iterdir():
        if path.name.isdigit() and (entry := entry_in(path)) is not None and is_held(path, entry):
            yield Holder(int(path.name), entry["name"], entry["mb"])


def entry_in(path: Path) -> dict[str, Any] | None:
    try:
        entry: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return None  # let go a moment ago
    return entry


def total_mb(folder: str) -> int:
    path = Path(folder, "total_mb")
    return int(path.read_text()) if path.exists() else DEFAULT_TOTAL_MB


def is_held(path: Path, entry: dict[str, Any]) -> bool:
    if is_alive(int(path.name)) or entry["release"] == "never":
        return True
    if entry["release"] == "at_once":
        return False
    seen_dead = path.with_name(f"{path.name}.dead")
    if not seen_dead.exists():
        draft = path.with_name(f"{path.name}.draft{os.getpid()}")
        draft.write_text(str(time.monotonic()))
        draft.rename(seen_dead)
    late_ms = entry["late_ms"]
    assert isinstance(late_ms, int)
    return time.monotonic() - float(seen_dead.read_text()) < late_ms / 1000


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False
