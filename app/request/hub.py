"""What clients of the Hugging Face Hub ask for: a repository, a revision, some paths of it."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import parse_qs

from fastapi import Request
from pydantic import Field

from app.context import Context
from app.hub.ids import is_long, repo_id_of, spec_of
from app.hub.repo import File, Repo, repo_of
from app.request.planning import planned
from app.request.receiving import read_body
from stepzero_rnn.engine.thread_pool import Stop
from stepzero_rnn.errors import (
    ArraysGone,
    EntryNotFound,
    FieldError,
    InvalidRecipe,
    InvalidSpec,
    OutdatedRecipe,
    RepoNotFound,
    RevisionNotFound,
    UnsupportedMediaType,
)
from stepzero_rnn.pipeline.job import plan_job
from stepzero_rnn.spec.base import Strict
from stepzero_rnn.spec.checkpoint import Serving, Spec
from stepzero_rnn.spec.parse import parse, parse_json
from stepzero_rnn.spec.recipe import encode_recipe
from stepzero_rnn.thresholds import PLANNED_AT_ONCE_CELLS

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
MAX_PATHS = 1000
FORMS = (
    "the id must be that of a recipe, as POST /v1/plan names it, or a name like "
    "stepzero/lstm-512x1024x4-bi-bf16-keras-s7. A recipe that is too long for an id has permalinks "
    "under /v1 alone."
)
LONGER = (
    "A revision of this repository is a recipe, of at most 242 characters; longer ones have "
    "permalinks under /v1 alone."
)


class WantedPaths(Strict):
    """The body of a request for some paths."""

    paths: list[str] = Field(max_length=MAX_PATHS)
    expand: bool = False


async def opened_repo(request: Request, context: Context, repo_id: str, revision: str) -> Repo:
    """Return a repository at a revision.

    Raises:
        RepoNotFound, RevisionNotFound: there is none.
        TooLarge, TooMuchWork, Busy: it cannot be planned.
        StoreUnavailable: it cannot be told whether its arrays are there.
    """
    spec = _spec(repo_id, revision)
    if spec.arrays:
        try:
            await context.beside(partial(context.factory.require, spec))
        except ArraysGone as error:
            raise RepoNotFound(given=repo_id, reason=error.detail) from error

    def work(stop: Stop) -> Repo:
        job = plan_job(spec, "safetensors", Serving(), context.limits, go_on=stop.check)
        if spec.cells > PLANNED_AT_ONCE_CELLS:
            job.lay_out()
        return repo_of(job)

    repo = await planned(request, context, spec, work)
    if not repo.accepts(revision):
        raise RevisionNotFound(given=revision, allowed=[repo.branches[0], repo.commit])
    return repo


def file_of(repo: Repo, path: str) -> File:
    """Return a file of a repository.  Raises EntryNotFound."""
    try:
        return repo.files[path]
    except KeyError:
        raise EntryNotFound(given=path, allowed=[*repo.files], commit=repo.commit) from None


async def read_wanted_paths(request: Request, context: Context) -> WantedPaths:
    """Read which paths are asked for: as a form, as in Python, or as JSON, as in JavaScript.

    Raises:
        UnsupportedMediaType, MalformedJson, InvalidSpec: the body is neither.
        BodyTooLarge, SlowRequest, ClientDisconnect: as `read_body`.
    """
    given = request.headers.get("content-type")
    media_type = (given or "").split(";")[0].strip().lower()
    if media_type not in (FORM, JSON):
        raise UnsupportedMediaType(given=given, allowed=[FORM, JSON])
    body = await read_body(request, context.settings)
    if media_type == JSON:
        return parse_json(WantedPaths, body)
    return parse(WantedPaths, _form_fields(body))


def _form_fields(body: bytes) -> dict[str, Any]:
    try:
        fields = parse_qs(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_PATHS + 1
        )
    except ValueError as error:
        detail = f"the body is not a form ({error})"
        raise InvalidSpec([FieldError("", "malformed_form", detail)]) from error
    expand = fields.get("expand", ["false"])[-1].lower()
    return {
        "paths": fields.get("paths", []),
        "expand": {"true": True, "false": False}.get(expand, expand),
    }


def _spec(repo_id: str, revision: str) -> Spec:
    try:
        spec = spec_of(repo_id, revision)
    except (InvalidRecipe, OutdatedRecipe, InvalidSpec) as error:
        if not is_long(repo_id):
            raise RepoNotFound(given=repo_id, reason=error.detail) from error
        said = f"{error.detail} {LONGER}"
        raise RevisionNotFound(given=revision, allowed=[], reason=said) from error
    if spec is None:
        raise RepoNotFound(given=repo_id, reason=FORMS)
    if is_long(repo_id) and (own := repo_id_of(encode_recipe(spec))) != repo_id:
        raise RevisionNotFound(
            given=revision, allowed=[], reason=f"It has {own}." if own else LONGER
        )
    return spec
