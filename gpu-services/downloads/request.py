"""What is asked for: repositories of the hub, as the command line hands them over."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

DEFAULT_REVISION = "main"


@dataclass(frozen=True)
class Repository:
    repo: str
    revision: str = DEFAULT_REVISION
    #: What the revision is locked to: fetched in its place, and recorded under its name.
    commit: str | None = None
    #: Ids of the models that need it.
    models: tuple[str, ...] = ()
    #: Prefers `model.fp16.safetensors` over `model.safetensors`, as diffusers' argument of that name does.
    variant: str | None = None
    #: The only files of weights that are wanted; empty: all that the layout of the repository loads.
    weights: tuple[str, ...] = ()
    #: Patterns of files that are taken although they are no safetensors.
    allow: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    repositories: tuple[Repository, ...]
    token_file: str | None = None


def parse_request(text: str) -> Request:
    fields = json.loads(text)
    repositories = [parse_repository(each) for each in fields["repositories"]]
    return Request(merged(repositories), fields.get("token_file"))


def parse_repository(fields: Mapping[str, Any]) -> Repository:
    return Repository(
        repo=fields["repo"],
        revision=fields.get("revision") or DEFAULT_REVISION,
        commit=fields.get("commit"),
        models=tuple(fields.get("models") or ()),
        variant=fields.get("variant"),
        weights=tuple(fields.get("weights") or ()),
        allow=tuple(fields.get("allow") or ()),
    )


def merged(repositories: Sequence[Repository]) -> tuple[Repository, ...]:
    """What is of one place is one download, whoever needs it."""
    found: dict[tuple[str, str, str | None], Repository] = {}
    for each in repositories:
        place = (each.repo, each.revision, each.variant)
        found[place] = both(found[place], each) if place in found else each
    return tuple(found.values())


def both(one: Repository, other: Repository) -> Repository:
    """Raises ValueError for two commits: one revision of one place is never both."""
    if one.commit and other.commit and one.commit != other.commit:
        raise ValueError(f"{one.repo} {one.revision} is asked for at {one.commit} and at {other.commit}")
    is_whole = not (one.weights and other.weights)
    return replace(
        one,
        commit=one.commit or other.commit,
        models=unique(one.models + other.models),
        weights=() if is_whole else unique(one.weights + other.weights),
        allow=unique(one.allow + other.allow),
    )


def unique(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
