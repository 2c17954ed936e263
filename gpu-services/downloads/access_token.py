"""The hub's access token: from the environment, or a file that only its owner can read."""

import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from .events import Trouble

VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")


def find_token(environ: Mapping[str, str], files: Sequence[Path]) -> str | None:
    """The first there is; None: what is public needs none."""
    for name in VARIABLES:
        if token := environ.get(name, "").strip():
            return token
    for file in files:
        if file.is_file() and (token := read_secret(file)):
            return token
    return None


def read_secret(file: Path) -> str:
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        raise Trouble(
            f"The token file {file} can be read by others (mode {mode:04o}).", f"Run: chmod 600 {file}"
        )
    try:
        return file.read_text().strip()
    except OSError as error:
        raise Trouble(
            f"The token file {file} cannot be read ({error.strerror}).", f"Run: ls -l {file}"
        ) from None
