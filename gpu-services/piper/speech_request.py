"""The body of /v1/audio/speech."""

from typing import Literal

from pydantic import BaseModel, Field, field_validator

from core.audio import FORMATS


class VoiceById(BaseModel):
    id: str


class SpeechRequest(BaseModel):
    model: str | None = None
    input: str = Field(min_length=1, max_length=4096)
    voice: str | VoiceById = "default"
    response_format: str = "mp3"
    speed: float = Field(default=1.0, ge=0.25, le=4.0)
    stream_format: Literal["audio", "sse"] = "audio"

    @field_validator("input")
    @classmethod
    def without_zeros(cls, text: str) -> str:
        """espeak takes C strings, which end at a zero."""
        return text.replace("\0", " ")

    @field_validator("response_format")
    @classmethod
    def is_supported(cls, name: str) -> str:
        if name not in FORMATS:
            raise ValueError(f"{name!r} is not supported here; choose one of {', '.join(FORMATS)}")
        return name

    @property
    def voice_name(self) -> str:
        return self.voice if isinstance(self.voice, str) else self.voice.id
