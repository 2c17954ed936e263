"""Chunks of a stream put together."""

from typing import Any

from assemble import Assembly

ABOUT = {"id": "c-1", "created": 1, "model": "m", "object": "chat.completion.chunk"}


def assembled(*chunks: dict[str, Any]) -> dict[str, Any]:
    assembly = Assembly()
    for chunk in chunks:
        assembly.add({**ABOUT, **chunk})
    return assembly.whole()


def choice(delta: dict[str, Any], index: int = 0, finish_reason: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": delta, "finish_reason": finish_reason}]}


def test_a_text_grows_and_the_usage_comes_last() -> None:
    whole = assembled(
        choice({"role": "assistant", "content": None}),
        choice({"content": "Par"}),
        choice({"content": "is"}),
        choice({}, finish_reason="stop"),
        {"choices": [], "usage": {"total_tokens": 3}},
    )
    message = {"role": "assistant", "content": "Paris"}
    assert whole == {
        **ABOUT,
        "object": "chat.completion",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {"total_tokens": 3},
    }


def test_choices_grow_apart_and_come_in_order() -> None:
    whole = assembled(choice({"content": "b"}, 1), choice({"content": "a"}, 0), choice({"content": "b"}, 1))
    assert [each["message"]["content"] for each in whole["choices"]] == ["a", "bb"]


def test_thoughts_grow_beside_the_text() -> None:
    whole = assembled(choice({"reasoning_content": "hm"}), choice({"reasoning_content": "m"}))
    assert whole["choices"][0]["message"] == {"reasoning_content": "hmm"}


def test_tool_calls_grow_by_index_and_keep_their_names() -> None:
    def call(index: int, **fields: Any) -> dict[str, Any]:
        return choice({"tool_calls": [{"index": index, **fields}]})

    whole = assembled(
        call(0, id="t0", type="function", function={"name": "weather", "arguments": ""}),
        call(0, function={"arguments": '{"city":'}),
        call(0, function={"arguments": '"Paris"}'}),
        call(1, id="t1", type="function", function={"name": "time", "arguments": "{}"}),
    )
    assert whole["choices"][0]["message"]["tool_calls"] == [
        {"id": "t0", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Paris"}'}},
        {"id": "t1", "type": "function", "function": {"name": "time", "arguments": "{}"}},
    ]
