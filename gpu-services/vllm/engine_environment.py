"""The environment of vLLM: nothing leaves the machine, listens on the network, or is left behind."""

import os
import tempfile
from collections.abc import Mapping

MOST_ANSWERS = "10"  # `n` of one request; vLLM's own limit is 16384
ALWAYS = {
    "DO_NOT_TRACK": "1",
    "SPT_NOENV": "1",  # vLLM renames its processes, which would wipe their environment from /proc
    "VLLM_HOST_IP": "127.0.0.1",
    "VLLM_LOGGING_COLOR": "0",
    "VLLM_LOGGING_LEVEL": "INFO",  # load progress is read from the log
    "VLLM_MEDIA_URL_ALLOW_REDIRECTS": "0",
    "VLLM_NO_USAGE_STATS": "1",
}
# They would open routes, load files that a request names, or put a lock before the relay.
NEVER = (
    "VLLM_ALLOW_INSECURE_SERIALIZATION",
    "VLLM_ALLOW_RUNTIME_LORA_UPDATING",
    "VLLM_API_KEY",
    "VLLM_LOGGING_CONFIG_PATH",
    "VLLM_SERVER_DEV_MODE",
)


def engine_environment(
    base: Mapping[str, str], folder: str, *, may_download: bool, may_sleep: bool
) -> dict[str, str]:
    """`folder` takes its sockets and temporary files; what the next start can use stays outside."""
    kept = {name: value for name, value in base.items() if name not in NEVER}
    offline = "0" if may_download else "1"
    sleep = (
        {"VLLM_SERVER_DEV_MODE": "1"} if may_sleep else {}
    )  # it opens /sleep, on the engine's socket alone
    compiled = os.path.join(tempfile.gettempdir(), f"torchinductor_{os.getuid()}")
    return {
        "TORCHINDUCTOR_CACHE_DIR": compiled,
        "VLLM_MAX_N_SEQUENCES": MOST_ANSWERS,
        **kept,
        **ALWAYS,
        "HF_HUB_OFFLINE": offline,
        "TRANSFORMERS_OFFLINE": offline,
        **sleep,
        "TMPDIR": folder,
        "VLLM_RPC_BASE_PATH": folder,
    }
