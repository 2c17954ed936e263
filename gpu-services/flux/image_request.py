"""The bodies of /v1/images/generations and /v1/images/edits."""

from typing import Literal

from pydantic import AliasChoices, Field, field_validator, model_validator

from core.request_body import MAX_SEED, RequestBody
from image_size import parse_size


class ImageRequest(RequestBody):
    """Fields that only OpenAI's own models have (quality, style, user, ...) are passed over."""

    model: str | None = None
    prompt: str = Field(min_length=1, max_length=32_000)
    n: int = Field(default=1, ge=1, le=10)
    size: str = "auto"
    seed: int | None = Field(default=None, ge=0, le=MAX_SEED - 10)
    steps: int | None = Field(
        default=None, ge=1, le=50, validation_alias=AliasChoices("steps", "num_inference_steps")
    )
    guidance: float | None = Field(
        default=None, ge=0, le=100, validation_alias=AliasChoices("guidance", "guidance_scale")
    )
    output_format: Literal["png", "jpeg", "webp"] = "png"
    output_compression: int = Field(default=100, ge=0, le=100)
    response_format: Literal["b64_json", "url"] = "b64_json"
    background: str = "auto"
    stream: bool = False
    partial_images: int = Field(default=0, ge=0, le=3)

    @field_validator("size")
    @classmethod
    def is_size(cls, size: str) -> str:
        if size != "auto":
            parse_size(size)
        return size

    @field_validator("background")
    @classmethod
    def is_opaque(cls, background: str) -> str:
        if background == "transparent":
            raise ValueError("this model makes opaque images only; leave it out, or send 'opaque'")
        return background

    @model_validator(mode="after")
    def streams_one_image(self) -> "ImageRequest":
        if self.stream and self.n > 1:
            raise ValueError("a stream shows one image: send n=1, or leave stream out")
        return self


class EditRequest(ImageRequest):
    """`strength`: 0 keeps the image, 1 replaces it."""

    strength: float | None = Field(default=None, gt=0, le=1)
