"""Samples to bytes of an audio file. Needs numpy and soundfile in the service's environment."""

import io
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray

Samples = NDArray[np.float32]  # one channel, or frames by channels


class Format(NamedTuple):
    """`container` and `encoding` in soundfile's words; `rates_hz` where the encoding takes only some."""

    content_type: str
    container: str
    encoding: str
    rates_hz: tuple[int, ...] = ()


FORMATS: Final[dict[str, Format]] = {
    "wav": Format("audio/wav", "WAV", "PCM_16"),
    "mp3": Format("audio/mpeg", "MP3", "MPEG_LAYER_III"),
    "flac": Format("audio/flac", "FLAC", "PCM_16"),
    "opus": Format("audio/ogg", "OGG", "OPUS", (8000, 12000, 16000, 24000, 48000)),
    "pcm": Format("audio/pcm", "RAW", "PCM_16"),
    "ogg": Format("audio/ogg", "OGG", "VORBIS"),
}
PCM_RATE_HZ = 24000  # OpenAI's pcm has no header; its clients take this rate for granted


def encode(samples: Samples, rate_hz: int, name: str) -> bytes:
    """A whole file. `name` is a key of FORMATS."""
    target_hz = target_rate(rate_hz, name)
    samples = resample(samples, rate_hz, target_hz)
    if name == "pcm":
        return as_pcm(samples)
    chosen = FORMATS[name]
    file = io.BytesIO()
    with soundfile.SoundFile(
        file,
        "w",
        samplerate=target_hz,
        channels=1 if samples.ndim == 1 else samples.shape[1],
        format=chosen.container,
        subtype=chosen.encoding,
    ) as writer:
        for block in blocks(samples, target_hz):
            writer.write(block)
    return file.getvalue()


def blocks(samples: Samples, block_size: int) -> Iterator[Samples]:
    """libsndfile crashes on a long Vorbis or Opus write in one go, so: a second at a time."""
    for start in range(0, len(samples), block_size):
        yield samples[start : start + block_size]


def target_rate(rate_hz: int, name: str) -> int:
    """The lowest rate the format takes that loses nothing."""
    if name == "pcm":
        return PCM_RATE_HZ
    rates = FORMATS[name].rates_hz
    return next((rate for rate in rates if rate >= rate_hz), rates[-1]) if rates else rate_hz


def resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """Through the spectrum; the silence added keeps the end from leaking into the beginning."""
    if from_hz == to_hz or len(samples) == 0:
        return samples
    seconds = len(samples) // from_hz + 2
    spectrum = np.fft.rfft(samples, n=seconds * from_hz, axis=0)
    resampled = np.fft.irfft(spectrum, n=seconds * to_hz, axis=0) * (to_hz / from_hz)
    length = round(len(samples) * to_hz / from_hz)
    return np.clip(resampled[:length], -1.0, 1.0).astype(np.float32)


def as_pcm(samples: Samples) -> bytes:
    """16 bit, signed, little-endian."""
    scaled: Any = np.clip(samples, -1.0, 1.0) * 32767.0
    return bytes(scaled.astype("<i2").tobytes())
