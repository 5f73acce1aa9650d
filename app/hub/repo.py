"""A repository: the files of a recipe, and the commit that stands for all of them.

Nothing is stored.  Text files are written anew for each request; weights are jobs, and not drawn.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from app.hub.card import card
from app.hub.ids import MARK_CHARS, is_long, repo_id_of
from stepzero_rnn.formats.shards import index_json, shards
from stepzero_rnn.pipeline.description import HubLink
from stepzero_rnn.pipeline.job import Job
from stepzero_rnn.spec.canonical import canonical_json

BRANCH = "main"
COMMIT_CHARS = 40


@dataclass(frozen=True, slots=True)
class TextFile:
    """A small file, whose content is known."""

    path: str
    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    @property
    def oid(self) -> str:
        """The name that git gives the content."""
        head = f"blob {len(self.data)}\0".encode()
        return hashlib.sha1(head + self.data, usedforsecurity=False).hexdigest()

    @property
    def etag(self) -> str:
        return f'"{self.oid}"'

    @property
    def media_type(self) -> str:
        return "application/json" if self.path.endswith(".json") else "text/markdown; charset=utf-8"


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """A file that is drawn when somebody asks for it."""

    path: str
    job: Job

    @property
    def size(self) -> int:
        return self.job.size_bytes

    @property
    def oid(self) -> str:
        """A name of the form of git's; the true one would take a draw."""
        return hashlib.sha256(self.etag.encode()).hexdigest()[:COMMIT_CHARS]

    @property
    def etag(self) -> str:
        return self.job.etag


File = TextFile | WeightsFile


@dataclass(frozen=True, slots=True)
class Repo:
    """A recipe's files by path.

    `job` is the whole checkpoint as one safetensors file, `branches` the revisions that name the
    newest commit.
    """

    job: Job
    files: Mapping[str, File]
    commit: str
    branches: tuple[str, ...]

    def accepts(self, revision: str) -> bool:
        """Whether a revision names this commit."""
        return revision == self.commit or revision in self.branches


def repo_of(job: Job) -> Repo:
    """Return the repository of a recipe.

    Args:
        job: its safetensors file.
    """
    return _repo(job, repo_id_of(job.recipe) or "")


def hub_link(job: Job) -> HubLink | None:
    """Return where clients of the Hub find a recipe; None if it is too long."""
    repo_id = repo_id_of(job.recipe)
    return HubLink(repo_id=repo_id, commit=_repo(job, repo_id).commit) if repo_id else None


def _repo(job: Job, repo_id: str) -> Repo:
    files = {file.path: file for file in _files(job, repo_id)}
    text = _digest(job, files)
    if is_long(repo_id):  # clients ask for the commit alone, so it has to hold the recipe
        return Repo(job, files, f"{job.recipe}.{text[:MARK_CHARS]}", (job.recipe,))
    return Repo(job, files, text[:COMMIT_CHARS], (BRANCH, "HEAD"))


def _files(job: Job, repo_id: str) -> Iterator[File]:
    spec = job.spec
    spec_text = json.dumps(json.loads(canonical_json(spec)), indent=2)
    readme = card(job, repo_id, spec_text, is_long=is_long(repo_id))
    yield TextFile("README.md", readme.encode())
    # Nothing but the arguments: the clients' mixin passes on every key.
    yield TextFile("config.json", json.dumps(spec.module_arguments, indent=2).encode())
    parts = shards(job.plan)
    if parts:
        for shard in parts:
            yield WeightsFile(shard.file_name, replace(job, shard=shard))
        yield TextFile("model.safetensors.index.json", index_json(job.plan, parts).encode())
    else:
        yield WeightsFile("model.safetensors", job)
    yield TextFile("stepzero.json", spec_text.encode())


def _digest(job: Job, files: Mapping[str, File]) -> str:
    """Return a hash of all that a client caches for a commit: for ever, it keeps the list of files,
    and each file's content.  The entity tag stands for the content of weights.
    """
    digest = hashlib.sha256(job.digest)
    for file in files.values():
        content = file.data if isinstance(file, TextFile) else file.etag.encode()
        name = f"{file.path}\n{file.size}\n".encode()
        digest.update(hashlib.sha256(name + content).digest())
    return digest.hexdigest()
