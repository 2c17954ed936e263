"""Pictures of an image that is still being painted."""

from typing import Any


class Preview:
    """Looks at the latents after each step of one image."""

    def __init__(self, width: int, height: int) -> None:
        self._width = width
        self._height = height
        self._before: Any = None

    def look(self, pipe: Any, latents: Any) -> Any:
        """What the image would be if painting went straight on from here, as latents."""
        before, self._before = self._before, latents
        sigmas = getattr(pipe.scheduler, "sigmas", None)
        step = getattr(pipe.scheduler, "step_index", None)
        is_flow = type(pipe.scheduler).__name__.startswith("FlowMatch")
        if before is None or sigmas is None or not step or not is_flow:
            return latents
        return end_of_line(before, latents, float(sigmas[step - 1]), float(sigmas[step]))

    def picture(self, pipe: Any, latents: Any) -> Any:
        if latents.ndim == 3:
            latents = pipe._unpack_latents(latents, self._height, self._width, pipe.vae_scale_factor)
        config = pipe.vae.config
        latents = latents / config.scaling_factor + (getattr(config, "shift_factor", None) or 0.0)
        decoded = pipe.vae.decode(latents.to(pipe.vae.dtype), return_dict=False)[0]
        return pipe.image_processor.postprocess(decoded.detach(), output_type="pil")[0]


def end_of_line(before: Any, now: Any, sigma_before: float, sigma_now: float) -> Any:
    """A flow moves each latent along a line, from noise at sigma 1 to the image at sigma 0."""
    velocity = (now - before) / (sigma_now - sigma_before)
    return now - sigma_now * velocity


def can_preview(pipe: Any) -> bool:
    """Latents of other autoencoders need more than a scale and a shift."""
    return type(getattr(pipe, "vae", None)).__name__ == "AutoencoderKL" and hasattr(pipe, "image_processor")


def preview_steps(partial_images: int, steps: int) -> list[int]:
    """After which steps (the first is 1) to show one: evenly spread; fewer where there are too few steps."""
    spread = (round((i + 1) * steps / (partial_images + 1)) for i in range(partial_images))
    return sorted({step for step in spread if 1 <= step < steps})
