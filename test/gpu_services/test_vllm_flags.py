"""The args of a vLLM model as options and environment of the engine."""

from typing import Any

import pytest

from engine_environment import engine_environment
from engine_flags import engine_flags, wants_sleep


def flags(**args: Any) -> list[str]:
    return engine_flags(args, is_cpu_build=False)


def cpu_flags(**args: Any) -> list[str]:
    return engine_flags(args, is_cpu_build=True)


def environment(base: dict[str, str], may_download: bool = False, may_sleep: bool = False) -> dict[str, str]:
    return engine_environment(base, "/tmp/x", may_download=may_download, may_sleep=may_sleep)


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ({"max_model_len": 8192}, ["--max-model-len=8192"]),
        ({"max-model-len": 8192}, ["--max-model-len=8192"]),
        ({"gpu_memory_utilization": 0.75}, ["--gpu-memory-utilization=0.75"]),
        ({"enforce_eager": True}, ["--enforce-eager"]),
        ({"enable_prefix_caching": False}, ["--no-enable-prefix-caching"]),
        ({"quantization": None}, []),
        ({"chat_template": "--not-an-option"}, ["--chat-template=--not-an-option"]),
        ({"cudagraph_capture_sizes": [1, 2, 4]}, ["--cudagraph-capture-sizes", "1", "2", "4"]),
        ({"lora_modules": [{"name": "a", "path": "/a"}]}, ["--lora-modules", '{"name": "a", "path": "/a"}']),
        ({"speculative_config": {"method": "ngram"}}, ['--speculative-config={"method": "ngram"}']),
    ],
)
def test_an_option_is_passed_on_in_vllms_notation(args: dict[str, Any], expected: list[str]) -> None:
    before = flags(model="m")
    assert [word for word in flags(model="m", **args) if word not in before] == expected


def test_the_model_and_our_own_args_are_no_options() -> None:
    assert flags(model="m", allow_downloads=True) == flags()[: len(flags(model="m"))]
    assert not any("model=" in word or "downloads" in word for word in flags(model="m", allow_downloads=True))


def test_urls_of_media_are_fetched_from_no_host_unless_args_name_one() -> None:
    assert "no-host.invalid" in flags()
    assert flags(allowed_media_domains=["example.org"])[:2] == ["--allowed-media-domains", "example.org"]


def test_code_of_a_model_is_not_trusted_unless_args_say_so() -> None:
    assert not any("trust" in word for word in flags())
    assert "--trust-remote-code" in flags(trust_remote_code=True)


@pytest.mark.parametrize(
    "name", ["uds", "host", "port", "api-key", "served_model_name", "config", "middleware"]
)
def test_what_would_move_the_engine_from_its_socket_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is set by Roundhouse"):
        flags(**{name: "x"})


@pytest.mark.parametrize("name", ["", "max model len", "x=y", "-x"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not the name of an option"):
        flags(**{name: 1})


@pytest.mark.parametrize(
    "args", [{}, {"model": "Qwen/Qwen2.5-0.5B-Instruct"}, {"model": "/weights/qwen2.5-7b"}]
)
def test_qwen_calls_tools_without_a_word(args: dict[str, Any]) -> None:
    assert {"--enable-auto-tool-choice", "--tool-call-parser=hermes"} <= set(flags(**args))


@pytest.mark.parametrize("args", [{"model": "other/model"}, {"enable_auto_tool_choice": False}])
def test_other_models_and_users_who_say_otherwise_get_no_tools(args: dict[str, Any]) -> None:
    assert "--tool-call-parser=hermes" not in flags(**args)


def test_a_cpu_gets_a_small_cache_unless_args_give_its_size() -> None:
    assert "--kv-cache-memory-bytes=1073741824" in cpu_flags()
    assert "--kv-cache-memory-bytes=5" in cpu_flags(kv_cache_memory_bytes=5)
    assert not any("kv-cache" in word for word in flags())


@pytest.mark.parametrize("name", ["sleep", "enable_sleep_mode"])
def test_sleep_is_asked_of_vllm_where_it_can(name: str) -> None:
    assert wants_sleep({name: True}) and not wants_sleep({name: False})
    assert "--enable-sleep-mode" in engine_flags({name: True}, is_cpu_build=False, may_sleep=True)
    on_a_cpu = engine_flags({name: True}, is_cpu_build=True, may_sleep=True)
    assert not any("sleep" in word for word in on_a_cpu)
    assert "--enable-sleep-mode" not in flags(**{name: False})


def test_the_engine_stays_on_this_machine_and_tells_nobody() -> None:
    variables = environment({"PATH": "/bin", "HF_HUB_OFFLINE": "0"})
    assert variables["PATH"] == "/bin"
    assert variables["HF_HUB_OFFLINE"] == variables["TRANSFORMERS_OFFLINE"] == "1"
    assert variables["VLLM_HOST_IP"] == "127.0.0.1"
    assert variables["VLLM_NO_USAGE_STATS"] == variables["DO_NOT_TRACK"] == "1"
    assert variables["VLLM_MEDIA_URL_ALLOW_REDIRECTS"] == "0"
    assert variables["VLLM_MAX_N_SEQUENCES"] == "10"


def test_its_sockets_and_temporary_files_lie_in_its_own_folder() -> None:
    variables = environment({"TMPDIR": "/var/tmp", "VLLM_RPC_BASE_PATH": "/elsewhere"})
    assert variables["TMPDIR"] == variables["VLLM_RPC_BASE_PATH"] == "/tmp/x"
    assert not variables["TORCHINDUCTOR_CACHE_DIR"].startswith("/tmp/x")


def test_it_downloads_where_the_entry_allows_it() -> None:
    assert environment({}, may_download=True)["HF_HUB_OFFLINE"] == "0"


def test_routes_for_developers_are_open_only_where_sleep_needs_them() -> None:
    risky = {"VLLM_SERVER_DEV_MODE": "1", "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1", "VLLM_API_KEY": "k"}
    assert not environment(risky).keys() & risky.keys()
    assert environment({}, may_sleep=True)["VLLM_SERVER_DEV_MODE"] == "1"
