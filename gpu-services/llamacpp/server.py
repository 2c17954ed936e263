"""Text models in GGUF files, by llama.cpp. Standalone: python gpu-services/llamacpp/server.py --port 8001

`args` in models.yaml: model (a .gguf path, or a package that ships one), n_ctx (tokens shared by all
slots), n_parallel (answers at once), n_gpu_layers, n_threads, and any other option of llama.cpp.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from core.engine_service import EngineService
from core.process_io import bytes_taken_in
from model_file import DEFAULT_MODEL, find_model

ENGINE = Path(__file__).with_name("engine.py")
PHASES = {
    "loading model": "weights",
    "init: llama threadpool init": "context",
    "initializing, n_slots": "warm-up",
}
SHARE_OF_WEIGHTS = 0.9


class LlamaCppService(EngineService):
    relayed_paths = (
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/responses",
        "/v1/embeddings",
        "/v1/rerank",
        "/v1/models",
        "/tokenize",
        "/detokenize",
        "/apply-template",
        "/props",
        "/metrics",
    )

    def __init__(self) -> None:
        super().__init__(name="llamacpp", port=8001)
        self._file_bytes = 1

    def engine_command(self, socket_path: str) -> Sequence[str]:
        model = find_model(str(self.args.get("model", DEFAULT_MODEL)))
        self._file_bytes = model.stat().st_size
        options = {**self.args, "model": str(model), "alias": self.model_id}
        return [sys.executable, str(ENGINE), socket_path, json.dumps(options)]

    def on_engine_line(self, line: str) -> None:
        for words, phase in PHASES.items():
            if words in line and not self.lifecycle.is_serving:
                self.load_progress(self.lifecycle.load.fraction, phase)

    def measured_load(self) -> float | None:
        """Weights are read, or mapped, from the file: what the process took in tells how far it is."""
        taken = bytes_taken_in(self.engine.pid)
        return None if taken is None else SHARE_OF_WEIGHTS * min(1.0, taken / self._file_bytes)


if __name__ == "__main__":
    LlamaCppService().run()
