"""What is asked of the hub, through its own client, and its refusals in sentences that say what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2  # type: ignore[import-not-found]  # what the client is made with
from huggingface_hub import HfApi, constants
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile

from .cache import HubFile
from .events import Trouble
from .request import Repository


@dataclass(frozen=True)
class Listing:
    """A repository at one commit."""

    commit: str
    licence: str | None
    licence_link: str | None
    is_gated: bool
    files: tuple[HubFile, ...]


@dataclass(frozen=True)
class Access:
    """`token` is None without one; `token_place` is where one would go, in words."""

    token: str | None
    token_place: str

    @property
    def header(self) -> str | bool:
        return self.token or False  # False: nor any that the client would find by itself


def page_of(repo: str) -> str:
    return f"{constants.ENDPOINT}/{repo}"


def look_up(wanted: Repository, access: Access) -> Listing:
    """What the repository holds. Raises Trouble also for one that this token may see and not fetch."""
    api = HfApi(token=access.header)
    with in_words(wanted, access):
        info = api.model_info(wanted.repo, revision=wanted.commit or wanted.revision)
        if wanted.commit not in (None, info.sha):
            raise no_revision(wanted)
        if info.gated:
            api.auth_check(wanted.repo)
        files = [
            as_file(entry)
            for entry in api.list_repo_tree(wanted.repo, recursive=True, revision=info.sha)
            if isinstance(entry, RepoFile)
        ]
    card = info.card_data.to_dict() if info.card_data else {}
    licence, link = licence_of(card)
    return Listing(str(info.sha), licence, link, bool(info.gated), tuple(files))


def as_file(entry: Any) -> HubFile:
    if entry.lfs is None:
        return HubFile(entry.path, entry.size, entry.blob_id)
    return HubFile(entry.path, entry.lfs.size, entry.lfs.sha256)


def licence_of(card: dict[str, Any]) -> tuple[str | None, str | None]:
    """As the model card's metadata says; `other` has its name in a field of its own."""
    licence = card.get("license")
    if isinstance(licence, list):
        licence = ", ".join(map(str, licence))
    if licence in (None, "other"):
        licence = card.get("license_name") or licence
    link = card.get("license_link")
    return (str(licence) if licence else None), (str(link) if link else None)


@contextmanager
def in_words(wanted: Repository, access: Access) -> Iterator[None]:
    try:
        yield
    except GatedRepoError as error:
        raise gated(wanted.repo, access, error) from None
    except RevisionNotFoundError:
        raise no_revision(wanted) from None
    except RepositoryNotFoundError as error:
        raise not_found(wanted.repo, access, error) from None
    except HFValidationError as error:
        raise Trouble(
            f"{wanted.repo!r} cannot be a repository of the hub: {error}", "Write it as org/name."
        ) from None
    except OfflineModeIsEnabled:
        raise Trouble(
            "HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) forbids downloads here.", "Unset it for this command."
        ) from None
    except HfHubHTTPError as error:
        raise refused(wanted.repo, access, error) from None
    except (httpx2.TransportError, LocalEntryNotFoundError) as error:
        raise unreachable(error) from None


def no_revision(wanted: Repository) -> Trouble:
    if wanted.commit is None:
        return Trouble(
            f"{wanted.repo} has no revision {wanted.revision}.",
            f"Take a commit, tag or branch of {page_of(wanted.repo)}/commits/main for args.revision.",
        )
    return Trouble(
        f"{wanted.revision} of {wanted.repo} is locked to the commit {wanted.commit}, "
        "which the hub no longer has.",
        f"To take what it means now: roundhouse models pull --update {' '.join(wanted.models)}",
    )


def gated(repo: str, access: Access, error: HfHubHTTPError) -> Trouble:
    page = page_of(repo)
    if access.token is None:
        return Trouble(
            f"{repo} is gated ({status_of(error)}): it is for accounts that have accepted its terms, "
            "and no token was sent.",
            f"Accept the terms at {page}, make a token that may read at "
            f"{constants.ENDPOINT}/settings/tokens, and put it {access.token_place}.",
        )
    return Trouble(
        f"{repo} is gated ({status_of(error)}), and the account of this token has not been let in.",
        f"Accept the terms at {page} with that account. A fine-grained token also needs the permission to "
        "read gated repositories.",
    )


def not_found(repo: str, access: Access, error: HfHubHTTPError) -> Trouble:
    also = "" if access.token else f" If it is private, put a token {access.token_place}."
    return Trouble(
        f"There is no repository {repo} at {constants.ENDPOINT} ({status_of(error)}), "
        "or this account may not see it.",
        f"Check the spelling of args.model.{also}",
    )


def refused(repo: str, access: Access, error: HfHubHTTPError) -> Trouble:
    status = error.response.status_code
    if status == 401 and access.token:
        return Trouble(
            "The hub does not know this token (401).",
            f"Make a new one at {constants.ENDPOINT}/settings/tokens.",
        )
    if status == 429:
        return Trouble(
            "The hub asks to wait: too many requests (429).",
            "Run it again in some minutes; what is here is kept.",
        )
    return Trouble(
        f"The hub refused {repo} ({status_of(error)}).",
        f"Look at {page_of(repo)}, and run it again later; what is here is kept.",
    )


def unreachable(error: BaseException) -> Trouble:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return Trouble(
        f"The hub at {constants.ENDPOINT} cannot be reached ({reason}).",
        "Is there a network? HF_ENDPOINT names a mirror, HTTPS_PROXY a proxy. "
        "Run it again; what is here is kept.",
    )


def status_of(error: HfHubHTTPError) -> str:
    return f"HTTP {error.response.status_code}"
