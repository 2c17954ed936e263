"""What a failure of PyTorch means for the request, and for the process. Needs torch."""

from collections.abc import Callable
from typing import Final, TypeVar

from .errors import ServiceError, describe

POISON: Final = ("CUDA error", "device-side assert", "CUBLAS_STATUS", "CUDNN_STATUS")
Result = TypeVar("Result")


def guarded(work: Callable[[], Result], advice: str, give_up: Callable[[str], None]) -> Result:
    """A GPU that is full refuses one request, with `advice`; one that is broken ends the process."""
    import torch

    try:
        return work()
    except torch.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        message = f"The GPU's memory is too small for this request; {advice}"
        raise ServiceError(503, message, code="out_of_memory") from error
    except Exception as error:
        if is_poisoned(error):
            give_up(f"The GPU cannot be used any more: {describe(error)}")
        raise


def is_poisoned(error: BaseException) -> bool:
    """Whether this process cannot compute on the GPU any more."""
    return type(error).__name__ == "AcceleratorError" or any(sign in str(error) for sign in POISON)
