"""Downloads from a stand-in of the hub, through the real client."""

import json
import os
import signal
import stat
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from downloads.request import Repository, merged
from harness import PATIENCE_SECONDS, SERVICES, venv_python
from stand_in_hub import StandInHub, StandInRepo, blob_of, random_bytes, tiny_repo

Event = dict[str, Any]
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
TAKEN = {"README.md", "config.json", "generation_config.json", "model.safetensors.index.json", *SHARDS}
TOKENIZER = {"tokenizer.json", "tokenizer_config.json"}
ROOMLESS = (
    "import collections, runpy, shutil\n"
    "shutil.disk_usage = lambda path: collections.namedtuple('Usage', 'free')(1_001_000_000)\n"
    "runpy.run_module('downloads.pull', run_name='__main__')"
)

SMALL_FILES_ONLY = (
    "import runpy\n"
    "from huggingface_hub import constants\n"
    "constants.MAX_HTTP_DOWNLOAD_SIZE = 1_000_000\n"
    "runpy.run_module('downloads.pull', run_name='__main__')"
)


@dataclass
class Outcome:
    code: int
    events: list[Event]
    stderr: str

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event["event"] == kind]

    @property
    def error(self) -> Event:
        assert self.code == 1, self.stderr
        return self.of("error")[0]


@dataclass
class Place:
    """A folder of weights and a hub to fill it from."""

    hub: StandInHub
    home: Path

    def run(self, repositories: Sequence[Event], *, program: Sequence[str] = (), **variables: str) -> Outcome:
        process = self.start(repositories, program=program, **variables)
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
        return Outcome(process.returncode, [json.loads(line) for line in out.splitlines()], err)

    def start(
        self, repositories: Sequence[Event], *, program: Sequence[str] = (), **variables: str
    ) -> "subprocess.Popen[str]":
        request = {"repositories": repositories, "token_file": str(self.home / "hf-token")}
        return subprocess.Popen(
            [
                venv_python("downloads"),
                *(program or ("-m", "downloads.pull")),
                "--request",
                json.dumps(request),
            ],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.home),
                "PYTHONPATH": str(SERVICES),
                "HF_ENDPOINT": self.hub.url,
                "HF_HOME": str(self.home / "hf"),
                **variables,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def status(self, repositories: Sequence[Event]) -> Event:
        return self.run(repositories, program=("-m", "downloads.status")).of("status")[0]

    def snapshot(self, repo: str, commit: str) -> Path:
        return self.home / "hf" / "hub" / f"models--{repo.replace('/', '--')}" / "snapshots" / commit

    def parts(self) -> list[Path]:
        return sorted((self.home / "hf").rglob("*.incomplete"))


@contextmanager
def place(folder: Path, tokens: tuple[str, ...] = (), **repos: StandInRepo) -> Iterator[Place]:
    named = {f"org/{name}": repo for name, repo in repos.items()}
    with StandInHub(named, tokens) as hub:
        yield Place(hub, folder)


def test_a_model_comes_as_safetensors_with_what_is_around_them(folder: Path) -> None:
    repo = tiny_repo()
    with place(folder, tiny=repo) as here:
        outcome = here.run([{"repo": "org/tiny", "models": ["m"]}])
    assert outcome.code == 0, outcome
    files = {path.name: path.read_bytes() for path in here.snapshot("org/tiny", repo.commit).iterdir()}
    assert files == {name: repo.files[name] for name in TAKEN | TOKENIZER}
    once = set(files.values())
    assert sum(here.hub.served.values()) == sum(map(len, once))


