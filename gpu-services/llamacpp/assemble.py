"""Puts the chunks of a streamed answer together into what the same request answers without streaming."""

from typing import Any

ABOUT_THE_WHOLE = ("id", "created", "model", "system_fingerprint", "usage", "timings")
WHOLE_OBJECTS = {"chat.completion.chunk": "chat.completion", "text_completion": "text_completion"}

Json = dict[str, Any]


class Assembly:
    """Of /v1/chat/completions or /v1/completions."""

    def __init__(self) -> None:
        self._whole: Json = {}
        self._choices: dict[int, Json] = {}

    def add(self, chunk: Json) -> None:
        self._whole["object"] = WHOLE_OBJECTS[chunk["object"]]
        self._whole.update({key: chunk[key] for key in ABOUT_THE_WHOLE if chunk.get(key) is not None})
        for piece in chunk["choices"]:
            index = piece["index"]
            self._choices[index] = grown(self._choices.get(index, {"index": index}), piece)

    def whole(self) -> Json:
        return {**self._whole, "choices": [self._choices[index] for index in sorted(self._choices)]}


def grown(choice: Json, piece: Json) -> Json:
    """A choice with the next piece of it."""
    choice["finish_reason"] = piece.get("finish_reason") or choice.get("finish_reason")
    if "text" in piece:
        choice["text"] = choice.get("text", "") + piece["text"]
    if "delta" in piece:
        extend(choice.setdefault("message", {}), piece["delta"])
    if piece.get("logprobs"):
        choice.setdefault("logprobs", {"content": []})["content"] += piece["logprobs"]["content"]
    return choice


def extend(message: Json, delta: Json) -> None:
    """Texts grow; the rest is set once."""
    for key, value in delta.items():
        if key == "tool_calls":
            extend_calls(message.setdefault("tool_calls", []), value)
        elif key not in ("role", "id", "type", "name") and isinstance(value, str):
            message[key] = (message.get(key) or "") + value
        elif key == "function":
            extend(message.setdefault("function", {}), value)
        else:
            message.setdefault(key, value)


def extend_calls(calls: list[Json], deltas: list[Json]) -> None:
    for delta in deltas:
        while len(calls) <= delta["index"]:
            calls.append({})
        extend(calls[delta["index"]], {key: value for key, value in delta.items() if key != "index"})
