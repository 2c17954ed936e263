"""The Whisper service with its real engine, on speech that Piper has said."""

import contextvars
import difflib
import io
import json
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

from core.job import Job, JobCancelled, enter_job
from harness import SERVICES, Service, eventually, ready_service, running_service, short_folder, venv_python
from languages import NAMES
from recognizer import make_interruptible
from spoken import TINY, put_into_containers, speak

SERVER = SERVICES / "whisper" / "server.py"
TRANSCRIPTIONS = "/v1/audio/transcriptions"
TRANSLATIONS = "/v1/audio/translations"
TEXT = "The train leaves the station. The engine is on the turntable."
LONG_TEXT = """
The train leaves the station at seven in the morning. It is a cold day, and the windows are white with frost.
An old man reads the newspaper, and a child looks out at the fields. In the third carriage somebody sings.
The guard comes along the corridor and asks for the tickets. Behind the hills there is a small village.
Nobody gets off there, but a woman with a dog gets on. She has come a long way, and she is very tired.
At noon they reach the city, where the engine is turned around. Then it rests in the roundhouse until dark.
Tomorrow another driver will take it back to the mountains. He knows every bridge and every signal there.
The woman with the dog has found her brother at the station. They walk home together through the snow.
"""
ONE_THREAD = {"OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def sounds() -> Iterator[Path]:
    with short_folder() as folder:
        texts = {f"speech.{name}": TEXT for name in ("wav", "mp3", "flac", "opus")}
        speak({**texts, "long.wav": LONG_TEXT}, folder)
        put_into_containers(folder)
        yield folder


@pytest.fixture(scope="module")
def wav(sounds: Path) -> bytes:
    return (sounds / "speech.wav").read_bytes()


@pytest.fixture(scope="module")
def long_wav(sounds: Path) -> bytes:
    """More than the window of 30 s that Whisper hears at once."""
    sound = (sounds / "long.wav").read_bytes()
    assert seconds_of(sound) > 32
    return sound


@pytest.fixture(scope="module")
def longest_wav(long_wav: bytes) -> bytes:
    """So much that a client can leave in the middle, on a machine of any speed."""
    samples, rate_hz = soundfile.read(io.BytesIO(long_wav))
    sound = io.BytesIO()
    soundfile.write(sound, np.tile(samples, 8), rate_hz, format="WAV")
    return sound.getvalue()


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    python = venv_python("whisper")
    with short_folder() as folder, ready_service(SERVER, folder, python, **ONE_THREAD) as service:
        yield service


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    with service.client() as client:
        yield client


@pytest.fixture(scope="module")
def multilingual() -> Iterator[Service]:
    """Random weights: it knows all languages and tasks, and hears nonsense."""
    python = venv_python("whisper")
    with short_folder() as folder:
        subprocess.run([python, str(TINY / "tiny_whisper.py"), str(folder / "model")], check=True)
        args = json.dumps({"model": str(folder / "model"), "device": "cpu", "max_audio_seconds": 30})
        with ready_service(SERVER, folder, python, ROUNDHOUSE_ARGS=args, **ONE_THREAD) as service:
            yield service


def ask(client: httpx.Client, sound: bytes, path: str = TRANSCRIPTIONS, **fields: Any) -> httpx.Response:
    brackets = {"timestamp_granularities": "timestamp_granularities[]", "include": "include[]"}
    form = {brackets.get(name, name): value for name, value in fields.items()}
    return client.post(path, files={"file": ("speech", sound)}, data={"model": "whisper-1", **form})


def words_in(text: str) -> list[str]:
    return re.findall("[a-z]+", text.lower())


def is_what_was_said(text: str) -> bool:
    """All of it, but for a word or two."""
    return difflib.SequenceMatcher(None, words_in(text), words_in(TEXT)).ratio() > 0.8


def seconds_of(sound: bytes) -> float:
    return float(soundfile.info(io.BytesIO(sound)).duration)


def refusal(answer: httpx.Response) -> tuple[int, str | None]:
    return answer.status_code, answer.json()["error"]["param"]


@pytest.mark.parametrize("name", ["wav", "mp3", "flac", "opus", "m4a", "webm", "mkv"])
def test_it_reads_back_what_piper_said_from_any_format(client: httpx.Client, sounds: Path, name: str) -> None:
    answer = ask(client, (sounds / f"speech.{name}").read_bytes()).json()
    assert is_what_was_said(answer["text"])
    assert answer["usage"]["type"] == "duration" and 3 < answer["usage"]["seconds"] < 5


def test_plain_text_is_a_line(client: httpx.Client, wav: bytes) -> None:
    answer = ask(client, wav, response_format="text")
    assert answer.headers["content-type"].startswith("text/plain")
    assert is_what_was_said(answer.text) and answer.text.endswith("\n")


def test_verbose_json_tells_language_length_and_segments(client: httpx.Client, wav: bytes) -> None:
    answer = ask(client, wav, response_format="verbose_json").json()
    assert (answer["task"], answer["language"]) == ("transcribe", "english")
    assert answer["duration"] == pytest.approx(seconds_of(wav), abs=0.1)
    assert "words" not in answer
    first = answer["segments"][0]
    assert {"id", "seek", "start", "end", "text", "tokens", "temperature"} <= set(first)
    assert {"avg_logprob", "compression_ratio", "no_speech_prob"} <= set(first)
    assert "".join(segment["text"] for segment in answer["segments"]).strip() == answer["text"]


def test_words_have_their_times_where_asked_for(client: httpx.Client, wav: bytes) -> None:
    answer = ask(client, wav, response_format="verbose_json", timestamp_granularities=["word"]).json()
    assert "segments" not in answer
    assert is_what_was_said(" ".join(word["word"] for word in answer["words"]))
    times = [time for word in answer["words"] for time in (word["start"], word["end"])]
    assert times == sorted(times) and times[-1] <= answer["duration"] + 0.1


def test_both_granularities_give_both(client: httpx.Client, wav: bytes) -> None:
    both = ask(
        client, wav, response_format="verbose_json", timestamp_granularities=["word", "segment"]
    ).json()
    assert both["words"] and both["segments"]


def test_subtitles_come_as_srt_and_vtt(client: httpx.Client, wav: bytes) -> None:
    srt = ask(client, wav, response_format="srt").text
    assert re.match(r"1\n00:00:00,\d{3} --> 00:00:0\d,\d{3}\n", srt)
    vtt = ask(client, wav, response_format="vtt").text
    assert re.match(r"WEBVTT\n\n00:00:00\.\d{3} --> 00:00:0\d\.\d{3}\n", vtt)
    assert is_what_was_said(srt) and is_what_was_said(vtt.removeprefix("WEBVTT"))


def test_a_stream_tells_segment_by_segment_and_the_whole_at_the_end(
    client: httpx.Client, long_wav: bytes
) -> None:
    answer = ask(client, long_wav, stream="true")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line]
    assert {event["type"] for event in events[:-1]} == {"transcript.text.delta"} and len(events) > 2
    assert events[-1]["type"] == "transcript.text.done"
    assert events[-1]["text"] == "".join(event["delta"] for event in events[:-1])
    assert events[-1]["usage"]["seconds"] == pytest.approx(seconds_of(long_wav), abs=0.1)


