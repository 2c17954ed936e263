"""A program's output as lines."""

import pytest

from core.line_splitter import LINE_LIMIT_BYTES, LineSplitter


def lines_of(*pieces: bytes) -> list[str]:
    splitter = LineSplitter()
    return [line for piece in pieces for line in splitter.add(piece)] + splitter.end()


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        ([b"one\ntwo\n"], ["one", "two"]),
        ([b"o", b"ne\nt", b"wo\n"], ["one", "two"]),
        ([b"one\r\n", b"\r\n", b"\n", b"two"], ["one", "two"]),
        ([b"\xc3", b"\xa9\n"], ["é"]),
        ([b"\xff\n"], ["�"]),
    ],
)
def test_lines_are_whole_whatever_pieces_they_come_in(pieces: list[bytes], lines: list[str]) -> None:
    assert lines_of(*pieces) == lines


def test_each_state_of_a_progress_bar_is_a_line() -> None:
    assert lines_of(b"\rload:  0%\rload: 50%", b"\rload: 100%\n") == ["load:  0%", "load: 50%", "load: 100%"]


def test_of_a_line_over_the_limit_nothing_is_told_and_the_next_one_is_whole() -> None:
    long = b"x" * (LINE_LIMIT_BYTES + 1)
    assert lines_of(b"before\n", long, b"its end\nafter\n") == ["before", "after"]
