"""The forms of /v1/audio/transcriptions and /v1/audio/translations."""

from typing import Any, Literal

from fastapi import UploadFile
from pydantic import BaseModel, Field, field_validator
from starlette.datastructures import UploadFile as Upload

from core.errors import BadRequest

ResponseFormat = Literal["json", "text", "verbose_json", "srt", "vtt"]
STREAMED_FORMATS = ("json", "text")


class TranslationForm(BaseModel):
    """Fields that OpenAI has and Whisper has no use for are passed over."""

    file: UploadFile
    prompt: str | None = Field(default=None, max_length=20_000)
    response_format: ResponseFormat = "json"
    temperature: float = Field(default=0.0, ge=0.0, le=1.0)

    @field_validator("file", mode="before")
    @classmethod
    def is_file(cls, value: Any) -> Any:
        if not isinstance(value, Upload):
            raise ValueError("it must be an uploaded file, in a form of type multipart/form-data")
        return value


class TranscriptionForm(TranslationForm):
    language: str | None = Field(default=None, max_length=40)
    stream: bool = False
    chunking_strategy: Literal["auto"] | None = None
    include: list[str] = Field(default=[], alias="include[]")
    timestamp_granularities: list[Literal["word", "segment"]] = Field(
        default=[], alias="timestamp_granularities[]"
    )

    @property
    def wants_words(self) -> bool:
        return "word" in self.timestamp_granularities

    @property
    def wants_segments(self) -> bool:
        return not self.timestamp_granularities or "segment" in self.timestamp_granularities


def refuse_what_does_not_fit(form: TranscriptionForm) -> None:
    """What each field may be and the fields together may not. Raises BadRequest."""
    if form.timestamp_granularities and form.response_format != "verbose_json":
        raise BadRequest(
            "timestamp_granularities needs response_format verbose_json", "timestamp_granularities"
        )
    if form.stream and form.response_format not in STREAMED_FORMATS:
        raise BadRequest(
            f"stream works with response_format {' and '.join(STREAMED_FORMATS)}, "
            f"not with {form.response_format}",
            "stream",
        )
    if form.include:
        raise BadRequest(f"include {form.include[0]!r} is nothing that Whisper can tell", "include")