def test_the_same_sound_gives_the_same_text(client: httpx.Client, wav: bytes) -> None:
    assert ask(client, wav).json() == ask(client, wav, temperature="0").json()


def test_a_language_goes_by_its_code_or_its_name(client: httpx.Client, wav: bytes) -> None:
    for name in ("en", "en-GB", "English"):
        assert is_what_was_said(ask(client, wav, language=name).json()["text"])


def test_silence_has_no_text(client: httpx.Client, sounds: Path) -> None:
    soundfile.write(sounds / "silence.wav", np.zeros(48_000, np.int16), 16_000)
    answer = ask(client, (sounds / "silence.wav").read_bytes()).json()
    assert answer["text"] == "" and answer["usage"]["seconds"] == 3


def test_speech_after_a_silence_is_found_at_its_time(client: httpx.Client, sounds: Path) -> None:
    samples, rate_hz = soundfile.read(sounds / "speech.wav")
    soundfile.write(sounds / "late.wav", np.concatenate([np.zeros(5 * rate_hz), samples]), rate_hz)
    answer = ask(client, (sounds / "late.wav").read_bytes(), response_format="verbose_json").json()
    assert is_what_was_said(answer["text"])
    assert 4 < answer["segments"][0]["start"] < 6


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"response_format": "docx"}, "response_format"),
        ({"temperature": "7"}, "temperature"),
        ({"stream": "perhaps"}, "stream"),
        ({"stream": "true", "response_format": "srt"}, "stream"),
        ({"language": "de"}, "language"),
        ({"language": "klingon"}, "language"),
        ({"chunking_strategy": "often"}, "chunking_strategy"),
        ({"timestamp_granularities": ["word"]}, "timestamp_granularities"),
        ({"timestamp_granularities": ["page"], "response_format": "verbose_json"}, "timestamp_granularities"),
        ({"include": ["logprobs"]}, "include"),
    ],
)
def test_what_it_cannot_do_is_a_400_that_names_the_field(
    client: httpx.Client, wav: bytes, fields: dict[str, Any], param: str
) -> None:
    status, named = refusal(ask(client, wav, **fields))
    assert status == 400 and named is not None and named.startswith(param)


