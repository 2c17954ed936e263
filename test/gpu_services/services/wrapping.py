"""Wraps the stand-in engine beside it."""

import sys
from collections.abc import Sequence
from pathlib import Path

from core.engine_service import EngineService


class Wrapping(EngineService):
    relayed_paths = ("/v1/chat/completions",)

    def engine_command(self, socket_path: str) -> Sequence[str]:
        engine = Path(__file__).with_name("engine.py")
        return [sys.executable, str(engine), socket_path, self.args.get("start", "well")]

    def on_engine_line(self, line: str) -> None:
        if "weights" in line:
            self.load_progress(0.5, "weights")


if __name__ == "__main__":
    Wrapping(name="wrapping").run()
