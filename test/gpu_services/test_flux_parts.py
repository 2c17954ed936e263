"""The decisions of the image service that need no model."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from core.errors import BadRequest
from edit_upload import edit_of_json
from image_request import EditRequest, ImageRequest
from image_size import Size, fitting_size, parse_size
from orders import strength_of
from pipeline_args import Lora, PipelineArgs
from preview import end_of_line, preview_steps

ROOM = 2048 * 2048


@pytest.mark.parametrize("text", ["64x64", "1024x768", "2048x2048", "1360x768"])
def test_multiples_of_16_are_sizes(text: str) -> None:
    assert str(parse_size(text)) == text


@pytest.mark.parametrize(
    ("text", "nearest"),
    [("100x100", "96x96"), ("1000x1000", "992x992"), ("1x1", "64x64"), ("9999x64", "2048x64")],
)
def test_a_size_that_cannot_be_made_names_the_nearest_one(text: str, nearest: str) -> None:
    with pytest.raises(ValueError, match=f"the nearest is {nearest}$"):
        parse_size(text)


@pytest.mark.parametrize("text", ["", "big", "64", "64x", "-64x64", "64x64x64", "64 x 64", "1e3x64"])
def test_what_is_no_size_is_told_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="such as 1024x768"):
        parse_size(text)


@pytest.mark.parametrize(
    ("own", "max_pixels", "expected"),
    [
        ((640, 480), ROOM, (640, 480)),
        ((641, 470), ROOM, (640, 464)),
        ((4000, 2000), ROOM, (2048, 1024)),
        ((2000, 2000), 1024 * 1024, (1024, 1024)),
        ((10, 30_000), ROOM, (64, 2048)),
    ],
)
def test_an_edit_takes_the_size_nearest_to_its_images(
    own: tuple[int, int], max_pixels: int, expected: tuple[int, int]
) -> None:
    assert fitting_size(*own, max_pixels) == Size(*expected)


def test_a_fitting_size_is_always_allowed() -> None:
    for width in range(1, 6000, 333):
        for height in range(1, 6000, 271):
            size = fitting_size(width, height, 1024 * 1024)
            assert parse_size(str(size)) == size and size.width * size.height <= 1024 * 1024


@pytest.mark.parametrize(
    ("asked", "default", "steps", "expected"),
    [
        (None, None, 4, None),
        (None, 0.3, 4, None),
        (None, 0.3, 3, pytest.approx(1 / 3, abs=0.001)),
        (None, 0.01, 49, pytest.approx(1 / 49, abs=0.001)),
        (None, 0.9999, 1, 1.0),
        (0.5, 0.3, 2, 0.5),
    ],
)
def test_an_edit_has_at_least_one_step(
    asked: float | None, default: float | None, steps: int, expected: Any
) -> None:
    strength = strength_of(EditRequest(prompt="a cat", strength=asked), default, steps)
    assert strength == expected
    assert strength is None or int(steps * strength) >= 1


@pytest.mark.parametrize(
    ("partial_images", "steps", "expected"),
    [(0, 4, []), (1, 4, [2]), (3, 4, [1, 2, 3]), (3, 28, [7, 14, 21]), (3, 2, [1]), (3, 1, [])],
)
def test_partial_images_are_spread_over_the_steps(
    partial_images: int, steps: int, expected: list[int]
) -> None:
    assert preview_steps(partial_images, steps) == expected


def test_two_points_of_a_flow_tell_where_it_ends() -> None:
    image, noise = np.array([1.0, -2.0]), np.array([0.3, 0.4])
    at = {sigma: (1 - sigma) * image + sigma * noise for sigma in (0.75, 0.5)}
    assert end_of_line(at[0.75], at[0.5], 0.75, 0.5) == pytest.approx(image)


def test_a_request_has_defaults_and_the_names_of_diffusers_mean_the_same() -> None:
    request = ImageRequest.model_validate(
        {"prompt": "p", "num_inference_steps": 9, "guidance_scale": 2, "n": None}
    )
    assert (request.steps, request.guidance, request.n, request.size) == (9, 2, 1, "auto")


@pytest.mark.parametrize("name", ["style.bin", "style.pt", "style.ckpt", "folder/style.pth"])
def test_lora_weights_that_can_run_code_are_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="can run code"):
        Lora(path=name)
    with pytest.raises(ValidationError, match="can run code"):
        Lora(path="org/style", weight_name=name)


def test_a_default_size_is_checked_too() -> None:
    with pytest.raises(ValidationError, match="the nearest is 992x992"):
        PipelineArgs(size="1000x1000")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"null"])
def test_a_body_that_is_no_object_is_invalid_json(body: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        edit_of_json(body)
    assert caught.value.code == "invalid_json"


@pytest.mark.parametrize("image", ["data:image/png;base64,aGk=", {"image_url": "data:image/png;base64,aGk="}])
def test_an_image_comes_as_a_data_url_alone_or_as_openai_has_it(image: Any) -> None:
    text = '{"prompt": "p", "images": [%s]}'
    shown = image if isinstance(image, dict) else None
    body = (text % ('{"image_url": "data:image/png;base64,aGk="}' if shown else f'"{image}"')).encode()
    assert edit_of_json(body).image == b"hi"


@pytest.mark.parametrize("reference", ['{"file_id": "file-1"}', '"http://169.254.169.254/x.png"', "7"])
def test_nothing_is_fetched_for_an_edit(reference: str) -> None:
    with pytest.raises(BadRequest, match="must be a data URL"):
        edit_of_json(f'{{"prompt": "p", "images": [{reference}]}}'.encode())
