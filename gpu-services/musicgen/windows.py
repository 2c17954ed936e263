"""Music longer than the model can hear at once: windows, each going on from the end of the one before."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from core.audio import Samples

FADE_SECONDS = 0.05


class Window(NamedTuple):
    """In frames of the codec: how many it is given from the window before, and how many it adds."""

    given: int
    added: int


def plan_windows(total: int, longest: int, overlap: int) -> list[Window]:
    windows = [Window(0, min(total, longest))]
    done = windows[0].added
    while done < total:
        windows.append(Window(overlap, min(total - done, longest - overlap)))
        done += windows[-1].added
    return windows


def join_windows(pieces: Sequence[Samples], given: Sequence[int], fade: int) -> Samples:
    """Samples, frames by channels; `given[i]` of piece i are once more the end of what comes before it.

    Both decode from the same codes, but not in the same surroundings, so one fades into the other.
    """
    joined = [pieces[0]]
    for piece, again in zip(pieces[1:], given[1:], strict=True):
        length = min(fade, again, len(joined[-1]))
        ramp = np.linspace(0, 1, length, dtype=np.float32)[:, None]
        before = joined[-1]
        faded = before[len(before) - length :] * (1 - ramp) + piece[again - length : again] * ramp
        joined[-1] = before[: len(before) - length]
        joined += [faded, piece[again:]]
    return np.concatenate(joined)
