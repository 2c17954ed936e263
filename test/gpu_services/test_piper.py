"""The Piper service with its real engine and a real voice."""

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

from harness import (
    SERVICES,
    Service,
    eventually,
    leaves_after,
    ready_service,
    running_service,
    short_folder,
    venv_python,
)

SERVER = SERVICES / "piper" / "server.py"
SPEECH = "/v1/audio/speech"
TEXT = "The quick brown fox jumps over the lazy dog. It sleeps now."
CONTENT_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg", "flac": "audio/flac", "opus": "audio/ogg"}
OWN_RATE_HZ = 22050


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with short_folder() as folder, ready_service(SERVER, folder, venv_python("piper")) as service:
        yield service


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    with service.client() as client:
        yield client


def request(**changes: Any) -> dict[str, Any]:
    return {"model": "model-1", "input": TEXT, "voice": "alloy", "response_format": "wav", **changes}


def seconds_of(data: bytes) -> float:
    return float(soundfile.info(io.BytesIO(data)).duration)


def loudness(samples: "np.ndarray[Any, Any]") -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


def test_it_speaks_a_wav(client: httpx.Client) -> None:
    answer = client.post(SPEECH, json=request())
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.content[:4] == b"RIFF" and answer.content[8:12] == b"WAVE"
    samples, rate_hz = soundfile.read(io.BytesIO(answer.content))
    assert (rate_hz, samples.ndim) == (OWN_RATE_HZ, 1)
    assert 2 < len(samples) / rate_hz < 10
    assert loudness(samples) > 0.01


@pytest.mark.parametrize("name", CONTENT_TYPES)
def test_every_format_decodes_to_the_same_length(client: httpx.Client, name: str) -> None:
    answer = client.post(SPEECH, json=request(response_format=name))
    assert answer.headers["content-type"] == CONTENT_TYPES[name]
    samples, rate_hz = soundfile.read(io.BytesIO(answer.content))
    assert 2 < len(samples) / rate_hz < 10
    assert loudness(samples) > 0.01


def test_pcm_is_24_khz_without_a_header(client: httpx.Client) -> None:
    answer = client.post(SPEECH, json=request(response_format="pcm"))
    samples = np.frombuffer(answer.content, "<i2") / 32768
    assert 2 < len(samples) / 24_000 < 10
    assert loudness(samples) > 0.01


def test_a_zero_in_the_text_is_a_space(client: httpx.Client) -> None:
    answer = client.post(SPEECH, json=request(input="The train\0leaves the station."))
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("voice", ["alloy", "nova", "default", "en_US-joe-medium", {"id": "echo"}])
def test_openais_voices_and_its_own_name_all_speak(client: httpx.Client, voice: Any) -> None:
    assert client.post(SPEECH, json=request(input="Hi.", voice=voice)).status_code == 200


def test_twice_the_speed_takes_about_half_the_time(client: httpx.Client) -> None:
    slow = seconds_of(client.post(SPEECH, json=request(speed=1.0)).content)
    fast = seconds_of(client.post(SPEECH, json=request(speed=2.0)).content)
    assert 0.35 < fast / slow < 0.7


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"voice": "bob"}, "voice"),
        ({"response_format": "aac"}, "response_format"),
        ({"speed": 9}, "speed"),
        ({"input": ""}, "input"),
        ({"input": "x" * 4097}, "input"),
        ({"input": " ... "}, "input"),
        ({"stream_format": "smoke"}, "stream_format"),
    ],
)
def test_what_it_cannot_do_is_a_400_that_names_the_field(
    client: httpx.Client, changes: dict[str, Any], param: str
) -> None:
    answer = client.post(SPEECH, json=request(**changes))
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_a_format_it_lacks_names_those_it_has(client: httpx.Client) -> None:
    message = client.post(SPEECH, json=request(response_format="aac")).json()["error"]["message"]
    assert "wav, mp3, flac, opus, pcm" in message


@pytest.mark.parametrize("name", ["pcm", "mp3"])
def test_speech_comes_as_events_where_asked_for(client: httpx.Client, name: str) -> None:
    answer = client.post(SPEECH, json=request(response_format=name, stream_format="sse"))
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line]
    assert events[-1]["type"] == "speech.audio.done"
    assert {event["type"] for event in events[:-1]} == {"speech.audio.delta"}
    audio = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])
    seconds = len(audio) / 2 / 24_000 if name == "pcm" else seconds_of(audio)
    assert 2 < seconds < 10


def test_progress_grows_sentence_by_sentence(service: Service, client: httpx.Client) -> None:
    client.post(SPEECH, json=request(), headers={"X-Job-Id": "job_1"})
    last = service.events.until(lambda event: event.get("job_id") == "job_1" and event["progress"] == 1.0)
    assert last["phase"] == "speaking"


def test_a_client_that_leaves_stops_the_speech_between_two_sentences(service: Service) -> None:
    long = "This is one more sentence that somebody has to say. " * 78
    with service.client() as client, pytest.raises(httpx.ReadTimeout):
        client.post(
            SPEECH, json=request(input=long), headers={"X-Job-Id": "job_2"}, timeout=leaves_after(0.5)
        )
    eventually(lambda: service.health()["in_flight"] == 0)
    with service.client() as client:
        client.post(SPEECH, json=request(input="Done."), headers={"X-Job-Id": "job_3"})
    fractions = []
    while (event := service.events.until(lambda event: event["type"] == "job"))["job_id"] != "job_3":
        fractions.append(event["progress"])
    assert 1.0 not in fractions  # on a busy machine it may leave before the first sentence is said


def test_a_voice_that_is_missing_is_named(folder: Path) -> None:
    args = json.dumps({"model": "/no/such.onnx"})
    with running_service(SERVER, folder, venv_python("piper"), ROUNDHOUSE_ARGS=args) as service:
        assert "/no/such.onnx" in service.events.until_status("SETUP_FAILED")["error"]
        assert service.wait() == 1
