"""Service script of bench:swap: a stand-in that writes down when it is ready, when it is told to stop,
and its last instant. It loads for `load_ms`, reads the file `weights` then, works for `work_ms` and stops for
`stop_ms`. Standard library only.
"""

import json
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingMixIn, UnixStreamServer

ARGS = json.loads(os.environ.get("ROUNDHOUSE_ARGS") or "{}")
EVENTS_FD = int(os.environ.get("ROUNDHOUSE_EVENTS_FD") or -1)
JOURNAL = ARGS["journal"]


def tell(instant: str) -> None:
    line = json.dumps({"model": os.environ["ROUNDHOUSE_MODEL"], "instant": instant, "ms": time.time() * 1000})
    with open(JOURNAL, "a", encoding="utf-8") as journal:
        journal.write(line + "\n")


def send_event(kind: str, **facts: object) -> None:
    event = {"type": kind, **facts, "boot_id": os.environ.get("ROUNDHOUSE_BOOT_ID")}
    if EVENTS_FD >= 0:
        os.write(EVENTS_FD, json.dumps(event).encode() + b"\n")


def read_weights(path: str) -> None:
    send_event("weights", paths=[path])
    with open(path, "rb", buffering=0) as file:
        while file.read(1 << 22):
            pass


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer({"status": "READY", "boot_id": os.environ.get("ROUNDHOUSE_BOOT_ID")})

    def do_POST(self) -> None:
        tell("asked")
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        time.sleep(ARGS.get("work_ms", 0) / 1000)
        self.answer({"object": "nothing", "model": os.environ["ROUNDHOUSE_MODEL"]})
        tell("answered")

    def answer(self, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def address_string(self) -> str:
        return "supervisor"


class Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True


def stop(*_: object) -> None:
    tell("asked to stop")
    time.sleep(ARGS.get("stop_ms", 0) / 1000)
    tell("last")
    os._exit(0)


def main() -> None:
    signal.signal(signal.SIGTERM, stop)
    server = Server(os.environ["ROUNDHOUSE_SOCKET"], Handler)
    send_event("state", status="STARTING")
    time.sleep(ARGS.get("load_ms", 0) / 1000)
    if "weights" in ARGS:
        read_weights(ARGS["weights"])
    tell("ready")
    send_event("state", status="READY")
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
