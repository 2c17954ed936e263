"""Lines on the events pipe."""

import json
import os
from collections.abc import Iterator

import pytest

from core.protocol import LINE_LIMIT_BYTES, EventsPipe, encode_line


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read_fd, write_fd = os.pipe()
    yield read_fd, write_fd
    os.close(read_fd)
    os.close(write_fd)


@pytest.mark.parametrize("error", ["x" * 100_000, "é" * 100_000, "\x00" * 100_000, '"' * 100_000])
def test_a_line_stays_under_the_limit_and_keeps_the_end_of_the_error(error: str) -> None:
    line = encode_line({"type": "state", "error": error + " the reason"})
    assert len(line) < LINE_LIMIT_BYTES
    assert json.loads(line)["error"].endswith("the reason")


def test_every_event_carries_the_boot_id(pipe: tuple[int, int]) -> None:
    events = EventsPipe(pipe[1], "boot-1")
    events.state("READY")
    events.load(0.5, "weights")
    events.job("job_1", None, "speaking")
    told = [json.loads(line) for line in os.read(pipe[0], 65536).splitlines()]
    assert told == [
        {"type": "state", "status": "READY", "boot_id": "boot-1"},
        {"type": "load", "progress": 0.5, "phase": "weights", "boot_id": "boot-1"},
        {"type": "job", "job_id": "job_1", "progress": None, "phase": "speaking", "boot_id": "boot-1"},
    ]


def test_a_pipe_that_nobody_reads_blocks_nothing(pipe: tuple[int, int]) -> None:
    os.set_blocking(pipe[1], False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(pipe[1], b"x" * 65536)
    os.set_blocking(pipe[1], True)
    EventsPipe(pipe[1], None).job("job_1", 0.5, None)


@pytest.mark.parametrize("fd", [None, 12345])
def test_without_a_pipe_nothing_is_told(fd: int | None) -> None:
    EventsPipe(fd, None).state("READY")


def test_a_supervisor_that_is_gone_stops_nothing() -> None:
    read_fd, write_fd = os.pipe()
    os.close(read_fd)
    events = EventsPipe(write_fd, None)
    events.state("READY")
    os.close(write_fd)
    events.state("DEFUNCT")
