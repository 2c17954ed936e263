"""Speech to listen to, said by the Piper service."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from harness import FIXTURES, SERVICES, ready_service, short_folder, venv_python

TINY = FIXTURES.parent / "tiny"
FIND_VOICE = "import voice_file; print(voice_file.find_voice(voice_file.DEFAULT_MODEL))"


def speak(texts: Mapping[str, str], folder: Path) -> None:
    """Writes a file for each name, such as speech.wav; what it ends in is the format."""
    with (
        short_folder() as own,
        ready_service(
            SERVICES / "piper" / "server.py",
            own,
            venv_python("piper"),
            ROUNDHOUSE_ARGS=json.dumps({"model": str(even_voice(own))}),
            OMP_NUM_THREADS="1",
        ) as piper,
        piper.client() as client,
    ):
        for name, text in texts.items():
            body = {"input": text, "voice": "default", "response_format": name.rpartition(".")[2]}
            answer = client.post("/v1/audio/speech", json=body)
            assert answer.status_code == 200
            (folder / name).write_bytes(answer.content)


def even_voice(folder: Path) -> Path:
    """Piper's voice without the chance in it: it says a thing always in the same way."""
    command = [venv_python("piper"), "-c", FIND_VOICE]
    found = subprocess.run(command, cwd=SERVICES / "piper", check=True, stdout=subprocess.PIPE, text=True)
    voice = Path(found.stdout.strip())
    settings = json.loads(voice.with_name(f"{voice.name}.json").read_text())
    settings["inference"].update(noise_scale=0, noise_w=0)
    (folder / f"{voice.name}.json").write_text(json.dumps(settings))
    return Path(shutil.copy(voice, folder))


def put_into_containers(folder: Path) -> None:
    """Writes speech.m4a, speech.webm, speech.mkv and film.mp4, which has no sound, beside speech.wav."""
    script = str(TINY / "containers.py")
    subprocess.run([venv_python("whisper"), script, str(folder / "speech.wav"), str(folder)], check=True)
