"""An uploaded file to samples: any format that PyAV's FFmpeg decodes."""

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from core.errors import BadRequest
from core.job import Job

RATE_HZ = 16_000
SHORTEST_SECONDS = 0.1
# The file itself is handed in open. A playlist in it may not make FFmpeg open anything else.
ISOLATED = {"protocol_whitelist": "none"}


def decode(file: BinaryIO, max_seconds: int, job: Job) -> NDArray[np.float32]:
    """One channel at RATE_HZ. Raises BadRequest for what is no sound, or too long for the memory."""
    import av

    pieces, count = [], 0
    try:
        for piece in resampled_pieces(file):
            job.raise_if_cancelled()
            pieces.append(piece)
            count += len(piece)
            if count > max_seconds * RATE_HZ:
                raise BadRequest(f"The audio is longer than {max_seconds} s, the limit here", "file")
    except (av.error.FFmpegError, ValueError) as error:
        raise BadRequest(f"The file cannot be decoded as audio: {plain(error)}", "file") from None
    if count < SHORTEST_SECONDS * RATE_HZ:
        raise BadRequest(f"The file holds less than {SHORTEST_SECONDS} s of audio", "file")
    return np.concatenate(pieces).astype(np.float32) / 32768.0


def resampled_pieces(file: BinaryIO) -> Iterator[NDArray[np.int16]]:
    """16 bit as long as possible, since that is half of what floats take."""
    import av

    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
    with av.open(file, mode="r", metadata_errors="ignore", container_options=ISOLATED) as container:
        if not container.streams.audio:
            raise ValueError("it has no audio track")
        for frame in whole_frames(container):
            for part in resampler.resample(frame):
                yield part.to_ndarray()[0]


def whole_frames(container: Any) -> Iterator[Any]:
    """Frames of the first audio track, and None at the end, which flushes a resampler.
    Broken packets are left out, as players do."""
    import av

    for packet in container.demux(audio=0):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            continue
        for frame in frames:
            frame.pts = None  # gaps in the clock of a recording are no error
            yield frame
    yield None


def plain(error: Exception) -> str:
    """FFmpeg's reason without its number and its name for the file."""
    return str(getattr(error, "strerror", None) or error)
