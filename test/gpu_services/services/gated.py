"""Blocks its loop in `initialize` until something is written to the FIFO that args name."""

from pathlib import Path

from core.base_service import BaseService


class Gated(BaseService):
    async def initialize(self) -> None:
        self.load_progress(0.25, "weights")
        Path(self.args["gate"]).read_text()
        self.load_progress(0.75, "warm-up")


if __name__ == "__main__":
    Gated(name="gated").run()
