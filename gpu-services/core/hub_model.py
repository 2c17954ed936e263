"""Finds a model: a folder, or a repository in this machine's cache of the hub. Needs huggingface_hub."""

from pathlib import Path


def find_model(model: str, revision: str | None, may_download: bool, named_by: str = "args.model") -> str:
    """The folder with the model's files; the hub's id where the library may fetch it.

    Raises FileNotFoundError saying what to do.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return str(folder.resolve())
    if model.startswith(("/", ".", "~")) or model.count("/") != 1:
        raise FileNotFoundError(
            f"{named_by}: there is no folder {model}; give one, or a hub id such as org/name"
        )
    return model if may_download else cached(model, revision, named_by)


def cached(model: str, revision: str | None, named_by: str) -> str:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return str(snapshot_download(model, revision=revision, local_files_only=True))
    except LocalEntryNotFoundError:
        at = f" at revision {revision}" if revision else ""
        raise FileNotFoundError(
            f"{named_by}: {model}{at} is not on this machine; "
            "download it first: scripts/roundhouse models pull"
        ) from None
