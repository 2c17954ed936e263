"""Which names a client may call a voice by."""

from collections.abc import Mapping

from core.errors import BadRequest

OPENAI_VOICES = (
    *("alloy", "ash", "ballad", "cedar", "coral", "echo", "fable"),
    *("marin", "nova", "onyx", "sage", "shimmer", "verse"),
)


class VoiceNames:
    """OpenAI's names, `default` and the model's own name mean its default speaker; speakers go by name."""

    def __init__(self, own_name: str, speakers: Mapping[str, int]) -> None:
        self._speakers: dict[str, int | None] = dict.fromkeys((*OPENAI_VOICES, "default", own_name))
        self._speakers.update(speakers)
        self._shown = [own_name, *speakers, "default"]

    def speaker(self, voice: str) -> int | None:
        """The speaker's number, None for the default one. Raises BadRequest for a name not known."""
        if voice not in self._speakers:
            own = ", ".join(self._shown[:20])
            raise BadRequest(
                f"There is no voice {voice!r}; this model has: {own} (OpenAI's names mean its default voice)",
                param="voice",
                code="voice_not_found",
            )
        return self._speakers[voice]
