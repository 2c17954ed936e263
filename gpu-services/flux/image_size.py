"""Which sizes an image may have."""

import re
from typing import NamedTuple

MULTIPLE = 16  # a pipeline would round down without a word
MIN_SIDE = 64
MAX_SIDE = 2048


class Size(NamedTuple):
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


def parse_size(text: str) -> Size:
    """`1024x768`. Raises ValueError that says which size would do."""
    if not (match := re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)):
        raise ValueError(f"{text!r} is no size; write width x height in pixels, such as 1024x768")
    size = Size(int(match[1]), int(match[2]))
    if size != (nearest := nearest_size(*size)):
        raise ValueError(
            f"{size} cannot be made: both sides must be multiples of {MULTIPLE}, "
            f"from {MIN_SIDE} to {MAX_SIDE}; the nearest is {nearest}"
        )
    return size


def nearest_size(width: float, height: float) -> Size:
    return Size(nearest_side(width), nearest_side(height))


def nearest_side(pixels: float) -> int:
    return min(MAX_SIDE, max(MIN_SIDE, round(pixels / MULTIPLE) * MULTIPLE))


def fitting_size(width: int, height: int, max_pixels: int) -> Size:
    """The allowed size that is most like an image's own."""
    scale = min(1.0, MAX_SIDE / max(width, height), (max_pixels / (width * height)) ** 0.5)
    size = nearest_size(width * scale, height * scale)
    while size.width * size.height > max_pixels:
        size = Size(*(max(MIN_SIDE, side - MULTIPLE) for side in size))
    return size
