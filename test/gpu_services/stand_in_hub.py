"""A model hub on 127.0.0.1: what the Hugging Face hub's client uses of its HTTP interface for downloads.

Large files are redirected to a second address, as the real hub does with its CDN, which must never see a
token. test_stand_in_hub.py holds it to the real client. Also a program: `python stand_in_hub.py` prints its
address, does what each line of its standard input says (see `obey`), and ends with it.
"""

import hashlib
import json
import random
import re
import select
import socket
import struct
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

PIECE_BYTES = 65_536
FILES_PER_PAGE = 5
#: Files from this size on are "large": named after their sha256 and served by the second address.
LARGE_BYTES = 100_000
HUB_PATH = re.compile(
    r"/api/models/(?P<repo>[^/]+/[^/]+)(?:/(?P<what>revision|tree|auth-check)(?:/(?P<revision>[^/]+))?)?"
)
FILE_PATH = re.compile(r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)")


@dataclass
class StandInRepo:
    files: dict[str, bytes]
    card: dict[str, Any] = field(default_factory=lambda: {"license": "apache-2.0"})
    is_gated: bool = False
    #: Tokens whose accounts were let in.
    let_in: tuple[str, ...] = ()
    tags: tuple[str, ...] = ("main",)
    #: What the branch was before; only a commit names it.
    earlier: list["StandInRepo"] = field(default_factory=list)

    def move(self, files: Mapping[str, bytes]) -> str:
        """A new commit on the branch: these files are new or other than before."""
        self.earlier.append(replace(self, tags=(), earlier=[]))
        self.files = {**self.files, **files}
        return self.commit

    @property
    def commit(self) -> str:
        text = "".join(f"{path} {blob_of(data)}" for path, data in sorted(self.files.items()))
        return hashlib.sha1(text.encode()).hexdigest()


@dataclass
class Habits:
    """What goes wrong, each by the name of the file."""

    #: Breaks the connection after so many bytes of an answer, as often as the list is long.
    cuts: dict[str, list[int]] = field(default_factory=dict)
    #: A cut is a reset, as of a proxy that was restarted.
    resets: bool = False
    #: Sends other bytes of the same length.
    corrupts: set[str] = field(default_factory=set)
    #: Sends fewer bytes than the list of files says, and says so.
    shortens: set[str] = field(default_factory=set)
    #: Answers 503 so many times.
    fails: dict[str, int] = field(default_factory=dict)
    #: Sends the whole file, whatever range was asked for.
    ignores_range: bool = False
    #: Stops in the middle of a file until `go_on` is set.
    holds: dict[str, int] = field(default_factory=dict)


def blob_of(data: bytes) -> str:
    if len(data) >= LARGE_BYTES:
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def random_bytes(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


class StandInHub:
    """`with StandInHub({"org/name": StandInRepo({...})}) as hub: hub.url`"""

    def __init__(self, repos: Mapping[str, StandInRepo], tokens: tuple[str, ...] = ()) -> None:
        self.repos = dict(repos)
        #: Tokens of known accounts.
        self.tokens = tokens
        self.habits = Habits()
        self.go_on = threading.Event()
        self.is_held = threading.Event()
        #: Bytes of each file that were sent.
        self.served: Counter[str] = Counter()
        self.requests: list[tuple[str, str, str | None]] = []
        self._hub = make_server(self, HubHandler)
        self._cdn = make_server(self, CdnHandler)
        self.url = address(self._hub)
        self.cdn_url = address(self._cdn)

    def __enter__(self) -> "StandInHub":
        for server in (self._hub, self._cdn):
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *reason: object) -> None:
        self.go_on.set()
        for server in (self._hub, self._cdn):
            server.shutdown()
            server.server_close()

    def file_of_blob(self, blob: str) -> tuple[str, bytes]:
        every = (each for repo in self.repos.values() for each in (repo, *repo.earlier))
        files = ((path, data) for repo in every for path, data in repo.files.items())
        return next((path, data) for path, data in files if blob_of(data) == blob)

    def tokens_seen_by_cdn(self) -> list[str]:
        return [token for where, _, token in self.requests if where == "cdn" and token]


