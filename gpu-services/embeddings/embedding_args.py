"""The `args` of an embedding model."""

from typing import Literal

from pydantic import Field

from core.service_args import ServiceArgs
from prefixes import InputType


class EmbeddingArgs(ServiceArgs):
    """`input_type` is meant where a request names none. `n_threads` None leaves it to the engine."""

    variant: Literal["original", "enpt"] = "original"
    input_type: InputType = "query"
    n_threads: int | None = Field(default=None, ge=1)
    max_tokens: int = Field(default=8192, ge=1)
