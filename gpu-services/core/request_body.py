"""What the bodies of OpenAI-shaped requests have in common."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, model_validator

MAX_SEED: Final = 2**53 - 1  # what JSON's readers keep exactly


class RequestBody(BaseModel):
    """A null is a field that was left out: OpenAI's clients send it for what they leave open."""

    model_config = ConfigDict(protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def without_nulls(cls, body: Any) -> Any:
        return (
            {key: value for key, value in body.items() if value is not None}
            if isinstance(body, dict)
            else body
        )
