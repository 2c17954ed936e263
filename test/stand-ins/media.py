"""Images, sounds, transcripts, vectors and responses of a stand-in: real tiny files in OpenAI's shapes."""

import base64
import hashlib
import struct
import time
import zlib
from collections.abc import Iterator
from typing import Any

from answers import Body, prompt_of, speech

IMAGE_PATHS = {"/v1/images/generations": "image_generation", "/v1/images/edits": "image_edit"}
SPOKEN_PATHS = ("/v1/audio/transcriptions", "/v1/audio/translations")
DIMENSIONS = 8


def png(width: int, height: int, seed: int) -> bytes:
    """One colour, by the seed."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    colour = hashlib.sha256(str(seed).encode()).digest()[:3]
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = (b"\0" + colour * width) * height
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Images:
    """What an image call comes to, whole or in events."""

    def __init__(self, path: str, body: Body) -> None:
        size = body.get("size") or "auto"
        self._kind = IMAGE_PATHS[path]
        self._size = "16x16" if size == "auto" else size
        self._body = body
        self._sides = [int(side) for side in self._size.split("x")]

    def whole(self) -> Body:
        seed = int(self._body.get("seed") or 0)
        return {
            "created": int(time.time()),
            "data": [
                {"b64_json": self._image(seed + at), "seed": seed + at, "revised_prompt": self._told()}
                for at in range(int(self._body.get("n") or 1))
            ],
            "output_format": "png",
            "size": self._size,
            "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
        }

    def events(self, tokens: Iterator[str]) -> Iterator[Body]:
        partials = int(self._body.get("partial_images") or 0)
        for at, _ in enumerate(tokens):
            if at < partials:
                yield self._event("partial_image", 1000 + at, partial_image_index=at)
        yield self._event("completed", int(self._body.get("seed") or 0), usage={"total_tokens": 2})

    def _event(self, name: str, seed: int, **more: Any) -> Body:
        return {
            "type": f"{self._kind}.{name}",
            "b64_json": self._image(seed),
            "created_at": int(time.time()),
            "size": self._size,
            "output_format": "png",
            "background": "opaque",
            "quality": "auto",
            **more,
        }

    def _image(self, seed: int) -> str:
        return base64_of(png(self._sides[0], self._sides[1], seed))

    def _told(self) -> str:
        """The prompt, and what files came with it."""
        files = [each for name in ("image", "mask") for each in as_list(self._body.get(name))]
        return " | ".join([prompt_of(self._body), *map(str, files)])


def as_list(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def sounds(body: Body) -> Body:
    seconds = float(body.get("duration_seconds") or 1)
    sound = {
        "b64_json": base64_of(speech(round(seconds * 10))),
        "duration_seconds": seconds,
        "sample_rate": 8_000,
    }
    return {
        "created": int(time.time()),
        "data": [sound] * int(body.get("n") or 1),
        "output_format": "wav",
        "usage": None,
    }


def heard(body: Body) -> str:
    """The file's name, size and hash: that is what a stand-in hears."""
    return str(body.get("file"))


def transcript(body: Body) -> Body | str:
    kind = body.get("response_format") or "json"
    if kind == "verbose_json":
        at = {"start": 0.0, "end": 1.0}
        asked = body.get("timestamp_granularities") or []
        words = {"words": [{"word": word, **at} for word in heard(body).split()]} if "word" in asked else {}
        segment = {"id": 0, "text": heard(body), **at}
        whole = {"task": "transcribe", "language": "english", "duration": 1.0, "text": heard(body)}
        return {**whole, "segments": [segment], **words}
    if kind == "json":
        return {"text": heard(body), "usage": {"type": "duration", "seconds": 1}}
    stamp = "00:00:00,000 --> 00:00:01,000" if kind == "srt" else "00:00:00.000 --> 00:00:01.000"
    return {"text": f"{heard(body)}\n", "srt": f"1\n{stamp}\n{heard(body)}\n"}.get(
        kind, f"WEBVTT\n\n{stamp}\n{heard(body)}\n"
    )


def transcript_events(body: Body, tokens: Iterator[str]) -> Iterator[Body]:
    for token in tokens:
        yield {"type": "transcript.text.delta", "delta": token}
    yield {"type": "transcript.text.done", "text": heard(body), "usage": {"type": "duration", "seconds": 1}}


def embeddings(body: Body) -> Body:
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    data = [
        {"object": "embedding", "index": at, "embedding": vector(str(text), body.get("encoding_format"))}
        for at, text in enumerate(texts)
    ]
    usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
    return {"object": "list", "data": data, "model": body.get("model"), "usage": usage}


def vector(text: str, encoding: str | None) -> list[float] | str:
    digest = hashlib.sha256(text.encode()).digest()
    numbers = [byte / 256 for byte in digest[:DIMENSIONS]]
    return base64_of(struct.pack(f"<{DIMENSIONS}f", *numbers)) if encoding == "base64" else numbers


def response(body: Body, text: str, status: str = "completed") -> Body:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    message = {"id": "msg_1", "type": "message", "role": "assistant", "status": status, "content": content}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": int(time.time()),
        "status": status,
        "error": None,
        "model": body.get("model"),
        "output": [message] if text else [],
        "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
    }


def response_events(body: Body, tokens: Iterator[str]) -> Iterator[Body]:
    text = ""
    yield {"type": "response.created", "sequence_number": 0, "response": response(body, "", "in_progress")}
    for at, token in enumerate(tokens):
        text += token
        place = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "sequence_number": at + 1}
        yield {"type": "response.output_text.delta", "delta": token, **place}
    yield {"type": "response.completed", "sequence_number": 1_000_000, "response": response(body, text)}
