"""The image service with the real diffusers and a tiny FluxPipeline."""

import asyncio
import base64
import io
import json
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from PIL import Image

from harness import (
    SERVICES,
    Event,
    Service,
    eventually,
    leaves_after,
    ready_service,
    short_folder,
    venv_python,
)
from weights import ONE_THREAD, make_weights

SERVER = SERVICES / "flux" / "server.py"
GENERATIONS = "/v1/images/generations"
EDITS = "/v1/images/edits"


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with short_folder() as folder:
        make_weights("tiny_flux.py", "flux", folder / "weights")
        args = json.dumps({"model": str(folder / "weights"), "max_pixels": 1024 * 1024, "size": "128x64"})
        with ready_service(
            SERVER, folder, venv_python("flux"), ROUNDHOUSE_ARGS=args, **ONE_THREAD
        ) as service:
            yield service


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    with service.client() as client:
        yield client


def request(**changes: Any) -> dict[str, Any]:
    return {"model": "model-1", "prompt": "a cat", "size": "128x64", "seed": 7, **changes}


def paint(client: httpx.Client, **changes: Any) -> list[bytes]:
    answer = client.post(GENERATIONS, json=request(**changes))
    assert answer.status_code == 200, answer.text
    return [base64.b64decode(one["b64_json"]) for one in answer.json()["data"]]


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def png(size: tuple[int, int] = (128, 64), color: Any = (200, 30, 30), mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, color).save(file, format="PNG")
    return file.getvalue()


def odd_exif(number: int) -> bytes:
    """A picture that lies on its side, with a text in an EXIF entry that should be a number."""
    text = struct.pack("<HHI4s", number, 2, 4, b"odd\0")
    lies = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    directory = struct.pack("<H", 2) + b"".join(sorted([text, lies])) + bytes(4)
    file = io.BytesIO()
    exif = b"Exif\0\0II*\0" + struct.pack("<I", 8) + directory
    Image.new("RGB", (64, 64)).save(file, format="JPEG", exif=exif)
    return file.getvalue()


def data_url(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()


def events_of(text: str) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for block in text.strip().split("\n\n"):
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


@pytest.mark.parametrize("size", ["128x64", "64x256", "512x512"])
def test_an_image_decodes_at_the_size_asked_for(client: httpx.Client, size: str) -> None:
    [data] = paint(client, size=size)
    image = opened(data)
    assert (image.format, f"{image.width}x{image.height}") == ("PNG", size)
    assert len(set(image.get_flattened_data())) > 100  # a picture, not a flat color


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp"])
def test_every_format_decodes(client: httpx.Client, output_format: str) -> None:
    [data] = paint(client, output_format=output_format)
    image = opened(data)
    assert (image.format, image.size) == (output_format.upper(), (128, 64))


def test_more_compression_makes_fewer_bytes(client: httpx.Client) -> None:
    [small] = paint(client, output_format="jpeg", output_compression=10)
    [large] = paint(client, output_format="jpeg", output_compression=95)
    assert len(small) < len(large) / 2


def test_the_answer_is_openais_and_tells_the_seed(client: httpx.Client) -> None:
    body = client.post(GENERATIONS, json=request(n=2)).json()
    assert [one["seed"] for one in body["data"]] == [7, 8]
    assert (body["size"], body["output_format"], body["background"]) == ("128x64", "png", "opaque")
    usage = body["usage"]
    assert usage["input_tokens_details"] == {"text_tokens": usage["input_tokens"], "image_tokens": 0}
    assert (usage["input_tokens"] > 3, usage["output_tokens"]) == (True, 2 * 8 * 4)
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(client: httpx.Client) -> None:
    assert paint(client, seed=7) == paint(client, seed=7)
    assert paint(client, seed=7) != paint(client, seed=8)


def test_a_batch_is_the_single_images_of_its_seeds(client: httpx.Client) -> None:
    assert paint(client, seed=7, n=3) == [paint(client, seed=seed)[0] for seed in (7, 8, 9)]


def test_without_a_seed_the_one_that_was_drawn_gives_the_image_again(client: httpx.Client) -> None:
    drawn = client.post(GENERATIONS, json=request(seed=None)).json()["data"][0]
    again = paint(client, seed=drawn["seed"])
    assert again == [base64.b64decode(drawn["b64_json"])]
    assert client.post(GENERATIONS, json=request(seed=None)).json()["data"][0]["seed"] != drawn["seed"]


def test_requests_at_once_do_not_disturb_each_other(service: Service, client: httpx.Client) -> None:
    alone = [paint(client, seed=seed, steps=seed) for seed in (3, 4, 5, 6)]

    def together(seed: int) -> list[bytes]:
        with service.client() as other:
            return paint(other, seed=seed, steps=seed)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(together, (3, 4, 5, 6))) == alone


