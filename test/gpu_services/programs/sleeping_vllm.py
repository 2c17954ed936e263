"""The vLLM service as it is on a GPU, where it offers sleep: on a CPU vLLM goes through the motions of it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "gpu-services" / "vllm"))

from server import VllmService


class SleepingVllm(VllmService):
    can_sleep = True


if __name__ == "__main__":
    SleepingVllm().run()
