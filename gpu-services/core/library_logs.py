"""The logs of transformers and diffusers among ours, as JSON, instead of beside them."""

import logging
from typing import Any

NOISY = "transformers.utils.import_utils"  # warns of torchvision, which none of our models needs


def join_our_log(*libraries: Any) -> None:
    """Takes their logging modules (`transformers.utils.logging`)."""
    for library in libraries:
        library.disable_default_handler()
        library.enable_propagation()
    logging.getLogger(NOISY).setLevel(logging.ERROR)
