"""The stand-in of the hub, held to the real client: the client's own calls and errors, unmodified."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness import venv_python
from stand_in_hub import StandInHub, StandInRepo, blob_of, random_bytes, tiny_repo

SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")


def ask(hub: StandInHub, home: Path, code: str, **variables: str) -> Any:
    """What the code, which runs with the real client, prints as JSON."""
    given = {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    program = f"import json, huggingface_hub as hf\nfrom huggingface_hub import errors\n{code}"
    run = subprocess.run(
        [venv_python("downloads"), "-c", program],
        env={"PATH": os.environ["PATH"], "HOME": str(home), **given, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def test_a_whole_snapshot_comes_as_it_is(folder: Path) -> None:
    repo = tiny_repo()
    with StandInHub({"org/tiny": repo}) as hub:
        code = "print(json.dumps(hf.snapshot_download('org/tiny')))"
        snapshot = Path(ask(hub, folder, code))
    assert snapshot.name == repo.commit
    assert {path.name: path.read_bytes() for path in snapshot.iterdir()} == repo.files


def test_a_part_of_a_snapshot_is_chosen_by_patterns(folder: Path) -> None:
    with StandInHub({"org/tiny": tiny_repo()}) as hub:
        code = "print(json.dumps(hf.snapshot_download('org/tiny', allow_patterns=['*.json'])))"
        names = {path.name for path in Path(ask(hub, folder, code)).iterdir()}
    assert names == {name for name in tiny_repo().files if name.endswith(".json")}


def test_the_list_names_sizes_and_hashes_over_several_pages(folder: Path) -> None:
    repo = tiny_repo()
    with StandInHub({"org/tiny": repo}) as hub:
        code = (
            "tree = hf.HfApi().list_repo_tree('org/tiny', recursive=True)\n"
            "print(json.dumps({f.path: [f.size, f.lfs.sha256 if f.lfs else f.blob_id] for f in tree}))"
        )
        tree = ask(hub, folder, code)
        pages = [each for _, each, _ in hub.requests if "/tree/" in each]
    assert tree == {path: [len(data), blob_of(data)] for path, data in repo.files.items()}
    assert len(pages) == 2


def test_the_card_tells_the_licence(folder: Path) -> None:
    with StandInHub({"org/a": StandInRepo({}, {"license": "cc-by-nc-4.0"})}) as hub:
        code = "print(json.dumps(hf.HfApi().model_info('org/a').card_data.to_dict()))"
        assert ask(hub, folder, code) == {"license": "cc-by-nc-4.0"}


def test_the_metadata_of_a_large_file_are_those_of_what_it_is_linked_to(folder: Path) -> None:
    repo = tiny_repo()
    with StandInHub({"org/tiny": repo}) as hub:
        code = (
            f"m = hf.get_hf_file_metadata(hf.hf_hub_url('org/tiny', '{SHARDS[0]}'))\n"
            "print(json.dumps([m.commit_hash, m.etag, m.size, m.location]))"
        )
        commit, etag, size, location = ask(hub, folder, code)
        assert location.startswith(hub.cdn_url)
    data = repo.files[SHARDS[0]]
    assert (commit, etag, size) == (repo.commit, blob_of(data), len(data))


def test_the_client_goes_on_after_a_cut_and_sends_no_token_to_the_other_address(folder: Path) -> None:
    data = random_bytes(3_000_000)
    with StandInHub({"org/a": StandInRepo({"model.safetensors": data})}, tokens=("hf_me",)) as hub:
        hub.habits.cuts["model.safetensors"] = [1_500_000]
        code = (
            "from huggingface_hub import constants\nconstants.DOWNLOAD_CHUNK_SIZE = 65536\n"
            "print(json.dumps(hf.hf_hub_download('org/a', 'model.safetensors')))"
        )
        path = ask(hub, folder, code, HF_TOKEN="hf_me")
        assert Path(path).read_bytes() == data
        assert hub.served["model.safetensors"] < 3_200_000
        assert hub.tokens_seen_by_cdn() == []
        assert {token for where, _, token in hub.requests if where == "hub"} == {"hf_me"}


@pytest.mark.parametrize(
    ("call", "token", "error", "status"),
    [
        ("model_info('org/none')", "", "RepositoryNotFoundError", 401),
        ("model_info('org/none')", "hf_me", "RepositoryNotFoundError", 404),
        ("model_info('org/tiny', revision='v9')", "", "RevisionNotFoundError", 404),
        ("model_info('org/tiny')", "hf_wrong", "HfHubHTTPError", 401),
        ("auth_check('org/gated')", "", "GatedRepoError", 401),
        ("auth_check('org/gated')", "hf_me", "GatedRepoError", 403),
        ("hf_hub_download('org/gated', 'config.json')", "hf_me", "GatedRepoError", 403),
        ("hf_hub_download('org/tiny', 'none.json')", "", "RemoteEntryNotFoundError", 404),
    ],
)
def test_each_refusal_is_the_clients_own_error(
    folder: Path, call: str, token: str, error: str, status: int
) -> None:
    gated = StandInRepo({"config.json": b"{}"}, is_gated=True)
    with StandInHub({"org/tiny": tiny_repo(), "org/gated": gated}, tokens=("hf_me",)) as hub:
        code = (
            f"try: hf.HfApi().{call}\n"
            "except errors.HfHubHTTPError as e: print(json.dumps([type(e).__name__, e.response.status_code]))"
        )
        assert ask(hub, folder, code, HF_TOKEN=token) == [error, status]


def test_who_was_let_in_gets_a_gated_repository(folder: Path) -> None:
    gated = StandInRepo({"config.json": b"{}"}, is_gated=True, let_in=("hf_me",))
    with StandInHub({"org/gated": gated}, tokens=("hf_me",)) as hub:
        code = "hf.auth_check('org/gated')\nprint(json.dumps(hf.hf_hub_download('org/gated', 'config.json')))"
        assert Path(ask(hub, folder, code, HF_TOKEN="hf_me")).read_bytes() == b"{}"
