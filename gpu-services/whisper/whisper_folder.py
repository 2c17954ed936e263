"""Finds a Whisper model in CTranslate2's format: a folder, in a package, or in the hub's cache."""

import importlib.util
from pathlib import Path

from core.hub_model import find_model

WEIGHTS = "model.bin"


def find_whisper(model: str, revision: str | None = None) -> Path:
    """`model` is a folder, a package's name or a hub id. Raises FileNotFoundError saying what to do."""
    if (folder := folder_in_package(model)) is not None:
        return folder
    if "/" not in model and not Path(model).is_dir():
        raise FileNotFoundError(
            f"args.model: {model!r} is no installed package with a {WEIGHTS}; give the path of a folder, "
            "or a hub id such as Systran/faster-whisper-small"
        )
    return in_the_right_format(Path(find_model(model, revision, may_download=False)))


def folder_in_package(package: str) -> Path | None:
    """The package is looked into, not imported."""
    name = package.replace("-", "_")
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        return None
    files = sorted(Path(spec.submodule_search_locations[0]).rglob(WEIGHTS))
    return files[0].parent if files else None


def in_the_right_format(folder: Path) -> Path:
    if not (folder / WEIGHTS).is_file():
        raise FileNotFoundError(
            f"args.model: {folder} holds no {WEIGHTS}: faster-whisper needs a model in CTranslate2's format, "
            "such as Systran/faster-whisper-small, or one that ct2-transformers-converter has converted"
        )
    return folder
