"""Downloads weights for `roundhouse models pull`. Usage: python -m downloads.pull --request JSON

Everything is planned first: what is refused, gated or too large for the disk is known before the first byte,
and before the `plan` line, at which the command line locks the commits.
It tells what it does as JSON lines, and exits with 0, with 1 (an `error` line says why), or with 130 when it
was interrupted.
"""

import argparse
import fcntl
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ["HF_HUB_DISABLE_XET"] = "1"  # read when the client is imported; see fetch.py
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

from huggingface_hub import constants

from .access_token import find_token
from .cache import HubFile, Manifest, Weights
from .client_log import hear_lost_connections
from .disk import check_room, free_bytes
from .events import Interrupted, Trouble, tell
from .hub import Access, Listing, look_up, page_of
from .repository import fetch_repository
from .request import Repository, Request, parse_request
from .selection import Selection, select

FAILED = 1
INTERRUPTED = 130


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--request", required=True, metavar="JSON")
    request = parse_request(parser.parse_args().request)
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, interrupt)
    hear_lost_connections()
    try:
        pull(request, Weights.of(os.environ))
    except Trouble as trouble:
        tell("error", message=str(trouble), fix=trouble.fix)
        os._exit(FAILED)  # a thread may still wait for its server
    except Interrupted:
        tell("interrupted")
        os._exit(INTERRUPTED)


def interrupt(*_: Any) -> None:
    raise Interrupted


def pull(request: Request, weights: Weights) -> None:
    files = [Path(request.token_file)] if request.token_file else []
    where = f"into {request.token_file} (mode 600) or HF_TOKEN" if request.token_file else "into HF_TOKEN"
    access = Access(find_token(os.environ, [*files, weights.home / "token"]), where)
    with alone(weights):
        plans = plan_all(weights, request.repositories, access)
        need = sum(manifest.size_bytes - weights.have_bytes(manifest) for manifest in plans)
        free = free_bytes(weights.hub)
        check_room(need, free, weights.hub)
        tell("plan", need_bytes=need, free_bytes=free, folder=str(weights.hub))
        for manifest in plans:
            weights.write_manifest(manifest)
        for wanted, manifest in zip(request.repositories, plans, strict=True):
            fetch_repository(weights, wanted, manifest, access)


def plan_all(weights: Weights, repositories: Sequence[Repository], access: Access) -> list[Manifest]:
    """Two variants of one revision are of one commit, also when the branch moves in between."""
    plans: list[Manifest] = []
    commits: dict[tuple[str, str], str] = {}
    for wanted in repositories:
        place = (wanted.repo, wanted.revision)
        manifest = plan(weights, wanted, access, wanted.commit or commits.get(place))
        commits[place] = manifest.commit
        plans.append(manifest)
    return plans


def plan(weights: Weights, wanted: Repository, access: Access, commit: str | None) -> Manifest:
    listing = look_up(replace(wanted, commit=commit), access)
    selection = select([file.path for file in listing.files], wanted)
    check_selection(wanted, selection, listing)
    files = tuple(file for file in listing.files if file.path in selection.paths)
    check_sizes(wanted, files)
    manifest = Manifest(
        wanted.repo,
        wanted.revision,
        wanted.variant,
        listing.commit,
        listing.licence,
        listing.licence_link,
        listing.is_gated,
        files,
    )
    tell(
        "repository",
        models=wanted.models,
        repo=wanted.repo,
        revision=wanted.revision,
        commit=listing.commit,
        locked=wanted.commit is not None,
        page=page_of(wanted.repo),
        licence=listing.licence,
        licence_link=listing.licence_link,
        gated=listing.is_gated,
        files=len(files),
        total_bytes=manifest.size_bytes,
        have_bytes=weights.have_bytes(manifest),
    )
    return manifest


def check_selection(wanted: Repository, selection: Selection, listing: Listing) -> None:
    missing = set(wanted.weights) - set(selection.paths)
    if missing:
        raise Trouble(
            f"{wanted.repo} has no file {', '.join(sorted(missing))}.",
            f"Its files: {page_of(wanted.repo)}/tree/{listing.commit}",
        )
    if selection.refused:
        raise Trouble(
            f"{wanted.repo} has {described(selection.refused, listing.files)} and no safetensors there."
            " Weights of other formats can run code when they are loaded.",
            "Take a repository with safetensors. Or, if you trust its author, write in the models file: "
            f"allow_weights: [{', '.join(sorted({Path(each).name for each in selection.refused}))}]",
        )
    if not selection.weights:
        raise Trouble(
            f"{wanted.repo} has no weights that could be loaded from it.",
            f"Look at its files: {page_of(wanted.repo)}/tree/{listing.commit}",
        )


def check_sizes(wanted: Repository, files: Sequence[HubFile]) -> None:
    """The hub sends larger files by xet alone, and the client refuses them in the middle of it all."""
    most_bytes = constants.MAX_HTTP_DOWNLOAD_SIZE
    for file in files:
        if file.size_bytes > most_bytes:
            raise Trouble(
                f"{file.path} of {wanted.repo} has {file.size_bytes / 1e9:.0f} GB; "
                f"the hub sends files of up to {most_bytes / 1e9:.0f} GB this way.",
                "Take a repository whose weights are in several files. Or fetch it with the hub's own "
                "command (hf download), and give its folder as args.model.",
            )


def described(paths: Sequence[str], files: Sequence[HubFile]) -> str:
    sizes = {file.path: file.size_bytes for file in files}
    shown = [f"{path} ({sizes[path] / 1e6:.0f} MB)" for path in paths[:3]]
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return ", ".join(shown) + more


@contextmanager
def alone(weights: Weights) -> Iterator[None]:
    """Two downloads into one folder would write the same parts."""
    try:
        weights.lock_file.parent.mkdir(parents=True, exist_ok=True)
        handle = weights.lock_file.open("w")
    except OSError as error:
        raise Trouble(
            f"{weights.home} cannot be written to ({error.strerror}).", "Set HF_HOME to another folder."
        ) from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Trouble(
                f"Another download is at work in {weights.home}.", "Wait for it, or stop it."
            ) from None
        yield


if __name__ == "__main__":
    main()
