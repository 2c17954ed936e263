"""The host copy that PyTorch models sleep with."""

import json

import pytest

from core.torch_sleep import ALIGN_BYTES, Place, is_dense, packed
from weights import PROGRAMS, run_there


def test_a_module_wakes_as_it_fell_asleep() -> None:
    seen = json.loads(run_there("flux", PROGRAMS / "host_copy.py"))
    arenas = seen.pop("arenas")
    assert seen == dict.fromkeys(seen, True)
    assert arenas > 1


def test_tensors_share_arenas_and_a_large_one_has_its_own() -> None:
    assert list(packed([100, 100, 5000, 100, 0, 300], 512)) == [
        Place(0, 0),
        Place(0, 128),
        Place(1, 0),
        Place(2, 0),
        Place(2, 128),
        Place(2, 128),
    ]


def test_no_two_places_overlap_and_all_are_aligned() -> None:
    sizes = [n * 37 % 700 for n in range(200)]
    ends: dict[int, int] = {}
    for place, size in zip(packed(sizes, 1024), sizes, strict=True):
        assert place.offset_bytes % ALIGN_BYTES == 0
        assert place.offset_bytes >= ends.get(place.arena, 0)
        ends[place.arena] = place.offset_bytes + size
    assert max(ends.values()) <= 1024


class Strided:
    def __init__(self, size: tuple[int, ...], stride: tuple[int, ...]) -> None:
        self.size = lambda: size
        self.stride = lambda: stride


@pytest.mark.parametrize(
    ("size", "stride", "expected"),
    [
        ((2, 3), (3, 1), True),
        ((2, 3), (1, 2), True),
        ((2, 1, 3), (3, 99, 1), True),
        ((), (), True),
        ((2, 3), (4, 1), False),
        ((4, 6), (1, 0), False),
    ],
)
def test_strides_without_holes_or_overlaps_are_kept(
    size: tuple[int, ...], stride: tuple[int, ...], expected: bool
) -> None:
    assert is_dense(Strided(size, stride)) is expected
