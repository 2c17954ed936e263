"""What the args of an image model change, with real pipelines."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import SERVICES, running_service, short_folder, venv_python
from weights import ONE_THREAD, PROGRAMS, make_weights, run_there

SERVER = SERVICES / "flux" / "server.py"


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    with short_folder() as folder:
        make_weights("tiny_flux.py", "flux", folder / "weights", folder / "lora")
        yield folder


@pytest.fixture(scope="module")
def seen(made: Path) -> dict[str, dict[str, str]]:
    folders = (str(made / "weights"), str(made / "lora"))
    output = run_there("flux", PROGRAMS / "flux_pictures.py", *folders, HF_HOME=str(made))
    seen: dict[str, dict[str, str]] = json.loads(output)
    return seen


@pytest.fixture
def pictures(seen: dict[str, dict[str, str]]) -> dict[str, str]:
    return seen["pictures"]


def test_the_same_weights_paint_the_same(pictures: dict[str, str]) -> None:
    assert pictures["plain"] == pictures["plain again"] == pictures["named"] == pictures["cached"]


def test_counting_the_tokens_of_another_prompt_meanwhile_changes_nothing(pictures: dict[str, str]) -> None:
    assert pictures["counted meanwhile"] == pictures["plain"]


def test_a_lora_changes_the_picture_by_its_scale(pictures: dict[str, str]) -> None:
    assert pictures["no lora"] == pictures["plain"]
    assert pictures["lora"] == pictures["lora file"]
    assert len({pictures[name] for name in ("plain", "half a lora", "lora", "two loras")}) == 4


def test_number_types_change_it(pictures: dict[str, str]) -> None:
    assert len({pictures[name] for name in ("plain", "fp8", "bfloat16")}) == 3


def test_tiling_does_not_change_a_small_picture(pictures: dict[str, str]) -> None:
    assert pictures["tiled"] == pictures["plain"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("pipeline", "has no pipeline 'FluxTransformer2DModel'"),
        ("dtype", "args.dtype must be auto, float32, float16, bfloat16"),
        ("offload", "moves weights off a GPU, and this model runs on cpu"),
        ("lora folder", "args.loras: there is no folder /no/such/lora"),
        ("lora on the hub", "args.loras: org/style is not on this machine"),
        ("lora without a file", "it has none"),
        ("pickle", "safetensors"),
    ],
)
def test_what_cannot_be_loaded_says_why(seen: dict[str, dict[str, str]], name: str, said: str) -> None:
    assert said in seen["refusals"][name]


def test_load_progress_names_the_parts_and_grows_by_their_bytes(made: Path, folder: Path) -> None:
    args = json.dumps({"model": str(made / "weights")})
    told: list[dict[str, Any]] = []
    with running_service(SERVER, folder, venv_python("flux"), ROUNDHOUSE_ARGS=args, **ONE_THREAD) as service:
        while not told or told[-1].get("status") != "READY":
            told.append(service.events.until(lambda event: True))
    loads = [event for event in told if event["type"] == "load"]
    phases = list(dict.fromkeys(event["phase"] for event in loads))
    assert phases[0] == "libraries" and phases[-3:] == ["to cpu", "warm-up", "ready"]
    assert {"text_encoder", "text_encoder_2", "transformer", "vae"} < set(phases)
    fractions = [event["progress"] for event in loads]
    assert fractions == sorted(fractions) and len(set(fractions)) > 6


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"model": "/no/such/folder"}, "there is no folder /no/such/folder"),
        ({"model": "org/never-downloaded"}, "download it first: scripts/roundhouse models pull"),
        ({"stepss": 4}, "args.stepss is not known here; there are: model, pipeline"),
        ({"device": "cuda"}, "PyTorch sees no GPU here"),
    ],
)
def test_args_that_cannot_be_are_told_before_it_ends(
    made: Path, folder: Path, args: dict[str, Any], said: str
) -> None:
    text = json.dumps({"model": str(made / "weights"), **args})
    variables = {"ROUNDHOUSE_ARGS": text, "HF_HOME": str(folder), **ONE_THREAD}
    with running_service(SERVER, folder, venv_python("flux"), **variables) as service:
        assert said in service.events.until_status("SETUP_FAILED")["error"]
        assert service.wait() == 1
