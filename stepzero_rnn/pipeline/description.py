"""What a recipe describes, before anything is drawn: tensors, sizes, and its file in every
format.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, Field

from stepzero_rnn.errors import DtypeNotInFormat
from stepzero_rnn.formats import FORMATS
from stepzero_rnn.pipeline.job import Job, plan_job
from stepzero_rnn.pipeline.limits import Limits
from stepzero_rnn.plan import GoOn, Plan, always, plan
from stepzero_rnn.spec.canonical import canonical
from stepzero_rnn.spec.checkpoint import FormatName, Serving, Spec
from stepzero_rnn.spec.spec_warnings import SpecWarning, spec_warnings


class TensorEntry(BaseModel, frozen=True):
    """One parameter of the checkpoint."""

    name: str = Field(examples=["weight_ih_l0"])
    shape: list[int]
    dtype: str
    size_bytes: int


class FileEntry(BaseModel, frozen=True):
    """The checkpoint as a file of one format."""

    url: str = Field(description="The file's permalink: one, always.")
    hub_url: str | None = Field(
        description="The same file by a name that ends in its hash, as torch.hub's `check_hash` reads it; null until the "
        "hash is known or asked for by `?sha256=`."
    )
    media_type: str
    size_bytes: int = Field(description="Exact length of the file.")
    etag: str
    sha256: str | None = Field(description="Of the whole file, where it is known or was asked for.")


class Cost(BaseModel, frozen=True):
    """What serving takes."""

    working_bytes: int = Field(
        description="Memory for the check: the largest layer and its activations."
    )
    multiply_adds: int = Field(
        description="Multiplications, each with an addition, of the check: the forward pass, and the linear algebra of the "
        "init schemes at most."
    )
    drawn_elements: int = Field(
        description="Numbers drawn per pass; a full download takes two passes."
    )


class Description(BaseModel, frozen=True):
    """A recipe: what it describes and where its files are."""

    recipe: str = Field(description="The recipe as it stands in permalinks.")
    digest: str = Field(description="sha256 of stream version and canonical spec.")
    spec: dict[str, Any] = Field(description="The canonical spec: what differs from the defaults.")
    tied_to: str | None = Field(
        description="The library whose bits the numbers are, where a script of its own makes them; with another version "
        "of it they may be others. null: the bytes are the same for ever."
    )
    warnings: list[SpecWarning] = Field(description="What is allowed but seldom meant.")
    parameters: int
    size_bytes: int = Field(description="Bytes of all tensors.")
    cost: Cost
    tensors: list[TensorEntry]
    files: dict[str, FileEntry] = Field(
        description="By format; a format that cannot hold the dtype is left out."
    )
    links: dict[str, str]


def describe(
    spec: Spec,
    serving: Serving,
    limits: Limits,
    *,
    prefix: str = "",
    known_sha256: Callable[[Job], str | None] = lambda _: None,
    go_on: GoOn = always,
) -> Description:
    """Describe a recipe.

    Args:
        prefix: what stands before `/v1` in the addresses.
        known_sha256: gives the hash of a file where it is known.
        go_on: may end it, as in `stepzero_rnn.plan.plan`.

    Raises:
        TooLarge, TooMuchWork: the checkpoint, or the memory or arithmetic to make it, exceeds a
            limit.
    """
    planned = plan(spec, go_on)
    possible = ((name, _possible(planned, name, serving, limits, go_on)) for name in FORMATS)
    jobs = {name: found for name, found in possible if found}
    first = next(iter(jobs.values()))
    base = f"{prefix}{first.path}"
    return Description(
        recipe=first.recipe,
        digest=first.digest.hex(),
        spec=canonical(spec),
        tied_to=first.tied_to,
        warnings=spec_warnings(spec),
        parameters=first.plan.parameters,
        size_bytes=first.plan.size_bytes,
        cost=Cost(
            working_bytes=first.plan.working_bytes(serving.check),
            multiply_adds=first.plan.multiply_adds(serving.check),
            drawn_elements=first.plan.parameters,
        ),
        tensors=[
            TensorEntry(
                name=t.name, shape=list(t.shape), dtype=t.dtype.name, size_bytes=t.size_bytes
            )
            for t in first.plan.tensors
        ],
        files={name: _file(found, base, known_sha256(found)) for name, found in jobs.items()},
        links={"self": base, "summary": f"{base}/summary", "spec": f"{base}/spec"},
    )


def _possible(
    plan: Plan, name: FormatName, serving: Serving, limits: Limits, go_on: GoOn
) -> Job | None:
    try:
        return plan_job(plan.spec, name, serving, limits, planned=plan, go_on=go_on)
    except DtypeNotInFormat:
        return None


def _file(found: Job, base: str, sha256: str | None) -> FileEntry:
    return FileEntry(
        url=f"{base}/{found.file_name()}",
        hub_url=f"{base}/{found.hashed_name(sha256)}" if sha256 else None,
        media_type=found.format.media_type,
        size_bytes=found.size_bytes,
        etag=found.etag,
        sha256=sha256,
    )
