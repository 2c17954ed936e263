"""Requests as conformance.json describes them."""

import io
import json
import wave
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

BOUNDARY = "roundhouse-conformance"
MODEL_PLACE = b"{model}"


class PlanError(Exception):
    """The message says what is wrong with what the kit was given, and where."""


@dataclass(frozen=True)
class Request:
    """`{model}` in the body becomes the model's id."""

    path: str
    body: bytes = b""
    content_type: str = "application/json"
    method: str = "POST"

    def for_model(self, model: str) -> "Request":
        return replace(self, body=self.body.replace(MODEL_PLACE, model.encode()))


def request_from(entry: Any, folder: Path, where: str) -> Request:
    """From {"path": ..., "json": ...} or {"path": ..., "form": {...}, "files": {...}}. Raises PlanError."""
    if not isinstance(entry, dict) or not str(entry.get("path", "")).startswith("/"):
        raise PlanError(f'{where} must be an object like {{"path": "/v1/...", "json": {{...}}}}')
    if "json" in entry:
        return Request(entry["path"], json.dumps(entry["json"]).encode())
    files = {name: file_bytes(file, folder, where) for name, file in entry.get("files", {}).items()}
    form = multipart(entry.get("form", {}), files)
    return Request(entry["path"], form, f"multipart/form-data; boundary={BOUNDARY}")


def file_bytes(entry: Any, folder: Path, where: str) -> tuple[str, bytes]:
    """A path beside conformance.json, or {"wav": PATH, "times": N, "pause_seconds": S} for a WAV file that is
    repeated, with S seconds of silence after each."""
    wav = entry if isinstance(entry, dict) else {"wav": entry}
    path, times = wav.get("wav"), int(wav.get("times", 1))
    if not isinstance(path, str) or not (folder / path).is_file():
        raise PlanError(f"{where}: {path!r} is no file in {folder}")
    data = (folder / path).read_bytes()
    return Path(path).name, data if times == 1 else repeated(data, times, float(wav.get("pause_seconds", 0)))


def repeated(wav: bytes, times: int, pause_seconds: float) -> bytes:
    file = io.BytesIO()
    with wave.open(io.BytesIO(wav)) as reader, wave.open(file, "wb") as writer:
        writer.setparams(reader.getparams())
        silence = bytes(
            round(pause_seconds * reader.getframerate()) * reader.getnchannels() * reader.getsampwidth()
        )
        writer.writeframes((reader.readframes(reader.getnframes()) + silence) * times)
    return file.getvalue()


def multipart(form: dict[str, Any], files: dict[str, tuple[str, bytes]]) -> bytes:
    parts = [part(f'name="{name}"', str(value).encode()) for name, value in form.items()]
    for name, (file_name, data) in files.items():
        parts.append(part(f'name="{name}"; filename="{file_name}"', data))
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def part(disposition: str, data: bytes) -> bytes:
    return f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode() + data + b"\r\n"
