"""Wraps the stand-in engine beside it.

`args`: start (the way to start it), measured (how far its load is, look by look), shutdown_seconds.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from core.engine_service import EngineService


class Wrapping(EngineService):
    relayed_paths = ("/v1/chat/completions",)

    def engine_command(self, socket_path: str) -> Sequence[str]:
        engine = Path(__file__).with_name("engine.py")
        return [sys.executable, str(engine), socket_path, self.args.get("start", "well")]

    @property
    def shutdown_seconds(self) -> float:
        return float(self.args.get("shutdown_seconds", super().shutdown_seconds))

    def measured_load(self) -> float | None:
        measured: list[float] = self.args.get("measured", [])
        return measured.pop(0) if measured else None

    def on_engine_line(self, line: str) -> None:
        if "weights" in line:
            self.load_progress(0.5, "weights")


if __name__ == "__main__":
    Wrapping(name="wrapping").run()
