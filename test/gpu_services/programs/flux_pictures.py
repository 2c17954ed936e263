"""Paints with one pipeline after another; prints a hash of each picture by the args it was loaded with.

Run by test_flux_args.py, with folders of weights as arguments.
"""

import hashlib
import json
import shutil
import sys
from pathlib import Path

import torch
from huggingface_hub.constants import HF_HUB_CACHE
from safetensors.torch import load_file

from core.hub_model import find_model
from core.job import Job
from image_size import Size
from loras import add_loras
from painter import Order, Painter
from pipeline_args import PipelineArgs
from pipeline_load import load_pipeline, place_pipeline

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ORDER = Order(prompt="a cat", size=Size(128, 64), seed=7, steps=4)


def picture(weights: str, **args: object) -> str:
    return painted(painter_of(weights, **args))


def painter_of(weights: str, **args: object) -> Painter:
    chosen = PipelineArgs.model_validate(args)
    pipe = load_pipeline(weights, chosen, "cpu", lambda fraction, part: None)
    add_loras(pipe, chosen.loras, may_download=False)
    place_pipeline(pipe, chosen, "cpu")
    return Painter(pipe, chosen)


def painted(painter: Painter) -> str:
    image = painter.paint(ORDER, Job(), lambda *_: None, lambda *_: None)
    return hashlib.sha256(image.tobytes()).hexdigest()


def main(weights: str, lora: str) -> None:
    file = f"{lora}/pytorch_lora_weights.safetensors"
    pictures = {
        "plain": picture(weights),
        "plain again": picture(weights),
        "named": picture(weights, pipeline="FluxPipeline"),
        "lora": picture(weights, loras=[{"path": lora}]),
        "lora file": picture(weights, loras=[{"path": file}]),
        "half a lora": picture(weights, loras=[{"path": lora, "scale": 0.5}]),
        "two loras": picture(weights, loras=[{"path": lora}, {"path": file}]),
        "no lora": picture(weights, loras=[{"path": lora, "scale": 0}]),
        "fp8": picture(weights, fp8=True),
        "bfloat16": picture(weights, dtype="bfloat16"),
        "tiled": picture(weights, vae_tiling=True),
        "counted meanwhile": counted_meanwhile(weights),
        "cached": picture(cached(weights), revision=COMMIT),
    }
    refusals = {
        "pipeline": refusal(weights, pipeline="FluxTransformer2DModel"),
        "dtype": refusal(weights, dtype="int3"),
        "offload": refusal(weights, offload="model"),
        "lora folder": refusal(weights, loras=[{"path": "/no/such/lora"}]),
        "lora on the hub": refusal(weights, loras=[{"path": "org/style"}]),
        "lora without a file": refusal(weights, loras=[{"path": weights}]),
        "pickle": refusal(pickled(weights, f"{lora}/pickled")),
    }
    print(json.dumps({"pictures": pictures, "refusals": refusals}))


def counted_meanwhile(weights: str) -> str:
    """Another request's tokens are counted where it hurts: once it is set how to cut and pad the prompt."""
    painter = painter_of(weights)
    tokenizer, own, counted = (
        painter.pipe.tokenizer_2,
        painter.pipe.tokenizer_2.set_truncation_and_padding,
        [],
    )

    def set_then_count(*args: object, **kwargs: object) -> None:
        own(*args, **kwargs)
        tokenizer.set_truncation_and_padding = own
        counted.append(painter.count_tokens("two dogs"))
        tokenizer.set_truncation_and_padding = set_then_count

    tokenizer.set_truncation_and_padding = set_then_count
    picture = painted(painter)
    assert counted
    return picture


def cached(weights: str) -> str:
    """Found as a hub id, in the hub's cache as a download leaves it."""
    repository = Path(HF_HUB_CACHE) / "models--org--tiny"
    shutil.copytree(weights, repository / "snapshots" / COMMIT)
    return find_model("org/tiny", COMMIT, may_download=False)


def refusal(weights: str, **args: object) -> str:
    try:
        picture(weights, **args)
    except Exception as error:
        return str(error)
    return "none"


def pickled(source: str, target: str) -> str:
    """A copy with one part's weights as a pickle, as old checkpoints have them."""
    shutil.copytree(source, target)
    weights = Path(target) / "transformer" / "diffusion_pytorch_model.safetensors"
    torch.save(load_file(weights), weights.with_suffix(".bin"))
    weights.unlink()
    return target


if __name__ == "__main__":
    main(*sys.argv[1:])
