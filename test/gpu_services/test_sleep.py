"""Sleep and wake as the supervisor sees them."""

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness import FIXTURES, Service, eventually, ready_service, running_service

SLEEPY = FIXTURES / "sleepy.py"
SLEEP, WAKE, CANARY = "/roundhouse/sleep", "/roundhouse/wake", "/roundhouse/canary"


@pytest.fixture
def sleepy(folder: Path) -> Iterator[Service]:
    with ready_service(SLEEPY, folder) as service:
        yield service


def post(service: Service, path: str) -> httpx.Response:
    with service.client() as client:
        return client.post(path, headers={"X-Job-Id": "job_1"})


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def args(**values: Any) -> str:
    return json.dumps(values)


def test_a_model_that_sleeps_answers_nothing_and_the_same_as_before_once_it_is_awake(sleepy: Service) -> None:
    before = post(sleepy, "/sum").json()
    asleep = post(sleepy, SLEEP)
    assert (asleep.status_code, asleep.json()["status"]) == (200, "ASLEEP")
    assert sleepy.events.until_status("ASLEEP")["boot_id"] == "boot-1"
    assert sleepy.health()["status"] == "ASLEEP"
    assert code_of(post(sleepy, "/sum")) == (503, "model_asleep")
    awake = post(sleepy, WAKE)
    assert (awake.status_code, awake.json()["status"]) == (200, "READY")
    sleepy.events.until_status("READY")
    assert post(sleepy, "/sum").json() == before


def test_health_tells_who_can_sleep_and_who_cannot_says_501(sleepy: Service, folder: Path) -> None:
    assert sleepy.health()["can_sleep"] is True
    with ready_service(FIXTURES / "busy.py", folder) as other:
        assert other.health()["can_sleep"] is False
        assert code_of(post(other, SLEEP)) == (501, "sleep_not_offered")


def test_the_canary_is_asked_only_of_a_model_that_is_ready(sleepy: Service) -> None:
    assert post(sleepy, CANARY).json() == {"canary": "6"}
    post(sleepy, SLEEP)
    assert code_of(post(sleepy, CANARY)) == (409, "wrong_state")
    post(sleepy, WAKE)
    assert post(sleepy, CANARY).json() == {"canary": "6"}


def test_only_post_puts_a_model_to_sleep(sleepy: Service) -> None:
    with sleepy.client() as client:
        assert client.get(SLEEP).status_code == 405
    assert sleepy.health()["status"] == "READY"


def test_a_model_that_is_awake_cannot_be_woken_nor_one_asleep_put_to_sleep(sleepy: Service) -> None:
    assert code_of(post(sleepy, WAKE)) == (409, "wrong_state")
    post(sleepy, SLEEP)
    assert code_of(post(sleepy, SLEEP)) == (409, "wrong_state")
    assert post(sleepy, WAKE).status_code == 200


def test_a_model_that_loads_cannot_be_put_to_sleep(folder: Path) -> None:
    os.mkfifo(folder / "gate")
    with running_service(
        FIXTURES / "gated_sleeper.py", folder, ROUNDHOUSE_ARGS=args(gate=str(folder / "gate"))
    ) as it:
        it.events.until(lambda event: event.get("phase") == "weights")
        assert code_of(post(it, SLEEP)) == (409, "wrong_state")


async def test_a_model_with_a_request_in_flight_is_not_put_to_sleep(sleepy: Service) -> None:
    async with sleepy.async_client() as client:
        working = asyncio.create_task(client.post("/wait", headers={"X-Job-Id": "job_1"}))
        await asyncio.to_thread(sleepy.events.until, lambda event: event.get("phase") == "waiting")
        assert code_of(await client.post(SLEEP)) == (409, "wrong_state")
        working.cancel()
    await asyncio.to_thread(eventually, lambda: sleepy.health()["status"] == "READY")
    assert (await asyncio.to_thread(post, sleepy, SLEEP)).status_code == 200


def test_a_request_at_its_last_steps_is_waited_for(sleepy: Service) -> None:
    with sleepy.client() as client:
        client.post("/linger")
        assert client.post(SLEEP).status_code == 200
    assert sleepy.health()["status"] == "ASLEEP"


async def test_while_it_falls_asleep_nothing_enters_and_nothing_else_turns_it(folder: Path) -> None:
    gate = folder / "gate"
    os.mkfifo(gate)
    with ready_service(SLEEPY, folder, ROUNDHOUSE_ARGS=args(gate=str(gate))) as service:
        async with service.async_client() as client:
            falling = asyncio.create_task(client.post(SLEEP))
            await asyncio.to_thread(service.events.until, lambda event: event.get("phase") == "sleep")
            assert (await client.get("/health")).json()["status"] == "ASLEEP"
            assert code_of(await client.post("/sum")) == (503, "model_asleep")
            assert code_of(await client.post(WAKE)) == (409, "wrong_state")
            await asyncio.to_thread(gate.write_text, "go")
            assert (await falling).status_code == 200


async def test_a_supervisor_that_hangs_up_stops_no_turn(folder: Path) -> None:
    gate = folder / "gate"
    os.mkfifo(gate)
    with ready_service(SLEEPY, folder, ROUNDHOUSE_ARGS=args(gate=str(gate))) as service:
        async with service.async_client() as client:
            falling = asyncio.create_task(client.post(SLEEP))
            await asyncio.to_thread(service.events.until, lambda event: event.get("phase") == "sleep")
            falling.cancel()
        await asyncio.to_thread(gate.write_text, "go")
        await asyncio.to_thread(service.events.until_status, "ASLEEP")


@pytest.mark.parametrize("hook", ["sleep", "wake"])
def test_a_hook_that_fails_makes_the_model_defunct_and_says_why(folder: Path, hook: str) -> None:
    with ready_service(SLEEPY, folder, ROUNDHOUSE_ARGS=args(fail=hook)) as service:
        answers = [post(service, path) for path in ((SLEEP,) if hook == "sleep" else (SLEEP, WAKE))]
        assert code_of(answers[-1]) == (500, "model_failed")
        reason = service.events.until_status("DEFUNCT")["error"]
        assert reason == f"/roundhouse/{hook} failed: RuntimeError: the GPU is in a bad mood"
        assert service.wait() == 1


def test_term_ends_a_model_that_sleeps(sleepy: Service) -> None:
    post(sleepy, SLEEP)
    sleepy.process.terminate()
    assert sleepy.wait() == 0
