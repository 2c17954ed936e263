"""vLLM's refusals, as it worded them, in OpenAI's envelope."""

import json
from typing import Any

import pytest

from vllm_errors import vllm_error


def body(message: str, param: str | None = None, code: int = 400) -> bytes:
    return json.dumps({"error": {"message": message, "type": "x", "param": param, "code": code}}).encode()


def missing(loc: str) -> str:
    return f"1 validation error:\n  {{'type': 'missing', 'loc': {loc}, 'msg': 'Field required', 'input': 1}}"


TOO_LONG = (
    "This model's maximum context length is 1024 tokens. However, your prompt contains at least 1025 input "
    "tokens. Please reduce the length of the input prompt. (parameter=input_tokens, value=1025)"
)
TOO_MANY = (
    "n must be at most 10, got 11. To increase this limit, set the VLLM_MAX_N_SEQUENCES environment variable."
)
FOREIGN = "The URL must be from one of the allowed domains: ['no-host.invalid']. Input URL domain: 127.0.0.1"
NOT_A_STRING = (
    "2 validation errors:\n"
    "  {'type': 'string_type', 'loc': 'body.messages.0.ChatCompletionUserMessageParam.content', "
    "'msg': 'Input should be a valid string', 'input': 3}\n"
    "  {'type': 'list_type', 'loc': 'body.messages.0.x', 'msg': 'Input should be a valid list', 'input': 3}"
)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (body(missing("'body.messages'")), (400, "missing_required_parameter", "messages")),
        (
            body(missing("('body', 'messages', 0, 'role')")),
            (400, "missing_required_parameter", "messages[0].role"),
        ),
        (body(NOT_A_STRING), (400, "invalid_value", "messages[0].content")),
        (body(TOO_LONG, "input_tokens"), (400, "context_length_exceeded", None)),
        (body(TOO_MANY), (400, "invalid_value", "n")),
        (body(FOREIGN), (400, "invalid_value", "messages")),
        (body("temperature must be non-negative", "temperature"), (400, "invalid_value", "temperature")),
    ],
)
def test_a_refusal_names_the_field_and_a_code(sent: bytes, expected: tuple[Any, ...]) -> None:
    error = vllm_error(400, sent)
    assert (error.status, error.code, error.param) == expected


def test_another_model_is_not_found() -> None:
    error = vllm_error(404, body("The model `x` does not exist.", "model", 404))
    assert (error.status, error.code, error.param) == (404, "model_not_found", "model")


def test_a_path_that_the_model_does_not_serve_says_what_serves_it() -> None:
    error = vllm_error(404, b'{"detail":"Not Found"}')
    assert (error.status, error.code) == (404, "not_found")
    assert "args.runner: pooling" in error.message


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (TOO_LONG, TOO_LONG.partition(" (parameter")[0]),
        (TOO_MANY, "n must be at most 10, got 11."),
        (NOT_A_STRING, "Invalid 'messages[0].content': Input should be a valid string"),
    ],
)
def test_what_only_vllms_operator_needs_is_left_out(message: str, shown: str) -> None:
    assert vllm_error(400, body(message)).message == shown


@pytest.mark.parametrize("sent", [b"", b"Internal Server Error", b"[1]", b'{"error": "x"}'])
def test_a_failure_without_words_is_told_all_the_same(sent: bytes) -> None:
    error = vllm_error(500, sent)
    assert (error.status, error.code) == (500, "engine_error")
    assert error.message
