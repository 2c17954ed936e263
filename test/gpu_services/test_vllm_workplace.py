"""What one start of vLLM leaves behind, and who removes it."""

import mmap
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import SERVICES
from workplace import SHARED_MEMORY, SHARED_NAMES, Workplace, shared_names, sweep

# Makes a workplace, notes the shared memory of the process given, and waits to be killed.
OWNER = """
import sys
from workplace import Workplace
place = Workplace(sys.argv[1])
place.note_shared_memory([int(sys.argv[2])])
print(place.folder, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def mapped() -> Iterator[Path]:
    """A file of shared memory that this process has mapped."""
    path = SHARED_MEMORY / f"psm_rhtest{os.getpid()}"
    path.write_bytes(bytes(4096))
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 4096):
        yield path
    path.unlink(missing_ok=True)


def killed_owner(parent: Path) -> Path:
    """The folder of a process that was killed while it held it."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(parent), str(os.getpid())],
        env={**os.environ, "PYTHONPATH": f"{SERVICES / 'vllm'}:{SERVICES}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    folder = Path(process.stdout.readline().strip())
    process.kill()
    process.communicate()
    return folder


def test_it_is_gone_with_its_shared_memory_after_the_end(folder: Path, mapped: Path) -> None:
    place = Workplace(str(folder))
    place.note_shared_memory([os.getpid()])
    (place.folder / "a-socket").touch()
    assert mapped.name in (place.folder / SHARED_NAMES).read_text()
    place.remove()
    assert list(folder.iterdir()) == []
    assert not mapped.exists()


def test_semaphores_are_known_by_their_creator_although_it_has_them_under_another_name(folder: Path) -> None:
    before = set(os.listdir(SHARED_MEMORY))
    lock = multiprocessing.get_context("spawn").Lock()
    names = shared_names([os.getpid()])
    assert len(names) == 1 and not names & before
    assert lock and names.pop().startswith("sem.mp-")


def test_shared_memory_of_other_processes_stays(folder: Path, mapped: Path) -> None:
    other = subprocess.Popen(["sleep", "60"])
    try:
        place = Workplace(str(folder))
        place.note_shared_memory([other.pid])
        place.remove()
        assert mapped.exists()
    finally:
        other.kill()
        other.wait()


def test_a_successor_removes_what_a_killed_one_left(folder: Path, mapped: Path) -> None:
    left = killed_owner(folder)
    assert left.exists() and mapped.exists()
    place = Workplace(str(folder))
    assert list(folder.iterdir()) == [place.folder]
    assert not mapped.exists()
    place.remove()


def test_a_folder_whose_owner_lives_is_left_alone(folder: Path) -> None:
    first, second = Workplace(str(folder)), Workplace(str(folder))
    assert first.folder.exists() and first.folder != second.folder
    first.remove()
    second.remove()


def test_a_list_with_other_paths_removes_nothing_outside_of_shared_memory(folder: Path) -> None:
    precious = folder / "precious"
    precious.touch()
    left = killed_owner(folder)
    (left / SHARED_NAMES).write_text(f"../..{precious}\n{precious}\n")
    sweep(str(folder))
    assert precious.exists()
    assert not left.exists()
