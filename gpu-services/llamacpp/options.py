"""The `args` of a llama.cpp model: ours, and every plain field of llama.cpp's own parameters."""

import difflib
from typing import Any

# Why each differs from llama.cpp's own default:
DEFAULTS: dict[str, Any] = {
    "n_ctx": 4096,  # tokens over all slots; llama.cpp would take the model's full length
    "n_parallel": 4,  # answers at once
    "kv_unified": True,  # the slots share n_ctx, so that one long conversation may use all of it
    "cache_ram_mib": 256,  # saved prompts; llama.cpp would take up to 8 GiB
    "ui": False,
    "offline": True,
}
NOT_OURS_TO_GIVE = ("hostnames", "port", "model")


def apply_options(params: Any, options: dict[str, Any]) -> None:
    """Sets `options` (the model as a path) on llama.cpp's parameters. Raises ValueError for a wrong one."""
    chosen = {**DEFAULTS, **options}
    params.model.path = chosen.pop("model")
    params.model_alias = {chosen.pop("alias")} if "alias" in chosen else set()
    if (threads := chosen.pop("n_threads", None)) is not None:
        params.cpuparams.n_threads = threads
        params.cpuparams_batch.n_threads = threads
    for name, value in chosen.items():
        set_option(params, name, value)


def set_option(params: Any, name: str, value: Any) -> None:
    known = [field for field in dir(params) if not field.startswith("_") and field not in NOT_OURS_TO_GIVE]
    if name not in known:
        close = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"args: llama.cpp has no option {name!r}{hint}")
    try:
        setattr(params, name, value)
    except (TypeError, OverflowError) as error:
        raise ValueError(f"args: {name} cannot be {value!r}: {error}") from None
