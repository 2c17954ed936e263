"""Speech by Piper voices. Standalone: python gpu-services/piper/server.py --port 8002

`args` in models.yaml: model (an .onnx path, or a package that ships one), use_cuda.
"""

import base64
import json
from collections.abc import AsyncIterator, Iterator

import numpy as np
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.responses import Response, StreamingResponse

from core.audio import FORMATS, encode
from core.base_service import BaseService
from core.job import Job
from speech import Speaker
from speech_request import SpeechRequest
from voice_file import DEFAULT_MODEL, find_voice

DELTA_BYTES = 32 * 1024


class PiperService(BaseService):
    def __init__(self) -> None:
        super().__init__(name="piper", port=8002)

    async def initialize(self) -> None:
        self.load_progress(None, "voice")
        file = find_voice(str(self.args.get("model", DEFAULT_MODEL)))
        self.weights_at(file)
        self.voice = Speaker(file, use_cuda=bool(self.args.get("use_cuda", False)))
        self.load_progress(0.8, "warm-up")
        for _ in self.voice.speak("Ready.", speaker=None, speed=1.0, job=Job()):
            pass

    def create_app(self) -> None:
        self.app.post("/v1/audio/speech")(self.speak)

    async def speak(self, request: SpeechRequest) -> Response:
        speaker = self.voice.names.speaker(request.voice_name)
        phonemes = await run_in_threadpool(self.voice.count_phonemes, request.input)
        pieces = self._pieces(request, speaker, self.job)
        if request.stream_format == "sse":
            return StreamingResponse(events(pieces, phonemes), media_type="text/event-stream")
        content_type = FORMATS[request.response_format].content_type
        if request.response_format == "pcm":
            return StreamingResponse(pieces, media_type=content_type)
        return Response(await run_in_threadpool(b"".join, pieces), media_type=content_type)

    def _pieces(self, request: SpeechRequest, speaker: int | None, job: Job) -> Iterator[bytes]:
        """pcm as it is spoken, since it can be cut anywhere; a file in one piece."""
        name, rate_hz = request.response_format, self.voice.rate_hz
        sentences = self.voice.speak(request.input, speaker, request.speed, job)
        if name == "pcm":
            yield from (encode(samples, rate_hz, name) for samples in sentences)
        else:
            yield encode(np.concatenate(list(sentences)), rate_hz, name)


async def events(pieces: Iterator[bytes], phonemes: int) -> AsyncIterator[str]:
    """OpenAI's speech events. The tokens of this model are phonemes."""
    async for piece in iterate_in_threadpool(pieces):
        for start in range(0, len(piece), DELTA_BYTES):
            audio = base64.b64encode(piece[start : start + DELTA_BYTES]).decode()
            yield event({"type": "speech.audio.delta", "audio": audio})
    usage = {"input_tokens": phonemes, "output_tokens": 0, "total_tokens": phonemes}
    yield event({"type": "speech.audio.done", "usage": usage})


def event(body: dict[str, object]) -> str:
    return f"data: {json.dumps(body)}\n\n"


if __name__ == "__main__":
    PiperService().run()
