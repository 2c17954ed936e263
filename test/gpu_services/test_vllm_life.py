"""The vLLM service with its real engine: how it starts, fails and ends, and what it leaves behind."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.process_io import tree
from harness import Event, Service, survivors, until_gone
from vllm_server import CONTEXT_TOKENS, left_in, made_model, ready_vllm, shared_memory, vllm_service
from weights import PROGRAMS
from workplace import shared_names

CHAT = "/v1/chat/completions"
QUESTION = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 4}
LONG = {**QUESTION, "max_tokens": CONTEXT_TOKENS - 100, "ignore_eos": True, "stream": True}


@pytest.fixture(scope="module")
def model() -> Iterator[Path]:
    with made_model("tiny") as folder:
        yield folder


def is_loading(event: Event) -> bool:
    return event["type"] == "load" and bool(event["progress"])


def failed_start(folder: Path, model: Path | str, **args: Any) -> str:
    with vllm_service(folder, model, **args) as service:
        error: str = service.events.until_status("SETUP_FAILED")["error"]
        assert service.wait() == 1
        assert left_in(folder) == []
    return error


def test_its_load_is_seen_on_health_and_a_stop_leaves_nothing_behind(folder: Path, model: Path) -> None:
    with vllm_service(folder, model) as service:
        service.events.until_status("STARTING")
        assert service.health()["status"] == "STARTING"
        event = service.events.until(is_loading)
        assert service.health()["load"]["progress"] >= event["progress"]
        service.events.until_status("READY")
        made = shared_names(tree(service.process.pid))
        assert {name[:4] for name in made} == {"psm_", "sem."}
        # Short enough to end within the grace on a slow machine, too.
        request = {**LONG, "max_tokens": 60}
        with service.client() as client, client.stream("POST", CHAT, json=request) as answer:
            lines = answer.iter_lines()
            next(lines)
            service.process.terminate()
            assert list(lines)[-2:] == ["data: [DONE]", ""]
        assert service.wait() == 0
        assert survivors(service.marker) == []
    assert left_in(folder) == []
    assert not made & shared_memory()


def test_a_stop_while_it_loads_ends_all_of_it_within_the_grace(folder: Path, model: Path) -> None:
    with vllm_service(folder, model) as service:
        service.events.until(lambda event: event.get("phase") == "weights")
        made = shared_names(tree(service.process.pid))
        service.process.terminate()
        assert service.process.wait(9) == 0
        assert survivors(service.marker) == []
    assert left_in(folder) == []
    assert made and not made & shared_memory()


def test_a_dead_worker_breaks_the_stream_and_ends_the_service_with_the_reason(
    folder: Path, model: Path
) -> None:
    with ready_vllm(folder, model) as service:
        made = shared_names(tree(service.process.pid))
        worker = worker_of(service)
        with service.client() as client, client.stream("POST", CHAT, json=LONG) as answer:
            lines = answer.iter_lines()
            next(lines)
            os.kill(worker, signal.SIGKILL)
            assert any('"error"' in line for line in lines)
        error = service.events.until_status("DEFUNCT")["error"]
        assert "Worker proc" in error and "died unexpectedly" in error
        assert service.wait() == 1
        assert survivors(service.marker) == []
    assert left_in(folder) == []
    assert not made & shared_memory()


def worker_of(service: Service) -> int:
    """The engine's last process that shares memory with others."""
    return next(pid for pid in reversed(tree(service.process.pid)) if shared_names([pid]))


def test_what_a_killed_service_leaves_goes_with_the_next_start(folder: Path, model: Path) -> None:
    with ready_vllm(folder, model) as service:
        made = shared_names(tree(service.process.pid))
        service.process.kill()
        service.wait()
        until_gone(service.marker)
    assert list(folder.glob("tmp/*"))
    failed_start(folder, "/no/such/model")
    assert not made & shared_memory()


def test_an_option_that_vllm_does_not_know_is_refused_in_its_own_words(folder: Path, model: Path) -> None:
    error = failed_start(folder, model, max_model_length=5)
    assert "entry.py: error: unrecognized arguments: --max-model-length=5" in error


@pytest.mark.parametrize(
    ("model", "args", "words"),
    [
        ("/no/such/model", {}, "there is no folder /no/such/model"),
        ("nobody/nothing", {}, "nobody/nothing is not on this machine"),
        ("/tmp", {"port": 8000}, "'port' is set by Roundhouse"),
    ],
)
def test_what_can_be_known_at_once_is_told_at_once(
    folder: Path, model: str, args: dict[str, Any], words: str
) -> None:
    assert words in failed_start(folder, model, **args)


def test_a_sleeper_takes_no_request_and_answers_the_same_once_it_is_awake(folder: Path, model: Path) -> None:
    script = PROGRAMS / "sleeping_vllm.py"
    with ready_vllm(folder, model, script=script) as service, service.client() as client:
        assert service.health()["can_sleep"] is True
        before = client.post("/roundhouse/canary").json()["canary"]
        assert before
        assert client.post("/roundhouse/sleep").json()["status"] == "ASLEEP"
        assert engine(service, "/is_sleeping") == {"is_sleeping": True}
        assert client.post(CHAT, json=QUESTION).status_code == 503
        assert client.post("/roundhouse/wake").json()["status"] == "READY"
        assert engine(service, "/is_sleeping") == {"is_sleeping": False}
        assert client.post("/roundhouse/canary").json()["canary"] == before
        assert client.post("/sleep?level=1").status_code == 404
        client.post("/roundhouse/sleep")
        service.process.terminate()
        assert service.wait() == 0
    assert left_in(folder) == []


def engine(service: Service, path: str) -> Any:
    with service.engine_client() as client:
        return client.get(path).json()


def test_an_encoder_serves_embeddings_and_says_that_it_does_not_chat(folder: Path, model: Path) -> None:
    with ready_vllm(folder, model, runner="pooling", convert="embed") as service, service.client() as client:
        body = {"model": "model-1", "input": ["hello", "the quick brown fox"]}
        floats = client.post("/v1/embeddings", json=body).json()
        assert [entry["index"] for entry in floats["data"]] == [0, 1]
        assert len(floats["data"][0]["embedding"]) == 64
        packed = client.post("/v1/embeddings", json={**body, "encoding_format": "base64"}).json()
        assert isinstance(packed["data"][0]["embedding"], str)
        refused = client.post(CHAT, json=QUESTION)
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "not_found")
