"""Samples to files."""

import io

import numpy as np
import pytest
import soundfile

from core.audio import FORMATS, Samples, encode, resample


def tone(hz: float, rate_hz: int, seconds: float = 1.0) -> Samples:
    times = np.arange(int(rate_hz * seconds)) / rate_hz
    return (0.5 * np.sin(2 * np.pi * hz * times)).astype(np.float32)


def loudest_hz(samples: Samples, rate_hz: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples))
    return float(np.argmax(spectrum) * rate_hz / len(samples))


@pytest.mark.parametrize("to_hz", [24_000, 48_000, 16_000])
def test_resampling_keeps_pitch_length_and_loudness(to_hz: int) -> None:
    before = tone(440, 22_050)
    after = resample(before, 22_050, to_hz)
    assert len(after) == to_hz
    assert loudest_hz(after, to_hz) == pytest.approx(440, abs=1)
    assert np.std(after) == pytest.approx(np.std(before), rel=0.02)


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "opus", "ogg"])
def test_a_minute_in_every_format_decodes_to_the_same_tone(name: str) -> None:
    data = encode(tone(440, 22_050, seconds=60), 22_050, name)
    samples, rate_hz = soundfile.read(io.BytesIO(data))
    assert len(samples) / rate_hz == pytest.approx(60, abs=0.2)
    assert loudest_hz(samples, rate_hz) == pytest.approx(440, abs=1)


def test_pcm_is_16_bit_at_24_khz() -> None:
    data = encode(tone(440, 22_050), 22_050, "pcm")
    samples = np.frombuffer(data, "<i2") / 32767
    assert len(samples) == 24_000
    assert np.max(np.abs(samples)) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("name", FORMATS)
def test_too_loud_samples_are_clipped_not_wrapped(name: str) -> None:
    data = encode(np.full(22_050, 3.0, dtype=np.float32), 22_050, name)
    assert len(data) > 0
    if name == "pcm":
        assert np.frombuffer(data, "<i2").max() == 32767


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "opus", "ogg"])
def test_two_channels_stay_two(name: str) -> None:
    both = np.stack([tone(440, 32_000), tone(880, 32_000)], axis=1)
    samples, rate_hz = soundfile.read(io.BytesIO(encode(both, 32_000, name)))
    assert [round(loudest_hz(channel, rate_hz), -1) for channel in samples.T] == [440, 880]