def test_prompt_and_steps_change_the_image(client: httpx.Client) -> None:
    assert paint(client, prompt="a dog") != paint(client, prompt="a cat")
    assert paint(client, steps=2) != paint(client, steps=6)
    assert paint(client, steps=6) == paint(client, num_inference_steps=6)


def test_schnell_takes_four_steps_and_its_own_size_by_itself(service: Service, client: httpx.Client) -> None:
    answer = client.post(GENERATIONS, json={"prompt": "a cat", "seed": 7}, headers={"X-Job-Id": "job_own"})
    assert base64.b64decode(answer.json()["data"][0]["b64_json"]) == paint(client, steps=4)[0]


@pytest.mark.parametrize(
    ("changes", "param", "said"),
    [
        ({"size": "100x100"}, "size", "the nearest is 96x96"),
        ({"size": "4096x64"}, "size", "the nearest is 2048x64"),
        ({"size": "large"}, "size", "such as 1024x768"),
        ({"size": "2048x2048"}, "size", "more than the 1048576 pixels"),
        ({"n": 11}, "n", "10"),
        ({"steps": 51}, "steps", "50"),
        ({"prompt": ""}, "prompt", "at least 1"),
        ({"output_format": "gif"}, "output_format", "png"),
        ({"output_compression": 101}, "output_compression", "100"),
        ({"background": "transparent"}, "background", "opaque"),
        ({"partial_images": 4}, "partial_images", "3"),
        ({"seed": -1}, "seed", "0"),
        ({"stream": True, "n": 2}, None, "one image"),
    ],
)
def test_what_it_cannot_do_is_a_400_that_says_what_it_can(
    client: httpx.Client, changes: dict[str, Any], param: str | None, said: str
) -> None:
    answer = client.post(GENERATIONS, json=request(**changes))
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["param"]) == (400, "invalid_request_error", param)
    assert said in error["message"]


def test_what_only_openais_models_have_and_nulls_are_passed_over(client: httpx.Client) -> None:
    extras = {"quality": "hd", "style": "vivid", "user": "u", "n": None, "stream": None, "background": "auto"}
    assert paint(client, **extras, response_format="url") == paint(client)


def test_a_stream_shows_partial_images_and_ends_with_the_whole_one(client: httpx.Client) -> None:
    answer = client.post(GENERATIONS, json=request(stream=True, partial_images=3, steps=8))
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = events_of(answer.text)
    partial, completed = "image_generation.partial_image", "image_generation.completed"
    assert [name for name, _ in events] == [partial, partial, partial, completed]
    assert all(name == data["type"] for name, data in events)
    assert [data["partial_image_index"] for _, data in events[:3]] == [0, 1, 2]
    images = [opened(base64.b64decode(data["b64_json"])) for _, data in events]
    assert {image.size for image in images} == {(128, 64)}
    whole = base64.b64decode(events[-1][1]["b64_json"])
    assert [whole] == paint(client, steps=8)
    assert events[-1][1]["usage"]["output_tokens"] == 32 and events[-1][1]["seed"] == 7


def test_partial_images_come_nearer_to_the_whole_one(client: httpx.Client) -> None:
    answer = client.post(GENERATIONS, json=request(stream=True, partial_images=3, steps=16))
    first, *_, last, whole = [
        opened(base64.b64decode(data["b64_json"])) for _, data in events_of(answer.text)
    ]
    assert distance(last, whole) < distance(first, whole)


