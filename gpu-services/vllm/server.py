"""Text models by vLLM. Standalone: python gpu-services/vllm/server.py --port 8000

`args` in models.yaml: model (a hub id or a folder), sleep, allow_downloads, and any option of `vllm serve`,
such as max_model_len, gpu_memory_utilization or runner; see docs/CONFIGURATION.md.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from core.engine_service import EngineService
from core.errors import ServiceError
from core.hub_model import find_model
from core.process_io import tree
from engine_environment import engine_environment
from engine_flags import DEFAULT_MODEL, engine_flags, wants_sleep
from load_lines import is_further, load_progress
from root_cause import RootCause
from token_pulse import BEAT_SECONDS, TokenPulse, tokens_in
from vllm_errors import vllm_error
from vllm_package import is_cpu_build, server_module
from workplace import Workplace, folder_of_workplaces

NOTE_EVERY_SECONDS = 0.5
METRICS_SECONDS = 10.0
CANARY_SECONDS = 60.0
CANARY = {"prompt": "One, two, three,", "max_tokens": 8, "temperature": 0}
TURN_SECONDS = 300.0  # falling asleep copies all weights to host memory

log = logging.getLogger(__name__)


class VllmService(EngineService):
    relayed_paths = (
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/responses",
        "/v1/embeddings",
        "/v1/rerank",
        "/v1/score",
        "/v1/models",
        "/tokenize",
        "/detokenize",
        "/metrics",
    )
    beat_seconds = BEAT_SECONDS

    def __init__(self) -> None:
        super().__init__(name="vllm", port=8000)
        self._workplace: Workplace | None = None
        self._cause = RootCause()
        self._pulse = TokenPulse(self._tokens_so_far, self.beat_seconds)

    # Starting

    async def initialize(self) -> None:
        if self._is_to_sleep and not self.can_sleep:
            log.warning("vLLM cannot sleep on a CPU: sleep is not offered")
        self._workplace = Workplace(folder_of_workplaces())
        noting = asyncio.ensure_future(self._keep_noting_shared_memory())
        try:
            await super().initialize()
        finally:
            noting.cancel()
            self._note_shared_memory()
        self._cause.forget()

    def engine_command(self, socket_path: str) -> Sequence[str]:
        model = str(self.args.get("model", DEFAULT_MODEL))
        return [
            *(sys.executable, "-m", server_module(), f"--uds={socket_path}"),
            f"--model={self._model_files(model)}",
            *("--served-model-name", *self._served_names(model)),
            *engine_flags(self.args, is_cpu_build=is_cpu_build(), may_sleep=self.can_sleep),
        ]

    def engine_environment(self) -> Mapping[str, str]:
        assert self._workplace is not None
        return engine_environment(
            os.environ,
            str(self._workplace.folder),
            may_download=self._may_download,
            may_sleep=self.can_sleep,
        )

    def on_engine_line(self, line: str) -> None:
        self._cause.read(line)
        now = load_progress(line)
        if now is None or self.lifecycle.status != "STARTING" or not is_further(now, self.lifecycle.load):
            return
        self.load_progress(now.fraction, now.phase)

    @property
    def _may_download(self) -> bool:
        return bool(self.args.get("allow_downloads"))

    def _model_files(self, model: str) -> str:
        """A file is a GGUF model."""
        if Path(model).expanduser().is_file():
            found = str(Path(model).expanduser())
        else:
            found = find_model(model, self.args.get("revision"), self._may_download)
        self.weights_at(found)
        return found

    def _served_names(self, model: str) -> list[str]:
        is_hub_id = not Path(model).expanduser().exists()
        return list(dict.fromkeys([self.model_id, *([model] if is_hub_id else [])]))

    # Serving

    async def answer(self, request: Request) -> Response:
        async with self._pulse.held(self.job):
            try:
                return await super().answer(request)
            except ServiceError as error:
                if error.status == 500 and not await self.relay.is_healthy(self.engine_health_path):
                    raise ServiceError(
                        502, f"The engine died: {error.message}", code="engine_failed"
                    ) from None
                raise

    def engine_error(self, status: int, body: bytes) -> ServiceError:
        return vllm_error(status, body)

    async def _tokens_so_far(self) -> float | None:
        try:
            return tokens_in((await self.relay.call("GET", "/metrics", METRICS_SECONDS)).text)
        except ServiceError:
            return None

    # Sleeping

    @property
    def can_sleep(self) -> bool:
        return self._is_to_sleep and not is_cpu_build()

    @property
    def _is_to_sleep(self) -> bool:
        return self.settings.sleep or wants_sleep(self.args)

    async def sleep(self) -> None:
        await self.relay.call("POST", "/sleep?level=1", TURN_SECONDS)
        await self._check_sleep(is_wanted=True)

    async def wake(self) -> None:
        await self.relay.call("POST", "/wake_up", TURN_SECONDS)
        await self._check_sleep(is_wanted=False)

    async def canary(self) -> str | None:
        if self.args.get("runner") == "pooling":
            return None
        body = {**CANARY, "model": self.model_id}
        answer = (await self.relay.call("POST", "/v1/completions", CANARY_SECONDS, body)).json()
        return str(answer["choices"][0]["text"])

    async def _check_sleep(self, is_wanted: bool) -> None:
        answer = (await self.relay.call("GET", "/is_sleeping", METRICS_SECONDS)).json()
        if answer["is_sleeping"] is not is_wanted:
            raise RuntimeError(f"vLLM says is_sleeping: {answer['is_sleeping']}")

    # Ending

    def why_it_ended(self) -> str:
        return self._cause.text() or super().why_it_ended()

    async def shutdown(self) -> None:
        self._note_shared_memory()
        try:
            await super().shutdown()
        finally:
            if self._workplace is not None:
                self._workplace.remove()

    async def _keep_noting_shared_memory(self) -> None:
        """All along the load: some names stay although no process has them mapped any more."""
        while True:
            self._note_shared_memory()
            await asyncio.sleep(NOTE_EVERY_SECONDS)

    def _note_shared_memory(self) -> None:
        if self._workplace is not None and self.engine.is_running:
            self._workplace.note_shared_memory(tree(self.engine.pid))


if __name__ == "__main__":
    VllmService().run()
