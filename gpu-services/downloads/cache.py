"""The folder of weights: the Hugging Face cache's own layout, and beside it what a download has planned.

Only the standard library, so that it can be looked at with any Python.

    hub/models--ORG--NAME/blobs/HASH                 a file's bytes, named after their hash
    hub/models--ORG--NAME/snapshots/COMMIT/PATH      links to them, as `from_pretrained` finds them
    hub/models--ORG--NAME/refs/REVISION              the commit that a branch or tag meant
    roundhouse/models--ORG--NAME@REVISION.json       all that belongs to it, so that a gap is noticed
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

from .request import Repository


@dataclass(frozen=True)
class HubFile:
    path: str
    size_bytes: int
    #: sha256 of a large file, git's sha1 of a small one; the name of its blob.
    blob: str


@dataclass(frozen=True)
class Manifest:
    repo: str
    revision: str
    variant: str | None
    commit: str
    licence: str | None
    licence_link: str | None
    is_gated: bool
    files: tuple[HubFile, ...]

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)


@dataclass(frozen=True)
class Weights:
    """The folder that `HF_HOME` names, or `HF_HUB_CACHE` for the cache alone."""

    home: Path
    hub: Path

    @staticmethod
    def of(environ: Mapping[str, str]) -> "Weights":
        home = Path(environ.get("HF_HOME") or "~/.cache/huggingface").expanduser().absolute()
        hub = environ.get("HF_HUB_CACHE") or environ.get("HUGGINGFACE_HUB_CACHE")
        return Weights(home, Path(hub).expanduser().absolute() if hub else home / "hub")

    @property
    def lock_file(self) -> Path:
        return self.home / "roundhouse" / "download.lock"

    def folder(self, repo: str) -> Path:
        return self.hub / f"models--{repo.replace('/', '--')}"

    def blob(self, repo: str, file: HubFile) -> Path:
        return self.folder(repo) / "blobs" / file.blob

    def partial(self, repo: str, file: HubFile) -> Path:
        return self.folder(repo) / "blobs" / f"{file.blob}.incomplete"

    def pointer(self, repo: str, commit: str, file: HubFile) -> Path:
        return self.folder(repo) / "snapshots" / commit / file.path

    def manifest_file(self, of: Repository | Manifest) -> Path:
        variant = f".{of.variant}" if of.variant else ""
        name = f"models--{of.repo.replace('/', '--')}@{quote(of.revision, safe='')}{variant}.json"
        return self.home / "roundhouse" / name

    def have_bytes(self, manifest: Manifest) -> int:
        """Of what the manifest names: whole files and parts of files."""
        return sum(self.have_of(manifest, file) for file in manifest.files)

    def have_of(self, manifest: Manifest, file: HubFile) -> int:
        if self.has_link(manifest, file) or self.has_blob(manifest, file):
            return file.size_bytes
        return min(size_of(self.partial(manifest.repo, file)) or 0, file.size_bytes)

    def has_blob(self, manifest: Manifest, file: HubFile) -> bool:
        return size_of(self.blob(manifest.repo, file)) == file.size_bytes

    def has_link(self, manifest: Manifest, file: HubFile) -> bool:
        """A link to nothing counts as none."""
        return size_of(self.pointer(manifest.repo, manifest.commit, file)) == file.size_bytes

    def is_complete(self, manifest: Manifest) -> bool:
        return self.commit_of(manifest.repo, manifest.revision) == manifest.commit and all(
            self.has_link(manifest, file) for file in manifest.files
        )

    def commit_of(self, repo: str, revision: str) -> str | None:
        """What `from_pretrained` would take for this revision; None: it would find nothing."""
        ref = self.folder(repo) / "refs" / revision
        commit = ref.read_text().strip() if ref.is_file() else revision
        return commit if (self.folder(repo) / "snapshots" / commit).is_dir() else None

    def set_commit(self, repo: str, revision: str, commit: str) -> None:
        if revision != commit:
            write_whole(self.folder(repo) / "refs" / revision, commit)

    def read_manifest(self, wanted: Repository) -> Manifest | None:
        try:
            fields = json.loads(self.manifest_file(wanted).read_text())
            files = tuple(HubFile(**each) for each in fields.pop("files"))
            return Manifest(**fields, files=files)
        except (OSError, ValueError, TypeError, KeyError):
            return None  # never downloaded, or written by another version: a download writes it anew

    def write_manifest(self, manifest: Manifest) -> None:
        text = json.dumps(asdict(manifest), indent=1)
        write_whole(self.manifest_file(manifest), text)


def size_of(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def write_whole(path: Path, text: str) -> None:
    """Readers see the old text or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text)
    beside.replace(path)
