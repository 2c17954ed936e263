"""URLs in a request: vLLM would fetch them from wherever they point to."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from engine_flags import engine_flags
from vllm_errors import NO_MEDIA_URLS, vllm_error
from weights import PROGRAMS, run_there


class Secrets(HTTPServer):
    """A server on this machine that nobody outside should reach."""

    asked: list[str]

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []


class Handler(BaseHTTPRequestHandler):
    server: Secrets

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def secrets() -> Iterator[Secrets]:
    with Secrets() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def allowed_hosts() -> list[str]:
    flags = engine_flags({}, is_cpu_build=False)
    return [flags[flags.index("--allowed-media-domains") + 1]]


def said_of(server: Secrets, hosts: list[str]) -> str:
    url = f"http://127.0.0.1:{server.server_port}/secret.png"
    return run_there("vllm", PROGRAMS / "fetch_media.py", url, *hosts)


def test_vllm_fetches_nothing_from_hosts_that_args_do_not_name(secrets: Secrets) -> None:
    said = said_of(secrets, allowed_hosts())
    assert secrets.asked == []
    body = json.dumps({"error": {"message": said}}).encode()
    assert vllm_error(400, body).message == NO_MEDIA_URLS


def test_without_that_option_it_would(secrets: Secrets) -> None:
    said_of(secrets, [])
    assert secrets.asked == ["/secret.png"]
