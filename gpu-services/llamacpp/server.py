"""Text models in GGUF files, by llama.cpp. Standalone: python gpu-services/llamacpp/server.py --port 8001

`args` in models.yaml: model (a .gguf path, or a package that ships one), n_ctx (tokens shared by all
slots), n_parallel (answers at once), n_gpu_layers, n_threads, and any other option of llama.cpp.
"""

import json
import sys
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from assemble import Assembly
from core.engine_service import EngineService
from core.process_io import bytes_taken_in
from core.relay import engine_error
from model_file import DEFAULT_MODEL, find_model

ENGINE = Path(__file__).with_name("engine.py")
PHASES = {
    "loading model": "weights",
    "init: llama threadpool init": "context",
    "initializing, n_slots": "warm-up",
}
SHARE_OF_WEIGHTS = 0.9
GENERATING = ("/v1/chat/completions", "/v1/completions")


class LlamaCppService(EngineService):
    relayed_paths = (
        *GENERATING,
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
        self.weights_at(model)
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

    async def answer(self, request: Request) -> Response:
        """llama.cpp notices at once that the client of a stream has left. For a plain answer it looks only
        when no other request has got a token for a second, so a plain answer is made from a stream, too."""
        body = json_object(await request.body())
        if request.scope["path"] not in GENERATING or body is None or is_beyond_assembly(body):
            return await self.relay.answer(request)
        return JSONResponse(await self._assembled(request, body))

    async def _assembled(self, request: Request, body: dict[str, Any]) -> dict[str, Any]:
        streamed = {**body, "stream": True, "stream_options": {"include_usage": True}}
        limit = body.get("max_completion_tokens") or body.get("max_tokens")
        assembly, count = Assembly(), 0
        async with aclosing(self.relay.events(request, streamed)) as chunks:
            async for chunk in chunks:
                if "error" in chunk:
                    raise engine_error(500, json.dumps(chunk).encode())
                assembly.add(chunk)
                count += 1
                self.job.progress(min(1.0, count / limit) if limit else None, "generating")
        return assembly.whole()


def json_object(body: bytes) -> dict[str, Any] | None:
    """None for anything else: the engine then says what is wrong with it."""
    try:
        parsed = json.loads(body)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


def is_beyond_assembly(body: dict[str, Any]) -> bool:
    """Streams, and several prompts in one request."""
    return bool(body.get("stream")) or isinstance(body.get("prompt"), list)


if __name__ == "__main__":
    LlamaCppService().run()
