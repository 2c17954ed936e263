"""Load progress out of the bars of libraries."""

from types import SimpleNamespace
from typing import Any

import pytest

from core.library_bars import WeightsProgress, heard_bars


def tqdm(iterable: Any = None, **_: Any) -> Any:
    return iterable


def without_hook() -> Any:
    return SimpleNamespace(tqdm=tqdm)


def with_hook() -> Any:
    """As transformers has it."""
    library = SimpleNamespace(hook=None)

    def set_tqdm_hook(hook: Any) -> Any:
        before, library.hook = library.hook, hook
        return before

    def bar(*args: Any, **options: Any) -> Any:
        return library.hook(tqdm, args, options) if library.hook else tqdm(*args, **options)

    library.set_tqdm_hook, library.tqdm = set_tqdm_hook, bar
    return library


@pytest.mark.parametrize("library", [without_hook(), with_hook()], ids=["diffusers", "transformers"])
def test_an_iteration_tells_each_step_as_it_begins_and_the_end(library: Any) -> None:
    told: list[Any] = []
    with heard_bars(lambda *step: told.append(step), library):
        assert list(library.tqdm(["a", "b"], desc="Loading", disable=False)) == ["a", "b"]
    assert told == [("Loading", 0, 2, "a"), ("Loading", 1, 2, "b"), ("Loading", 2, 2, None)]
    assert list(library.tqdm(["c"])) == ["c"] and len(told) == 3


def test_a_bar_that_is_updated_by_hand_tells_too_and_takes_any_other_call() -> None:
    library, told = without_hook(), []
    with heard_bars(lambda *step: told.append(step[1:3]), library), library.tqdm(total=4, desc="x") as bar:
        bar.set_postfix(loss=1)
        bar.update(1)
        bar.update(3)
    assert told == [(1, 4), (4, 4)]


def test_the_bars_are_the_librarys_own_again_after_a_failure() -> None:
    library = without_hook()
    with pytest.raises(OSError), heard_bars(lambda *_: None, library):
        raise OSError
    assert library.tqdm is tqdm


def test_progress_goes_by_the_bytes_of_the_parts() -> None:
    told: list[tuple[float, str]] = []
    weights = WeightsProgress({"small": 100, "large": 300}, lambda *step: told.append(step))
    weights.begin("small")
    weights.within(0.5)
    weights.begin("tokenizer")
    weights.begin("large")
    weights.within(0.5)
    weights.within(1)
    assert told == [
        (0, "small"),
        (0.125, "small"),
        (0.25, "tokenizer"),
        (0.25, "large"),
        (0.625, "large"),
        (1, "large"),
    ]
