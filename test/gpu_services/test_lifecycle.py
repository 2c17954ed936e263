"""States of a model server, in one process."""

import itertools

import pytest

from core.lifecycle import TRANSITIONS, IllegalTransition, Lifecycle, Status


def in_state(status: Status) -> Lifecycle:
    ways: dict[Status, tuple[Status, ...]] = {
        "STARTING": (),
        "READY": ("READY",),
        "BUSY": ("READY", "BUSY"),
        "ASLEEP": ("READY", "ASLEEP"),
        "SETUP_FAILED": ("SETUP_FAILED",),
        "DEFUNCT": ("READY", "DEFUNCT"),
    }
    lifecycle = Lifecycle()
    for step in ways[status]:
        lifecycle.become(step)
    return lifecycle


@pytest.mark.parametrize(("before", "after"), list(itertools.product(TRANSITIONS, repeat=2)))
def test_only_the_moves_of_the_table_are_made(before: Status, after: Status) -> None:
    lifecycle = in_state(before)
    if after in TRANSITIONS[before]:
        lifecycle.become(after)
        assert lifecycle.status == after
    else:
        with pytest.raises(IllegalTransition, match=f"{before} cannot become {after}"):
            lifecycle.become(after)
        assert lifecycle.status == before


def test_it_is_busy_while_at_least_one_request_is_in_flight() -> None:
    lifecycle = in_state("READY")
    assert lifecycle.try_enter() and lifecycle.try_enter()
    lifecycle.leave()
    assert (lifecycle.status, lifecycle.in_flight) == ("BUSY", 1)
    lifecycle.leave()
    assert (lifecycle.status, lifecycle.in_flight) == ("READY", 0)


@pytest.mark.parametrize("status", ["STARTING", "ASLEEP", "SETUP_FAILED", "DEFUNCT"])
def test_nothing_enters_while_it_does_not_serve(status: Status) -> None:
    lifecycle = in_state(status)
    assert not lifecycle.try_enter()
    assert lifecycle.in_flight == 0


def test_a_request_that_outlives_the_model_leaves_it_defunct() -> None:
    lifecycle = in_state("READY")
    lifecycle.try_enter()
    lifecycle.become("DEFUNCT", "the engine died")
    lifecycle.leave()
    assert (lifecycle.status, lifecycle.in_flight, lifecycle.error) == ("DEFUNCT", 0, "the engine died")


def test_each_change_is_told_once_and_busy_flips_are_not() -> None:
    told: list[tuple[Status, str | None]] = []
    lifecycle = Lifecycle(on_status=lambda status, error: told.append((status, error)))
    lifecycle.become("READY")
    lifecycle.try_enter()
    lifecycle.leave()
    lifecycle.become("DEFUNCT", "why")
    assert told == [("READY", None), ("DEFUNCT", "why")]


@pytest.mark.parametrize("status", [status for status in TRANSITIONS if status != "READY"])
def test_only_a_model_that_is_ready_and_idle_is_put_to_sleep(status: Status) -> None:
    lifecycle = in_state(status)
    assert not lifecycle.try_sleep()
    assert lifecycle.status == status
    assert in_state("READY").try_sleep()


def test_sleep_is_told_when_it_has_come_and_not_if_the_model_failed_meanwhile() -> None:
    told: list[Status] = []
    lifecycle = Lifecycle(on_status=lambda status, error: told.append(status))
    lifecycle.become("READY")
    assert lifecycle.try_sleep() and told == ["READY"]
    lifecycle.fell_asleep()
    lifecycle.become("DEFUNCT", "the engine died")
    lifecycle.fell_asleep()
    assert told == ["READY", "ASLEEP", "DEFUNCT"]


def test_uptime_comes_from_the_clock_it_was_given() -> None:
    now = iter([100.0, 102.5])
    assert Lifecycle(monotonic_seconds=lambda: next(now)).uptime_seconds() == 2.5
