"""Plays an engine with an HTTP server of its own. Arguments: socket path, way to start.

That is well, badly, stubborn: it does not hear SIGTERM, or deaf: nor does it ever finish loading.
"""

import json
import os
import signal
import socketserver
import subprocess
import sys
from http.server import BaseHTTPRequestHandler
from typing import Any


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self) -> str:
        return "unix"

    def do_GET(self) -> None:
        self.reply(200, {"status": "ok"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        getattr(self, body["do"])(body)

    def echo(self, body: dict[str, Any]) -> None:
        self.reply(200, {"body": body, "path": self.path, "job": self.headers["x-job-id"]})

    def refuse(self, body: dict[str, Any]) -> None:
        self.reply(400, {"error": {"code": 400, "type": body["type"], "message": body["message"]}})

    def count(self, body: dict[str, Any]) -> None:
        self.begin_stream()
        for number in range(body["to"]):
            self.piece(f"data: {number} é\n\n".encode())
        self.piece(b"")

    def forever(self, body: dict[str, Any]) -> None:
        self.begin_stream()
        try:
            while True:
                self.piece(b"data: more\n\n")
        except OSError:
            print("the client has left", flush=True)
            self.close_connection = True

    def die_midway(self, body: dict[str, Any]) -> None:
        self.begin_stream()
        self.piece(b"data: first\n\n")
        print("out of memory", flush=True)
        os._exit(9)

    def die_at_once(self, body: dict[str, Any]) -> None:
        os._exit(9)

    def reply(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def begin_stream(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def piece(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


if __name__ == "__main__":
    socket_path, way = sys.argv[1:]
    if way == "badly":
        sys.exit("the weights are corrupt")
    subprocess.Popen(["setsid", "sleep", "1000"])  # an engine's worker, which must not outlive it
    print("loading weights 50%", flush=True)
    if way in ("deaf", "stubborn"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if way == "deaf":
        print("deaf", flush=True)
        signal.pause()
    Server(socket_path, Handler).serve_forever()
