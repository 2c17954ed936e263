"""Loads a diffusers pipeline as the models file says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.library_bars import WeightsProgress, heard_bars
from core.library_logs import join_our_log
from core.torch_device import pick_dtype
from pipeline_args import PipelineArgs

Progress = Callable[[float, str], None]
COMPONENTS_TITLE = "Loading pipeline components"


def load_pipeline(folder: str, args: PipelineArgs, device: str, progress: Progress) -> Any:
    """`progress` gets the fraction of the bytes that are loaded, and the part being loaded."""
    import diffusers.utils.logging
    import transformers.utils.logging

    join_our_log(diffusers.utils.logging, transformers.utils.logging)
    weights = WeightsProgress(component_bytes(Path(folder)), progress)

    def on_step(title: str, done: int, total: int | None, step: Any) -> None:
        if not title.startswith(COMPONENTS_TITLE):
            weights.within(done / total if total else 0)
        elif step is not None:
            weights.begin(step[0])

    with heard_bars(on_step, diffusers.utils.logging, transformers.utils.logging):
        pipe = pipeline_class(args.pipeline).from_pretrained(
            folder,
            revision=args.revision,
            variant=args.variant,
            dtype=pick_dtype(args.dtype, device, on_gpu="bfloat16"),
            use_safetensors=True,
            local_files_only=not args.allow_downloads,
            trust_remote_code=False,
        )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def pipeline_class(name: str | None) -> Any:
    import diffusers

    if name is None:
        return diffusers.DiffusionPipeline
    found = getattr(diffusers, name, None)
    if not isinstance(found, type) or not issubclass(found, diffusers.DiffusionPipeline):
        raise ValueError(f"args.pipeline: diffusers {diffusers.__version__} has no pipeline {name!r}")
    return found


def component_bytes(folder: Path) -> dict[str, int]:
    """The weights of each part; empty for a model that is still to be fetched."""
    return {
        part.name: sum(file.stat().st_size for file in part.glob("*.safetensors"))
        for part in (folder.iterdir() if folder.is_dir() else ())
        if part.is_dir()
    }


def place_pipeline(pipe: Any, args: PipelineArgs, device: str) -> None:
    """On the device, in the way that saves as much memory as was asked for."""
    import torch

    if args.offload != "none" and not device.startswith("cuda"):
        raise ValueError(
            f"args.offload: {args.offload!r} moves weights off a GPU, and this model runs on {device}"
        )
    if args.fp8:
        main_model(pipe).enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=pipe.dtype)
    if args.vae_tiling:
        pipe.vae.enable_tiling()
    if args.offload == "model":
        pipe.enable_model_cpu_offload(device=device)
    elif args.offload == "sequential":
        pipe.enable_sequential_cpu_offload(device=device)
    else:
        pipe.to(device)


def main_model(pipe: Any) -> Any:
    """The network that is run at each step."""
    return getattr(pipe, "transformer", None) or pipe.unet
