"""Which files of a repository a model needs: its safetensors, once, and the small files around them. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import NamedTuple

from .request import Repository

SMALL_FILES = (
    "*.json",
    "*.txt",
    "*.model",
    "*.tiktoken",
    "*.jinja",
    "*.bpe",
    "README.md",
    "LICENSE*",
    "NOTICE*",
)
#: Formats of weights that are not safetensors. Some of them run code when they are loaded.
OTHER_WEIGHTS = (
    "*.bin",
    "*.pt",
    "*.pth",
    "*.ckpt",
    "*.pkl",
    "*.pickle",
    "*.h5",
    "*.msgpack",
    "*.onnx",
    "*.onnx_data",
    "*.ot",
    "*.gguf",
    "*.npz",
    "*.tflite",
    "*.nemo",
)
#: `model.fp16-00001-of-00002.safetensors`: base, variant, shard.
WEIGHT_NAME = re.compile(r"(?P<base>.+?)(?:\.(?P<variant>\w+))?(?P<shard>-\d{5}-of-\d{5})?\.safetensors")
MODULE_FOLDER = re.compile(r"\d+_\w+/")


class Split(NamedTuple):
    folder: str
    base: str
    variant: str | None
    is_shard: bool


@dataclass(frozen=True)
class Selection:
    paths: tuple[str, ...]
    weights: tuple[str, ...]
    #: Weights of other formats in places that have no safetensors: without them, the model will not load.
    refused: tuple[str, ...]


def select(paths: Iterable[str], wanted: Repository) -> Selection:
    every = sorted(paths)
    small = [path for path in every if matches(path, SMALL_FILES)]
    allowed = [path for path in every if matches(path, wanted.allow)]
    chosen = named(every, wanted.weights) if wanted.weights else weights_of(every, wanted.variant)
    taken = dict.fromkeys([*small, *chosen, *allowed])
    served = {folder_of(path) for path in (*chosen, *allowed)}
    others = [path for path in every if matches(path, OTHER_WEIGHTS) and path not in taken]
    refused = [path for path in others if is_loaded_from(path, every) and folder_of(path) not in served]
    return Selection(tuple(taken), (*chosen, *allowed), () if wanted.weights else tuple(refused))


def weights_of(every: Sequence[str], variant: str | None) -> list[str]:
    places: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path in every:
        if (split := split_weight(path)) and is_loaded_from(path, every):
            places[split.folder, split.base].append(path)
    complete = {folder for folder, base in places if base in ("model", "diffusion_pytorch_model")}
    return [
        path
        for (folder, base), group in places.items()
        # Beside `model…`, such as Mistral's `consolidated`, is the same once more for another program.
        if folder not in complete or base in ("model", "diffusion_pytorch_model")
        for path in one_of_each(group, variant)
    ]


def one_of_each(group: Sequence[str], variant: str | None) -> list[str]:
    """The asked variant, else the one without a name; in one piece rather than in shards."""
    splits = {path: split for path in group if (split := split_weight(path))}
    variants = {split.variant for split in splits.values()}
    pick = variant if variant in variants else None
    if pick not in variants:
        return list(group)
    same = [path for path, split in splits.items() if split.variant == pick]
    whole = [path for path in same if not splits[path].is_shard]
    return whole or same


def is_loaded_from(path: str, every: Sequence[str]) -> bool:
    """Diffusers loads from the folders beside `model_index.json`, others from the top; sentence encoders also
    from `2_Dense` and the like."""
    if "model_index.json" in every:
        return path.count("/") == 1
    return "/" not in path or ("modules.json" in every and MODULE_FOLDER.match(path) is not None)


def named(every: Sequence[str], names: Sequence[str]) -> list[str]:
    return [path for path in every if path in names]


def split_weight(path: str) -> Split | None:
    folder, _, name = path.rpartition("/")
    if not (found := WEIGHT_NAME.fullmatch(name)):
        return None
    return Split(folder, found["base"], found["variant"], found["shard"] is not None)


def folder_of(path: str) -> str:
    return path.rpartition("/")[0]


def matches(path: str, patterns: Sequence[str]) -> bool:
    name = path.rpartition("/")[2]
    return any(fnmatch(path, pattern) or fnmatch(name, pattern) for pattern in patterns)
