"""Room on the disk, looked at before the first byte."""

import shutil
from pathlib import Path

from .events import Trouble

#: Stays free: other things on the same disk, the database's log among them, must go on.
RESERVE_BYTES = 1_000_000_000


def free_bytes(folder: Path) -> int:
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def check_room(need_bytes: int, free: int, folder: Path) -> None:
    if need_bytes == 0 or need_bytes + RESERVE_BYTES <= free:
        return
    missing = need_bytes + RESERVE_BYTES - free
    raise Trouble(
        f"{in_gb(need_bytes)} are still to be fetched, and {folder} has {in_gb(free)} free "
        f"({in_gb(RESERVE_BYTES)} must stay free). Nothing was fetched.",
        f"Free {in_gb(missing)} there, set HF_HOME to a folder on a larger disk, or fetch fewer models.",
    )


def in_gb(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 50_000_000 else f"{size_bytes / 1e6:.1f} MB"
