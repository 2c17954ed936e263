"""Tiny weights for the real libraries, made on the spot by the programs in `tiny`."""

import os
import subprocess
from pathlib import Path

import pytest

from harness import PATIENCE_SECONDS, SERVICES, venv_python

MAKERS = Path(__file__).parent / "tiny"
PROGRAMS = Path(__file__).parent / "programs"
ONE_THREAD = {"OMP_NUM_THREADS": "1"}  # PyTorch's threads make a busy machine thirty times slower


def make_weights(maker: str, venv: str, *folders: Path) -> None:
    """`maker` is a file of `tiny`, run by the environment `venv` with the folders as arguments."""
    run_there(venv, MAKERS / maker, *map(str, folders))


def run_there(venv: str, program: Path, *arguments: str, **variables: str) -> str:
    """What it prints. It can import what the service of that name can. Fails the test with its complaint."""
    done = subprocess.run(
        [venv_python(venv), str(program), *arguments],
        env={
            **os.environ,
            **ONE_THREAD,
            "HF_HUB_OFFLINE": "1",
            "PYTHONPATH": f"{SERVICES}:{SERVICES / venv}",
            **variables,
        },
        capture_output=True,
        check=False,
        text=True,
        timeout=PATIENCE_SECONDS * 2,
    )
    if done.returncode != 0:
        pytest.fail(f"{program.name} failed:\n{done.stderr[-3000:]}")
    return done.stdout