@pytest.mark.parametrize(
    "sound", [b"", b"not a sound at all", bytes(range(256)) * 80], ids=["empty", "text", "garbage"]
)
def test_a_broken_file_is_a_400_that_names_the_file(client: httpx.Client, sound: bytes) -> None:
    assert refusal(ask(client, sound)) == (400, "file")


def test_half_a_file_is_heard_as_far_as_it_goes(client: httpx.Client, sounds: Path) -> None:
    half = (sounds / "speech.mp3").read_bytes()
    text = ask(client, half[: len(half) // 2]).json()["text"].lower()
    assert "train leaves" in text and "turntable" not in text


def test_a_film_without_sound_is_refused_for_that(client: httpx.Client, sounds: Path) -> None:
    answer = ask(client, (sounds / "film.mp4").read_bytes())
    assert refusal(answer) == (400, "file")
    assert "no audio track" in answer.json()["error"]["message"]


def test_a_moment_is_too_short(client: httpx.Client, sounds: Path) -> None:
    soundfile.write(sounds / "short.wav", np.zeros(800, np.int16), 16_000)
    assert refusal(ask(client, (sounds / "short.wav").read_bytes())) == (400, "file")


def test_a_form_without_a_file_says_so(client: httpx.Client) -> None:
    assert refusal(client.post(TRANSCRIPTIONS, data={"model": "whisper-1"})) == (400, "file")
    assert refusal(client.post(TRANSCRIPTIONS, json={"file": "speech.wav"})) == (400, "file")
    no_file = client.post(TRANSCRIPTIONS, data={"file": "speech.wav"})
    assert "multipart/form-data" in no_file.json()["error"]["message"]


def test_a_playlist_makes_it_open_nothing_else(
    folder: Path, sounds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FFmpeg on its own would read the first of them, from the folder it was started in."""
    monkeypatch.chdir(sounds)
    python = venv_python("whisper")
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        ready_service(SERVER, folder, python, **ONE_THREAD) as service,
        service.client() as client,
    ):
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/speech.wav"
        playlists = [
            "ffconcat version 1.0\nfile speech.wav\n",
            f"ffconcat version 1.0\nfile '{sounds / 'speech.wav'}'\n",
            f"ffconcat version 1.0\nfile '{url}'\n",
            f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{url}\n#EXT-X-ENDLIST\n",
        ]
        for playlist in playlists:
            assert refusal(ask(client, playlist.encode())) == (400, "file")
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_an_upload_goes_to_the_disk_and_leaves_nothing_there(folder: Path, sounds: Path) -> None:
    size = 96 << 20
    with (sounds / "huge").open("wb") as huge:
        huge.truncate(size)
    spool = folder / "spool"
    spool.mkdir()
    python = venv_python("whisper")
    with ready_service(SERVER, folder, python, TMPDIR=str(spool), **ONE_THREAD) as service:
        with service.client() as client, (sounds / "huge").open("rb") as huge:
            ask(client, b"something, so that all libraries are loaded")
            before = peak_memory_bytes(service)
            answer = client.post(TRANSCRIPTIONS, files={"file": huge})
        assert refusal(answer) == (400, "file")
        assert peak_memory_bytes(service) - before < size / 4
        assert list(spool.iterdir()) == []


def peak_memory_bytes(service: Service) -> int:
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


def test_progress_grows_with_the_seconds_heard(service: Service, long_wav: bytes) -> None:
    with service.client() as client:
        client.headers["X-Job-Id"] = "job_1"
        ask(client, long_wav)
    told = job_events(service, "job_1", until=lambda event: event["progress"] == 1.0)
    assert {event["phase"] for event in told} <= {"decoding", "listening", "transcribing"}
    fractions = [event["progress"] for event in told if event["phase"] == "transcribing"]
    assert fractions == sorted(fractions) and any(0 < fraction < 1 for fraction in fractions)


def test_a_client_that_leaves_stops_it_between_two_segments(
    service: Service, wav: bytes, longest_wav: bytes
) -> None:
    with service.client() as client:
        client.headers["X-Job-Id"] = "job_2"
        form: dict[str, Any] = {"files": {"file": longest_wav}, "data": {"stream": "true"}}
        with client.stream("POST", TRANSCRIPTIONS, **form) as answer:
            next(answer.iter_lines())
    eventually(lambda: service.health()["in_flight"] == 0)
    with service.client() as client:
        client.headers["X-Job-Id"] = "job_3"
        ask(client, wav)
    told = job_events(service, "job_2", until=lambda event: event["job_id"] == "job_3")
    assert told and 1.0 not in [event["progress"] for event in told]


class Model:
    """As much of faster-whisper as matters here; the client leaves after some of its steps."""

    def __init__(self, job: Job, steps_before_leaving: int) -> None:
        self._job = job
        self._left_after = steps_before_leaving
        self.done: list[str] = []
        self.voice_detector = SimpleNamespace(session=self)
        self.model = self.feature_extractor = self

    def transcribe(self) -> None:
        self.voice_detector.session.run()
        self.feature_extractor()
        self.model.encode()
        self.model.generate()

    def run(self) -> None:
        self._did("voice")

    def __call__(self) -> None:
        self._did("features")

    def encode(self) -> None:
        self._did("window")

    def generate(self) -> None:
        self._did("text")

    def _did(self, step: str) -> None:
        self.done.append(step)
        if len(self.done) == self._left_after:
            self._job.cancel()


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_client_that_leaves_within_a_window_stops_it_before_the_next_step(steps: int) -> None:
    job = Job("job_1")
    model = Model(job, steps)
    make_interruptible(model, model.voice_detector)

    def work_for_the_job() -> None:
        enter_job(job)
        with pytest.raises(JobCancelled):
            model.transcribe()

    contextvars.copy_context().run(work_for_the_job)
    assert model.done == ["voice", "features", "window", "text"][:steps]


def job_events(
    service: Service, job_id: str, until: Callable[[dict[str, Any]], bool]
) -> list[dict[str, Any]]:
    """What `job_id` told before the event that ends the looking."""
    told: list[dict[str, Any]] = []
    while True:
        event = service.events.until(lambda event: event["type"] == "job")
        if event["job_id"] == job_id:
            told.append(event)
        if until(event):
            return told


def test_an_english_model_says_that_it_cannot_translate(client: httpx.Client, wav: bytes) -> None:
    answer = ask(client, wav, TRANSLATIONS)
    assert refusal(answer) == (400, "model")
    assert "multilingual" in answer.json()["error"]["message"]


def test_a_multilingual_model_translates(multilingual: Service, wav: bytes) -> None:
    with multilingual.client() as client:
        answer = ask(client, wav, TRANSLATIONS, response_format="verbose_json").json()
    assert (answer["task"], answer["language"]) == ("translate", "english")
    assert answer["text"]


def test_a_multilingual_model_takes_a_language_or_finds_out(multilingual: Service, wav: bytes) -> None:
    with multilingual.client() as client:
        german = ask(client, wav, language="German", response_format="verbose_json").json()
        found = ask(client, wav, response_format="verbose_json").json()
        unknown = ask(client, wav, language="klingon")
    assert german["language"] == "german"
    assert found["language"] in NAMES.values()
    assert refusal(unknown) == (400, "language")


def test_sound_beyond_the_limit_is_refused(multilingual: Service, long_wav: bytes) -> None:
    with multilingual.client() as client:
        answer = ask(client, long_wav)
    assert refusal(answer) == (400, "file")
    assert "30 s" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"model": "/no/such/folder"}, "/no/such/folder"),
        ({"model": str(SERVICES)}, "model.bin"),
        ({"model": "whisper-one"}, "Systran/faster-whisper-small"),
        ({"model": "Systran/faster-whisper-small"}, "models pull"),
        ({"modle": "x"}, "args.modle"),
        ({"beam_size": 0}, "args.beam_size"),
        ({"device": "tpu"}, "args.device"),
    ],
)
def test_a_wrong_arg_is_named_at_the_start(folder: Path, args: dict[str, Any], words: str) -> None:
    variables = {"ROUNDHOUSE_ARGS": json.dumps(args), "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "hub")}
    with running_service(SERVER, folder, venv_python("whisper"), **variables) as service:
        assert words in service.events.until_status("SETUP_FAILED")["error"]
        assert service.wait() == 1