def distance(one: Image.Image, other: Image.Image) -> float:
    pairs = zip(one.tobytes(), other.tobytes(), strict=True)
    return sum(abs(left - right) for left, right in pairs) / len(one.tobytes())


def test_progress_grows_step_by_step_over_the_whole_batch(service: Service, client: httpx.Client) -> None:
    client.post(GENERATIONS, json=request(n=2, steps=3, size="512x512"), headers={"X-Job-Id": "job_1"})
    told: list[Event] = []
    while not told or told[-1]["progress"] < 1:
        told.append(service.events.until(lambda event: event.get("job_id") == "job_1"))
    assert {event["phase"] for event in told} == {"generating"}
    fractions = [event["progress"] for event in told]
    assert fractions == sorted(fractions) and len(fractions) > 1


@pytest.mark.parametrize("changes", [{"n": 10}, {"stream": True, "partial_images": 2}])
async def test_a_client_that_leaves_stops_the_work_between_two_steps(
    service: Service, changes: dict[str, Any]
) -> None:
    job_id = f"job_left_{len(changes)}"
    body = request(size="1024x1024", steps=50, **changes)
    async with service.async_client() as leaving:
        asked = asyncio.ensure_future(leaving.post(GENERATIONS, json=body, headers={"X-Job-Id": job_id}))
        begun = await asyncio.to_thread(service.events.until, lambda event: event.get("job_id") == job_id)
        assert begun["progress"] < 0.5
        asked.cancel()
        await asyncio.wait([asked])
    async with service.async_client() as client:  # waits for its turn, so the other one has ended by then
        await client.post(GENERATIONS, json=request(), headers={"X-Job-Id": f"{job_id}_next"})
    eventually(lambda: service.health()["in_flight"] == 0)
    fractions = []
    while (event := service.events.until(lambda event: "job_id" in event))["job_id"] != f"{job_id}_next":
        fractions.append(event["progress"])
    assert all(fraction < 0.9 for fraction in fractions)


def test_after_a_cancelled_image_the_next_one_is_the_same_as_ever(
    service: Service, client: httpx.Client
) -> None:
    before = paint(client)
    with service.client() as leaving, pytest.raises(httpx.ReadTimeout):
        leaving.post(GENERATIONS, json=request(size="1024x1024", steps=50), timeout=leaves_after(0.5))
    assert paint(client) == before


def test_after_sleep_and_wake_it_paints_the_same(service: Service, client: httpx.Client) -> None:
    assert service.health()["can_sleep"] is True
    before = paint(client)
    for _ in range(2):
        eventually(lambda: service.health()["in_flight"] == 0)
        canary = client.post("/roundhouse/canary").json()
        assert len(canary["canary"]) == 64
        assert client.post("/roundhouse/sleep").status_code == 200
        assert client.post(GENERATIONS, json=request()).status_code == 503
        assert client.post("/roundhouse/wake").status_code == 200
        assert client.post("/roundhouse/canary").json() == canary
        assert paint(client) == before


def test_an_edit_begins_with_the_image(client: httpx.Client) -> None:
    fields = {"prompt": "a cat", "seed": "7", "strength": "0.5"}
    answers = [
        client.post(EDITS, data=fields, files={"image": ("in.png", png(color=color), "image/png")}).json()
        for color in ((255, 0, 0), (255, 0, 0), (0, 0, 255))
    ]
    red, again, blue = (base64.b64decode(answer["data"][0]["b64_json"]) for answer in answers)
    assert red == again != blue
    assert opened(red).size == (128, 64)
    assert answers[0]["data"][0]["seed"] == 7


