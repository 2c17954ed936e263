"""What vLLM's log says of its load and of its failures.

The logs were recorded from vLLM 0.32 (long lines cut, paths made short); load_on_gpu.txt and
out_of_memory.txt are in the words of its format strings.
"""

from pathlib import Path

import pytest

from core.lifecycle import LoadProgress
from load_lines import is_further, load_progress
from root_cause import root_cause

LOGS = Path(__file__).parent / "vllm_logs"


def log(name: str) -> list[str]:
    return (LOGS / f"{name}.txt").read_text().splitlines()


def steps(name: str) -> list[LoadProgress]:
    return [told for line in log(name) if (told := load_progress(line))]


@pytest.mark.parametrize("name", ["load_on_cpu", "load_on_gpu"])
def test_a_load_grows_from_step_to_step_and_ends_before_1(name: str) -> None:
    fractions = [told.fraction for told in steps(name)]
    assert fractions == sorted(fractions, key=lambda fraction: fraction or 0)
    assert fractions[-1] == 0.99


@pytest.mark.parametrize(
    ("name", "phases"),
    [
        ("load_on_cpu", ["engine", "weights", "kv cache", "warm-up"]),
        ("load_on_gpu", ["engine", "weights", "compile", "kv cache", "graphs", "warm-up"]),
    ],
)
def test_a_load_tells_its_phases_in_order(name: str, phases: list[str]) -> None:
    assert list(dict.fromkeys(told.phase for told in steps(name))) == phases


def test_percentages_move_the_fraction_within_their_phase() -> None:
    half = load_progress(
        "Loading safetensors checkpoint shards:  50% Completed | 2/4 [00:01<00:01,  1.5it/s]"
    )
    assert half == LoadProgress(0.375, "weights")
    graphs = load_progress(
        "Capturing CUDA graphs (decode, FULL):  50%|█████     | 17/35 [00:01<00:01, 21it/s]"
    )
    assert graphs == LoadProgress(0.87, "graphs")


@pytest.mark.parametrize(
    "line", ["", "(EngineCore pid=1) INFO 11-25 14:47:19 [utils.py:347] Using LBHNC KV cache."]
)
def test_other_lines_tell_nothing(line: str) -> None:
    assert load_progress(line) is None


def test_what_was_told_before_is_no_progress() -> None:
    assert is_further(LoadProgress(0.5, "weights"), LoadProgress(None, None))
    assert not is_further(LoadProgress(0.5, "weights"), LoadProgress(0.5, "weights"))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("out_of_memory", "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate"),
        ("unknown_option", "entry.py: error: unrecognized arguments: --max-model-length=99"),
        (
            "dead_worker",
            "Worker proc VllmWorker-0 died unexpectedly (exit code: -9), shutting down executor.",
        ),
        (
            "no_such_model",
            "huggingface_hub.errors.LocalEntryNotFoundError: Cannot find an appropriate cached",
        ),
        (
            "too_long_a_context",
            "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig",
        ),
    ],
)
def test_the_reason_is_found_among_the_errors_about_it(name: str, reason: str) -> None:
    told = root_cause(log(name))
    assert told is not None and told.startswith(reason)


def test_a_reason_may_go_on_in_the_next_lines() -> None:
    told = root_cause(log("too_long_a_context"))
    assert told is not None and "User-specified max_model_len (99999)" in told


@pytest.mark.parametrize("name", ["load_on_cpu", "load_on_gpu"])
def test_a_load_that_went_well_has_no_reason_to_fail(name: str) -> None:
    assert root_cause(log(name)) is None
