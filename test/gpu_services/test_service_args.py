"""The args of the models file, as a service reads them."""

import pytest
from pydantic import Field

from core.service_args import ServiceArgs, read_args


class Args(ServiceArgs):
    model: str = "org/name"
    steps: int | None = Field(default=None, ge=1)


def test_what_is_left_out_has_its_default() -> None:
    assert read_args(Args, {"steps": 3}) == Args(model="org/name", steps=3)


def test_an_unknown_name_is_told_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"args.stepss is not known here; there are: model, steps"):
        read_args(Args, {"stepss": 3})


def test_every_mistake_is_named() -> None:
    with pytest.raises(ValueError, match=r"args.model: .*string; args.steps: .*greater"):
        read_args(Args, {"model": 4, "steps": 0})
