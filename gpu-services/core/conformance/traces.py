"""What a server leaves behind: files, processes, shared memory, memory of the GPU."""

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .limits import Limits

SHARED_MEMORY = Path("/dev/shm")
STRAGGLER_SECONDS = 2.0
GPU_NOISE_MB = 100
GPU_PAUSE_SECONDS = 0.1


@dataclass(frozen=True)
class Traces:
    """Names of what is left; `gpu_mb` is None without a GPU."""

    files: tuple[str, ...]
    processes: tuple[str, ...]
    shared_memory: tuple[str, ...]
    gpu_mb: int | None


class Surroundings:
    """The state of the machine before a start, to compare with."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self._folder = folder
        self._limits = limits
        self._gpu_mb = gpu_used_mb(limits)

    def traces(self, processes: tuple[str, ...], shared: set[str]) -> Traces:
        """`shared` names the shared memory that the server had."""
        left = tuple(sorted(name for name in shared if (SHARED_MEMORY / name).exists()))
        return Traces(files_in(self._folder), processes, left, self._left_on_gpu())

    def taken_mb(self) -> int | None:
        """More of the GPU's memory in use than before the start."""
        used = gpu_used_mb(self._limits)
        return None if self._gpu_mb is None or used is None else used - self._gpu_mb

    def _left_on_gpu(self) -> int | None:
        if self._gpu_mb is None:
            return None
        give_up_at = time.monotonic() + self._limits.gpu_seconds
        while (left := self.taken_mb() or 0) > GPU_NOISE_MB:
            if time.monotonic() >= give_up_at:
                return left
            time.sleep(GPU_PAUSE_SECONDS)
        return 0


def files_in(folder: Path) -> tuple[str, ...]:
    found = (Path(place, name) for place, _, names in os.walk(folder) for name in names)
    return tuple(sorted(str(path.relative_to(folder)) for path in found))


def shared_memory_of(pids: set[int]) -> set[str]:
    """What they have in use, by name: others use /dev/shm, too."""
    names = set()
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/maps").read_text(errors="replace").splitlines()
        except OSError:
            continue
        paths = (line.partition(f"{SHARED_MEMORY}/")[2] for line in lines)
        names |= {path for path in paths if path and not path.endswith(" (deleted)")}
    return names


def gpu_used_mb(limits: Limits) -> int | None:
    if limits.nvidia_smi is None:
        return None
    query = [*limits.nvidia_smi, "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    answer = subprocess.run(query, capture_output=True, text=True, check=False, timeout=30)
    return sum(int(float(line)) for line in answer.stdout.split()) if answer.returncode == 0 else None


def eventually(holds: Callable[[], bool], seconds: float, pause_seconds: float = 0.02) -> float | None:
    """The seconds until it held; None: it did not, also when it was looked at after that time."""
    begun_at = time.monotonic()
    while True:
        is_late = time.monotonic() - begun_at > seconds
        if holds():
            return time.monotonic() - begun_at
        if is_late:
            return None
        time.sleep(pause_seconds)
