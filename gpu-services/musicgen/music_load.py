"""Loads a MusicGen as the models file says."""

from collections.abc import Callable
from typing import Any

from core.library_bars import heard_bars
from core.library_logs import join_our_log
from core.torch_device import pick_dtype
from music_args import MusicArgs


def load_model(
    folder: str, args: MusicArgs, device: str, progress: Callable[[float], None]
) -> tuple[Any, Any]:
    """Model and tokenizer, still on the CPU. `progress` gets the fraction of the weights that are loaded."""
    import transformers.utils.logging
    from transformers import AutoTokenizer, MusicgenForConditionalGeneration

    join_our_log(transformers.utils.logging)
    where: dict[str, Any] = {"revision": args.revision, "local_files_only": not args.allow_downloads}
    with heard_bars(
        lambda title, done, total, step: progress(done / total if total else 0), transformers.utils.logging
    ):
        model = MusicgenForConditionalGeneration.from_pretrained(
            folder, dtype=pick_dtype(args.dtype, device, on_gpu="float16"), use_safetensors=True, **where
        )
    model.audio_encoder.float()  # a few MB that decide how it sounds
    return model.eval(), AutoTokenizer.from_pretrained(folder, **where)
