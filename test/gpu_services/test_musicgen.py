"""The music service with the real transformers and a tiny MusicGen."""

import asyncio
import base64
import io
import json
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from harness import SERVICES, Event, Service, eventually, ready_service, short_folder, venv_python
from weights import ONE_THREAD, make_weights

SERVER = SERVICES / "musicgen" / "server.py"
GENERATIONS = "/v1/audio/generations"
SOUND = "/v1/sound-generation"
RATE_HZ = 32_000
CONTENT_TYPES = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
}
FORMATS = {"wav": "WAV", "mp3": "MP3", "flac": "FLAC", "ogg": "OGG", "opus": "OGG"}


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """Its windows are short, so that a piece of some seconds has several."""
    with short_folder() as folder:
        make_weights("tiny_musicgen.py", "musicgen", folder / "weights")
        args = {
            "model": str(folder / "weights"),
            "window_seconds": 4,
            "overlap_seconds": 1,
            "max_seconds": 120,
        }
        variables = {"ROUNDHOUSE_ARGS": json.dumps(args), **ONE_THREAD}
        with ready_service(SERVER, folder, venv_python("musicgen"), **variables) as service:
            yield service


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    with service.client() as client:
        yield client


def request(**changes: Any) -> dict[str, Any]:
    return {"model": "model-1", "prompt": "a slow waltz", "duration_seconds": 2, "seed": 7, **changes}


def compose(client: httpx.Client, **changes: Any) -> list[bytes]:
    answer = client.post(GENERATIONS, json=request(**changes))
    assert answer.status_code == 200, answer.text
    return [base64.b64decode(one["b64_json"]) for one in answer.json()["data"]]


def samples_of(data: bytes) -> NDArray[np.float32]:
    samples, rate_hz = soundfile.read(io.BytesIO(data), dtype="float32")
    assert rate_hz == RATE_HZ
    return np.asarray(samples)


