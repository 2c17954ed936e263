"""Service script of bench:replay: a stand-in that loads, works and unloads for as long as the trace says,
divided by the factor by which time runs faster. What the swap has already cost when it is asked, its own
interpreter's start included, counts as load. Standard library only, and little of it: it starts often.
"""

import json
import os
import signal
import socket
import sys
import threading
import time

PROJECT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(PROJECT, "test", "stand-ins"))

from journal import Journal  # noqa: E402

ARGS = json.loads(os.environ["ROUNDHOUSE_ARGS"])
EVENTS_FD = int(os.environ.get("ROUNDHOUSE_EVENTS_FD") or -1)
BOOT_ID = os.environ.get("ROUNDHOUSE_BOOT_ID")
journal = Journal(ARGS["journal"], os.environ["ROUNDHOUSE_MODEL"])


def send_state(status: str) -> None:
    if EVENTS_FD >= 0:
        event = {"type": "state", "status": status, "boot_id": BOOT_ID}
        os.write(EVENTS_FD, json.dumps(event).encode() + b"\n")


def real_seconds(trace_ms: float) -> float:
    return trace_ms / 1000 / float(ARGS["factor"])


def sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def work(headers: dict[bytes, str], body: bytes, asked_at: float) -> dict[str, object]:
    job, attempt = headers.get(b"x-job-id", "none"), int(headers.get(b"x-attempt", "1"))
    journal.start(job, attempt)
    sleep_until(asked_at + real_seconds(json.loads(body)["service_ms"]))
    journal.end(job, attempt)
    return {"object": "replayed", "job": job}


def serve(connection: socket.socket) -> None:
    stream = connection.makefile("rb")
    while request := stream.readline():
        asked_at = time.monotonic()
        headers: dict[bytes, str] = {}
        while (line := stream.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            headers[name.lower()] = value.strip().decode()
        body = stream.read(int(headers.get(b"content-length", "0")))
        is_health = request.startswith(b"GET")
        answer = {"status": "READY", "boot_id": BOOT_ID} if is_health else work(headers, body, asked_at)
        data = json.dumps(answer).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        connection.sendall(head.encode() + data)


def stop(*_: object) -> None:
    time.sleep(real_seconds(ARGS["unload_ms"]))
    os._exit(0)


def main() -> None:
    signal.signal(signal.SIGTERM, stop)
    send_state("STARTING")
    sleep_until(float(os.environ["REPLAY_LOAD_BEGAN_S"]) + real_seconds(ARGS["load_ms"]))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(os.environ["ROUNDHOUSE_SOCKET"])
        listener.listen(128)
        send_state("READY")
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()
