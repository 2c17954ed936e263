"""Finished and unfinished images in OpenAI's shapes."""

import base64
import json
import time
from dataclasses import dataclass
from typing import Any

from image_files import write_image
from image_request import ImageRequest
from image_size import MULTIPLE, Size
from painter import Order


@dataclass(frozen=True)
class Answer:
    """What is the same for all images of one request. `kind`: image_generation or image_edit."""

    kind: str
    request: ImageRequest
    size: Size
    text_tokens: int

    def whole(self, images: list[bytes], orders: list[Order]) -> dict[str, Any]:
        """`seed` is ours: what to send to get an image again."""
        data = [
            {"b64_json": text_of(image), "seed": order.seed}
            for image, order in zip(images, orders, strict=True)
        ]
        return {"created": int(time.time()), "data": data, **self._about(), "usage": self._usage(len(images))}

    def partial(self, image: bytes, index: int) -> str:
        return self._event("partial_image", {"b64_json": text_of(image), "partial_image_index": index})

    def completed(self, image: bytes, order: Order) -> str:
        own = {"b64_json": text_of(image), "seed": order.seed, "usage": self._usage(1)}
        return self._event("completed", own)

    def write(self, image: Any) -> bytes:
        return write_image(image, self.request.output_format, self.request.output_compression)

    def _event(self, name: str, own: dict[str, Any]) -> str:
        kind = f"{self.kind}.{name}"
        body = {"type": kind, "created_at": int(time.time()), **self._about(), **own}
        return f"event: {kind}\ndata: {json.dumps(body)}\n\n"

    def _about(self) -> dict[str, Any]:
        return {
            "size": str(self.size),
            "quality": "auto",
            "background": "opaque",
            "output_format": self.request.output_format,
        }

    def _usage(self, images: int) -> dict[str, Any]:
        """An image's tokens are the squares of 16 pixels that it is painted in."""
        tokens = images * (self.size.width // MULTIPLE) * (self.size.height // MULTIPLE)
        return {
            "input_tokens": self.text_tokens,
            "input_tokens_details": {"text_tokens": self.text_tokens, "image_tokens": 0},
            "output_tokens": tokens,
            "total_tokens": self.text_tokens + tokens,
        }


def text_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def error_event(body: dict[str, Any]) -> str:
    return f"event: error\ndata: {json.dumps(body)}\n\n"
