"""The `args` of a vLLM model as vLLM's own command line options."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

DEFAULT_MODEL = "Qwen/Qwen2.5-7B-Instruct"
NO_HOST = "no-host.invalid"  # vLLM takes an empty list for "any host"

# What a private engine behind a socket needs; `args` may say otherwise.
DEFAULTS: dict[str, Any] = {
    "allowed_media_domains": [NO_HOST],
    "disable_fastapi_docs": True,
    "disable_uvicorn_access_log": True,
    "max_log_len": 0,
}
# Without a size vLLM takes gigabytes of a CPU machine's memory for the cache.
CPU_DEFAULTS: dict[str, Any] = {"kv_cache_memory_bytes": 1 << 30}
QWEN_TOOLS: dict[str, Any] = {"enable_auto_tool_choice": True, "tool_call_parser": "hermes"}

OURS = frozenset({"allow_downloads", "sleep"})
NOT_TO_GIVE = frozenset(
    {
        *("uds", "host", "port", "grpc", "grpc_port", "headless", "api_server_count", "config", "root_path"),
        *("api_key", "ssl_keyfile", "ssl_certfile", "ssl_ca_certs", "ssl_cert_reqs", "ssl_ciphers"),
        *("allowed_origins", "allowed_methods", "allowed_headers", "allow_credentials", "middleware"),
        *("served_model_name", "hf_token", "enable_log_requests", "enable_log_outputs"),
    }
)
OPTION_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


def engine_flags(args: Mapping[str, Any], *, is_cpu_build: bool, may_sleep: bool = False) -> list[str]:
    """Every option but the model and its names. vLLM itself refuses those that it does not know.

    Raises ValueError for those that are not the models file's to give.
    """
    chosen = {name.replace("-", "_"): value for name, value in args.items()}
    for name in chosen:
        check_name(name)
    options = {**DEFAULTS, **(CPU_DEFAULTS if is_cpu_build else {}), **tool_defaults(chosen), **chosen}
    options.pop("enable_sleep_mode", None)
    if may_sleep and not is_cpu_build:  # vLLM would not start on a CPU
        options["enable_sleep_mode"] = True
    given = {name: value for name, value in options.items() if name not in OURS | {"model"}}
    return [word for name, value in given.items() for word in flag(name, value)]


def wants_sleep(args: Mapping[str, Any]) -> bool:
    return bool(args.get("sleep") or args.get("enable_sleep_mode"))


def tool_defaults(args: Mapping[str, Any]) -> dict[str, Any]:
    """Tools work without a word where the model's format is known, unless `args` say a word about them."""
    is_known = "qwen2.5" in str(args.get("model", DEFAULT_MODEL)).lower()
    return QWEN_TOOLS if is_known and not args.keys() & QWEN_TOOLS.keys() else {}


def check_name(name: str) -> None:
    if not OPTION_NAME.fullmatch(name):
        raise ValueError(f"args: {name!r} is not the name of an option of vLLM")
    if name in NOT_TO_GIVE:
        raise ValueError(
            f"args: {name!r} is set by Roundhouse and cannot be given: "
            "the engine listens on a private socket, under the id of the models file, and logs no requests"
        )


def flag(name: str, value: Any) -> Sequence[str]:
    """One option in vLLM's notation; with `=`, so that no value is taken for another option."""
    option = "--" + name.replace("_", "-")
    if value is None:
        return []
    if isinstance(value, bool):
        return [option if value else option.replace("--", "--no-", 1)]
    if isinstance(value, list):
        return [option, *map(word, value)] if value else []
    return [f"{option}={word(value)}"]


def word(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict | list | bool) else str(value)
