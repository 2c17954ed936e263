from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import short_folder

LONGEST_FIRST = (  # begun late, they would be waited for alone
    "test_services_conform",
    "test_vllm_life",
    "test_conformance",
    "test_vllm",
    "test_whisper",
    "test_downloads",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=place)


def place(item: pytest.Item) -> int:
    stem = item.path.stem
    return LONGEST_FIRST.index(stem) if stem in LONGEST_FIRST else len(LONGEST_FIRST)


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as path:
        yield path