def test_the_client_finds_it_offline_by_its_branch(folder: Path) -> None:
    repo = tiny_repo()
    with place(folder, tiny=repo) as here:
        assert here.run([{"repo": "org/tiny"}]).code == 0
    code = "import huggingface_hub as hf\nprint(hf.snapshot_download('org/tiny'))"
    found = subprocess.run(
        [venv_python("downloads"), "-c", code],
        env={"HF_HOME": str(folder / "hf"), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(found.stdout.strip()) == here.snapshot("org/tiny", repo.commit)


def test_licence_sizes_and_the_need_are_told_before_the_first_byte(folder: Path) -> None:
    repo = tiny_repo()
    repo.card = {
        "license": "other",
        "license_name": "tiny-terms",
        "license_link": "https://example.org/terms",
    }
    with place(folder, tiny=repo) as here:
        events = here.run([{"repo": "org/tiny", "models": ["a", "b"]}]).events
    size = sum(len(repo.files[name]) for name in TAKEN | TOKENIZER)
    assert events[0] == {
        "event": "repository",
        "models": ["a", "b"],
        "repo": "org/tiny",
        "revision": "main",
        "commit": repo.commit,
        "locked": False,
        "page": f"{here.hub.url}/org/tiny",
        "licence": "tiny-terms",
        "licence_link": "https://example.org/terms",
        "gated": False,
        "files": 8,
        "total_bytes": size,
        "have_bytes": 0,
    }
    assert (events[1]["event"], events[1]["need_bytes"]) == ("plan", size)
    assert [event["event"] for event in events[2:]][-1] == "done"
    assert [event["have_bytes"] for event in events if event["event"] == "progress"][-1] == size


def test_what_is_here_is_not_fetched_again(folder: Path) -> None:
    with place(folder, tiny=tiny_repo()) as here:
        here.run([{"repo": "org/tiny"}])
        here.hub.served.clear()
        again = here.run([{"repo": "org/tiny"}])
    assert again.of("plan")[0]["need_bytes"] == 0
    assert sum(here.hub.served.values()) == 0


def test_two_models_of_one_repository_are_one_download(folder: Path) -> None:
    with place(folder, tiny=tiny_repo()) as here:
        wanted = [{"repo": "org/tiny", "models": ["a"]}, {"repo": "org/tiny", "models": ["b"]}]
        repositories = here.run(wanted).of("repository")
    assert [each["models"] for each in repositories] == [["a", "b"]]


def test_two_files_of_one_collection_are_both_there_afterwards(folder: Path) -> None:
    loras = StandInRepo(
        {f"{name}.safetensors": random_bytes(150_000, seed) for seed, name in enumerate("abc")}
    )
    with place(folder, loras=loras) as here:
        wanted = [{"repo": "org/loras", "weights": [f"{name}.safetensors"]} for name in "ab"]
        assert here.run(wanted).code == 0
        assert here.status(wanted)["state"] == "present"
    names = {path.name for path in here.snapshot("org/loras", loras.commit).iterdir()}
    assert names == {"a.safetensors", "b.safetensors"}


def test_a_pinned_commit_is_fetched_whatever_the_branch_is_now(folder: Path) -> None:
    repo = tiny_repo()
    with place(folder, tiny=repo) as here:
        assert here.run([{"repo": "org/tiny", "revision": repo.commit}]).code == 0
        assert here.status([{"repo": "org/tiny", "revision": repo.commit}])["state"] == "present"
    assert here.snapshot("org/tiny", repo.commit).is_dir()


def test_a_locked_commit_is_fetched_and_found_by_the_name_of_the_branch(folder: Path) -> None:
    repo = tiny_repo()
    old = repo.commit
    new = repo.move({"config.json": b"{}"})
    locked = [{"repo": "org/tiny", "commit": old}]
    with place(folder, tiny=repo) as here:
        here.run([{"repo": "org/tiny"}])
        outcome = here.run(locked)
        assert [(each["commit"], each["locked"]) for each in outcome.of("repository")] == [(old, True)]
        assert here.status(locked)["state"] == "present"
    assert (here.home / "hf/hub/models--org--tiny/refs/main").read_text() == old
    assert (here.snapshot("org/tiny", old) / "config.json").read_bytes() != b"{}"
    assert (here.snapshot("org/tiny", new) / "config.json").read_bytes() == b"{}"


def test_a_locked_commit_that_is_gone_is_told_with_how_to_renew_the_lock(folder: Path) -> None:
    repo = tiny_repo()
    gone = repo.commit
    repo.move({"config.json": b"{}"})
    repo.earlier.clear()
    with place(folder, tiny=repo) as here:
        error = here.run([{"repo": "org/tiny", "commit": gone, "models": ["a", "b"]}]).error
    assert error["message"].startswith(f"main of org/tiny is locked to the commit {gone}, which the hub no")
    assert error["fix"] == "To take what it means now: roundhouse models pull --update a b"


def test_variants_of_one_branch_are_of_one_commit_also_when_it_moves_in_between(folder: Path) -> None:
    repo = tiny_repo()
    old = repo.commit

    class MovesWhenListed(list[tuple[str, str, str | None]]):
        def append(self, request: tuple[str, str, str | None]) -> None:
            super().append(request)
            if "/tree/" in request[1]:
                repo.move({"config.json": b"%d" % len(self)})

    with place(folder, tiny=repo) as here:
        here.hub.requests = MovesWhenListed()
        wanted = [{"repo": "org/tiny"}, {"repo": "org/tiny", "variant": "fp16"}]
        assert [each["commit"] for each in here.run(wanted).of("repository")] == [old, old]
    assert repo.commit != old


def test_one_place_is_not_asked_for_at_two_commits() -> None:
    with pytest.raises(ValueError, match="org/a main is asked for at 1 and at 2"):
        merged([Repository("org/a", commit=each) for each in ("1", "2")])
    (both,) = merged([Repository("org/a", commit="1"), Repository("org/a")])
    assert both.commit == "1"


def test_a_lost_connection_costs_only_what_was_on_its_way(folder: Path) -> None:
    with place(folder, tiny=tiny_repo(12_000_000)) as here:
        here.hub.habits.cuts[SHARDS[0]] = [3_000_000, 2_500_000]
        outcome = here.run([{"repo": "org/tiny"}])
    assert outcome.code == 0, outcome
    assert len(outcome.of("note")) == 2
    assert 6_000_000 <= here.hub.served[SHARDS[0]] < 6_000_000 + 2 * (1 << 20) + 200_000


def test_a_connection_that_is_reset_is_taken_up_again_as_long_as_something_comes(folder: Path) -> None:
    with place(folder, tiny=tiny_repo(12_000_000)) as here:
        here.hub.habits.cuts[SHARDS[0]] = [2_500_000, 2_500_000]
        here.hub.habits.resets = True
        outcome = here.run([{"repo": "org/tiny"}])
    assert outcome.code == 0, outcome
    assert len(outcome.of("note")) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_what_was_interrupted_goes_on_where_it_was(folder: Path, number: int) -> None:
    repo = tiny_repo(12_000_000)
    with place(folder, tiny=repo) as here:
        here.hub.habits.holds[SHARDS[0]] = 4_000_000
        process = here.start([{"repo": "org/tiny"}])
        assert here.hub.is_held.wait(PATIENCE_SECONDS)
        until_progress(process, 9_200_000)  # the other shard, the tokenizer and three pieces
        process.send_signal(number)
        process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == (-number if number == signal.SIGKILL else 130)
        kept = max(part.stat().st_size for part in here.parts())
        assert kept >= 3 << 20
        assert not here.snapshot("org/tiny", repo.commit).exists()
        before = here.status([{"repo": "org/tiny"}])
        assert before["state"] == "partial"
        assert kept <= before["have_bytes"] < before["total_bytes"]
        here.hub.habits.holds.clear()
        here.hub.go_on.set()
        here.hub.served.clear()
        outcome = here.run([{"repo": "org/tiny"}])
    assert outcome.code == 0, outcome
    assert here.hub.served[SHARDS[0]] == 6_000_000 - kept
    assert (here.snapshot("org/tiny", repo.commit) / SHARDS[0]).read_bytes() == repo.files[SHARDS[0]]
    assert here.parts() == []


def until_progress(process: "subprocess.Popen[str]", have_bytes: int) -> None:
    """The stand-in holds the rest back, so that what is told stays below what it holds."""
    assert process.stdout
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "progress" and event["have_bytes"] >= have_bytes:
            return
    pytest.fail("it ended before")


def test_a_server_that_ignores_ranges_begins_the_file_anew(folder: Path) -> None:
    repo = tiny_repo(6_000_000)
    with place(folder, tiny=repo) as here:
        here.hub.habits.ignores_range = True
        here.hub.habits.cuts[SHARDS[0]] = [2_000_000]
        assert here.run([{"repo": "org/tiny"}]).code == 0
    assert (here.snapshot("org/tiny", repo.commit) / SHARDS[0]).read_bytes() == repo.files[SHARDS[0]]


def test_a_server_with_a_bad_moment_is_asked_again(folder: Path) -> None:
    with place(folder, tiny=tiny_repo()) as here:
        here.hub.habits.fails[SHARDS[0]] = 1
        assert here.run([{"repo": "org/tiny"}]).code == 0


def test_wrong_bytes_are_thrown_away_and_never_found(folder: Path) -> None:
    repo = tiny_repo()
    with place(folder, tiny=repo) as here:
        here.hub.habits.corrupts.add(SHARDS[1])
        error = here.run([{"repo": "org/tiny"}]).error
        assert error["message"].startswith(f"{SHARDS[1]} of org/tiny came with a size or a hash")
        assert here.status([{"repo": "org/tiny"}])["state"] == "partial"
        assert not (here.home / "hf/hub/models--org--tiny/refs/main").exists()
        here.hub.habits.corrupts.clear()
        assert here.run([{"repo": "org/tiny"}]).code == 0


def test_a_small_file_with_wrong_bytes_is_noticed_too(folder: Path) -> None:
    with place(folder, tiny=tiny_repo()) as here:
        here.hub.habits.corrupts.add("config.json")
        assert here.run([{"repo": "org/tiny"}]).error["message"].startswith("config.json of org/tiny came")


def test_a_part_that_was_damaged_on_this_side_is_fetched_anew(folder: Path) -> None:
    repo = tiny_repo()
    with place(folder, tiny=repo) as here:
        part = here.home / "hf/hub/models--org--tiny/blobs" / f"{blob_of(repo.files[SHARDS[0]])}.incomplete"
        part.parent.mkdir(parents=True)
        part.write_bytes(b"x" * 1_000_000)
        assert here.run([{"repo": "org/tiny"}]).code == 0
    assert (here.snapshot("org/tiny", repo.commit) / SHARDS[0]).read_bytes() == repo.files[SHARDS[0]]


def test_a_file_that_is_shorter_than_the_list_says_is_refused(folder: Path) -> None:
    with place(folder, tiny=tiny_repo()) as here:
        here.hub.habits.shortens.add(SHARDS[0])
        assert "size or a hash" in here.run([{"repo": "org/tiny"}]).error["message"]


def test_a_disk_that_is_too_small_is_told_before_the_first_byte(folder: Path) -> None:
    with place(folder, tiny=tiny_repo()) as here:
        outcome = here.run([{"repo": "org/tiny"}], program=("-c", ROOMLESS))
    error = outcome.error
    assert outcome.of("plan") == []  # at which commits are locked
    assert error["message"].startswith(
        f"3.2 MB are still to be fetched, and {folder}/hf/hub has 1.0 GB free (1.0 GB must stay free)."
    )
    assert "Free 2.2 MB there" in error["fix"]
    assert sum(here.hub.served.values()) == 0


def test_a_file_that_the_hub_does_not_send_this_way_is_told_before_the_first_byte(folder: Path) -> None:
    with place(folder, tiny=tiny_repo()) as here:
        outcome = here.run([{"repo": "org/tiny"}], program=("-c", SMALL_FILES_ONLY))
    assert outcome.error["message"].startswith(f"{SHARDS[0]} of org/tiny has ")
    assert "in several files" in outcome.error["fix"]
    assert outcome.of("plan") == [] and sum(here.hub.served.values()) == 0


def test_weights_that_can_run_code_are_refused_by_name_unless_they_are_allowed(folder: Path) -> None:
    repo = StandInRepo({"config.json": b"{}", "pytorch_model.bin": random_bytes(200_000)})
    with place(folder, old=repo) as here:
        error = here.run([{"repo": "org/old"}]).error
        assert error["message"].startswith("org/old has pytorch_model.bin (0 MB) and no safetensors")
        assert "allow_weights: [pytorch_model.bin]" in error["fix"]
        assert sum(here.hub.served.values()) == 0
        assert here.run([{"repo": "org/old", "allow": ["pytorch_model.bin"]}]).code == 0
    assert (here.snapshot("org/old", repo.commit) / "pytorch_model.bin").is_file()


@pytest.mark.parametrize(
    ("token", "said", "fix"),
    [
        ("", "is gated (HTTP 401)", "Accept the terms at {url}/org/gated, make a token"),
        ("hf_stranger", "is gated (HTTP 403), and the account of this token", "with that account"),
        ("hf_wrong", "does not know this token (401)", "/settings/tokens"),
    ],
)
def test_a_gated_repository_says_which_page_to_accept_and_where_a_token_goes(
    folder: Path, token: str, said: str, fix: str
) -> None:
    gated = StandInRepo(tiny_repo().files, is_gated=True, let_in=("hf_friend",))
    with place(folder, ("hf_friend", "hf_stranger"), gated=gated) as here:
        error = here.run([{"repo": "org/gated"}], HF_TOKEN=token).error
        assert said in error["message"]
        assert fix.format(url=here.hub.url) in error["fix"]
        assert sum(here.hub.served.values()) == 0
        if not token:
            assert f"put it into {folder}/hf-token (mode 600) or HF_TOKEN" in error["fix"]


def test_a_token_comes_from_a_file_that_only_its_owner_reads_and_is_never_told(folder: Path) -> None:
    gated = StandInRepo(tiny_repo().files, is_gated=True, let_in=("hf_friend",))
    with place(folder, ("hf_friend",), gated=gated) as here:
        token_file = folder / "hf-token"
        token_file.write_text("hf_friend\n")
        token_file.chmod(0o644)
        open_to_all = here.run([{"repo": "org/gated"}])
        assert open_to_all.error["message"].endswith("can be read by others (mode 0644).")
        assert open_to_all.error["fix"] == f"Run: chmod 600 {token_file}"
        token_file.chmod(0o600)
        outcome = here.run([{"repo": "org/gated"}])
        assert outcome.code == 0
        assert "hf_friend" not in f"{outcome.events}{outcome.stderr}"
        assert here.hub.tokens_seen_by_cdn() == []
    written = [path for path in (folder / "hf").rglob("*") if path.is_file()]
    assert not [path for path in written if b"hf_friend" in path.read_bytes()]


def test_without_a_token_the_client_sends_none_that_it_finds_by_itself(folder: Path) -> None:
    with place(folder, ("hf_other",), tiny=tiny_repo()) as here:
        stray = folder / "stray"
        stray.write_text("hf_other")
        stray.chmod(stat.S_IRUSR)
        assert here.run([{"repo": "org/tiny"}], HF_TOKEN_PATH=str(stray)).code == 0
        assert {token for _, _, token in here.hub.requests} == {None}


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"repo": "org/none"}, "There is no repository org/none"),
        ({"repo": "org/tiny", "revision": "v9"}, "org/tiny has no revision v9"),
        ({"repo": "org/tiny", "weights": ["lora.safetensors"]}, "org/tiny has no file lora.safetensors"),
        ({"repo": "a b/c"}, "'a b/c' cannot be a repository of the hub"),
    ],
)
def test_what_is_not_there_is_told_before_anything_is_fetched(folder: Path, wanted: Event, said: str) -> None:
    with place(folder, tiny=tiny_repo(), first=tiny_repo()) as here:
        assert here.run([{"repo": "org/first"}, wanted]).error["message"].startswith(said)
        assert sum(here.hub.served.values()) == 0


