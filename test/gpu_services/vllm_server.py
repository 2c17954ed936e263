"""The vLLM service on its real engine, for CPUs, with a tiny Qwen2 made on the spot."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness import SERVICES, Service, running_service, venv_python
from weights import MAKERS, ONE_THREAD, run_there

SERVER = SERVICES / "vllm" / "server.py"
CONTEXT_TOKENS = 1024
ARGS: dict[str, Any] = {
    "dtype": "bfloat16",
    "enforce_eager": True,
    "kv_cache_memory_bytes": 64 << 20,
    "max_model_len": CONTEXT_TOKENS,
    "max_num_seqs": 8,
}


@contextmanager
def made_model(size: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="rh-model-") as folder:
        run_there("vllm", MAKERS / "tiny_qwen2.py", folder, "--size", size)
        yield Path(folder)


@contextmanager
def vllm_service(
    folder: Path, model: Path | str, *, script: Path = SERVER, **changes: Any
) -> Iterator[Service]:
    """Its temporary files lie in `folder`, so that a test sees what is left of them."""
    (folder / "tmp").mkdir(exist_ok=True)
    variables = {
        "ROUNDHOUSE_ARGS": json.dumps({**ARGS, "model": str(model), **changes}),
        "TMPDIR": str(folder / "tmp"),
        **ONE_THREAD,
    }
    with running_service(script, folder, venv_python("vllm"), **variables) as service:
        try:
            yield service
        finally:
            service.process.terminate()  # a killed one would leave its shared memory to the next start
            service.wait()


@contextmanager
def ready_vllm(
    folder: Path, model: Path | str, *, script: Path = SERVER, **changes: Any
) -> Iterator[Service]:
    with vllm_service(folder, model, script=script, **changes) as service:
        end = service.events.until(lambda event: event.get("status") in ("READY", "SETUP_FAILED"))
        assert end["status"] == "READY", end["error"]
        yield service


def shared_memory() -> set[str]:
    """Of the kinds that vLLM makes, on the whole machine."""
    return {path.name for path in Path("/dev/shm").iterdir() if path.name.startswith(("psm_", "sem.mp-"))}


def left_in(folder: Path) -> list[str]:
    """Files of the service and its engine; compiled code may stay."""
    found = [path.name for path in (*folder.iterdir(), *(folder / "tmp").iterdir())]
    return [name for name in found if name not in ("log", "tmp") and not name.startswith("torchinductor")]
