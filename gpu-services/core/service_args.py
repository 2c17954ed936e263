"""The `args` of the models file against a service's own schema."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

Args = TypeVar("Args", bound="ServiceArgs")


class ServiceArgs(BaseModel):
    """Subclass it with the args a service takes; one that it does not know is refused."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())


def read_args(schema: type[Args], args: Mapping[str, Any]) -> Args:
    """Raises ValueError that names each wrong one, and those that there are where a name is unknown."""
    try:
        return schema.model_validate(dict(args))
    except ValidationError as error:
        problems = [sentence(problem, schema) for problem in error.errors()]
        raise ValueError("; ".join(problems)) from None


def sentence(problem: Any, schema: type[BaseModel]) -> str:
    name = ".".join(map(str, problem["loc"]))
    if problem["type"] == "extra_forbidden" and len(problem["loc"]) == 1:
        return f"args.{name} is not known here; there are: {', '.join(schema.model_fields)}"
    return f"args.{name}: {problem['msg'].removeprefix('Value error, ')}"
