"""Images to bytes and bytes to images."""

import io
import struct
from typing import Any

from core.errors import BadRequest

MAX_INPUT_PIXELS = 40_000_000  # a small file can unfold into gigabytes
MAX_INPUT_BYTES = 50 * 1024 * 1024
INPUT_FORMATS = ("PNG", "JPEG", "WEBP")
# What Pillow raises for broken files; the last two for EXIF entries of a wrong type.
UNREADABLE = (OSError, SyntaxError, ValueError, struct.error, TypeError)


def write_image(image: Any, output_format: str, compression: int) -> bytes:
    """`compression` is OpenAI's: the quality of jpeg and webp, 100 the best; png loses nothing anyway."""
    file = io.BytesIO()
    options = {} if output_format == "png" else {"quality": compression}
    image.save(file, format=output_format.upper(), **options)
    return file.getvalue()


def read_image(data: bytes, param: str) -> Any:
    """Upright, in its own mode. Raises BadRequest, before anything large is unpacked."""
    from PIL import Image, ImageOps

    if len(data) > MAX_INPUT_BYTES:
        raise BadRequest(f"The file is larger than {MAX_INPUT_BYTES >> 20} MB", param, code="image_too_large")
    try:
        image = Image.open(io.BytesIO(data), formats=INPUT_FORMATS)
        refuse_large(image, param)
        return ImageOps.exif_transpose(image)
    except (*UNREADABLE, Image.DecompressionBombError) as error:
        raise BadRequest(
            f"The file is not a readable {', '.join(INPUT_FORMATS)} image ({error})",
            param,
            code="invalid_image",
        ) from None


def refuse_large(image: Any, param: str) -> None:
    pixels = image.width * image.height
    if pixels > MAX_INPUT_PIXELS:
        raise BadRequest(
            f"The image has {image.width}x{image.height} pixels; "
            f"at most {MAX_INPUT_PIXELS // 1_000_000} million are taken",
            param,
            code="image_too_large",
        )


def mask_of(data: bytes) -> Any:
    """OpenAI's masks are transparent where to paint; a pipeline's are white there."""
    mask = read_image(data, "mask")
    if "A" not in mask.mode and "transparency" not in mask.info:
        raise BadRequest("The mask needs an alpha channel: transparent where the image may change", "mask")
    return mask.convert("RGBA").getchannel("A").point(lambda alpha: 255 if alpha < 128 else 0)
