"""A loaded pipeline and the ways it can be called."""

import copy
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.errors import BadRequest
from core.job import Job
from image_size import Size
from pipeline_args import PipelineArgs
from pipeline_load import main_model
from preview import Preview, can_preview, preview_steps

SCHNELL_STEPS = 4
SCHNELL_TOKENS = 256


@dataclass(frozen=True)
class Order:
    """One image to paint; `image` and `mask` are what to begin with."""

    prompt: str
    size: Size
    seed: int
    steps: int
    guidance: float | None = None
    image: Any = None
    mask: Any = None
    strength: float | None = None
    partial_images: int = 0


OnStep = Callable[[int, int], None]
OnPartial = Callable[[int, Any], None]


class Painter:
    """Not safe for two calls at once: scheduler and step count live on the pipeline."""

    def __init__(self, pipe: Any, args: PipelineArgs) -> None:
        self._args = args
        self.pipe = pipe
        self.from_image = converted(pipe, "AutoPipelineForImage2Image")
        self.from_mask = converted(pipe, "AutoPipelineForInpainting")
        # Of its own: to count sets how a tokenizer cuts and pads, maybe while the pipeline encodes a prompt.
        self._counter = copy.deepcopy(getattr(pipe, "tokenizer_2", None) or getattr(pipe, "tokenizer", None))
        if "callback_on_step_end" not in accepted(pipe):
            raise ValueError(f"{type(pipe).__name__} does not tell its steps, so it could not be cancelled")

    @property
    def is_distilled(self) -> bool:
        """FLUX.1-schnell and what was made of it: made for a few steps, and it knows no guidance."""
        is_flux = type(self.pipe).__name__.startswith("Flux")
        return is_flux and getattr(main_model(self.pipe).config, "guidance_embeds", None) is False

    @property
    def default_steps(self) -> int:
        if self._args.steps is not None:
            return self._args.steps
        own = inspect.signature(self.pipe.__call__).parameters["num_inference_steps"].default
        return SCHNELL_STEPS if self.is_distilled else min(50, int(own))

    def pipeline_for(self, image: bool, mask: bool) -> Any:
        """Raises BadRequest where this model has no such form."""
        if mask and self.from_mask is None:
            raise BadRequest(
                "This model cannot paint into a mask; leave the mask out", param="mask", code="unsupported"
            )
        if image and self.from_image is None and not mask:
            raise BadRequest("This model makes images from text only", code="unsupported")
        return self.from_mask if mask else self.from_image if image else self.pipe

    def paint(self, order: Order, job: Job, on_step: OnStep, on_partial: OnPartial) -> Any:
        """Blocks. Raises JobCancelled between two steps once the client has left."""
        import torch

        job.raise_if_cancelled()
        pipe = self.pipeline_for(order.image is not None, order.mask is not None)
        brush = Brush(order, job, on_step, on_partial)
        with torch.inference_mode():
            result = pipe(**self._call(pipe, order), callback_on_step_end=brush.after_step)
        return result.images[0].convert("RGB")

    def _call(self, pipe: Any, order: Order) -> dict[str, Any]:
        import torch

        call: dict[str, Any] = {
            "prompt": order.prompt,
            "width": order.size.width,
            "height": order.size.height,
            "num_inference_steps": order.steps,
            # on the CPU, so that a seed means the same picture on every device
            "generator": torch.Generator("cpu").manual_seed(order.seed),
            "image": order.image,
            "mask_image": order.mask,
            "strength": order.strength,
            "guidance_scale": order.guidance if order.guidance is not None else self._args.guidance,
            "max_sequence_length": SCHNELL_TOKENS if self.is_distilled else None,
        }
        known = accepted(pipe)
        return {name: value for name, value in call.items() if value is not None and name in known}

    def count_tokens(self, prompt: str) -> int:
        """From any thread, also while another paints."""
        return len(self._counter(prompt, truncation=True).input_ids) if self._counter is not None else 0


class Brush:
    """What happens between two steps of one image."""

    def __init__(self, order: Order, job: Job, on_step: OnStep, on_partial: OnPartial) -> None:
        self._order = order
        self._job = job
        self._on_step = on_step
        self._on_partial = on_partial
        self._preview = Preview(order.size.width, order.size.height)
        self._shown = 0

    def after_step(self, pipe: Any, index: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        self._job.raise_if_cancelled()
        total = getattr(pipe, "num_timesteps", None) or self._order.steps
        self._on_step(index + 1, total)
        if self._order.partial_images > 0 and can_preview(pipe):
            self._show(pipe, index + 1, total, tensors["latents"])
        return {}

    def _show(self, pipe: Any, step: int, total: int, latents: Any) -> None:
        expected = self._preview.look(pipe, latents)
        if step in preview_steps(self._order.partial_images, total):
            self._on_partial(self._shown, self._preview.picture(pipe, expected))
            self._shown += 1


def accepted(pipe: Any) -> set[str]:
    return set(inspect.signature(pipe.__call__).parameters)


def default_strength(pipe: Any) -> float | None:
    """How much an edit changes where nobody says; None where the pipeline makes none, or does not tell."""
    parameter = inspect.signature(pipe.__call__).parameters.get("strength")
    return parameter.default if parameter is not None and isinstance(parameter.default, float) else None


def converted(pipe: Any, form: str) -> Any:
    """The same weights as another form of pipeline; None where diffusers has none for this model."""
    import diffusers

    try:
        other = getattr(diffusers, form).from_pipe(pipe)
    except ValueError:
        return None
    other.set_progress_bar_config(disable=True)
    return other