def test_a_hub_that_is_not_there_is_told_with_what_may_help(folder: Path) -> None:
    with place(folder) as here:
        pass
    error = here.run([{"repo": "org/tiny"}]).error
    assert error["message"].startswith(f"The hub at {here.hub.url} cannot be reached (")
    assert "HTTPS_PROXY" in error["fix"]


def test_a_second_download_into_the_same_folder_does_not_begin(folder: Path) -> None:
    with place(folder, tiny=tiny_repo(12_000_000)) as here:
        here.hub.habits.holds[SHARDS[0]] = 1_000_000
        first = here.start([{"repo": "org/tiny"}])
        assert here.hub.is_held.wait(PATIENCE_SECONDS)
        assert "Another download is at work" in here.run([{"repo": "org/tiny"}]).error["message"]
        here.hub.go_on.set()
        first.communicate(timeout=PATIENCE_SECONDS)
        assert first.returncode == 0


def test_status_needs_no_hub_and_knows_missing_partial_present_and_unchecked(folder: Path) -> None:
    repo = tiny_repo()
    with place(folder, tiny=repo) as here:
        assert here.status([{"repo": "org/tiny"}])["state"] == "missing"
        here.run([{"repo": "org/tiny"}])
    present = here.status([{"repo": "org/tiny"}])
    assert (present["state"], present["have_bytes"]) == ("present", present["total_bytes"])
    (here.snapshot("org/tiny", repo.commit) / SHARDS[0]).unlink()
    blob = here.home / "hf/hub/models--org--tiny/blobs" / blob_of(repo.files[SHARDS[0]])
    blob.unlink()
    partial = here.status([{"repo": "org/tiny"}])
    assert (partial["state"], partial["total_bytes"] - partial["have_bytes"]) == ("partial", 1_500_000)
    for file in (here.home / "hf/roundhouse").glob("*.json"):
        file.unlink()
    assert here.status([{"repo": "org/tiny"}])["state"] == "unchecked"