def test_json_with_data_urls_edits_as_a_form_does(client: httpx.Client) -> None:
    form = {"prompt": "a cat", "seed": "7", "size": "64x64", "n": "2"}
    by_form = client.post(EDITS, data=form, files={"image[]": ("in.png", png(), "image/png")}).json()
    images = [{"image_url": data_url(png())}]
    body = {"prompt": "a cat", "seed": 7, "size": "64x64", "n": 2, "images": images, "mask": None}
    assert client.post(EDITS, json=body).json()["data"] == by_form["data"]
    assert len(by_form["data"]) == 2


def test_an_edit_without_a_size_takes_the_images_own(client: httpx.Client) -> None:
    body = {"prompt": "a cat", "image": data_url(png((100, 203)))}
    assert client.post(EDITS, json=body).json()["size"] == "96x208"


def test_outside_the_mask_the_image_stays(client: httpx.Client) -> None:
    mask = Image.new("RGBA", (128, 64), (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (64, 0, 128, 64))  # its right half may change
    file = io.BytesIO()
    mask.save(file, format="PNG")
    files = {"image": ("in.png", png(), "image/png"), "mask": ("mask.png", file.getvalue(), "image/png")}
    one, other = (
        opened(base64.b64decode(answer["data"][0]["b64_json"]))
        for answer in (
            client.post(EDITS, data={"prompt": "a cat", "seed": seed, "strength": "1"}, files=files).json()
            for seed in ("7", "8")
        )
    )
    left, right = (0, 0, 48, 64), (80, 0, 128, 64)
    assert distance(one.crop(left), other.crop(left)) < distance(one.crop(right), other.crop(right)) / 2


def test_an_edit_streams_with_its_own_event_names(client: httpx.Client) -> None:
    body = {"prompt": "a cat", "image": data_url(png()), "stream": True, "partial_images": 1, "steps": 8}
    names = [name for name, _ in events_of(client.post(EDITS, json=body).text)]
    assert names == ["image_edit.partial_image", "image_edit.completed"]


@pytest.mark.parametrize(
    ("changes", "param", "code"),
    [
        ({"image": None}, "image", "missing_required_parameter"),
        ({"image": "https://example.com/cat.png"}, "images", "invalid_value"),
        ({"image": "data:image/png;base64,????"}, "images", "invalid_value"),
        ({"image": data_url(b"not an image")}, "image", "invalid_image"),
        ({"image": data_url(png()[:-40])}, "image", "invalid_image"),
        ({"image": data_url(odd_exif(0x011A))}, "image", "invalid_image"),
        ({"image": data_url(odd_exif(0x0100))}, "image", "invalid_image"),
        ({"image": "data:image/png;base64,ä"}, "images", "invalid_value"),
        ({"images": [data_url(png()), data_url(png())]}, "image", "invalid_value"),
        ({"mask": data_url(png())}, "mask", "invalid_value"),
        ({"mask": data_url(png((64, 64), (0, 0, 0, 0), "RGBA"))}, "mask", "invalid_value"),
        ({"prompt": None}, "prompt", "missing_required_parameter"),
        ({"strength": 0.1}, "strength", "invalid_value"),
        ({"size": "1x1"}, "size", "invalid_value"),
    ],
)
def test_an_edit_that_cannot_be_made_is_a_400(
    client: httpx.Client, changes: dict[str, Any], param: str, code: str
) -> None:
    body = {"prompt": "a cat", "image": data_url(png()), **changes}
    answer = client.post(EDITS, json={key: value for key, value in body.items() if value is not None})
    assert answer.status_code == 400, answer.text
    assert (answer.json()["error"]["param"], answer.json()["error"]["code"]) == (param, code)


def test_a_small_file_that_unfolds_into_a_huge_image_is_refused(client: httpx.Client) -> None:
    bomb = data_url(png((10_000, 5_000), 0, "1"))
    answer = client.post(EDITS, json={"prompt": "a cat", "image": bomb})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "image_too_large")


def test_its_log_is_json_and_holds_no_prompt(service: Service, client: httpx.Client) -> None:
    paint(client, prompt="a very secret cat")
    lines = service.logged().splitlines()
    assert all(json.loads(line)["service"] == "flux" for line in lines)
    assert "secret cat" not in service.logged()
