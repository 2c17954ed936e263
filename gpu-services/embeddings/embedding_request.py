"""The body of /v1/embeddings."""

from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator

from prefixes import InputType

MOST_INPUTS = 2048


class EmbeddingRequest(BaseModel):
    """`input_type` is ours: some models embed what is searched for and what is found in two ways."""

    model: str | None = None
    input: str | list[str]
    encoding_format: Literal["float", "base64"] | None = "float"
    dimensions: int | None = Field(default=None, ge=1)
    input_type: InputType | None = None

    @field_validator("input", mode="before")
    @classmethod
    def is_text(cls, value: Any) -> Any:
        """One plain reason, where a union would give one for each of its members."""
        if isinstance(value, str):
            check_text(value, "it")
        elif not isinstance(value, list) or not value:
            raise ValueError("it must be a text, or a list of texts that is not empty")
        elif len(value) > MOST_INPUTS:
            raise ValueError(f"{len(value)} texts are more than {MOST_INPUTS}; send them in several calls")
        elif any(isinstance(each, int | list) for each in value):
            raise ValueError("token numbers are those of OpenAI's models and mean nothing here; send texts")
        else:
            for number, each in enumerate(value):
                check_text(each, f"number {number} of the list")
        return value

    @property
    def texts(self) -> list[str]:
        return [self.input] if isinstance(self.input, str) else self.input


def check_text(value: Any, name: str) -> None:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} must be a text that is not empty")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name} holds half of a surrogate pair, which is no character") from None