def test_status_compares_with_the_locked_commit(folder: Path) -> None:
    repo = tiny_repo()
    old = repo.commit
    new = repo.move({"config.json": b"{}"})

    def state(commit: str) -> tuple[str, str]:
        status = here.status([{"repo": "org/tiny", "commit": commit}])
        return status["state"], status["commit"]

    with place(folder, tiny=repo) as here:
        assert state(old) == ("missing", old)
        here.run([{"repo": "org/tiny", "commit": old}])
        assert state(old) == ("present", old)
        assert state(new) == ("missing", new)
        here.run([{"repo": "org/tiny"}])
        assert state(new) == ("present", new)
        assert state(old) == ("partial", old)  # its files are here, and `main` means the other
    main = folder / "hf/hub/models--org--tiny/refs/main"
    main.write_text(old)
    assert state(new) == ("partial", new)
    for file in (folder / "hf/roundhouse").glob("*.json"):
        file.unlink()
    assert state(new) == ("partial", new)
    assert state(old) == ("unchecked", old)


def test_the_folder_of_the_cache_may_be_elsewhere(folder: Path) -> None:
    repo = tiny_repo()
    with place(folder, tiny=repo) as here:
        assert here.run([{"repo": "org/tiny"}], HF_HUB_CACHE=str(folder / "elsewhere")).code == 0
    assert (folder / "elsewhere/models--org--tiny/snapshots" / repo.commit / SHARDS[0]).is_file()


