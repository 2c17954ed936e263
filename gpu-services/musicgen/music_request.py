"""The bodies of /v1/audio/generations and of /v1/sound-generation."""

from typing import Final, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator

from core.audio import FORMATS
from core.request_body import MAX_SEED, RequestBody

NEUTRAL_INFLUENCE: Final = 0.3  # ElevenLabs' default; here MusicGen's own guidance
NEUTRAL_GUIDANCE: Final = 3.0

AudioFormat = Literal["wav", "mp3", "flac", "ogg", "opus"]
AUDIO_FORMATS: Final = ("wav", "mp3", "flac", "ogg", "opus")


class MusicRequest(RequestBody):
    model: str | None = None
    prompt: str = Field(min_length=1, max_length=4096)
    duration_seconds: float = Field(default=10.0, ge=0.5, le=300)
    n: int = Field(default=1, ge=1, le=10)
    seed: int | None = Field(default=None, ge=0, le=MAX_SEED - 10)
    output_format: AudioFormat | None = None
    response_format: AudioFormat | Literal["b64_json", "url"] | None = None
    guidance: float | None = Field(
        default=None, ge=1, le=20, validation_alias=AliasChoices("guidance", "guidance_scale")
    )
    prompt_influence: float | None = Field(default=None, ge=0, le=1)
    temperature: float = Field(default=1.0, ge=0, le=2)
    top_k: int = Field(default=250, ge=1, le=2048)

    @model_validator(mode="after")
    def guided(self) -> "MusicRequest":
        """ElevenLabs' word for guidance: from 0 to 1, 0.3 being MusicGen's own."""
        if self.guidance is None and self.prompt_influence is not None:
            slope = (NEUTRAL_GUIDANCE - 1) / NEUTRAL_INFLUENCE
            self.guidance = 1 + slope * self.prompt_influence
        return self

    def format_for(self, accept: str) -> str:
        """`accept` is the header of that name: where it wants audio of a kind, that kind."""
        if self.output_format is not None:
            return self.output_format
        if self.response_format in AUDIO_FORMATS:
            return self.response_format
        return accepted_format(accept) or "wav"


class SoundRequest(BaseModel):
    """As ElevenLabs has it."""

    model_config = ConfigDict(protected_namespaces=())

    text: str = Field(min_length=1, max_length=4096)
    model_id: str | None = None
    duration_seconds: float | None = Field(default=None, ge=0.5, le=300)
    prompt_influence: float | None = Field(default=None, ge=0, le=1)
    output_format: str | None = None
    seed: int | None = Field(default=None, ge=0, le=MAX_SEED - 10)

    def as_music(self) -> MusicRequest:
        wanted = {"prompt": self.text, "duration_seconds": self.duration_seconds, "seed": self.seed}
        return MusicRequest.model_validate({**wanted, "prompt_influence": self.prompt_influence})


def accepted_format(accept: str) -> str | None:
    """The first format of ours that an Accept header names by its type."""
    types = {FORMATS[name].content_type: name for name in reversed(AUDIO_FORMATS)}
    wanted = (part.split(";")[0].strip().lower() for part in accept.split(","))
    return next((types[kind] for kind in wanted if kind in types), None)


def wants_bytes(accept: str) -> bool:
    return any(part.strip().lower().startswith("audio/") for part in accept.split(","))


def codec_of(output_format: str) -> str:
    """ElevenLabs' names have rates in them: `mp3_44100_128` is mp3. Raises ValueError."""
    name = output_format.split("_")[0]
    if name not in AUDIO_FORMATS:
        raise ValueError(f"{output_format!r} is not supported here; choose one of {', '.join(AUDIO_FORMATS)}")
    return name
