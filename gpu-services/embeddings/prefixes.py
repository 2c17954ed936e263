"""E5 models were trained on texts marked as a query or a passage."""

from typing import Final, Literal, NamedTuple

Kind = Literal["query", "passage"]
InputType = Literal["query", "passage", "document"]
PREFIXES: Final[dict[str, Kind]] = {"query: ": "query", "passage: ": "passage"}
KINDS: Final[dict[InputType, Kind]] = {"query": "query", "passage": "passage", "document": "passage"}


class Marked(NamedTuple):
    kind: Kind
    text: str


def marked(text: str, kind: Kind) -> Marked:
    """A text that already carries a prefix, as E5's own examples do, keeps it."""
    for prefix, own_kind in PREFIXES.items():
        if text.startswith(prefix) and len(text) > len(prefix):
            return Marked(own_kind, text[len(prefix) :])
    return Marked(kind, text)
