"""Puts a sound into containers as browsers and telephones record them, and makes a film that has none.

.venvs/whisper/bin/python test/gpu_services/tiny/containers.py WAV OUT_DIR
"""

import sys
from pathlib import Path

import av
import numpy as np

CONTAINERS = {"m4a": ("aac", 44100), "webm": ("libopus", 48000), "mkv": ("pcm_s16le", 8000)}


def convert(sound: Path, target: Path, codec: str, rate_hz: int) -> None:
    with av.open(str(sound)) as source, av.open(str(target), "w") as sink:
        stream = sink.add_stream(codec, rate=rate_hz, layout="mono")
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=rate_hz, frame_size=960)
        for frame in (*source.decode(audio=0), None):
            for part in resampler.resample(frame):
                sink.mux(stream.encode(part))
        sink.mux(stream.encode(None))


def silent_film(target: Path) -> None:
    with av.open(str(target), "w") as sink:
        stream = sink.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        for packet in (*stream.encode(picture), *stream.encode(None)):
            sink.mux(packet)


if __name__ == "__main__":
    sound, folder = Path(sys.argv[1]), Path(sys.argv[2])
    for name, (codec, rate_hz) in CONTAINERS.items():
        convert(sound, folder / f"speech.{name}", codec, rate_hz)
    silent_film(folder / "film.mp4")
