"""The llama.cpp service with its real engine and a real small model."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

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

SERVER = SERVICES / "llamacpp" / "server.py"
CHAT = "/v1/chat/completions"
QUESTION = {
    "model": "model-1",
    "temperature": 0,
    "messages": [{"role": "user", "content": "Name the capital city of France."}],
}
ENDLESS_TOKENS = 3000
ENDLESS = {**QUESTION, "max_tokens": ENDLESS_TOKENS, "ignore_eos": True}


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    args = json.dumps({"n_parallel": 2, "endpoint_metrics": True})
    python = venv_python("llamacpp")
    with short_folder() as folder, ready_service(SERVER, folder, python, ROUNDHOUSE_ARGS=args) as service:
        yield service


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    with service.client() as client:
        yield client


def failed_start(folder: Path, args: dict[str, Any], **variables: str) -> str:
    python = venv_python("llamacpp")
    with running_service(SERVER, folder, python, ROUNDHOUSE_ARGS=json.dumps(args), **variables) as service:
        error: str = service.events.until_status("SETUP_FAILED")["error"]
        assert service.wait() == 1
    return error


def test_it_answers_a_question(client: httpx.Client) -> None:
    answer = client.post(CHAT, json=QUESTION).json()
    assert answer["object"] == "chat.completion"
    assert answer["model"] == "model-1"
    assert "Paris" in answer["choices"][0]["message"]["content"]
    assert answer["usage"]["completion_tokens"] > 0


def test_it_streams_token_by_token(client: httpx.Client) -> None:
    with client.stream("POST", CHAT, json={**QUESTION, "stream": True}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        data = [line.removeprefix("data: ") for line in answer.iter_lines() if line]
    assert data[-1] == "[DONE]"
    deltas = [json.loads(chunk)["choices"][0]["delta"] for chunk in data[:-1]]
    pieces = [text for delta in deltas if (text := delta.get("content"))]
    assert len(pieces) > 3
    assert "Paris" in "".join(pieces)


def test_it_completes_text(client: httpx.Client) -> None:
    body = {"model": "model-1", "prompt": "One, two, three,", "max_tokens": 4, "temperature": 0}
    answer = client.post("/v1/completions", json=body).json()
    assert "four" in answer["choices"][0]["text"]


def test_several_are_answered_at_once(service: Service) -> None:
    with service.client() as client, client.stream("POST", CHAT, json={**ENDLESS, "stream": True}) as first:
        next(first.iter_raw())
        with service.client() as other:
            assert "Paris" in other.post(CHAT, json=QUESTION).json()["choices"][0]["message"]["content"]
    until_idle(service)


def test_a_body_without_messages_is_a_400_that_names_them(client: httpx.Client) -> None:
    answer = client.post(CHAT, json={"model": "model-1"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "messages")


def test_a_prompt_beyond_the_context_is_a_400(client: httpx.Client) -> None:
    long = {**QUESTION, "messages": [{"role": "user", "content": "word " * 6000}]}
    answer = client.post(CHAT, json=long)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "context_length_exceeded")


def test_a_stream_whose_client_leaves_stops_generating(service: Service) -> None:
    before = metric(service, "tokens_predicted_total")
    with service.client() as client, client.stream("POST", CHAT, json={**ENDLESS, "stream": True}) as answer:
        next(answer.iter_raw())
    until_idle(service)
    assert metric(service, "tokens_predicted_total") - before < ENDLESS_TOKENS


def test_a_plain_answer_whose_client_leaves_stops_generating_whatever_else_goes_on(service: Service) -> None:
    before = metric(service, "tokens_predicted_total")
    with service.client() as other, other.stream("POST", CHAT, json={**ENDLESS, "stream": True}) as answer:
        pieces = answer.iter_raw()
        next(pieces)
        with service.client() as client, pytest.raises(httpx.ReadTimeout):
            client.post(CHAT, json=ENDLESS, timeout=leaves_after(0.5))
        while metric(service, "requests_processing") > 1:
            next(pieces)
    until_idle(service)
    assert metric(service, "tokens_predicted_total") - before < ENDLESS_TOKENS


@pytest.mark.parametrize(
    ("path", "more"),
    [
        (CHAT, {"messages": QUESTION["messages"], "logprobs": True, "top_logprobs": 1}),
        (CHAT, {"messages": QUESTION["messages"], "n": 2}),
        ("/v1/completions", {"prompt": "One, two, three,", "logprobs": 1}),
    ],
)
def test_a_plain_answer_is_the_engines_own(service: Service, path: str, more: dict[str, Any]) -> None:
    """The service makes it from a stream; the engine, asked without the service, must say the same."""
    body = {"model": "model-1", "temperature": 0, "max_tokens": 6, "cache_prompt": False, **more}
    with service.client() as client, service.engine_client() as direct:
        ours, own = (one.post(path, json=body).json() for one in (client, direct))
    for answer in (ours, own):
        for varying in ("id", "created", "timings"):
            assert answer.pop(varying)
        without_probabilities(answer)
    assert ours == own


def without_probabilities(answer: dict[str, Any]) -> None:
    """They differ a little between two runs."""
    for choice in answer["choices"]:
        for token in (choice.get("logprobs") or {"content": []})["content"]:
            for entry in (token, *token["top_logprobs"]):
                assert entry.pop("logprob") <= 0


def test_a_plain_answer_tells_its_progress(service: Service, client: httpx.Client) -> None:
    body = {**QUESTION, "max_tokens": 4, "ignore_eos": True}
    client.post(CHAT, json=body, headers={"X-Job-Id": "job_1"})
    event = service.events.until(lambda event: event.get("job_id") == "job_1")
    assert event["phase"] == "generating"
    assert 0 < event["progress"] <= 1


def until_idle(service: Service) -> None:
    eventually(lambda: service.health()["in_flight"] == 0)
    eventually(lambda: metric(service, "requests_processing") == 0)


def metric(service: Service, name: str) -> float:
    with service.client() as client:
        text = client.get("/metrics").text
    found = re.search(rf"^llamacpp:{name} (\S+)$", text, re.MULTILINE)
    assert found, f"llama.cpp does not tell {name}"
    return float(found.group(1))


def test_its_load_is_told_in_phases_from_0_to_1(folder: Path) -> None:
    with running_service(SERVER, folder, venv_python("llamacpp")) as service:
        told = []
        while True:
            event = service.events.until(lambda event: event["type"] in ("load", "state"))
            if event.get("status") == "READY":
                break
            if event["type"] == "load":
                told.append(event)
    fractions = [event["progress"] for event in told]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert "weights" in [event["phase"] for event in told]


def test_a_model_file_that_is_missing_is_named(folder: Path) -> None:
    assert "there is no file /no/such.gguf" in failed_start(folder, {"model": "/no/such.gguf"})


def test_a_package_that_is_missing_is_named(folder: Path) -> None:
    assert "'no-such-package' is neither" in failed_start(folder, {"model": "no-such-package"})


def test_a_file_that_is_no_model_fails_with_the_engines_words(folder: Path) -> None:
    broken = folder / "broken.gguf"
    broken.write_text("this is no model")
    assert f"llama.cpp could not load {broken}" in failed_start(folder, {"model": str(broken)})


def test_a_wrong_option_is_named_with_the_right_one(folder: Path) -> None:
    assert "no option 'n_paralel'; did you mean 'n_parallel'?" in failed_start(folder, {"n_paralel": 2})


def test_a_missing_libgomp_is_told_with_the_fix(folder: Path) -> None:
    message = "libgomp.so.1: cannot open shared object file: No such file or directory"
    (folder / "xllamacpp.py").write_text(f"raise ImportError({message!r})")
    error = failed_start(folder, {}, PYTHONPATH=f"{folder}:{SERVICES}")
    assert "apt-get install libgomp1" in error
