"""A loaded MusicGen."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.audio import Samples
from core.job import Job
from frame_watch import FrameWatch
from windows import FADE_SECONDS, Window, join_windows, plan_windows

# Colder than this is the likeliest music anyway. Odds would overflow, which on a GPU ends the process.
COLDEST = 0.01

OnFrames = Callable[[float], None]
"""The fraction of a piece that is made."""


@dataclass(frozen=True)
class Piece:
    prompt: str
    seconds: float
    seed: int
    guidance: float | None = None
    temperature: float = 1.0
    top_k: int = 250


class Composer:
    """Not safe for two calls at once: the seed is the process's."""

    def __init__(self, model: Any, tokenizer: Any, window_seconds: float, overlap_seconds: float) -> None:
        self._model = model
        self._tokenizer = tokenizer
        codec = model.config.audio_encoder
        self.rate_hz = int(codec.sampling_rate)
        self.channels = int(model.decoder.config.audio_channels)
        self._frame_samples = int(math.prod(codec.upsampling_ratios))
        self._longest = self.count_frames(window_seconds)
        self._overlap = self.count_frames(overlap_seconds)

    def compose(self, piece: Piece, job: Job, on_frames: OnFrames) -> Samples:
        """Blocks. Exactly as long as asked for. Raises JobCancelled between two frames if the client left."""
        import torch

        job.raise_if_cancelled()
        torch.manual_seed(piece.seed)
        total = self.count_frames(piece.seconds)
        plan = plan_windows(total, self._longest, self._overlap)
        codes, sound, done = None, [], 0
        for window in plan:
            watch = FrameWatch(job, done, done + window.added, lambda frames: on_frames(frames / total))
            sound.append(self._sound(piece, window, codes, watch))
            codes = watch.codes(codes, window, self._model.decoder.config)[:, -self._overlap :]
            done += window.added
        given = [window.given * self._frame_samples for window in plan]
        joined = join_windows(sound, given, round(FADE_SECONDS * self.rate_hz))
        return joined[: round(piece.seconds * self.rate_hz)]

    def count_tokens(self, prompt: str) -> int:
        return len(list(self._tokenizer(prompt).input_ids))

    def count_frames(self, seconds: float) -> int:
        return math.ceil(round(seconds * self.rate_hz) / self._frame_samples)

    def _sound(self, piece: Piece, window: Window, codes: Any, watch: FrameWatch) -> Samples:
        """One window, with what it was given: samples by channels."""
        import torch

        inputs = self._tokenizer([piece.prompt], return_tensors="pt").to(self._model.device)
        options: dict[str, Any] = {"guidance_scale": piece.guidance} if piece.guidance is not None else {}
        if codes is not None:
            options["decoder_input_ids"] = codes
        if piece.temperature >= COLDEST:
            options |= {"do_sample": True, "temperature": piece.temperature, "top_k": piece.top_k}
        else:
            options["do_sample"] = False
        with torch.inference_mode():
            values = self._model.generate(
                **inputs,
                **options,
                max_new_tokens=window.added + delay_of(self._model.decoder.config),
                stopping_criteria=[watch],
            )
        return values[0].float().cpu().numpy().T  # type: ignore[no-any-return]


def delay_of(decoder: Any) -> int:
    """How many frames later than the first codebook the last one speaks. Stereo has two side by side."""
    return int(decoder.num_codebooks) // int(decoder.audio_channels) - 1
