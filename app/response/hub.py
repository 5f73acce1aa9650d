"""Answers to clients of the Hugging Face Hub: files, and what they ask about a repository.

The files are those of `app.response.delivery`, with the commit; errors are in the form that these
clients read.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from fastapi import Request, Response

from app.context import Context
from app.disconnects import wait_watched
from app.hub.card import tags_of
from app.hub.repo import File, Repo, TextFile
from app.problems import render
from app.request.ranges import wanted_range
from app.response.delivery import Delivery
from app.response.file_headers import FOREVER, WHILE_TAGGED, matches_tag
from app.scope import caller_of
from stepzero_rnn.errors import NotReady, StepZeroError, TryLater
from stepzero_rnn.errors.hub import header_text
from stepzero_rnn.pipeline.job import Job

SINCE = "1970-01-01T00:00:00.000Z"  # clients ask for dates; a recipe has none


def refuse(request: Request, error: StepZeroError) -> Response:
    """Render an error with its message in a header; a busy server as 429, which clients retry."""
    if isinstance(error, NotReady):
        facts = {name: error.facts[name] for name in ("reason", "retry_after_s")}
        error = TryLater(**facts)
    response = render(request, error)
    response.headers.setdefault("X-Error-Message", header_text(error.detail))
    return response


async def send_file(
    request: Request, context: Context, repo: Repo, file: File, *, is_commit: bool
) -> Response:
    """Answer a GET or HEAD for a file; for weights, a HEAD draws nothing.

    Args:
        is_commit: whether the revision is a commit, whose files never change.

    Raises:
        TryLater: the weights are being checked, or there is not enough capacity.
        RangeNotSatisfiable: the Range header cannot be satisfied.
        Others: as `Delivery.permalink`.
    """
    response = await _file(request, context, file)
    headers = response.headers
    headers["X-Repo-Commit"] = repo.commit
    is_fixed = is_commit and not repo.job.tied_to
    headers["Cache-Control"] = FOREVER if is_fixed else WHILE_TAGGED
    if response.status_code != 304:
        headers["Content-Disposition"] = f'inline; filename="{file.path}"'
    return response


def info_of(repo: Repo, repo_id: str, context: Context, *, with_blobs: bool) -> dict[str, Any]:
    """Return what is known of a repository."""
    job = repo.job
    dtype = {tensor.dtype.safetensors for tensor in job.plan.tensors}.pop()
    siblings: list[dict[str, Any]] = [
        {"rfilename": file.path} | (_blob(file, context) if with_blobs else {})
        for file in repo.files.values()
    ]
    return {
        "_id": job.digest.hex()[:24],
        "id": repo_id,
        "modelId": repo_id,
        "author": repo_id.partition("/")[0],
        "sha": repo.commit,
        "private": False,
        "gated": False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "createdAt": SINCE,
        "lastModified": SINCE,
        "tags": ["pytorch", "safetensors", *tags_of(job.spec)],
        "library_name": "pytorch",
        "cardData": {"library_name": "pytorch", "tags": tags_of(job.spec)},
        "safetensors": {"parameters": {dtype: job.plan.parameters}, "total": job.plan.parameters},
        "siblings": siblings,
    }


def entry_of(repo: Repo, file: File, context: Context, *, expand: bool) -> dict[str, Any]:
    """Return a file as an entry of the tree.

    The hash of weights is given if it is known; else `oid` is a name, and not git's hash.
    """
    entry: dict[str, Any] = {"type": "file", "path": file.path, "size": file.size, "oid": file.oid}
    if stored := _stored_apart(file, context):
        entry["lfs"] = {"oid": stored.pop("sha256"), **stored}
    if expand:
        entry["lastCommit"] = {"id": repo.commit, "title": "Step Zero", "date": SINCE}
    return entry


def _blob(file: File, context: Context) -> dict[str, Any]:
    blob: dict[str, Any] = {"size": file.size, "blobId": file.oid}
    stored = _stored_apart(file, context)
    return blob | ({"lfs": stored} if stored else {})


def _stored_apart(file: File, context: Context) -> dict[str, Any]:
    """Return the hash and sizes of weights, as of a file that git stores apart, if it is known."""
    if isinstance(file, TextFile):
        return {}
    sha256 = context.factory.known_sha256(file.job)
    if sha256 is None:
        return {}
    return {"sha256": sha256, "size": file.size, "pointerSize": len(_pointer(sha256, file))}


def _pointer(sha256: str, file: File) -> str:
    """Return what git stores instead of the file."""
    head = "version https://git-lfs.github.com/spec/v1"
    return f"{head}\noid sha256:{sha256}\nsize {file.size}\n"


async def _file(request: Request, context: Context, file: File) -> Response:
    if matches_tag(request.headers.get("if-none-match"), file.etag):
        return Response(status_code=304, headers={"ETag": file.etag})
    if isinstance(file, TextFile):
        return _text(request, file)
    delivery = PatientDelivery(request, context, file.job)
    stem = file.path.removesuffix(".safetensors")
    if request.method == "HEAD":
        response = await delivery.head(stem)
    else:
        response = await delivery.permalink(stem)
    if file.job.part:  # /v1 has no file that is this one
        del response.headers["Content-Location"]
    return response


def _text(request: Request, file: TextFile) -> Response:
    asked, size = request.headers, file.size
    part = wanted_range(asked.get("range"), asked.get("if-range"), etag=file.etag, length=size)
    headers = {"ETag": file.etag, "Accept-Ranges": "bytes", "Content-Type": file.media_type}
    if part is None or request.method == "HEAD":
        return Response(file.data, headers=headers)
    headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
    return Response(file.data[part.start : part.stop], 206, headers)


class PatientDelivery(Delivery):
    """A delivery to a client that gives up after some seconds, and comes back if told to.

    Until the status line it takes no longer than a setting says; its check may.
    """

    def __init__(self, request: Request, context: Context, job: Job) -> None:
        super().__init__(request, context, job)
        self._until_s = time.monotonic() + context.settings.hub_patience_s

    @property
    def max_wait_s(self) -> float:
        """What is left of the client's patience."""
        return min(self._left_s, self.context.settings.max_wait_s)

    @property
    def _left_s(self) -> float:
        return max(self._until_s - time.monotonic(), 0.0)

    async def _checked(self) -> dict[str, str]:
        if self.is_inline or self._factory.is_checked(self.job):
            return await super()._checked()
        caller = caller_of(self.request.scope)
        result = partial(self.context.checks.result, self.job, self.device, caller, self._left_s)
        with self.stats.stage("check"):
            return self.learned(await wait_watched(self.request.receive, result))
