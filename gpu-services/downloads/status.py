"""Which weights are here. Usage: python -m downloads.status --request JSON; any Python will do."""

import argparse
import os
from pathlib import Path
from typing import Any

from .cache import Manifest, Weights
from .events import tell
from .request import Repository, parse_request


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--request", required=True, metavar="JSON")
    weights = Weights.of(os.environ)
    for wanted in parse_request(parser.parse_args().request).repositories:
        tell_status(weights, wanted)


def tell_status(weights: Weights, wanted: Repository) -> None:
    manifest = weights.read_manifest(wanted)
    here = weights.commit_of(wanted.repo, wanted.revision)
    if manifest is None and wanted.commit in (None, here):
        # Another program put it here: whether that is all, only the hub's list can say.
        tell_unlisted(weights, wanted, here, "unchecked")
    elif manifest is None or wanted.commit not in (None, manifest.commit):
        tell_unlisted(weights, wanted, wanted.commit, "partial")  # it is locked to what was not fetched yet
    else:
        tell_listed(weights, wanted, manifest)


def tell_listed(weights: Weights, wanted: Repository, manifest: Manifest) -> None:
    have = weights.have_bytes(manifest)
    tell(
        "status",
        **names_of(wanted),
        state="present" if weights.is_complete(manifest) else "partial" if have else "missing",
        commit=manifest.commit,
        have_bytes=have,
        total_bytes=manifest.size_bytes,
        licence=manifest.licence,
    )


def tell_unlisted(weights: Weights, wanted: Repository, commit: str | None, state: str) -> None:
    """No list of files says what belongs to this commit. `state` is for one of which there is something."""
    have = bytes_below(weights.folder(wanted.repo) / "snapshots" / commit) if commit else 0
    tell(
        "status",
        **names_of(wanted),
        state=state if have else "missing",
        commit=commit,
        have_bytes=have,
        total_bytes=None,
        licence=None,
    )


def names_of(wanted: Repository) -> dict[str, Any]:
    return {"repo": wanted.repo, "revision": wanted.revision, "models": wanted.models}


def bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
