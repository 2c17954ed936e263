"""A folder for one start of vLLM, and the shared memory of its processes: what must not outlive it."""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

PREFIX = "rh-vllm-"
UNFINISHED = "rh-new-vllm-"
LOCK = "lock"
SHARED_NAMES = "shared-memory"
SHARED_MEMORY = Path("/dev/shm")
# Only names that Python's and PyTorch's multiprocessing and NCCL give.
KINDS = ("psm_", "sem.mp-", "torch_", "nccl-")
# The inode, as a semaphore's creator has it mapped under the name that it had before its own.
MAPPED = re.compile(r"^\S+ \S+ \S+ \S+ (\d+) +/dev/shm/", re.MULTILINE)


LONGEST_PARENT = 40  # vLLM's sockets lie inside, and a socket's path ends at 107 bytes


def folder_of_workplaces() -> str:
    usual = tempfile.gettempdir()
    return usual if len(usual) <= LONGEST_PARENT else "/tmp"


class Workplace:
    """Holds a lock that the kernel gives back, so that a successor knows a folder whose owner was killed."""

    def __init__(self, parent: str) -> None:
        """Also removes what killed predecessors left behind."""
        sweep(parent)
        new = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=parent))
        self._lock_fd = os.open(new / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock_fd, fcntl.LOCK_EX)
        self.folder = new.rename(new.with_name(PREFIX + new.name.removeprefix(UNFINISHED)))
        self._names: set[str] = set()

    def note_shared_memory(self, pids: Iterable[int]) -> None:
        """Call it while the processes live: afterwards nothing tells whose it was."""
        names = shared_names(pids)
        if names <= self._names:
            return
        self._names |= names
        (self.folder / SHARED_NAMES).write_text("\n".join(sorted(self._names)))

    def remove(self) -> None:
        """After the last process has ended."""
        clear(self.folder)
        os.close(self._lock_fd)


def shared_names(pids: Iterable[int]) -> set[str]:
    inodes = {inode for pid in pids for inode in mapped_inodes(pid)}
    with os.scandir(SHARED_MEMORY) as files:
        return {file.name for file in files if file.name.startswith(KINDS) and file.inode() in inodes}


def mapped_inodes(pid: int) -> list[int]:
    try:
        return [int(inode) for inode in MAPPED.findall(Path(f"/proc/{pid}/maps").read_text())]
    except OSError:
        return []


def sweep(parent: str) -> None:
    for folder in Path(parent).glob(f"{PREFIX}*"):
        if folder.is_dir() and not folder.is_symlink() and folder.stat().st_uid == os.getuid():
            clear_if_abandoned(folder)


def clear_if_abandoned(folder: Path) -> None:
    try:
        lock_fd = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        clear(folder)
    except BlockingIOError:
        pass  # its owner lives
    finally:
        os.close(lock_fd)


def clear(folder: Path) -> None:
    for name in read_names(folder):
        (SHARED_MEMORY / name).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def read_names(folder: Path) -> list[str]:
    """Names alone: whatever else the file may say, nothing outside of /dev/shm is removed."""
    try:
        return [name for name in (folder / SHARED_NAMES).read_text().split("\n") if name and "/" not in name]
    except OSError:
        return []