def loudness(samples: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


@pytest.mark.parametrize("seconds", [0.5, 1, 2.345, 4, 4.02, 9.99])
def test_a_piece_is_exactly_as_long_as_asked_for(client: httpx.Client, seconds: float) -> None:
    [data] = compose(client, duration_seconds=seconds)
    samples = samples_of(data)
    assert len(samples) == round(seconds * RATE_HZ)
    assert loudness(samples[-RATE_HZ // 4 :]) > 0.001


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_decodes_to_the_length_asked_for(client: httpx.Client, name: str) -> None:
    answer = client.post(GENERATIONS, json=request(output_format=name)).json()["data"][0]
    info = soundfile.info(io.BytesIO(base64.b64decode(answer["b64_json"])))
    assert (info.format, answer["output_format"]) == (FORMATS[name], name)
    assert info.duration == pytest.approx(2, abs=0.06)
    assert info.samplerate == answer["sample_rate"] == (48_000 if name == "opus" else RATE_HZ)
    assert answer["duration_seconds"] == 2


def test_the_answer_tells_seeds_and_usage(client: httpx.Client) -> None:
    body = client.post(GENERATIONS, json=request(n=2)).json()
    assert [one["seed"] for one in body["data"]] == [7, 8]
    usage = body["usage"]
    assert (usage["output_tokens"], usage["seconds"]) == (2 * 2 * 50, 4)
    assert usage["total_tokens"] == usage["input_tokens"] + 200 and usage["input_tokens"] > 5


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(client: httpx.Client) -> None:
    for name in ("wav", "flac", "mp3"):
        assert compose(client, output_format=name) == compose(client, output_format=name)
    assert compose(client, duration_seconds=6) == compose(client, duration_seconds=6)
    assert compose(client, seed=7) != compose(client, seed=8)


@pytest.mark.parametrize("name", ["ogg", "opus"])
def test_an_ogg_of_the_same_seed_sounds_the_same(client: httpx.Client, name: str) -> None:
    """Each Ogg file has a serial number of its own, as its standard wants it."""
    one, other = (soundfile.read(io.BytesIO(compose(client, output_format=name)[0]))[0] for _ in range(2))
    assert np.array_equal(one, other)


def test_a_batch_is_the_single_pieces_of_its_seeds(client: httpx.Client) -> None:
    assert compose(client, n=2) == [compose(client, seed=seed)[0] for seed in (7, 8)]


def test_without_a_seed_the_one_that_was_drawn_gives_the_piece_again(client: httpx.Client) -> None:
    drawn = client.post(GENERATIONS, json=request(seed=None)).json()["data"][0]
    assert compose(client, seed=drawn["seed"]) == [base64.b64decode(drawn["b64_json"])]


def test_next_to_no_temperature_is_none(client: httpx.Client) -> None:
    assert compose(client, temperature=1e-40) == compose(client, temperature=0)


@pytest.mark.parametrize(
    "changes",
    [{"guidance": 9}, {"temperature": 0.2}, {"temperature": 0}, {"top_k": 2}, {"prompt": "a march"}],
)
def test_what_shapes_the_music_changes_it(client: httpx.Client, changes: dict[str, Any]) -> None:
    assert compose(client, **changes) != compose(client)
    assert compose(client, **changes) == compose(client, **changes)


def test_a_long_piece_begins_as_a_short_one_does(client: httpx.Client) -> None:
    """Up to where the second window fades in, the first window is all there is."""
    short, long = (samples_of(compose(client, duration_seconds=seconds)[0]) for seconds in (4, 11))
    until = int(3.9 * RATE_HZ)
    assert np.array_equal(short[:until], long[:until])
    assert loudness(long[-RATE_HZ:]) > 0.001
    assert not np.allclose(long[4 * RATE_HZ : 7 * RATE_HZ], long[7 * RATE_HZ : 10 * RATE_HZ])


def test_windows_are_joined_without_a_crack(client: httpx.Client) -> None:
    """At a seam samples jump no further than anywhere else."""
    samples = samples_of(compose(client, duration_seconds=12)[0])
    jumps = np.abs(np.diff(samples))
    seams = [4.0, 7.0, 10.0]
    around = [jumps[int((at - 0.06) * RATE_HZ) : int((at + 0.01) * RATE_HZ)].max() for at in seams]
    assert max(around) <= jumps.max() and max(around) < 3 * np.percentile(jumps, 99.9)


@pytest.mark.parametrize(
    ("accept", "extra", "name"),
    [
        ("audio/*", {}, "wav"),
        ("audio/mpeg", {}, "mp3"),
        ("audio/flac, */*;q=0.1", {}, "flac"),
        ("audio/ogg", {}, "ogg"),
        ("audio/*", {"output_format": "opus"}, "opus"),
        ("audio/*", {"response_format": "mp3"}, "mp3"),
    ],
)
def test_who_accepts_audio_gets_bytes(
    client: httpx.Client, accept: str, extra: dict[str, str], name: str
) -> None:
    answer = client.post(GENERATIONS, json=request(**extra), headers={"accept": accept})
    assert answer.headers["content-type"] == CONTENT_TYPES[name]
    info = soundfile.info(io.BytesIO(answer.content))
    assert info.format == FORMATS[name] and (info.subtype == "OPUS") == (name == "opus")
    assert answer.headers["x-seed"] == "7"


def test_response_format_may_name_a_format_or_openais_words(client: httpx.Client) -> None:
    [flac] = compose(client, response_format="flac")
    assert soundfile.info(io.BytesIO(flac)).format == "FLAC"
    assert (
        compose(client, response_format="url")
        == compose(client, response_format="b64_json")
        == compose(client)
    )


def test_elevenlabs_shape_gives_an_mp3(client: httpx.Client) -> None:
    body = {"text": "a slow waltz", "model_id": "model-1", "duration_seconds": 2, "seed": 7}
    answer = client.post(SOUND, json=body)
    assert answer.headers["content-type"] == "audio/mpeg"
    assert soundfile.info(io.BytesIO(answer.content)).duration == pytest.approx(2, abs=0.06)
    assert answer.content == compose(client, output_format="mp3")[0]


def test_elevenlabs_influence_is_guidance_and_its_format_may_be_in_the_address(client: httpx.Client) -> None:
    body = {"text": "a slow waltz", "duration_seconds": 2, "seed": 7, "prompt_influence": 0.3}
    neutral = client.post(f"{SOUND}?output_format=opus_48000_32", json=body)
    assert soundfile.info(io.BytesIO(neutral.content)).subtype == "OPUS"
    neutral = client.post(f"{SOUND}?output_format=mp3_44100_128", json=body)
    assert neutral.content == compose(client, output_format="mp3", guidance=3)[0]
    strict = client.post(SOUND, json={**body, "prompt_influence": 0.9})
    assert strict.content == compose(client, output_format="mp3", guidance=7)[0]


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        (GENERATIONS, request(duration_seconds=301), "duration_seconds"),
        (GENERATIONS, request(duration_seconds=121), "duration_seconds"),
        (GENERATIONS, request(duration_seconds=0), "duration_seconds"),
        (GENERATIONS, request(prompt=""), "prompt"),
        (GENERATIONS, {"duration_seconds": 2}, "prompt"),
        (GENERATIONS, request(n=11), "n"),
        (GENERATIONS, request(output_format="aac"), "output_format"),
        (GENERATIONS, request(temperature=3), "temperature"),
        (GENERATIONS, request(guidance=0.5), "guidance"),
        (GENERATIONS, request(top_k=0), "top_k"),
        (SOUND, {"text": ""}, "text"),
        (SOUND, {"text": "rain", "prompt_influence": 2}, "prompt_influence"),
        (SOUND, {"text": "rain", "output_format": "aac_44100"}, "output_format"),
        (SOUND, {"text": "rain", "duration_seconds": 200}, "duration_seconds"),
    ],
)
def test_what_it_cannot_do_is_a_400_that_names_the_field(
    client: httpx.Client, path: str, body: dict[str, Any], param: str
) -> None:
    answer = client.post(path, json=body)
    assert answer.status_code == 400, answer.text
    assert (answer.json()["error"]["param"], answer.json()["error"]["type"]) == (
        param,
        "invalid_request_error",
    )


def test_bytes_of_two_pieces_are_refused(client: httpx.Client) -> None:
    answer = client.post(GENERATIONS, json=request(n=2), headers={"accept": "audio/wav"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "n")


def test_progress_grows_over_windows_and_pieces(service: Service, client: httpx.Client) -> None:
    client.post(GENERATIONS, json=request(duration_seconds=8, n=2), headers={"X-Job-Id": "job_progress"})
    told: list[Event] = []
    while not told or told[-1]["progress"] < 1:
        told.append(service.events.until(lambda event: event.get("job_id") == "job_progress"))
    fractions = [event["progress"] for event in told]
    assert fractions == sorted(fractions) and len(fractions) > 3
    assert {event["phase"] for event in told} == {"generating"}


async def test_a_client_that_leaves_stops_the_music(service: Service) -> None:
    async with service.async_client() as leaving:
        body = request(duration_seconds=120)
        asked = asyncio.ensure_future(leaving.post(GENERATIONS, json=body, headers={"X-Job-Id": "job_2"}))
        await asyncio.to_thread(service.events.until, lambda event: event.get("job_id") == "job_2")
        asked.cancel()
        await asyncio.wait([asked])
    async with service.async_client() as client:  # waits for its turn, so the other one has ended by then
        await client.post(GENERATIONS, json=request(), headers={"X-Job-Id": "job_3"})
    eventually(lambda: service.health()["in_flight"] == 0)
    fractions = []
    while (event := service.events.until(lambda event: "job_id" in event))["job_id"] != "job_3":
        fractions.append(event["progress"])
    assert all(fraction < 0.5 for fraction in fractions)


async def test_requests_at_once_do_not_disturb_each_other(service: Service, client: httpx.Client) -> None:
    alone = [compose(client, seed=seed)[0] for seed in (1, 2, 3)]
    async with service.async_client() as together:
        answers = await asyncio.gather(
            *(together.post(GENERATIONS, json=request(seed=seed)) for seed in (1, 2, 3))
        )
    assert [base64.b64decode(answer.json()["data"][0]["b64_json"]) for answer in answers] == alone


def test_after_sleep_and_wake_it_composes_the_same(service: Service, client: httpx.Client) -> None:
    assert service.health()["can_sleep"] is True
    before = compose(client)
    for _ in range(2):
        eventually(lambda: service.health()["in_flight"] == 0)
        assert client.post("/roundhouse/sleep").status_code == 200
        assert client.post(GENERATIONS, json=request()).status_code == 503
        assert client.post("/roundhouse/wake").status_code == 200
        assert compose(client) == before


def test_its_log_is_json_and_holds_no_prompt(service: Service, client: httpx.Client) -> None:
    compose(client, prompt="a very secret tune")
    assert all(json.loads(line)["service"] == "musicgen" for line in service.logged().splitlines())
    assert "secret tune" not in service.logged()
