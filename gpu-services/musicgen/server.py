"""Music by MusicGen. Standalone: python gpu-services/musicgen/server.py --port 8012

`args` in models.yaml: see music_args.py, and the table in gpu-services/README.md.
"""

import base64
import secrets
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from composer import Composer, Piece
from core.audio import FORMATS, Samples, encode, target_rate
from core.errors import BadRequest
from core.hub_model import find_model
from core.job import Job
from core.service_args import read_args
from core.torch_device import allow_downloads, pick_device
from core.torch_faults import guarded
from core.torch_service import TorchService
from music_args import MusicArgs
from music_load import load_model
from music_request import MusicRequest, SoundRequest, codec_of, wants_bytes

SHARE_OF_WEIGHTS = 0.8
CANARY = Piece(prompt="warm-up", seconds=0.5, seed=0)
NO_ROOM = "ask for a shorter piece"
SOUND_FORMAT = "mp3_44100_128"  # ElevenLabs' default


class MusicgenService(TorchService):
    def __init__(self) -> None:
        super().__init__(name="musicgen", port=8012)

    async def initialize(self) -> None:
        self.options = read_args(MusicArgs, self.args)
        allow_downloads(self.options.allow_downloads)
        self.load_progress(0.0, "libraries")
        folder = find_model(self.options.model, self.options.revision, self.options.allow_downloads)
        self.weights_at(folder)
        self.device = pick_device(self.options.device)
        model, tokenizer = load_model(folder, self.options, self.device, self._tell_weights)
        self.load_progress(SHARE_OF_WEIGHTS, f"to {self.device}")
        model.to(self.device)
        self.composer = Composer(model, tokenizer, self.options.window_seconds, self.options.overlap_seconds)
        self.load_progress(0.95, "warm-up")
        self.canary_output()
        self.keeps_a_copy([model], self.device)

    def create_app(self) -> None:
        self.app.post("/v1/audio/generations")(self.generate)
        self.app.post("/v1/sound-generation")(self.sound)

    async def generate(self, body: MusicRequest, request: Request) -> Response:
        accept = request.headers.get("accept", "")
        name = body.format_for(accept)
        if not wants_bytes(accept):
            pieces = self._pieces(body)
            return self._as_json(body, pieces, await self._compose(pieces, name), name)
        if body.n > 1:
            raise BadRequest(
                "Bytes can be of one piece only: send n=1, or accept application/json", param="n"
            )
        return await self._as_bytes(body, name)

    async def sound(self, body: SoundRequest, request: Request) -> Response:
        """ElevenLabs has the format in the address."""
        wanted = body.output_format or request.query_params.get("output_format") or SOUND_FORMAT
        try:
            name = codec_of(wanted)
        except ValueError as error:
            raise BadRequest(str(error), param="output_format") from None
        return await self._as_bytes(body.as_music(), name)

    def canary_output(self) -> bytes:
        return self.composer.compose(CANARY, Job(), on_frames=lambda fraction: None).tobytes()

    def _tell_weights(self, fraction: float) -> None:
        self.load_progress(fraction * SHARE_OF_WEIGHTS, "weights")

    def _pieces(self, body: MusicRequest) -> list[Piece]:
        if body.duration_seconds > self.options.max_seconds:
            longest = f"{self.options.max_seconds:g} seconds"
            raise BadRequest(f"This model makes pieces of up to {longest}", param="duration_seconds")
        first_seed = body.seed if body.seed is not None else secrets.randbelow(2**32)
        return [
            Piece(
                prompt=body.prompt,
                seconds=body.duration_seconds,
                seed=first_seed + i,
                guidance=body.guidance if body.guidance is not None else self.options.guidance,
                temperature=body.temperature,
                top_k=body.top_k,
            )
            for i in range(body.n)
        ]

    async def _compose(self, pieces: list[Piece], name: str) -> list[bytes]:
        job = self.job

        def one(i: int, piece: Piece) -> bytes:
            def on_frames(fraction: float) -> None:
                job.progress((i + fraction) / len(pieces), "generating")

            samples = self.composer.compose(piece, job, on_frames)
            return encode(flat(samples), self.composer.rate_hz, name)

        return await self.model_thread.run(
            lambda: guarded(lambda: [one(i, p) for i, p in enumerate(pieces)], NO_ROOM, self.give_up)
        )

    async def _as_bytes(self, body: MusicRequest, name: str) -> Response:
        pieces = self._pieces(body)
        [data] = await self._compose(pieces, name)
        return Response(data, media_type=FORMATS[name].content_type, headers={"x-seed": str(pieces[0].seed)})

    def _as_json(self, body: MusicRequest, pieces: list[Piece], files: list[bytes], name: str) -> Response:
        """`seed` is what to send to get a piece again."""
        data = [
            {
                "b64_json": base64.b64encode(file).decode(),
                "duration_seconds": piece.seconds,
                "sample_rate": target_rate(self.composer.rate_hz, name),
                "output_format": name,
                "seed": piece.seed,
            }
            for piece, file in zip(pieces, files, strict=True)
        ]
        return JSONResponse({"created": int(time.time()), "data": data, "usage": self._usage(body)})

    def _usage(self, body: MusicRequest) -> dict[str, Any]:
        """The tokens of music are frames of the codec, 50 a second."""
        text = self.composer.count_tokens(body.prompt)
        frames = body.n * self.composer.count_frames(body.duration_seconds)
        return {
            "input_tokens": text,
            "output_tokens": frames,
            "total_tokens": text + frames,
            "seconds": body.n * body.duration_seconds,
        }


def flat(samples: Samples) -> Samples:
    """One channel is no table."""
    return samples[:, 0] if samples.shape[1] == 1 else samples


if __name__ == "__main__":
    MusicgenService().run()
