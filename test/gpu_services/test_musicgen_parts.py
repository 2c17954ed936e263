"""The decisions of the music service, and its windows on a real MusicGen."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from harness import SERVICES, running_service, short_folder, venv_python
from music_args import MusicArgs
from music_request import MusicRequest, SoundRequest, accepted_format, codec_of, wants_bytes
from weights import ONE_THREAD, PROGRAMS, make_weights, run_there
from windows import Window, join_windows, plan_windows

SERVER = SERVICES / "musicgen" / "server.py"


@pytest.fixture(scope="module")
def weights() -> Iterator[Path]:
    with short_folder() as folder:
        make_weights("tiny_musicgen.py", "musicgen", folder / "weights")
        yield folder / "weights"


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        (1, [(0, 1)]),
        (1500, [(0, 1500)]),
        (1501, [(0, 1500), (500, 1)]),
        (2500, [(0, 1500), (500, 1000)]),
        (3700, [(0, 1500), (500, 1000), (500, 1000), (500, 200)]),
    ],
)
def test_windows_add_up_and_never_hold_more_than_the_longest(
    total: int, expected: list[tuple[int, int]]
) -> None:
    windows = plan_windows(total, longest=1500, overlap=500)
    assert windows == [Window(*window) for window in expected]
    assert sum(window.added for window in windows) == total
    assert max(window.given + window.added for window in windows) <= 1500


def test_pieces_that_agree_where_they_overlap_join_to_the_whole() -> None:
    whole = np.sin(np.arange(1000, dtype=np.float32))[:, None]
    pieces = [whole[:400], whole[300:700], whole[600:]]
    assert join_windows(pieces, [0, 100, 100], fade=50) == pytest.approx(whole, abs=1e-6)


def test_where_they_disagree_one_fades_into_the_other() -> None:
    joined = join_windows([np.zeros((10, 1), np.float32), np.ones((15, 1), np.float32)], [0, 5], fade=4)
    assert joined[:, 0] == pytest.approx([0] * 6 + [0, 1 / 3, 2 / 3, 1] + [1] * 10)


def test_two_channels_are_joined_each_for_itself() -> None:
    sides = np.stack([np.arange(20), -np.arange(20)], axis=1).astype(np.float32)
    assert join_windows([sides[:12], sides[8:]], [0, 4], fade=2) == pytest.approx(sides)


def test_a_window_goes_on_from_the_very_codes_of_the_one_before(weights: Path) -> None:
    seen = json.loads(run_there("musicgen", PROGRAMS / "music_windows.py", str(weights)))
    assert seen == {
        "told": [101, 150, 53],
        "delay": 3,
        "frames": [50, 70],
        "samples": [32_000, 44_800],
        "codes are what was heard": [True, True],
        "given codes begin the second": True,
        "the second goes on": True,
    }


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("audio/mpeg", "mp3"),
        ("audio/wav", "wav"),
        ("text/html, audio/flac;q=0.8", "flac"),
        ("audio/ogg", "ogg"),
        ("audio/*", None),
        ("application/json", None),
        ("", None),
    ],
)
def test_an_accept_header_may_name_a_format(accept: str, expected: str | None) -> None:
    assert accepted_format(accept) == expected


@pytest.mark.parametrize(
    ("accept", "expected"), [("audio/*", True), ("*/*", False), ("application/json", False)]
)
def test_bytes_are_for_those_who_ask_for_audio(accept: str, expected: bool) -> None:
    assert wants_bytes(accept) is expected


def test_the_body_names_the_format_before_the_header_does() -> None:
    body: dict[str, Any] = {"prompt": "p", "response_format": "mp3"}
    assert MusicRequest(**body).format_for("audio/flac") == "mp3"
    assert MusicRequest(**body, output_format="ogg").format_for("audio/flac") == "ogg"
    assert MusicRequest(prompt="p", response_format="b64_json").format_for("audio/flac") == "flac"
    assert MusicRequest(prompt="p").format_for("*/*") == "wav"


def test_elevenlabs_formats_lose_their_rates() -> None:
    assert [codec_of(name) for name in ("mp3_44100_128", "opus_48000_32", "wav")] == ["mp3", "opus", "wav"]
    with pytest.raises(ValueError, match="choose one of wav, mp3"):
        codec_of("ulaw_8000")


def test_elevenlabs_influence_becomes_guidance() -> None:
    guidance = [
        SoundRequest(text="rain", prompt_influence=influence).as_music().guidance
        for influence in (0, 0.3, 1, None)
    ]
    assert guidance == [1, pytest.approx(3), pytest.approx(7.667, abs=0.01), None]


def test_windows_that_would_stand_still_are_refused() -> None:
    with pytest.raises(ValidationError, match="less than window_seconds"):
        MusicArgs(window_seconds=10, overlap_seconds=10)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"model": "/no/such/folder"}, "there is no folder /no/such/folder"),
        ({"model": "org/never-downloaded"}, "download it first: scripts/roundhouse models pull"),
        ({"window": 4}, "args.window is not known here; there are: model, revision"),
        ({"device": "cuda"}, "PyTorch sees no GPU here"),
    ],
)
def test_args_that_cannot_be_are_told_before_it_ends(
    weights: Path, folder: Path, args: dict[str, Any], said: str
) -> None:
    text = json.dumps({"model": str(weights), **args})
    variables = {"ROUNDHOUSE_ARGS": text, "HF_HOME": str(folder), **ONE_THREAD}
    with running_service(SERVER, folder, venv_python("musicgen"), **variables) as service:
        assert said in service.events.until_status("SETUP_FAILED")["error"]
        assert service.wait() == 1


def test_load_progress_grows_through_its_phases(weights: Path, folder: Path) -> None:
    variables = {"ROUNDHOUSE_ARGS": json.dumps({"model": str(weights)}), **ONE_THREAD}
    told: list[dict[str, Any]] = []
    with running_service(SERVER, folder, venv_python("musicgen"), **variables) as service:
        while not told or told[-1].get("status") != "READY":
            told.append(service.events.until(lambda event: True))
    loads = [event for event in told if event["type"] == "load"]
    phases = list(dict.fromkeys(event["phase"] for event in loads))
    assert phases == ["libraries", "weights", "to cpu", "warm-up", "ready"]
    fractions = [event["progress"] for event in loads]
    assert fractions == sorted(fractions) and len(set(fractions)) > 10
