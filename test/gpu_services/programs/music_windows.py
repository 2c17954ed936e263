"""Makes music in two windows and prints what was seen of their codes. Run by test_musicgen_parts.py."""

import json
import sys

import numpy as np
import torch

from composer import Composer, Piece, delay_of
from core.job import Job
from frame_watch import FrameWatch
from music_args import MusicArgs
from music_load import load_model
from windows import Window

GIVEN, ADDED = 30, 40


def main(weights: str) -> None:
    model, tokenizer = load_model(weights, MusicArgs(), "cpu", lambda fraction: None)
    composer = Composer(model, tokenizer, window_seconds=4, overlap_seconds=1)
    piece, decoder = Piece(prompt="a waltz", seconds=1, seed=0), model.decoder.config

    def window(window: Window, given: torch.Tensor | None) -> tuple[torch.Tensor, np.ndarray, list[int]]:
        told: list[int] = []
        watch = FrameWatch(Job(), 100, 150, told.append)
        sound = composer._sound(piece, window, given, watch)
        return watch.codes(given, window, decoder), sound, told

    torch.manual_seed(0)
    first, first_sound, told = window(Window(0, 50), None)
    given = first[:, -GIVEN:]
    second, second_sound, _ = window(Window(GIVEN, ADDED), given)

    def decoded(codes: torch.Tensor) -> np.ndarray:
        with torch.inference_mode():
            values = model.audio_encoder.decode(codes[None, None], audio_scales=[None]).audio_values
        return values[0].numpy().T

    print(
        json.dumps(
            {
                "told": [told[0], told[-1], len(told)],
                "delay": delay_of(decoder),
                "frames": [first.shape[1], second.shape[1]],
                "samples": [len(first_sound), len(second_sound)],
                "codes are what was heard": [
                    bool(np.allclose(decoded(first), first_sound, atol=1e-6)),
                    bool(np.allclose(decoded(second), second_sound, atol=1e-6)),
                ],
                "given codes begin the second": bool(torch.equal(second[:, :GIVEN], given)),
                "the second goes on": bool((second[:, GIVEN:] != first[:, :ADDED]).any()),
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
