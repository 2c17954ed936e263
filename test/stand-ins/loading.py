"""The load of a model that is none, and what goes wrong with it."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from ledger import hold
from say import say
from settings import Settings
from status import Status

PROGRESS_EVERY_SECONDS = 0.02
LINGER_SECONDS = 1.0
ESCAPEE = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(3600)"
OOM = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."


def load(settings: Settings, status: Status) -> None:
    """Runs in a thread of its own, while /health already answers."""
    status.become("STARTING")
    say(f"loading {settings.model}, habit {settings.habit}")
    start_process_habit(settings.habit)
    take_memory(settings)
    pass_the_time(settings, status)
    end_badly(settings.habit, status)
    say("ready")
    status.become("READY")


def start_process_habit(habit: str) -> None:
    if habit == "fork_escape":
        start = f"subprocess.Popen([sys.executable, '-c', {ESCAPEE!r}], start_new_session=True)"
        subprocess.run([sys.executable, "-c", f"import subprocess, sys; {start}"], check=True)
    if habit == "hold_stdout":
        subprocess.Popen(["sleep", "3600"])
    if habit == "flood_stdout":
        threading.Thread(target=flood, daemon=True).start()


def flood() -> None:
    block = b"a line of an engine that has gone mad\n" * 2_000
    while True:
        os.write(1, block)


def take_memory(settings: Settings) -> None:
    if settings.ledger is None or settings.vram_mb == 0:
        return
    release = {"keep_vram": "never", "late_vram": "late"}.get(settings.habit, "at_once")
    hold(settings.ledger, settings.vram_mb, name=settings.model, release=release, late_ms=settings.late_ms)


def pass_the_time(settings: Settings, status: Status) -> None:
    if settings.habit == "hang_load":
        threading.Event().wait()
    if settings.gate is not None:
        Path(settings.gate).read_text()
    if settings.habit != "slow_load_with_progress":
        time.sleep(settings.load_ms / 1000)
        return
    started_at = time.monotonic()
    while (done := (time.monotonic() - started_at) * 1000 / max(1, settings.load_ms)) < 1:
        status.load_progress(round(done, 3), "weights")
        time.sleep(PROGRESS_EVERY_SECONDS)
    status.load_progress(1.0, "weights")


def end_badly(habit: str, status: Status) -> None:
    if habit == "exit0":
        os._exit(0)
    if habit == "oom_text":
        print(OOM, file=sys.stderr, flush=True)
        os._exit(1)
    if habit == "setup_failed":
        status.become("SETUP_FAILED", "no such checkpoint: /models/missing")
        time.sleep(LINGER_SECONDS)
        os._exit(1)
