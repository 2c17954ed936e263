"""What the stand-in says, in the shapes of OpenAI's API."""

import io
import math
import struct
import time
import wave
from itertools import cycle, islice
from typing import Any

Body = dict[str, Any]
SAMPLE_RATE = 8_000


def prompt_of(body: Body) -> str:
    """The text that is asked, wherever the endpoint keeps it."""
    messages = body.get("messages")
    if isinstance(messages, list) and messages:
        content = messages[-1].get("content")
        if isinstance(content, list):
            return " ".join(part.get("text", "") for part in content)
        return str(content)
    return str(body.get("prompt", body.get("input", "")))


def tokens_of(body: Body, reply: str | None, length: int | None) -> list[str]:
    """The answer word by word, each but the first with its space before it."""
    words = (reply or f"echo: {prompt_of(body)}").split() or ["echo"]
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    wanted = length or len(words)
    wanted = min(wanted, limit) if limit else wanted
    return [word if at == 0 else f" {word}" for at, word in enumerate(islice(cycle(words), wanted))]


def usage(body: Body, count: int) -> Body:
    asked = len(prompt_of(body).split())
    return {"prompt_tokens": asked, "completion_tokens": count, "total_tokens": asked + count}


class Writing:
    """One answer of a chat or a completion, whole or in chunks."""

    def __init__(self, path: str, body: Body) -> None:
        self._is_chat = path == "/v1/chat/completions"
        self._body = body
        self._head = {
            "id": f"{'chatcmpl' if self._is_chat else 'cmpl'}-{time.monotonic_ns():x}",
            "created": int(time.time()),
            "model": body.get("model", "stand-in"),
        }

    def whole(self, tokens: list[str]) -> Body:
        text = "".join(tokens)
        message = {"message": {"role": "assistant", "content": text}} if self._is_chat else {"text": text}
        choice = {"index": 0, **message, "logprobs": None, "finish_reason": "stop"}
        kind = "chat.completion" if self._is_chat else "text_completion"
        return {**self._head, "object": kind, "choices": [choice], "usage": usage(self._body, len(tokens))}

    def opening(self) -> list[Body]:
        return [self._chunk({"delta": {"role": "assistant", "content": ""}})] if self._is_chat else []

    def token(self, text: str) -> Body:
        return self._chunk({"delta": {"content": text}} if self._is_chat else {"text": text})

    def closing(self, count: int) -> list[Body]:
        last = self._chunk({"delta": {}} if self._is_chat else {"text": ""}, "stop")
        options = self._body.get("stream_options") or {}
        if not options.get("include_usage"):
            return [last]
        return [last, {**last, "choices": [], "usage": usage(self._body, count)}]

    def _chunk(self, piece: Body, finish_reason: str | None = None) -> Body:
        kind = "chat.completion.chunk" if self._is_chat else "text_completion"
        choice = {"index": 0, **piece, "logprobs": None, "finish_reason": finish_reason}
        return {**self._head, "object": kind, "choices": [choice]}


def speech(token_count: int) -> bytes:
    """A tone as a WAV file, a tenth of a second per token."""
    samples = (
        math.sin(at * 2 * math.pi * 440 / SAMPLE_RATE) for at in range(SAMPLE_RATE // 10 * token_count)
    )
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(SAMPLE_RATE)
        writer.writeframes(b"".join(struct.pack("<h", int(8_000 * sample)) for sample in samples))
    return file.getvalue()


def error_body(message: str, code: str) -> Body:
    return {"error": {"message": message, "type": "server_error", "param": None, "code": code}}
