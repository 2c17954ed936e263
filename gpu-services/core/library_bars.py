"""Load progress out of what transformers and diffusers would draw as progress bars."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

OnStep = Callable[[str, int, int | None, Any], None]
"""A bar's title, how many of its steps are done, of how many, and the step that begins (None at the end)."""


class Bar:
    """Takes the place of a tqdm bar and draws nothing."""

    def __init__(
        self, on_step: OnStep, iterable: Iterable[Any] | None = None, desc: str = "", total: int | None = None
    ) -> None:
        self._on_step = on_step
        self._iterable = iterable
        self._title = desc
        self.total = total if total is not None else len_of(iterable)
        self.n = 0

    def __iter__(self) -> Iterator[Any]:
        for item in self._iterable or ():
            self._on_step(self._title, self.n, self.total, item)
            yield item
            self.n += 1
        self._on_step(self._title, self.n, self.total, None)

    def update(self, steps: int = 1) -> None:
        self.n += steps
        self._on_step(self._title, self.n, self.total, None)

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_: object) -> None:
        return

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None  # set_description and the like


def len_of(iterable: Any) -> int | None:
    return len(iterable) if hasattr(iterable, "__len__") else None


@contextmanager
def heard_bars(on_step: OnStep, *libraries: Any) -> Iterator[None]:
    """While it lasts, the bars of these modules (`diffusers.utils.logging` and the like) tell `on_step`."""

    def bar(iterable: Any = None, *_: Any, desc: str = "", total: int | None = None, **__: Any) -> Bar:
        return Bar(on_step, iterable, desc, total)

    with ExitStack() as stack:
        for library in libraries:
            stack.callback(put_in_place(library, bar))
        yield


def put_in_place(library: Any, bar: Callable[..., Bar]) -> Callable[[], None]:
    """Returns what undoes it. transformers offers a hook, diffusers none."""
    if hasattr(library, "set_tqdm_hook"):
        before = library.set_tqdm_hook(lambda factory, args, options: bar(*args, **options))
        return lambda: library.set_tqdm_hook(before)
    before = library.tqdm
    library.tqdm = bar
    return lambda: setattr(library, "tqdm", before)


class WeightsProgress:
    """How far a load is, by bytes: parts are loaded one after the other, each with bars of its own inside."""

    def __init__(self, sizes_bytes: Mapping[str, int], tell: Callable[[float, str], None]) -> None:
        """`tell` gets the fraction of all bytes, and the part being loaded."""
        self._sizes_bytes = sizes_bytes
        self._total_bytes = max(1, sum(sizes_bytes.values()))
        self._tell = tell
        self._done_bytes = 0
        self._part = ""

    def begin(self, part: str) -> None:
        """`part` is loaded from here on; the one before it is done."""
        self._done_bytes += self._sizes_bytes.get(self._part, 0)
        self._part = part
        self.within(0)

    def within(self, fraction: float) -> None:
        part_bytes = self._sizes_bytes.get(self._part, 0)
        self._tell((self._done_bytes + fraction * part_bytes) / self._total_bytes, self._part)
