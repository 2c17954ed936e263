"""vLLM's refusals in OpenAI's envelope: its words, the field at fault, and a code that programs can read."""

import json
import re
from typing import Any

from core.errors import ServiceError

CONTEXT = re.compile(r"maximum context length|longer than the maximum model length")
FOREIGN_MEDIA = "must be from one of the allowed domains"
SUFFIX = re.compile(r" \(parameter=.*\)$", re.DOTALL)
# `1 validation error:\n  {'type': 'missing', 'loc': 'body.messages', 'msg': 'Field required', …}`
PROBLEM = re.compile(
    r"'type': '([^']*)'.*?'loc': (?:'([^']*)'|\(([^)]*)\)).*?'msg': (?:'([^']*)'|\"([^\"]*)\")", re.DOTALL
)
LIMIT = re.compile(r"^([a-z_]+) must be ")
OPERATORS_ADVICE = re.compile(r" To (?:increase|allow)[^.]*, set the [^.]*environment variable\S*\.")
NO_MEDIA_URLS = (
    "Images, audio and video are not fetched from this address. Send them as a data: URL, "
    "or let the operator name the host in args.allowed_media_domains."
)
NOT_SERVED = (
    "vLLM does not serve this path with this model. Embeddings need args.runner: pooling, "
    "which in turn serves neither chat nor completions."
)


def vllm_error(status: int, body: bytes) -> ServiceError:
    told = error_of(body)
    if told is None:
        return unknown_error(status, body)
    message, param = str(told["message"]), told.get("param")
    if (problem := PROBLEM.search(message)) is not None:
        return validation_error(problem)
    if CONTEXT.search(message):
        return ServiceError(400, plain(message), code="context_length_exceeded")
    if FOREIGN_MEDIA in message:
        return ServiceError(400, NO_MEDIA_URLS, code="invalid_value", param="messages")
    return ServiceError(
        status, plain(message), code=code_for(status, message), param=name_of(param) or limited(message)
    )


def unknown_error(status: int, body: bytes) -> ServiceError:
    if status == 404:
        return ServiceError(404, NOT_SERVED, code="not_found")
    text = body.decode(errors="replace").strip()[:512]
    return ServiceError(status, text or f"vLLM answered {status}", code="engine_error")


def error_of(body: bytes) -> dict[str, Any] | None:
    try:
        error = json.loads(body)["error"]
    except (ValueError, TypeError, KeyError):
        return None
    return error if isinstance(error, dict) and "message" in error else None


def validation_error(problem: re.Match[str]) -> ServiceError:
    kind, dotted, listed, said, quoted = problem.groups()
    param = name_of(dotted if dotted is not None else ".".join(re.findall(r"[\w-]+", listed)))
    if kind == "missing":
        return ServiceError(400, f"'{param}' is required", code="missing_required_parameter", param=param)
    message = (said or quoted or "").removeprefix("Value error, ")
    return ServiceError(400, f"Invalid '{param}': {message}", code="invalid_value", param=param)


def name_of(param: Any) -> str | None:
    """`body.messages.0.SomeMessageParam.role` → `messages[0].role`"""
    if not isinstance(param, str):
        return None
    steps = [step for step in param.split(".") if re.fullmatch(r"[a-z][a-z_]*|\d+", step) and step != "body"]
    return "".join(f"[{step}]" if step.isdigit() else f".{step}" for step in steps).lstrip(".") or None


def limited(message: str) -> str | None:
    """`n must be at most 10, got 11.` → `n`"""
    return found.group(1) if (found := LIMIT.match(message)) else None


def plain(message: str) -> str:
    return OPERATORS_ADVICE.sub("", SUFFIX.sub("", message))


def code_for(status: int, message: str) -> str:
    if status == 404 and "model" in message:
        return "model_not_found"
    return {400: "invalid_value", 404: "not_found", 422: "invalid_value"}.get(status, "engine_error")
