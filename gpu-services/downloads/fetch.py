"""One file from the hub: taken up where it was broken off, checked, and put where every library looks for it.

The client's `hf_hub_download` begins a broken file anew in the next process, so the bytes go through its
`http_get`, which can go on, into a part with a lasting name. The links are the client's own work. Its other
transport (xet) cannot go on either, which is why `HF_HUB_DISABLE_XET` is set.
"""

import time
from collections.abc import Callable
from typing import Any

import httpx2  # type: ignore[import-not-found]  # what the client is made with
from huggingface_hub import constants, hf_hub_download, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers

from .cache import HubFile, Manifest, Weights
from .checked_file import CheckedFile
from .client_log import tell_lost_connection
from .events import Trouble
from .hub import Access, page_of

#: What was received of a piece is lost when the connection breaks. The client's own are ten times larger.
constants.DOWNLOAD_CHUNK_SIZE = 1 << 20
RETRY_AFTER_SECONDS = (1.0, 4.0)


class NoBar:
    """In place of the client's progress bars: the file itself knows how far it is."""

    def __init__(self, *args: Any, **options: Any) -> None:
        pass

    def __enter__(self) -> "NoBar":
        return self

    def __exit__(self, *reason: object) -> None:
        pass

    def update(self, size_bytes: float | None = 1) -> None:
        pass


def fetch(
    weights: Weights, manifest: Manifest, file: HubFile, access: Access, on_growth: Callable[[int], None]
) -> None:
    """Returns when its blob is whole. Raises Trouble or the client's errors; a part stays."""
    if weights.has_blob(manifest, file):
        return
    partial = weights.partial(manifest.repo, file)
    partial.parent.mkdir(parents=True, exist_ok=True)
    part = CheckedFile(partial, file.blob, file.size_bytes, on_growth)
    try:
        complete(part, manifest, file, access)
    finally:
        part.close(to_disk=part.is_right)
    partial.replace(weights.blob(manifest.repo, file))


def complete(part: CheckedFile, manifest: Manifest, file: HubFile, access: Access) -> None:
    was_part = part.size > 0
    if part.size > file.size_bytes:
        part.truncate()
    receive(part, manifest, file, access)
    if not part.is_right and was_part:  # the part may have been damaged on this side
        part.truncate()
        receive(part, manifest, file, access)
    if not part.is_right:
        part.truncate()
        raise wrong_bytes(manifest, file)


def receive(part: CheckedFile, manifest: Manifest, file: HubFile, access: Access) -> None:
    """The client itself goes on after a connection that ended early, and neither after one that was reset nor
    after an error of the server. As long as something comes, there is another try."""
    tries = 0
    while True:
        before = part.size
        try:
            receive_once(part, manifest, file, access)
            return
        except (HfHubHTTPError, httpx2.ReadError) as error:
            if isinstance(error, HfHubHTTPError) and error.response.status_code < 500:
                raise
            tries = 0 if part.size > before else tries
            if tries == len(RETRY_AFTER_SECONDS):
                raise
            if isinstance(error, httpx2.ReadError):
                tell_lost_connection()
            time.sleep(RETRY_AFTER_SECONDS[tries])
            tries += 1


def receive_once(part: CheckedFile, manifest: Manifest, file: HubFile, access: Access) -> None:
    url = hf_hub_url(manifest.repo, file.path, revision=manifest.commit)
    try:
        http_get(
            url,
            part,
            resume_size=part.size,
            headers={**build_hf_headers(token=access.header), "Accept-Encoding": "identity"},
            expected_size=file.size_bytes,
            displayed_filename=file.path,
            tqdm_class=NoBar,
        )
    except OSError as error:
        if "Consistency check failed" not in str(error):
            raise
        part.truncate()
        raise wrong_bytes(manifest, file) from None


def link(weights: Weights, manifest: Manifest, file: HubFile, access: Access) -> None:
    """The client finds the blob under its hash, and only makes the link."""
    hf_hub_download(
        manifest.repo,
        file.path,
        revision=manifest.commit,
        cache_dir=weights.hub,
        token=access.header,
        tqdm_class=NoBar,
    )


def wrong_bytes(manifest: Manifest, file: HubFile) -> Trouble:
    return Trouble(
        f"{file.path} of {manifest.repo} came with a size or a hash that is not in the hub's list; "
        "it was thrown away.",
        "Run it again. If it happens twice, a mirror or a proxy changes it, or the repository is broken: "
        f"{page_of(manifest.repo)}",
    )
