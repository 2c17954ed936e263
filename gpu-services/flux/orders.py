"""What to paint for a request, or why it cannot be painted."""

import secrets
from typing import Any

from core.errors import BadRequest
from image_files import mask_of, read_image
from image_request import EditRequest, ImageRequest
from image_size import Size, fitting_size, parse_size
from painter import Order, Painter, default_strength
from pipeline_args import PipelineArgs

ONE_STEP = 1.000001  # so that rounding does not take it away


def orders_of(
    request: ImageRequest, args: PipelineArgs, painter: Painter, image: Any = None, mask: Any = None
) -> list[Order]:
    """One for each of its `n` images, with seeds in a row. Raises BadRequest."""
    pipe = painter.pipeline_for(image is not None, mask is not None)
    size = size_of(request, args, image)
    steps = request.steps or painter.default_steps
    strength = strength_of(request, default_strength(pipe), steps)
    first_seed = request.seed if request.seed is not None else secrets.randbelow(2**32)
    return [
        Order(
            prompt=request.prompt,
            size=size,
            seed=first_seed + i,
            steps=steps,
            guidance=request.guidance,
            image=image and cropped(image.convert("RGB"), size),
            mask=mask and cropped(mask, size),
            strength=strength,
            partial_images=request.partial_images if request.stream else 0,
        )
        for i in range(request.n)
    ]


def strength_of(request: ImageRequest, default: float | None, steps: int) -> float | None:
    """None: the pipeline's default, unless that leaves none of a few steps. Raises BadRequest."""
    asked = request.strength if isinstance(request, EditRequest) else None
    if asked is None:
        return None if default is None or int(steps * default) >= 1 else min(1.0, ONE_STEP / steps)
    if int(steps * asked) < 1:
        raise BadRequest(f"strength {asked} of {steps} steps leaves none; send more steps", param="strength")
    return asked


def size_of(request: ImageRequest, args: PipelineArgs, image: Any) -> Size:
    if request.size == "auto":
        return fitting_size(image.width, image.height, args.max_pixels) if image else parse_size(args.size)
    size = parse_size(request.size)
    if size.width * size.height > args.max_pixels:
        raise BadRequest(f"{size} has more than the {args.max_pixels} pixels allowed here", param="size")
    return size


def cropped(image: Any, size: Size) -> Any:
    """Filling the size, centred, its proportions kept."""
    from PIL import ImageOps

    return ImageOps.fit(image, size)


def opened(image: bytes, mask: bytes | None) -> tuple[Any, Any]:
    """Image and mask, of the same size. Raises BadRequest."""
    picture = read_image(image, "image")
    if mask is None:
        return picture, None
    cover = mask_of(mask)
    if cover.size != picture.size:
        raise BadRequest(f"The mask is {Size(*cover.size)}, the image {Size(*picture.size)}", param="mask")
    return picture, cover
