"""Every service of the project keeps the contract: the conformance kit, run in the service's environment."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import SERVICES, venv_python
from weights import MAKERS as TINY
from weights import make_weights, run_there

GRACE_SECONDS = "20"  # an engine's own time is taken from it, and the last request has to end in the rest
FOLDERS = sorted(server.parent.name for server in SERVICES.glob("*/server.py"))


def make_qwen2(folder: Path) -> None:
    run_there("vllm", TINY / "tiny_qwen2.py", str(folder), "--size", "mid")


MAKERS: dict[str, Callable[[Path], None]] = {
    "flux": lambda folder: make_weights("tiny_flux.py", "flux", folder),
    "musicgen": lambda folder: make_weights("tiny_musicgen.py", "musicgen", folder),
    "vllm": make_qwen2,
}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_service_keeps_the_contract(name: str, folder: Path) -> None:
    arguments = [str(SERVICES / name), "--grace-seconds", GRACE_SECONDS]
    if name in MAKERS:
        MAKERS[name](folder / "weights")
        arguments += ["--args", f'{{"model": "{folder}/weights"}}']
    run = subprocess.run(
        [venv_python(name), "-m", "core.conformance", *arguments],
        env={**os.environ, "PYTHONPATH": str(SERVICES), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_service_says_what_to_send_it() -> None:
    assert [name for name in FOLDERS if not (SERVICES / name / "conformance.json").is_file()] == []
