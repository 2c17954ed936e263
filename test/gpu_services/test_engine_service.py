"""A service around an engine that has an HTTP server of its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness import FIXTURES, SERVICES, Service, eventually, ready_service, running_service, survivors

WRAPPING = FIXTURES / "wrapping.py"
CHAT = "/v1/chat/completions"


@pytest.fixture
def service(folder: Path) -> Iterator[Service]:
    with ready_service(WRAPPING, folder) as service:
        yield service


def post(service: Service, body: dict[str, Any], **headers: str) -> httpx.Response:
    with service.client() as client:
        return client.post(CHAT, json=body, headers=headers)


def test_a_request_and_its_answer_pass_through(service: Service) -> None:
    answer = post(service, {"do": "echo", "text": "é"}, **{"x-job-id": "job_1"})
    assert answer.json() == {"body": {"do": "echo", "text": "é"}, "path": CHAT, "job": "job_1"}
    assert answer.headers["content-type"] == "application/json"


def test_a_stream_arrives_whole_and_in_order(service: Service) -> None:
    answer = post(service, {"do": "count", "to": 500})
    assert answer.text == "".join(f"data: {number} é\n\n" for number in range(500))
    assert answer.headers["content-type"] == "text/event-stream"


def test_only_the_named_paths_are_relayed(service: Service) -> None:
    with service.client() as client:
        assert client.post("/v1/other", json={"do": "echo"}).status_code == 404


def test_what_the_engine_prints_becomes_load_progress(folder: Path) -> None:
    with running_service(WRAPPING, folder) as service:
        event = service.events.until(lambda event: event.get("phase") == "weights")
        assert event["progress"] == 0.5
        service.events.until_status("READY")


def test_a_load_that_is_measured_never_goes_back(folder: Path) -> None:
    with running_service(WRAPPING, folder, ROUNDHOUSE_ARGS=json.dumps({"measured": [0.3, 0.1]})) as service:
        told: list[float] = []
        while not told or told[-1] < 1:
            told.append(service.events.until(lambda event: event["type"] == "load")["progress"])
    assert 0.3 in told and told == sorted(told)


def test_a_client_that_leaves_stops_the_engine(service: Service) -> None:
    with service.client() as client, client.stream("POST", CHAT, json={"do": "forever"}) as answer:
        next(answer.iter_raw())
    eventually(lambda: "the client has left" in service.logged())
    eventually(lambda: service.health()["in_flight"] == 0)


@pytest.mark.parametrize(
    ("message", "kind", "param", "code"),
    [
        ("'messages' is required", "invalid_request_error", "messages", "missing_required_parameter"),
        ("too long", "exceed_context_size_error", "messages", "context_length_exceeded"),
        ("something else", "invalid_request_error", None, "engine_error"),
    ],
)
def test_the_engines_errors_use_the_envelope(
    service: Service, message: str, kind: str, param: str | None, code: str
) -> None:
    answer = post(service, {"do": "refuse", "message": message, "type": kind})
    assert answer.status_code == 400
    expected = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    assert answer.json() == {"error": expected}


def test_an_engine_that_cannot_start_fails_the_start_with_its_last_words(folder: Path) -> None:
    args = json.dumps({"start": "badly"})
    with running_service(WRAPPING, folder, ROUNDHOUSE_ARGS=args) as service:
        error = service.events.until_status("SETUP_FAILED")["error"]
        assert "the weights are corrupt" in error
        assert service.wait() == 1


def test_an_engine_that_dies_before_it_answers_is_a_502_and_ends_the_service(service: Service) -> None:
    answer = post(service, {"do": "die_at_once"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "engine_failed")
    assert "code 9" in service.events.until_status("DEFUNCT")["error"]
    assert service.wait() == 1
    assert survivors(service.marker) == []


def test_an_engine_that_dies_midway_breaks_the_stream_instead_of_ending_it(service: Service) -> None:
    with service.client() as client, client.stream("POST", CHAT, json={"do": "die_midway"}) as answer:
        pieces = answer.iter_raw()
        assert next(pieces) == b"data: first\n\n"
        with pytest.raises(httpx.RemoteProtocolError):
            list(pieces)
    assert "out of memory" in service.events.until_status("DEFUNCT")["error"]
    assert service.wait() == 1


def test_the_engine_and_its_children_end_with_the_service(service: Service) -> None:
    service.process.terminate()
    assert service.wait() == 0
    eventually(lambda: survivors(service.marker) == [])


def test_an_engine_that_does_not_end_is_killed_and_leaves_nothing(folder: Path) -> None:
    with ready_service(WRAPPING, folder, ROUNDHOUSE_ARGS=json.dumps({"start": "stubborn"})) as service:
        service.process.terminate()
        assert service.wait() == 0
        eventually(lambda: survivors(service.marker) == [])
    assert [path.name for path in folder.iterdir()] == ["log"]


@pytest.mark.parametrize(
    "args",
    [{}, {"start": "stubborn", "shutdown_seconds": 0.2}],
    ids=["in time", "not in time"],
)
def test_a_standalone_run_on_a_port_leaves_no_file_behind(folder: Path, args: dict[str, Any]) -> None:
    process = subprocess.Popen(
        [sys.executable, str(WRAPPING), "--port", "0", "--args", json.dumps(args)],
        env={**os.environ, "PYTHONPATH": str(SERVICES), "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    while "Ready" not in (line := process.stdout.readline()):
        assert line
    assert len(list(folder.iterdir())) == 1
    process.terminate()
    process.communicate()
    assert process.returncode == 0
    assert list(folder.iterdir()) == []


def test_an_engine_that_hears_no_signal_while_it_loads_ends_with_the_service(folder: Path) -> None:
    with running_service(WRAPPING, folder, ROUNDHOUSE_ARGS=json.dumps({"start": "deaf"})) as service:
        eventually(lambda: '"deaf"' in service.logged())
        service.process.terminate()
        assert service.wait() == 0
        eventually(lambda: survivors(service.marker) == [])


def test_a_killed_service_takes_its_engine_with_it(service: Service) -> None:
    os.kill(service.process.pid, signal.SIGKILL)
    service.wait()
    eventually(lambda: survivors(service.marker) == [])
