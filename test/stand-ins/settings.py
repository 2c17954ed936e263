"""What a stand-in is told: the supervisor's variables, and its habit and pace in ROUNDHOUSE_ARGS."""

import json
import os
import sys
from dataclasses import dataclass
from typing import Any

LOAD_HABITS = {
    "hang_load": "never becomes ready and says nothing",
    "slow_load_with_progress": "tells progress all along load_ms",
    "exit0": "ends with code 0 while loading",
    "oom_text": "ends with code 1 and CUDA's words for too little memory",
    "setup_failed": "says SETUP_FAILED and why, as BaseService does",
    "wrong_boot_id": "answers health with the boot id of another start",
    "silent": "sends no events: only health tells its state",
    "foreign": "knows nothing of the protocol: /health is 503, then 200 with a body of its own",
}
ANSWER_HABITS = {
    "garbage": "answers 200 with what is not JSON",
    "html_502": "answers 502 with a page of HTML",
    "hang_first_token": "never sends the first token",
    "hang_mid_stream": "goes silent after half of the tokens",
    "crash_mid_stream": "dies by SIGSEGV after half of the tokens",
    "split_utf8": "writes its stream in pieces of three bytes",
    "ignore_cancel": "goes on when the client has left",
}
PROCESS_HABITS = {
    "ignore_term": "ignores SIGTERM",
    "fork_escape": "leaves a grandchild in a session of its own that ignores SIGTERM",
    "hold_stdout": "leaves a grandchild that holds stdout and stderr open",
    "flood_stdout": "writes to stdout without end",
    "keep_vram": "its memory is never given back",
    "late_vram": "its memory comes back late_ms after its end",
}
SLEEP_HABITS = {
    "sleep_keeps_vram": "says that it sleeps and gives no memory back",
    "sleep_fails": "becomes DEFUNCT when it is put to sleep",
    "wake_fails": "becomes DEFUNCT when it is woken",
    "wake_dies": "becomes DEFUNCT when it is woken, and does not answer",
    "wake_hangs": "never answers when it is woken",
    "wake_garbles": "answers otherwise once it was woken",
}
HABITS = {"none": "behaves well", **LOAD_HABITS, **ANSWER_HABITS, **PROCESS_HABITS, **SLEEP_HABITS}


@dataclass(frozen=True)
class Settings:
    """Everything with `_ms` is in milliseconds; `args` of models.yaml carry the fields by name."""

    habit: str = "none"
    load_ms: int = 0
    gate: str | None = None  # a FIFO: the load ends when something is written to it
    tokens: int | None = None  # length of an answer; None: as long as its text
    token_ms: int = 0
    vram_mb: int = 0
    ledger: str | None = None  # folder that the stand-in nvidia-smi reads
    late_ms: int = 500
    journal: str | None = None
    reply: str | None = None  # None: repeats what it was asked
    attempts: int | None = None  # an answer habit shows in attempts up to this one only
    when: str | None = None  # an answer habit shows only when this text is asked
    can_sleep: bool = False
    wake_ms: int = 0
    asleep_mb: int = 0  # what it keeps of the GPU's memory while it sleeps

    socket: str | None = None
    port: int | None = None
    boot_id: str | None = None
    model: str = "stand-in"
    events_fd: int | None = None

    @property
    def is_protocol_speaker(self) -> bool:
        return self.habit not in ("silent", "foreign")


def read_settings() -> Settings:
    options = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True))  # --port N, --args JSON
    args: dict[str, Any] = json.loads(options.get("--args") or os.environ.get("ROUNDHOUSE_ARGS") or "{}")
    if (habit := args.get("habit", "none")) not in HABITS:
        raise SystemExit(f"stand-in: no habit {habit!r}; there are {', '.join(HABITS)}")
    port = options.get("--port") or os.environ.get("ROUNDHOUSE_SERVICE_PORT")
    events_fd = os.environ.get("ROUNDHOUSE_EVENTS_FD")
    return Settings(
        **args,
        socket=os.environ.get("ROUNDHOUSE_SOCKET"),
        port=int(port) if port else None,
        boot_id=os.environ.get("ROUNDHOUSE_BOOT_ID"),
        model=os.environ.get("ROUNDHOUSE_MODEL") or "stand-in",
        events_fd=int(events_fd) if events_fd else None,
    )
