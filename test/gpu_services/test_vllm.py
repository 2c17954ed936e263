"""The vLLM service with its real engine: what it answers."""

import asyncio
import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from harness import Event, Service, eventually, short_folder
from token_pulse import tokens_in
from vllm_server import CONTEXT_TOKENS, made_model, ready_vllm
from weights import PROGRAMS

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
RESPONSES = "/v1/responses"
MESSAGES = [{"role": "user", "content": "hello"}]
QUESTION: dict[str, Any] = {"model": "model-1", "messages": MESSAGES, "max_tokens": 8, "temperature": 0}
ENDLESS = {**QUESTION, "max_tokens": CONTEXT_TOKENS - 100, "ignore_eos": True}  # half a minute and more
UNIT = {
    "type": "object",
    "properties": {"unit": {"enum": ["celsius", "kelvin"]}},
    "required": ["unit"],
    "additionalProperties": False,
}
WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": UNIT, "strict": True}}


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    args: dict[str, Any] = {
        "enable_auto_tool_choice": True,
        "tool_call_parser": "hermes",
        "structured_outputs_config": {"backend": "xgrammar", "disable_any_whitespace": True},
    }
    with (
        made_model("mid") as model,
        short_folder() as folder,
        ready_vllm(folder, model, script=PROGRAMS / "pulsing_vllm.py", **args) as service,
    ):
        yield service


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    with service.client() as client:
        yield client


def post(client: httpx.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    parsed: dict[str, Any] = answer.json()
    return parsed


def refusal(client: httpx.Client, path: str, body: dict[str, Any]) -> tuple[int, str, str | None]:
    answer = client.post(path, json=body)
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    return answer.status_code, error["code"], error["param"]


def events(client: httpx.Client, path: str, body: dict[str, Any]) -> list[str]:
    with client.stream("POST", path, json={**body, "stream": True}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        return [line.removeprefix("data: ") for line in answer.iter_lines() if line.startswith("data: ")]


def metric(service: Service, name: str) -> float:
    with service.client() as client:
        text = client.get("/metrics").text
    found = re.findall(rf"^vllm:{name}{{.*}} (\S+)$", text, re.MULTILINE)
    assert found, f"vLLM does not tell {name}"
    return sum(map(float, found))


def until_idle(service: Service) -> None:
    eventually(lambda: service.health()["in_flight"] == 0)
    eventually(lambda: metric(service, "num_requests_running") == 0)


# What it answers


def test_it_answers_a_chat_under_the_id_of_the_models_file(client: httpx.Client) -> None:
    answer = post(client, CHAT, QUESTION)
    assert (answer["object"], answer["model"]) == ("chat.completion", "model-1")
    assert answer["usage"]["completion_tokens"] == 8
    assert isinstance(answer["choices"][0]["message"]["content"], str)


def test_it_streams_token_by_token_what_it_would_answer_in_one_piece(client: httpx.Client) -> None:
    data = events(client, CHAT, QUESTION)
    assert data[-1] == "[DONE]"
    deltas = [json.loads(chunk)["choices"][0]["delta"] for chunk in data[:-1]]
    pieces = [text for delta in deltas if (text := delta.get("content"))]
    assert len(pieces) > 3
    assert "".join(pieces) == post(client, CHAT, QUESTION)["choices"][0]["message"]["content"]


def test_it_completes_text(client: httpx.Client) -> None:
    body = {"model": "model-1", "prompt": "The quick brown", "max_tokens": 4, "n": 2, "seed": 1}
    answer = post(client, COMPLETIONS, body)
    assert [choice["index"] for choice in answer["choices"]] == [0, 1]


def test_a_named_tool_is_called_with_arguments_of_its_schema(client: httpx.Client) -> None:
    choice = {"type": "function", "function": {"name": "get_weather"}}
    tools = {"tools": [WEATHER], "tool_choice": choice}
    body = {**QUESTION, **tools, "max_tokens": 200, "logit_bias": away_from_spaces(client)}
    call = post(client, CHAT, body)["choices"][0]["message"]["tool_calls"][0]["function"]
    assert call["name"] == "get_weather"
    assert json.loads(call["arguments"])["unit"] in ("celsius", "kelvin")


def away_from_spaces(client: httpx.Client) -> dict[str, int]:
    """The grammar of a call allows any number of spaces, which random weights like."""
    spaces = [post(client, "/tokenize", {"prompt": space})["tokens"] for space in " \n\t\r"]
    return {str(token): -100 for tokens in spaces for token in tokens}


def test_a_chat_with_tools_that_it_may_leave_alone_is_answered(client: httpx.Client) -> None:
    answer = post(client, CHAT, {**QUESTION, "tools": [WEATHER], "tool_choice": "auto"})
    assert answer["choices"][0]["finish_reason"] in ("stop", "length", "tool_calls")


def test_an_answer_keeps_to_a_json_schema(client: httpx.Client) -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "unit", "schema": UNIT, "strict": True}}
    answer = post(client, CHAT, {**QUESTION, "max_tokens": 40, "response_format": schema})
    assert json.loads(answer["choices"][0]["message"]["content"])["unit"] in ("celsius", "kelvin")


