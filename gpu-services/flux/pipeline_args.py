"""The `args` of an image model."""

from typing import Literal

from pydantic import BaseModel, Field, field_validator

from core.service_args import ServiceArgs
from image_size import MAX_SIDE, parse_size

DEFAULT_MODEL = "black-forest-labs/FLUX.1-schnell"


class Lora(BaseModel):
    """`path` is a folder, a .safetensors file, or a hub id; `weight_name` the file in it."""

    path: str
    weight_name: str | None = None
    scale: float = 1.0

    @field_validator("path", "weight_name")
    @classmethod
    def is_safe(cls, name: str | None) -> str | None:
        if name is not None and name.endswith((".bin", ".pt", ".pth", ".ckpt", ".pkl")):
            raise ValueError(f"{name} can run code when it is loaded; only .safetensors is taken")
        return name


class PipelineArgs(ServiceArgs):
    model: str = DEFAULT_MODEL
    pipeline: str | None = None
    revision: str | None = None
    variant: str | None = None
    dtype: str = "auto"
    device: str = "auto"
    fp8: bool = False
    offload: Literal["none", "model", "sequential"] = "none"
    vae_tiling: bool = False
    loras: list[Lora] = Field(default_factory=list)
    allow_downloads: bool = False
    steps: int | None = Field(default=None, ge=1, le=50)
    guidance: float | None = Field(default=None, ge=0)
    size: str = "1024x1024"
    max_pixels: int = Field(default=MAX_SIDE * MAX_SIDE, ge=256 * 256)

    @field_validator("size")
    @classmethod
    def is_size(cls, size: str) -> str:
        parse_size(size)
        return size
