"""How a list of texts is cut, marked and checked against the processor, without the engine."""

from pathlib import Path

import pytest

from batches import TEXTS_PER_BATCH, TOKENS_PER_BATCH, batches
from e5_encoder import refuse_old_processor
from prefixes import Marked, marked


def test_every_text_is_in_one_batch_of_its_own_kind() -> None:
    texts = [Marked("query" if i % 3 else "passage", str(i)) for i in range(100)]
    found = list(batches(texts, [10] * 100))
    assert sorted(index for batch in found for index in batch) == list(range(100))
    assert all(len({texts[index].kind for index in batch}) == 1 for batch in found)
    assert max(map(len, found)) == TEXTS_PER_BATCH


def test_a_long_text_is_a_batch_of_its_own() -> None:
    texts = [Marked("query", "")] * 4
    assert list(batches(texts, [5, TOKENS_PER_BATCH * 2, 5, 5])) == [[0], [1], [2, 3]]


def test_a_prefix_alone_is_a_text() -> None:
    assert marked("query: ", "passage") == Marked("passage", "query: ")
    assert marked("query: x", "passage") == Marked("query", "x")
    assert marked("Query: x", "passage") == Marked("passage", "Query: x")


def test_a_processor_without_the_needed_instructions_is_refused_by_name(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor : 0\nflags : fpu sse4_2 avx avx2\n")
    with pytest.raises(RuntimeError, match="fma"):
        refuse_old_processor("x86_64", cpuinfo)
    refuse_old_processor("aarch64", cpuinfo)
    cpuinfo.write_text("processor : 0\nflags : fpu avx2 fma\n")
    refuse_old_processor("x86_64", cpuinfo)
