import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path of its own: a socket's path ends at 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="rh-", dir="/tmp"))
    yield path
    shutil.rmtree(path)
