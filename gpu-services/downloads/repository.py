"""All files of one repository, a few at once."""

import errno
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from typing import Any

from .cache import HubFile, Manifest, Weights
from .events import Interrupted, Trouble, tell
from .fetch import fetch, link
from .hub import Access, in_words
from .request import Repository

FILES_AT_ONCE = 4
TELL_EVERY_SECONDS = 0.25
#: For threads to close their files after an interruption; one that waits for its server is not waited for.
LET_GO_SECONDS = 2.0


class Growth:
    """How far the files are, from their own threads. `stop` ends each at its next piece."""

    def __init__(self, weights: Weights, manifest: Manifest) -> None:
        self._sizes = {file.path: weights.have_of(manifest, file) for file in manifest.files}
        self._stopped = threading.Event()

    def set(self, alike: Sequence[HubFile], size_bytes: int) -> None:
        if self._stopped.is_set():
            raise Interrupted
        self._sizes.update({file.path: size_bytes for file in alike})

    def stop(self) -> None:
        self._stopped.set()

    @property
    def size_bytes(self) -> int:
        return sum(self._sizes.values())


def fetch_repository(weights: Weights, wanted: Repository, manifest: Manifest, access: Access) -> None:
    """All bytes first and the links last, so that no library finds a part of a model."""
    growth = Growth(weights, manifest)

    def work(alike: Sequence[HubFile]) -> None:
        with in_words(wanted, access), disk_in_words(weights):
            fetch(weights, manifest, alike[0], access, partial(growth.set, alike))

    def work_link(file: HubFile) -> None:
        with in_words(wanted, access), disk_in_words(weights):
            link(weights, manifest, file, access)

    missing = [file for file in manifest.files if not weights.has_link(manifest, file)]
    in_threads(work, by_blob(missing), manifest, growth)
    in_threads(work_link, missing, manifest, growth)
    weights.set_commit(manifest.repo, manifest.revision, manifest.commit)
    tell(
        "done",
        repo=manifest.repo,
        revision=manifest.revision,
        commit=manifest.commit,
        total_bytes=manifest.size_bytes,
    )


def in_threads(work: Callable[[Any], None], items: Sequence[Any], manifest: Manifest, growth: Growth) -> None:
    pool = ThreadPoolExecutor(FILES_AT_ONCE)
    try:
        await_all([pool.submit(work, item) for item in items], manifest, growth)
    except BaseException:
        growth.stop()
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def by_blob(files: Sequence[HubFile]) -> list[list[HubFile]]:
    """Files of the same bytes are one blob, for one thread. The largest first."""
    alike: dict[str, list[HubFile]] = defaultdict(list)
    for file in files:
        alike[file.blob].append(file)
    return sorted(alike.values(), key=lambda group: -group[0].size_bytes)


def await_all(futures: list["Future[None]"], manifest: Manifest, growth: Growth) -> None:
    told = -1
    pending = set(futures)
    try:
        while pending:
            done, pending = wait(pending, TELL_EVERY_SECONDS, FIRST_EXCEPTION)
            for future in done:
                future.result()
            if growth.size_bytes != told:
                told = growth.size_bytes
                tell(
                    "progress",
                    repo=manifest.repo,
                    revision=manifest.revision,
                    have_bytes=told,
                    total_bytes=manifest.size_bytes,
                )
    except BaseException:
        growth.stop()
        wait(pending, LET_GO_SECONDS)
        raise


@contextmanager
def disk_in_words(weights: Weights) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise Trouble(
            f"The disk of {weights.hub} is full.", "Free some room and run it again; what is here is kept."
        ) from None
