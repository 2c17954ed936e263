"""A stand-in for a model server: speaks the protocol, needs no model, and may have one bad habit.

Use it as `service_script` in a models file and choose habit and pace in `args` (see settings.py):

    args: { habit: hang_mid_stream, load_ms: 50, tokens: 20, token_ms: 10 }

Standard library only.
"""

import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from socketserver import BaseServer, TCPServer, ThreadingMixIn, UnixStreamServer
from typing import Any

import media
from answers import Writing, error_body, speech
from forms import is_form, read_form
from generation import ClientLeft, Generation
from journal import Journal
from loading import load
from say import say
from settings import Settings, read_settings
from sleeping import SleepSwitch
from status import Status

TEXT_PATHS = ("/v1/chat/completions", "/v1/completions")
MEDIA_PATHS = (
    *media.IMAGE_PATHS,
    *media.SPOKEN_PATHS,
    "/v1/audio/generations",
    "/v1/embeddings",
    "/v1/responses",
)


class Threads(ThreadingMixIn):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up between requests is nothing to tell."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            traceback.print_exc()


class UnixServer(Threads, UnixStreamServer):
    pass


class PortServer(Threads, TCPServer):
    allow_reuse_address = True


def handler_for(settings: Settings, status: Status, journal: Journal) -> type[BaseHTTPRequestHandler]:
    switch = SleepSwitch(settings, status)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path == "/health":
                code, body = status.health()
                self.send_json(code, body)
            else:
                self.send_json(404, error_body(f"no route {self.path}", "not_found"))

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path in switch.hooks:
                self.send_json(*switch.turn(self.path))
                return
            if not status.try_enter():
                self.send_json(503, error_body(*status.refusal()))
                return
            try:
                if (body := self.readable(raw)) is not None:
                    self.answer(body)
            except (ClientLeft, BrokenPipeError, ConnectionResetError):
                self.close_connection = True
                say(f"client left {self.job}")
            finally:
                status.leave()

        def readable(self, raw: bytes) -> dict[str, Any] | None:
            """None: it was refused."""
            kind = self.headers.get("Content-Type") or ""
            try:
                body = read_form(kind, raw) if is_form(kind) else json.loads(raw or b"{}")
            except ValueError:
                self.send_json(400, error_body("The body is not valid JSON", "invalid_json"))
                return None
            if self.path == "/v1/chat/completions" and not body.get("messages"):
                self.send_json(400, error_body("messages is missing", "missing_required_parameter"))
                return None
            return dict(body)

        @property
        def job(self) -> str:
            return self.headers.get("X-Job-Id") or "none"

        def answer(self, body: dict[str, Any]) -> None:
            attempt = int(self.headers.get("X-Attempt") or 1)
            generation = Generation(settings, status, journal, self.connection, body, self.job, attempt)
            if generation.habit == "garbage":
                self.send_bytes(200, "application/json", b'{"choices": [{"mess')
            elif generation.habit == "html_502":
                self.send_bytes(502, "text/html", b"<html><body><h1>502 Bad Gateway</h1></body></html>")
            elif self.path in TEXT_PATHS:
                self.write_text(generation, body)
            elif self.path == "/v1/audio/speech":
                self.send_bytes(200, "audio/wav", speech(len(list(generation.tokens()))))
            elif self.path in MEDIA_PATHS:
                self.write_media(generation, body)
            else:
                count = len(list(generation.tokens()))
                self.send_json(200, {"path": self.path, "echo": body, "tokens": count})

        def write_media(self, generation: Generation, body: dict[str, Any]) -> None:
            if body.get("stream") and (events := self.media_events(generation, body)) is not None:
                self.start_stream()
                for event in events:
                    self.send_event(event, generation.habit)
                self.wfile.write(b"0\r\n\r\n")
                return
            text = "".join(generation.tokens())
            answer = self.media_answer(body, text)
            if isinstance(answer, str):
                self.send_bytes(200, "text/plain; charset=utf-8", answer.encode())
            else:
                self.send_json(200, answer)

        def media_answer(self, body: dict[str, Any], text: str) -> dict[str, Any] | str:
            if self.path in media.IMAGE_PATHS:
                return media.Images(self.path, body).whole()
            if self.path in media.SPOKEN_PATHS:
                return media.transcript(body)
            if self.path == "/v1/embeddings":
                return media.embeddings(body)
            return media.sounds(body) if self.path == "/v1/audio/generations" else media.response(body, text)

        def media_events(
            self, generation: Generation, body: dict[str, Any]
        ) -> Iterator[dict[str, Any]] | None:
            if self.path in media.IMAGE_PATHS:
                return media.Images(self.path, body).events(generation.tokens())
            if self.path in media.SPOKEN_PATHS:
                return media.transcript_events(body, generation.tokens())
            if self.path == "/v1/responses":
                return media.response_events(body, generation.tokens())
            return None

        def write_text(self, generation: Generation, body: dict[str, Any]) -> None:
            writing = Writing(self.path, body)
            if not body.get("stream"):
                self.send_json(200, writing.whole(list(generation.tokens())))
                return
            self.start_stream()
            for chunk in writing.opening():
                self.send_event(chunk, generation.habit)
            count = 0
            for token in generation.tokens():
                self.send_event(writing.token(token), generation.habit)
                count += 1
            for chunk in writing.closing(count):
                self.send_event(chunk, generation.habit)
            self.send_piece(b"data: [DONE]\n\n")
            self.wfile.write(b"0\r\n\r\n")

        def start_stream(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()

        def send_event(self, event: dict[str, Any], habit: str) -> None:
            data = b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n"
            if habit != "split_utf8":
                self.send_piece(data)
                return
            for at in range(0, len(data), 3):
                self.send_piece(data[at : at + 3])
                time.sleep(0.0005)

        def send_piece(self, piece: bytes) -> None:
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")

        def send_json(self, code: int, body: dict[str, Any]) -> None:
            self.send_bytes(code, "application/json", json.dumps(body, ensure_ascii=False).encode())

        def send_bytes(self, code: int, content_type: str, body: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

        def address_string(self) -> str:
            return "supervisor"

    return Handler


def listen(settings: Settings, handler: type[BaseHTTPRequestHandler]) -> UnixServer | PortServer:
    if settings.socket is None:
        return PortServer(("127.0.0.1", settings.port or 0), handler)
    remove_socket(settings)
    mask = os.umask(0o177)  # only this user may connect
    try:
        return UnixServer(settings.socket, handler)
    finally:
        os.umask(mask)


def remove_socket(settings: Settings) -> None:
    if settings.socket is not None and os.path.exists(settings.socket):
        os.unlink(settings.socket)


def stop_on_term(server: BaseServer, ignores: bool) -> None:
    def stop(*_: object) -> None:
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, signal.SIG_IGN if ignores else stop)


def main() -> None:
    settings = read_settings()
    status = Status(settings)
    server = listen(settings, handler_for(settings, status, Journal(settings.journal, settings.model)))
    stop_on_term(server, ignores=settings.habit == "ignore_term")
    threading.Thread(target=load, args=(settings, status), daemon=True).start()
    server.serve_forever(poll_interval=0.02)
    server.socket.close()
    status.wait_until_idle()
    say("stopped")
    remove_socket(settings)
    os._exit(0)


if __name__ == "__main__":
    main()
