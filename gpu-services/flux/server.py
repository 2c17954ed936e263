"""Images by any diffusers pipeline. Standalone: python gpu-services/flux/server.py --port 8011

`args` in models.yaml: see pipeline_args.py, and the table in gpu-services/README.md.
"""

from collections.abc import AsyncIterator
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from core.errors import ServiceError, describe, envelope
from core.hub_model import find_model
from core.job import Job, JobCancelled
from core.one_at_a_time import Tell
from core.service_args import read_args
from core.torch_device import allow_downloads, pick_device
from core.torch_faults import guarded
from core.torch_service import TorchService
from edit_upload import read_edit
from image_answer import Answer, error_event
from image_request import ImageRequest
from image_size import Size
from loras import add_loras
from orders import opened, orders_of
from painter import Order, Painter
from pipeline_args import PipelineArgs
from pipeline_load import load_pipeline, place_pipeline

SHARE_OF_WEIGHTS = 0.8
CANARY = Order(prompt="warm-up", size=Size(256, 256), seed=0, steps=1)
NO_ROOM = "ask for a smaller size"


class FluxService(TorchService):
    def __init__(self) -> None:
        super().__init__(name="flux", port=8011)

    async def initialize(self) -> None:
        self.options = read_args(PipelineArgs, self.args)
        allow_downloads(self.options.allow_downloads)
        self.load_progress(0.0, "libraries")
        folder = find_model(self.options.model, self.options.revision, self.options.allow_downloads)
        self.weights_at(folder)
        self.device = pick_device(self.options.device)
        pipe = load_pipeline(folder, self.options, self.device, self._tell_weights)
        add_loras(pipe, self.options.loras, self.options.allow_downloads)
        self.load_progress(SHARE_OF_WEIGHTS, f"to {self.device}")
        place_pipeline(pipe, self.options, self.device)
        self.painter = Painter(pipe, self.options)
        self.load_progress(0.95, "warm-up")
        self.canary_output()
        if self.options.offload == "none":
            self.keeps_a_copy(modules_of(pipe), self.device)

    def create_app(self) -> None:
        self.app.post("/v1/images/generations")(self.generate)
        self.app.post("/v1/images/edits")(self.edit)

    async def generate(self, request: ImageRequest) -> Response:
        return await self._answer("image_generation", request, orders_of(request, self.options, self.painter))

    async def edit(self, request: Request) -> Response:
        edit = await read_edit(request)
        self.painter.pipeline_for(image=True, mask=edit.mask is not None)
        image, mask = await run_in_threadpool(opened, edit.image, edit.mask)
        orders = orders_of(edit.request, self.options, self.painter, image, mask)
        return await self._answer("image_edit", edit.request, orders)

    def canary_output(self) -> bytes:
        image = self.painter.paint(CANARY, Job(), on_step=lambda *_: None, on_partial=lambda *_: None)
        return bytes(image.tobytes())

    def _tell_weights(self, fraction: float, part: str) -> None:
        self.load_progress(fraction * SHARE_OF_WEIGHTS, part)

    async def _answer(self, kind: str, request: ImageRequest, orders: list[Order]) -> Response:
        answer = Answer(kind, request, orders[0].size, self.painter.count_tokens(request.prompt))
        job = self.job
        if request.stream:
            return StreamingResponse(self._events(answer, orders[0], job), media_type="text/event-stream")
        images = await self.model_thread.run(lambda: self._paint_all(answer, orders, job))
        return JSONResponse(answer.whole(images, orders))

    def _paint_all(self, answer: Answer, orders: list[Order], job: Job) -> list[bytes]:
        def paint(i: int, order: Order) -> bytes:
            def on_step(step: int, steps: int) -> None:
                job.progress((i + step / steps) / len(orders), "generating")

            return answer.write(self.painter.paint(order, job, on_step, on_partial=lambda *_: None))

        return guarded(lambda: [paint(i, order) for i, order in enumerate(orders)], NO_ROOM, self.give_up)

    async def _events(self, answer: Answer, order: Order, job: Job) -> AsyncIterator[str]:
        def paint(tell: Tell[str]) -> None:
            image = guarded(
                lambda: self.painter.paint(
                    order,
                    job,
                    on_step=lambda step, steps: job.progress(step / steps, "generating"),
                    on_partial=lambda i, image: tell(answer.partial(answer.write(image), i)),
                ),
                NO_ROOM,
                self.give_up,
            )
            tell(answer.completed(answer.write(image), order))

        try:
            async for event in self.model_thread.stream(paint):
                yield event
        except JobCancelled:
            return
        except ServiceError as error:
            yield error_event(envelope(error.status, error.message, code=error.code))
        except Exception as error:
            yield error_event(envelope(500, f"The model failed: {describe(error)}", code="model_error"))


def modules_of(pipe: Any) -> list[Any]:
    return [part for part in pipe.components.values() if hasattr(part, "parameters")]


if __name__ == "__main__":
    FluxService().run()
