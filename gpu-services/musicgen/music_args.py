"""The `args` of a music model."""

from pydantic import Field, model_validator

from core.service_args import ServiceArgs

DEFAULT_MODEL = "facebook/musicgen-medium"


class MusicArgs(ServiceArgs):
    """MusicGen was taught on 30 seconds; what is longer is made in windows that overlap."""

    model: str = DEFAULT_MODEL
    revision: str | None = None
    dtype: str = "auto"
    device: str = "auto"
    allow_downloads: bool = False
    guidance: float | None = Field(default=None, ge=1, le=20)
    max_seconds: float = Field(default=300, ge=1, le=300)
    window_seconds: float = Field(default=30, ge=1, le=30)
    overlap_seconds: float = Field(default=10, gt=0)

    @model_validator(mode="after")
    def windows_move_on(self) -> "MusicArgs":
        if self.overlap_seconds >= self.window_seconds:
            raise ValueError("overlap_seconds must be less than window_seconds")
        return self
