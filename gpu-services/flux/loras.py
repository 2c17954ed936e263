"""Adapters of a pipeline, from the models file."""

from pathlib import Path
from typing import Any

from core.hub_model import find_model
from pipeline_args import Lora

USUAL_NAME = "pytorch_lora_weights.safetensors"


def add_loras(pipe: Any, loras: list[Lora], may_download: bool) -> None:
    """Merged into the weights, so that they cost nothing per step."""
    if not loras:
        return
    names = [f"lora{i}" for i in range(len(loras))]
    for name, lora in zip(names, loras, strict=True):
        place, file = lora_place(lora, may_download)
        pipe.load_lora_weights(
            place,
            weight_name=file,
            adapter_name=name,
            use_safetensors=True,
            local_files_only=not may_download,
        )
    pipe.set_adapters(names, [lora.scale for lora in loras])
    pipe.fuse_lora(adapter_names=names)
    pipe.unload_lora_weights()


def lora_place(lora: Lora, may_download: bool) -> tuple[str, str | None]:
    """Its folder (or hub id, if it may be fetched) and file. Raises FileNotFoundError saying what to do."""
    path = Path(lora.path).expanduser()
    if path.is_file():
        return str(path.parent), path.name
    place = find_model(lora.path, None, may_download, named_by="args.loras")
    if lora.weight_name is not None or not Path(place).is_dir():
        return place, lora.weight_name
    return place, only_file(Path(place))


def only_file(folder: Path) -> str:
    names = sorted(file.name for file in folder.glob("*.safetensors"))
    if USUAL_NAME in names:
        return USUAL_NAME
    if len(names) != 1:
        found = ", ".join(names) or "none"
        raise FileNotFoundError(
            f"args.loras: name one .safetensors file of {folder} as weight_name; it has {found}"
        )
    return names[0]
