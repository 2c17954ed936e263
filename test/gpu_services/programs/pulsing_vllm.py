"""The vLLM service with signs of life at short intervals."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "gpu-services" / "vllm"))

from server import VllmService


class PulsingVllm(VllmService):
    beat_seconds = 0.3


if __name__ == "__main__":
    PulsingVllm().run()
