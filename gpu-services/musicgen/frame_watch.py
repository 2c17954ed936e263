"""Sees each frame of a window as it is made."""

from collections.abc import Callable
from typing import Any

from core.job import Job
from windows import Window


class FrameWatch:
    """A stopping criterion that never stops: stopping would break MusicGen's delay pattern, raising does not.

    (transformers' streamer is not called for this model.)
    """

    def __init__(
        self, job: Job, frames_before: int, frames_after: int, on_frames: Callable[[int], None]
    ) -> None:
        """`on_frames` gets how many there are by now, from `frames_before` to `frames_after`."""
        self._job = job
        self._frames_before = frames_before
        self._frames_after = frames_after
        self._on_frames = on_frames
        self._first_length: int | None = None
        self._ids: Any = None

    def __call__(self, ids: Any, scores: Any, **_: Any) -> Any:
        import torch

        self._job.raise_if_cancelled()
        self._ids = ids
        if self._first_length is None:
            self._first_length = ids.shape[-1]
        frames = self._frames_before + ids.shape[-1] - self._first_length + 1
        self._on_frames(min(frames, self._frames_after))  # the delay pattern takes a few more steps
        return torch.zeros(ids.shape[0], dtype=torch.bool, device=ids.device)

    def codes(self, given: Any, window: Window, decoder: Any) -> Any:
        """The codebooks of the whole window, one a row, in step with each other again.

        `given` is laid over the beginning: its ends are masked while generating, and garbage in the ids.
        """
        import torch

        frames = window.given + window.added
        rows = []
        for book, ids in enumerate(self._ids):
            start = 1 + book // int(decoder.audio_channels)
            rows.append(ids[start : start + frames])
        codes = torch.stack(rows)
        if given is not None:
            codes[:, : window.given] = given
        return codes