def test_diffusers_itself_loads_what_was_fetched_offline_by_its_name(folder: Path) -> None:
    made = folder / "made"
    maker = Path(__file__).parent / "tiny" / "tiny_flux.py"
    quiet = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([venv_python("flux"), str(maker), str(made)], env=quiet, check=True)
    files = {str(path.relative_to(made)): path.read_bytes() for path in made.rglob("*") if path.is_file()}
    with place(folder, flux=StandInRepo({**files, "flux1.safetensors": random_bytes(200_000)})) as here:
        assert here.run([{"repo": "org/flux"}]).code == 0
        assert "flux1.safetensors" not in here.hub.served
    code = (
        "from diffusers import DiffusionPipeline\n"
        "pipe = DiffusionPipeline.from_pretrained('org/flux', local_files_only=True, use_safetensors=True)\n"
        "print(type(pipe).__name__, sum(p.numel() for p in pipe.transformer.parameters()) > 0)"
    )
    loaded = subprocess.run(
        [venv_python("flux"), "-c", code],
        env={
            **quiet,
            "HF_HOME": str(folder / "hf"),
            "HF_HUB_OFFLINE": "1",
            "HF_ENDPOINT": "http://127.0.0.1:9",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert loaded.stdout.split()[-2:] == ["FluxPipeline", "True"]
