"""Times and texts of subtitles."""

from types import SimpleNamespace
from typing import Any

import pytest

from core.errors import BadRequest
from languages import NAMES, code_of, name_of
from transcript import Transcript, clock, events


def segment(start: float, end: float, text: str) -> Any:
    return SimpleNamespace(start=start, end=end, text=text)


def test_a_clock_counts_hours_and_rounds_to_milliseconds() -> None:
    assert clock(0, ",") == "00:00:00,000"
    assert clock(3661.2345, ".") == "01:01:01.234"
    assert clock(59.9996, ",") == "00:01:00,000"


def test_a_subtitle_cannot_break_its_own_block() -> None:
    heard = Transcript("transcribe", "en", 2.0, [segment(0, 1, " One\n\n--> two"), segment(1, 2, " three")])
    assert heard.as_srt() == (
        "1\n00:00:00,000 --> 00:00:01,000\nOne -> two\n\n2\n00:00:01,000 --> 00:00:02,000\nthree\n"
    )
    assert heard.as_vtt() == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nOne -> two\n\n00:00:01.000 --> 00:00:02.000\nthree\n"
    )


def test_nothing_heard_is_an_empty_text_in_every_format() -> None:
    heard = Transcript("transcribe", "en", 2.0, [])
    assert (heard.text, heard.as_srt(), heard.as_vtt()) == ("", "", "WEBVTT\n")
    assert '"text": ""' in list(events([], 2.0))[-1]


def test_names_and_codes_of_languages_match() -> None:
    for code in NAMES:
        assert code_of(name_of(code), list(NAMES)) == code_of(code.upper(), list(NAMES)) == code
    assert code_of("pt-BR", ["en", "pt"]) == "pt"
    with pytest.raises(BadRequest, match="English only"):
        code_of("de", ["en"])
