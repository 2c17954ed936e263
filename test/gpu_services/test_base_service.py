"""What every model server gets for free, seen from outside."""

import asyncio
import errno
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from harness import (
    FIXTURES,
    PATIENCE_SECONDS,
    SERVICES,
    Event,
    Service,
    eventually,
    ready_service,
    running_service,
)

BUSY = FIXTURES / "busy.py"


@pytest.fixture
def gate(folder: Path) -> Path:
    path = folder / "gate"
    os.mkfifo(path)
    return path


@pytest.fixture
def busy(folder: Path, gate: Path) -> Iterator[Service]:
    with ready_service(BUSY, folder, ROUNDHOUSE_ARGS=json.dumps({"gate": str(gate)})) as service:
        yield service


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def told(phase: str) -> Callable[[Event], bool]:
    return lambda event: event.get("phase") == phase


# The issue's own example


def test_the_example_of_the_architecture_runs_standalone_as_it_stands() -> None:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, str(FIXTURES / "issue_snippet.py"), "--port", str(port)],
        env={**os.environ, "PYTHONPATH": str(SERVICES)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        while "Ready" not in process.stdout.readline():
            assert process.poll() is None
        url = f"http://127.0.0.1:{port}/v1/mymodel/generate"
        answer = httpx.post(url, json={"prompt": "hello"}, timeout=PATIENCE_SECONDS)
        assert answer.json() == {"text": "HELLO"}
        process.terminate()
        assert process.wait() == 0
    finally:
        process.kill()
        process.communicate()


def test_core_is_importable_from_anywhere_after_one_command(folder: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    python = str(folder / "venv" / "bin" / "python")
    subprocess.run([python, str(SERVICES / "core" / "install_pth.py")], check=True, capture_output=True)
    found = subprocess.run(
        [python, "-c", "import core; print(core.__file__)"], cwd=folder, check=True, capture_output=True
    )
    assert found.stdout.decode().strip() == str(SERVICES / "core" / "__init__.py")


# Starting


def test_health_answers_while_initialize_blocks_and_tells_how_far_it_is(folder: Path, gate: Path) -> None:
    args = json.dumps({"gate": str(gate)})
    with running_service(FIXTURES / "gated.py", folder, ROUNDHOUSE_ARGS=args) as service:
        service.events.until(told("weights"))
        health = service.health()
        assert health["status"] == "STARTING"
        assert health["load"] == {"progress": 0.25, "phase": "weights"}
        assert (health["boot_id"], health["model"], health["name"]) == ("boot-1", "model-1", "gated")
        assert health["pid"] == service.process.pid
        gate.write_text("go")
        assert service.events.until_status("READY")["boot_id"] == "boot-1"
        assert service.health()["status"] == "READY"


def test_every_other_route_answers_503_while_it_loads(folder: Path, gate: Path) -> None:
    args = json.dumps({"gate": str(gate)})
    with running_service(FIXTURES / "gated.py", folder, ROUNDHOUSE_ARGS=args) as service:
        service.events.until(told("weights"))
        with service.client() as client:
            answer = client.post("/v1/anything", json={})
        assert answer.status_code == 503
        error = answer.json()["error"]
        assert (error["type"], error["code"], error["param"]) == ("server_error", "model_loading", None)


def test_term_ends_a_service_that_is_still_loading(folder: Path, gate: Path) -> None:
    args = json.dumps({"gate": str(gate)})
    with running_service(FIXTURES / "gated.py", folder, ROUNDHOUSE_ARGS=args) as service:
        service.events.until(told("weights"))
        service.process.terminate()
        assert service.wait() == 0
        assert not Path(service.socket_path).exists()
        assert not any(event.get("status") == "SETUP_FAILED" for event in service.events.all_that_remain())


@pytest.mark.parametrize(
    ("how", "reason"), [("error", "there are no weights here"), ("exit", "the library gave up")]
)
def test_a_failing_initialize_is_told_before_the_process_ends(folder: Path, how: str, reason: str) -> None:
    args = json.dumps({"how": how})
    with running_service(FIXTURES / "failing.py", folder, ROUNDHOUSE_ARGS=args) as service:
        assert reason in service.events.until_status("SETUP_FAILED")["error"]
        health = service.health()
        assert health["status"] == "SETUP_FAILED"
        assert reason in health["error"]
        service.process.terminate()
        assert service.wait() == 1


# Listening


def test_a_socket_left_behind_is_replaced_and_only_the_user_may_connect(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(folder / "m.sock"))
    with ready_service(BUSY, folder) as service:
        assert service.health()["status"] == "READY"
        assert stat.S_IMODE(Path(service.socket_path).stat().st_mode) == 0o600
        service.process.terminate()
        service.wait()
        assert not Path(service.socket_path).exists()


def test_a_port_taken_is_told_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = subprocess.run(
            [sys.executable, str(BUSY), "--port", str(port)],
            env={**os.environ, "PYTHONPATH": str(SERVICES)},
            capture_output=True,
            check=False,
        )
    assert result.returncode == 1
    expected = f"busy: cannot listen on 127.0.0.1:{port}: Address already in use; choose another --port\n"
    assert result.stderr.decode() == expected


# Answering


def test_progress_reaches_the_supervisor_with_the_jobs_id(busy: Service) -> None:
    with busy.client() as client:
        client.post("/steps", headers={"X-Job-Id": "job_7"})
    event = busy.events.until(told("step 4"))
    assert event == {
        "type": "job",
        "job_id": "job_7",
        "progress": 1.0,
        "phase": "step 4",
        "boot_id": "boot-1",
    }


def test_malformed_bodies_are_400_and_name_the_parameter(busy: Service) -> None:
    with busy.client() as client:
        missing = client.post("/chat", json={})
        nested = client.post("/chat", json={"messages": [{"content": "ok"}, {"content": "too long"}]})
        no_json = client.post("/chat", content="{", headers={"content-type": "application/json"})
    assert [answer.status_code for answer in (missing, nested, no_json)] == [400, 400, 400]
    assert missing.json()["error"]["param"] == "messages"
    assert nested.json()["error"]["param"] == "messages[1].content"
    assert no_json.json()["error"]["code"] == "invalid_json"


@pytest.mark.parametrize(
    ("path", "status", "kind", "code"),
    [
        ("/nowhere", 404, "invalid_request_error", "not_found"),
        ("/chat", 405, "invalid_request_error", "method_not_allowed"),
        ("/refuse", 429, "rate_limit_error", None),
        ("/bad", 400, "invalid_request_error", "invalid_value"),
        ("/crash", 500, "server_error", "model_error"),
    ],
)
def test_errors_of_every_kind_use_the_envelope(
    busy: Service, path: str, status: int, kind: str, code: str | None
) -> None:
    with busy.client() as client:
        answer = client.get(path)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert (error["type"], error["code"]) == (kind, code)
    assert set(error) == {"message", "type", "param", "code"}


def test_every_log_line_is_json_and_carries_the_job(busy: Service) -> None:
    with busy.client() as client:
        client.get("/crash", headers={"X-Job-Id": "job_8"})
    eventually(lambda: "tensors do not match" in busy.logged())
    lines = [json.loads(line) for line in busy.logged().splitlines()]
    crash = next(line for line in lines if "tensors do not match" in line.get("error", ""))
    assert (crash["level"], crash["job_id"], crash["service"]) == ("error", "job_8", "busy")


# Cancelling


@asynccontextmanager
async def waiting_request(service: Service, path: str) -> AsyncIterator["asyncio.Task[httpx.Response]"]:
    async with service.async_client() as client:
        task = asyncio.create_task(client.post(path, headers={"X-Job-Id": "job_9"}))
        await asyncio.to_thread(service.events.until, told("waiting"))
        yield task
        task.cancel()


@pytest.mark.parametrize(
    ("path", "proof"),
    [
        ("/wait_async", "handler was cancelled"),
        ("/wait_sync", "saw the cancel"),
        ("/block_loop", "saw the cancel"),
    ],
)
async def test_a_client_that_leaves_stops_the_work(busy: Service, path: str, proof: str) -> None:
    async with waiting_request(busy, path):
        pass
    await asyncio.to_thread(busy.events.until, told(proof))
    eventually(lambda: busy.health()["in_flight"] == 0)
    assert busy.health()["status"] == "READY"


async def test_work_that_does_not_hear_of_it_is_in_flight_until_it_ends(busy: Service, gate: Path) -> None:
    async with waiting_request(busy, "/gate"):
        pass
    async with waiting_request(busy, "/wait_async"):  # by its end the other's is known, too
        pass
    await asyncio.to_thread(busy.events.until, told("handler was cancelled"))
    eventually(lambda: busy.health()["in_flight"] <= 1)
    async with busy.async_client() as client:
        await client.post("/refuse")
    eventually(lambda: busy.health()["in_flight"] == 1)
    await asyncio.to_thread(gate.write_text, "the end")
    eventually(lambda: busy.health()["in_flight"] == 0)


@pytest.mark.parametrize("path", ["/wait_async", "/block_loop"])
async def test_health_answers_while_a_handler_works_or_blocks_its_loop(busy: Service, path: str) -> None:
    async with waiting_request(busy, path):
        health = await asyncio.to_thread(busy.health)
    assert (health["status"], health["in_flight"]) == ("BUSY", 1)


# Ending


def is_refused(service: Service) -> bool:
    with socket.socket(socket.AF_UNIX) as late:
        return late.connect_ex(service.socket_path) == errno.ECONNREFUSED


async def test_term_finishes_what_is_in_flight_and_takes_nothing_new(busy: Service, gate: Path) -> None:
    async with waiting_request(busy, "/gate") as request:
        busy.process.terminate()
        await asyncio.to_thread(eventually, lambda: "Shutting down" in busy.logged())
        await asyncio.to_thread(eventually, lambda: is_refused(busy))
        await asyncio.to_thread(gate.write_text, "the end")
        assert (await request).json() == {"read": "the end"}
    assert busy.wait() == 0


async def test_what_outlasts_the_grace_period_is_cancelled(folder: Path) -> None:
    with ready_service(BUSY, folder, ROUNDHOUSE_GRACE_SECONDS="1") as service:
        async with waiting_request(service, "/wait_sync"):
            service.process.terminate()
            await asyncio.to_thread(service.events.until, told("saw the cancel"))
        assert service.wait() == 0


async def test_a_worker_that_never_returns_is_not_waited_for(folder: Path, gate: Path) -> None:
    args = json.dumps({"gate": str(gate)})
    with ready_service(BUSY, folder, ROUNDHOUSE_GRACE_SECONDS="1", ROUNDHOUSE_ARGS=args) as service:
        async with waiting_request(service, "/gate"):
            service.process.terminate()
            assert await asyncio.to_thread(service.wait) == 0
        assert not await asyncio.to_thread(Path(service.socket_path).exists)


async def test_a_second_signal_does_not_wait(busy: Service) -> None:
    async with waiting_request(busy, "/wait_async"):
        busy.process.send_signal(signal.SIGINT)
        await asyncio.to_thread(eventually, lambda: "Shutting down" in busy.logged())
        busy.process.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(busy.wait) == 0


def test_a_model_that_gives_up_says_why_and_ends(busy: Service) -> None:
    with busy.client() as client:
        assert client.get("/broken_gpu").json() == {"said": "it"}
        assert busy.events.until_status("DEFUNCT")["error"] == "the GPU's context is poisoned"
        refused = client.post("/steps")
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "model_failed")
    busy.process.terminate()
    assert busy.wait() == 1