class Server(ThreadingHTTPServer):
    daemon_threads = True
    hub: StandInHub

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no error of ours."""


def make_server(hub: StandInHub, handler: type[BaseHTTPRequestHandler]) -> Server:
    server = Server(("127.0.0.1", 0), handler)
    server.hub = hub
    return server


def address(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}"


class Refusal(Exception):
    def __init__(self, status: int, code: str | None = None, message: str = "refused") -> None:
        self.status = status
        self.code = code
        self.message = message


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    where = "hub"
    server: Server

    @property
    def hub(self) -> StandInHub:
        return self.server.hub

    @property
    def token(self) -> str | None:
        return self.headers.get("Authorization", "").removeprefix("Bearer ") or None

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.hub.requests.append((self.where, f"{self.command} {self.path}", self.token))
        try:
            self.answer()
        except Refusal as refusal:
            self.refuse(refusal)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def answer(self) -> None:
        raise NotImplementedError

    def refuse(self, refusal: Refusal) -> None:
        headers = {"X-Error-Message": refusal.message}
        if refusal.code:
            headers["X-Error-Code"] = refusal.code
        self.send(refusal.status, json.dumps({"error": refusal.message}).encode(), headers)

    def send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_file(self, path: str, data: bytes, headers: Mapping[str, str]) -> None:
        habits = self.hub.habits
        if habits.fails.get(path, 0) > 0 and self.command == "GET":
            habits.fails[path] -= 1
            raise Refusal(503, message="the hub has a bad moment")
        if path in habits.corrupts:
            data = bytes(255 - byte for byte in data)
        if path in habits.shortens:
            data = data[:-1]
        begin = self.range_begin(len(data))
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        for name, value in {
            "Content-Length": str(len(data) - begin),
            "Accept-Ranges": "bytes",
            **headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.send_pieces(path, data[begin:])

    def range_begin(self, size: int) -> int:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked is None or self.hub.habits.ignores_range:
            return 0
        if int(asked[1]) >= size:
            raise Refusal(416)
        return int(asked[1])

    def send_pieces(self, path: str, data: bytes) -> None:
        habits = self.hub.habits
        cut = habits.cuts[path].pop(0) if habits.cuts.get(path) else None
        for begin in range(0, len(data), PIECE_BYTES):
            if cut is not None and begin >= cut:
                self.cut()
                return
            if begin >= habits.holds.get(path, len(data)):
                self.hub.is_held.set()
                self.hub.go_on.wait()
                if self.client_has_left():
                    return
            piece = data[begin : begin + PIECE_BYTES]
            self.wfile.write(piece)
            self.hub.served[path] += len(piece)

    def cut(self) -> None:
        self.close_connection = True
        if self.hub.habits.resets:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def client_has_left(self) -> bool:
        is_told = select.select([self.connection], [], [], 0)[0]
        return bool(is_told) and self.connection.recv(1, socket.MSG_PEEK) == b""


class HubHandler(Handler):
    def answer(self) -> None:
        url = urlsplit(self.path)
        path = unquote(url.path)
        if found := HUB_PATH.fullmatch(path):
            self.answer_api(found, parse_qs(url.query))
        elif found := FILE_PATH.fullmatch(path):
            self.answer_file(found["repo"], found["revision"], found["path"])
        else:
            raise Refusal(404, message="no such page")

    def known(self, name: str) -> StandInRepo:
        if self.token is not None and self.token not in self.hub.tokens:
            raise Refusal(401, message="Invalid credentials in Authorization header")
        if name not in self.hub.repos:  # the real one does not tell a stranger whether it is there
            raise Refusal(404 if self.token else 401, "RepoNotFound", "Repository not found")
        return self.hub.repos[name]

    def at(self, repo: StandInRepo, revision: str | None) -> StandInRepo:
        for each in (repo, *repo.earlier):
            if revision in (*each.tags, each.commit):
                return each
        raise Refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")

    def let_in(self, repo: StandInRepo) -> StandInRepo:
        if repo.is_gated and self.token not in repo.let_in:
            raise Refusal(403 if self.token else 401, "GatedRepo", "Access to this model is restricted")
        return repo

    def answer_api(self, found: "re.Match[str]", query: Mapping[str, list[str]]) -> None:
        repo = self.known(found["repo"])
        if found["what"] == "auth-check":
            self.let_in(repo)
            self.send_json({})
        elif found["what"] in ("revision", None):
            self.send_json(self.info(found["repo"], self.at(repo, found["revision"] or "main")))
        else:
            self.send_tree(self.at(repo, found["revision"]), query)

    def info(self, name: str, repo: StandInRepo) -> dict[str, Any]:
        return {
            "id": name,
            "modelId": name,
            "sha": repo.commit,
            "private": False,
            "gated": "auto" if repo.is_gated else False,
            "cardData": repo.card,
            "siblings": [{"rfilename": path} for path in repo.files],
        }

    def send_tree(self, repo: StandInRepo, query: Mapping[str, list[str]]) -> None:
        entries = [tree_entry(path, data) for path, data in sorted(repo.files.items())]
        begin = int(query.get("cursor", ["0"])[0])
        end = begin + FILES_PER_PAGE
        headers = {}
        if end < len(entries):
            link = f"{self.hub.url}{urlsplit(self.path).path}?recursive=true&cursor={end}"
            headers["Link"] = f'<{link}>; rel="next"'
        self.send_json(entries[begin:end], headers)

    def send_json(self, value: Any, headers: Mapping[str, str] | None = None) -> None:
        self.send(200, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})

    def answer_file(self, name: str, revision: str, path: str) -> None:
        repo = self.at(self.let_in(self.known(name)), revision)
        headers = {"X-Repo-Commit": repo.commit}
        if path not in repo.files:
            raise Refusal(404, "EntryNotFound", "Entry not found")
        data = repo.files[path]
        if len(data) < LARGE_BYTES:
            self.send_file(path, data, {**headers, "ETag": f'"{blob_of(data)}"'})
            return
        linked = {"X-Linked-Size": str(len(data)), "X-Linked-ETag": f'"{blob_of(data)}"'}
        location = {"Location": f"{self.hub.cdn_url}/{blob_of(data)}?signature=secret"}
        self.send(302, b"", {**headers, **linked, **location})


class CdnHandler(Handler):
    where = "cdn"

    def answer(self) -> None:
        path, data = self.hub.file_of_blob(urlsplit(self.path).path.strip("/"))
        self.send_file(path, data, {"ETag": '"of the CDN"'})


def tree_entry(path: str, data: bytes) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "file", "path": path, "size": len(data), "oid": blob_of(data)[:40]}
    if len(data) >= LARGE_BYTES:
        entry["lfs"] = {"oid": blob_of(data), "size": len(data), "pointerSize": 134}
    return entry


def tiny_repo(weight_bytes: int = 3_000_000) -> StandInRepo:
    """A text model's files, as far as a download is concerned."""
    half = weight_bytes // 2
    return StandInRepo(
        {
            "README.md": b"---\nlicense: apache-2.0\n---\n",
            "config.json": b'{"model_type": "qwen2"}',
            "generation_config.json": b"{}",
            "model.safetensors.index.json": b'{"weight_map": {}}',
            "model-00001-of-00002.safetensors": random_bytes(half, 1),
            "model-00002-of-00002.safetensors": random_bytes(weight_bytes - half, 2),
            "pytorch_model.bin": random_bytes(200_000, 3),
            "tokenizer.json": random_bytes(150_000, 4),
            "tokenizer_config.json": b"{}",
            "picture.png": b"PNG",
        }
    )


