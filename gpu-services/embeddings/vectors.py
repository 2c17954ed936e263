"""Vectors as OpenAI's clients expect them."""

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


def wire_form(vector: Vectors, encoding_format: str | None) -> str | list[float]:
    """base64 is of little-endian 32-bit floats, which is what both SDKs ask for unless told otherwise."""
    if encoding_format == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode()
    floats: list[float] = vector.tolist()
    return floats


def embedding_list(vectors: Vectors, encoding_format: str | None, model: str, tokens: int) -> dict[str, Any]:
    data = [
        {"object": "embedding", "index": index, "embedding": wire_form(vector, encoding_format)}
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": model, "usage": usage}
