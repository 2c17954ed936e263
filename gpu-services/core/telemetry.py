"""Libraries that tell their makers about the machine they run on are asked not to."""

from collections.abc import MutableMapping
from typing import Final

SWITCHES: Final = {
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime, from 1.29 on, sends to Microsoft from Linux, too
    "VLLM_NO_USAGE_STATS": "1",
}


def switch_off_telemetry(environ: MutableMapping[str, str]) -> None:
    """Before such a library is imported. Who has set one of the variables has decided."""
    for name, value in SWITCHES.items():
        environ.setdefault(name, value)
