"""Where a PyTorch model runs and in which number type. Needs torch in the service's environment.

`args` that mean the same to every such service: device, dtype, allow_downloads.
"""

import os
from typing import Any, Final

DTYPES: Final = ("float32", "float16", "bfloat16")


def allow_downloads(allowed: bool) -> None:
    """Before the libraries are imported, which read this once. Otherwise nothing asks the hub."""
    os.environ["HF_HUB_OFFLINE"] = "0" if allowed else "1"
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("DO_NOT_TRACK", "1")


def pick_device(wanted: str) -> str:
    """`auto`: the GPU where there is one. Raises ValueError saying what to do."""
    import torch

    has_cuda = bool(torch.cuda.is_available())
    if wanted == "auto":
        return "cuda" if has_cuda else "cpu"
    if wanted.startswith("cuda") and not has_cuda:
        raise ValueError(
            f'args.device is {wanted!r}, but PyTorch sees no GPU here; use "auto" or "cpu", or look at '
            "nvidia-smi and at whether this environment holds PyTorch's CPU build"
        )
    return wanted


def pick_dtype(wanted: str, device: str, on_gpu: str) -> Any:
    """A torch.dtype. `auto`: `on_gpu` on a GPU, float32 on a CPU."""
    import torch

    name = wanted if wanted != "auto" else on_gpu if device.startswith("cuda") else "float32"
    if name not in DTYPES:
        raise ValueError(f"args.dtype must be auto, {', '.join(DTYPES)}; not {wanted!r}")
    return getattr(torch, name)