def test_it_serves_the_responses_api_in_one_piece_and_as_events(client: httpx.Client) -> None:
    body = {"model": "model-1", "input": "hello", "max_output_tokens": 8, "temperature": 0}
    answer = post(client, RESPONSES, body)
    assert answer["object"] == "response"
    assert answer["output"][0]["content"][0]["type"] == "output_text"
    kinds = [json.loads(event)["type"] for event in events(client, RESPONSES, body)]
    assert kinds[0] == "response.created"
    assert "response.output_text.delta" in kinds
    assert kinds[-1] in ("response.completed", "response.incomplete")


def test_several_are_answered_at_once(service: Service) -> None:
    with service.client() as client, client.stream("POST", CHAT, json={**ENDLESS, "stream": True}) as first:
        pieces = first.iter_raw()
        next(pieces)
        with service.client() as other:
            assert post(other, CHAT, QUESTION)["choices"]
        assert next(pieces)
        eventually(lambda: service.health()["in_flight"] == 1)
    until_idle(service)


# What it refuses


@pytest.mark.parametrize(
    ("path", "changes", "expected"),
    [
        (CHAT, {"messages": "hello"}, (400, "invalid_value", "messages")),
        (CHAT, {"messages": [{"role": "user", "content": 3}]}, (400, "invalid_value", "messages[0].content")),
        (CHAT, {"temperature": -1}, (400, "invalid_value", "temperature")),
        (CHAT, {"n": 11}, (400, "invalid_value", "n")),
        (CHAT, {"model": "another"}, (404, "model_not_found", "model")),
        (COMPLETIONS, {"prompt": "word " * 3000}, (400, "context_length_exceeded", None)),
        ("/v1/embeddings", {"input": "hello"}, (404, "not_found", None)),
    ],
)
def test_what_it_cannot_do_names_the_field_at_fault(
    client: httpx.Client, path: str, changes: dict[str, Any], expected: tuple[int, str, str | None]
) -> None:
    assert refusal(client, path, {**QUESTION, **changes}) == expected


def test_a_body_without_messages_names_them(client: httpx.Client) -> None:
    assert refusal(client, CHAT, {"model": "model-1"}) == (400, "missing_required_parameter", "messages")


def test_a_template_that_the_request_brings_along_is_refused(client: httpx.Client) -> None:
    status, _, _ = refusal(client, CHAT, {**QUESTION, "chat_template": "{{ messages }}"})
    assert status == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/invocations"),
        ("POST", "/pause"),
        ("POST", "/sleep"),
        ("POST", "/update_weights"),
        ("POST", "/collective_rpc"),
        ("POST", "/v1/load_lora_adapter"),
        ("POST", "/scale_elastic_ep"),
        ("POST", "/v1/chat/completions/render"),
        ("GET", "/docs"),
        ("GET", "/version"),
    ],
)
def test_only_the_relayed_paths_are_reached(client: httpx.Client, method: str, path: str) -> None:
    assert client.request(method, path).status_code == 404


def test_the_engine_itself_has_no_routes_for_developers_and_no_documents(service: Service) -> None:
    with service.engine_client() as direct:
        assert direct.get("/health").status_code == 200
        for path in ("/openapi.json", "/docs", "/is_sleeping"):
            assert direct.get(path).status_code == 404


def test_it_says_that_it_cannot_sleep(service: Service, client: httpx.Client) -> None:
    assert service.health()["can_sleep"] is False
    assert client.post("/roundhouse/sleep").status_code == 501


def test_requests_are_not_logged(service: Service, client: httpx.Client) -> None:
    post(client, CHAT, {**QUESTION, "messages": [{"role": "user", "content": "a secret of the client"}]})
    assert "a secret" not in service.logged()
    assert "POST /v1" not in service.logged()


# Clients that leave, and signs of life


def test_a_stream_whose_client_leaves_stops_generating(service: Service) -> None:
    before = metric(service, "generation_tokens_total")
    with service.client() as client, client.stream("POST", CHAT, json={**ENDLESS, "stream": True}) as answer:
        next(answer.iter_raw())
    until_idle(service)
    assert metric(service, "generation_tokens_total") - before < ENDLESS["max_tokens"] / 2


def test_an_answer_in_one_piece_gives_signs_of_life_and_stops_when_its_client_leaves(
    service: Service,
) -> None:
    before = metric(service, "generation_tokens_total")
    headers = {"X-Job-Id": "job_1"}

    async def leave_at_its_first_sign() -> Event:
        async with service.async_client() as client:
            answer = asyncio.ensure_future(client.post(CHAT, json=ENDLESS, headers=headers, timeout=None))
            is_sign = partial(service.events.until, lambda event: event.get("job_id") == "job_1")
            event: Event = await asyncio.to_thread(is_sign)
            assert answer.cancel()
        return event

    event = asyncio.run(leave_at_its_first_sign())
    assert (event["progress"], event["phase"]) == (None, "generating")
    until_idle(service)
    assert metric(service, "generation_tokens_total") - before < ENDLESS["max_tokens"]


def test_the_engines_counters_are_read_as_it_writes_them(client: httpx.Client) -> None:
    before = tokens_in(client.get("/metrics").text)
    usage = post(client, CHAT, QUESTION)["usage"]
    assert tokens_in(client.get("/metrics").text) - before == usage["total_tokens"]
