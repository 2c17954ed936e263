"""Text to samples, sentence by sentence."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.audio import Samples
from core.errors import BadRequest
from core.job import Job
from voices import VoiceNames


class Speaker:
    """A loaded Piper voice."""

    def __init__(self, file: Path, use_cuda: bool = False) -> None:
        from piper.voice import PiperVoice  # here, so that /health answers while onnxruntime is imported

        self._voice: Any = PiperVoice.load(file, use_cuda=use_cuda)
        self.rate_hz: int = self._voice.config.sample_rate
        self.names = VoiceNames(file.stem, self._voice.config.speaker_id_map)

    def count_phonemes(self, text: str) -> int:
        """Raises BadRequest where there is nothing to say."""
        count = sum(map(len, self._voice.phonemize(text)))
        if count == 0:
            raise BadRequest("The input holds nothing that can be spoken", param="input")
        return count

    def speak(self, text: str, speaker: int | None, speed: float, job: Job) -> Iterator[Samples]:
        """Samples of one sentence at a time. Raises JobCancelled between two once the client has left."""
        total, said = self.count_phonemes(text), 0
        job.raise_if_cancelled()
        for sentence in self._voice.synthesize(text, self._style(speaker, speed)):
            job.raise_if_cancelled()
            said += len(sentence.phonemes)
            job.progress(said / total, "speaking")
            yield sentence.audio_float_array

    def _style(self, speaker: int | None, speed: float) -> Any:
        from piper.config import SynthesisConfig

        return SynthesisConfig(speaker_id=speaker, length_scale=self._voice.config.length_scale / speed)
