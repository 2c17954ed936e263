from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import short_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as path:
        yield path