def main() -> None:
    """Of the weights of `org/held`, only the beginning comes at first."""
    held = StandInRepo({"config.json": b"{}", "model.safetensors": random_bytes(6_000_000)})
    gated = StandInRepo(tiny_repo().files, {"license": "cc-by-nc-4.0"}, is_gated=True, let_in=("hf_friend",))
    repos = {"org/tiny": tiny_repo(), "org/held": held, "org/gated": gated}
    with StandInHub(repos, tokens=("hf_friend", "hf_stranger")) as hub:
        hub.habits.holds["model.safetensors"] = 4_000_000
        print(json.dumps({"url": hub.url}), flush=True)
        for line in sys.stdin:
            obey(hub, *line.split())


def obey(hub: StandInHub, order: str, name: str = "") -> None:
    """`go-on`: what is held comes. `move REPO`: its branch has a new commit. `forget REPO`: it has no other.

    The last two print which one that is.
    """
    if order == "go-on":
        hub.go_on.set()
    elif order == "move":
        repo = hub.repos[name]
        news = {"config.json": b'{"number": %d}' % len(repo.earlier), "new.json": b"{}"}
        print(json.dumps({"commit": repo.move(news)}), flush=True)
    elif order == "forget":
        hub.repos[name].earlier.clear()
        print(json.dumps({"commit": hub.repos[name].commit}), flush=True)


if __name__ == "__main__":
    main()
