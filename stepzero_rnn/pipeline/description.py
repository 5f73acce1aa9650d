"""The description of a recipe before anything is drawn: tensors, sizes, cost and files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, Field

from stepzero_rnn.diagnostics.cost import multiply_adds
from stepzero_rnn.diagnostics.options import FIGURES, DiagnosticsOptions, Figure
from stepzero_rnn.errors import DtypeNotInFormat, NetworkNotInFormat
from stepzero_rnn.formats import FORMATS
from stepzero_rnn.pipeline.job import Job, plan_job
from stepzero_rnn.pipeline.limits import Limits
from stepzero_rnn.plan import ForwardSize, GoOn, Plan, always, plan
from stepzero_rnn.spec.canonical import canonical
from stepzero_rnn.spec.checkpoint import Serving, Spec
from stepzero_rnn.spec.spec_warnings import SpecWarning, spec_warnings

_ALONE = {name: DiagnosticsOptions(level="quick", figures=(name,)) for name in FIGURES}


class TensorEntry(BaseModel, frozen=True):
    """One parameter of the checkpoint."""

    name: str = Field(examples=["weight_ih_l0"])
    shape: list[int]
    dtype: str
    size_bytes: int


class FileEntry(BaseModel, frozen=True):
    """The checkpoint as a file of one format."""

    url: str = Field(description="The file's permalink, which never changes.")
    hub_url: str | None = Field(
        description="A URL of the same file whose name ends in the hash, as torch.hub's `check_hash` expects; null until "
        "the hash is known or requested with `?sha256=`."
    )
    media_type: str
    size_bytes: int = Field(description="Exact length of the file.")
    etag: str
    sha256: str | None = Field(
        description="SHA-256 of the whole file; null until it is known or requested with `?sha256=`."
    )
    warning: str | None = Field(
        description="What the format's usual runtime cannot do with this file, or what else the file needs; or null."
    )


class HubLink(BaseModel, frozen=True):
    """The checkpoint as a repository for clients of the Hugging Face Hub."""

    repo_id: str = Field(examples=["stepzero/aTpGWmMhfnZ1"])
    commit: str = Field(
        description="The revision to ask for: a file that is cached for it costs no request."
    )


class Cost(BaseModel, frozen=True):
    """The cost of serving a checkpoint."""

    working_bytes: int = Field(
        description="Memory the check needs: the largest layer and its activations."
    )
    multiply_adds: int = Field(
        description="Multiply-adds of the check: the forward pass, and an upper bound for the linear algebra of the init "
        "schemes."
    )
    drawn_elements: int = Field(
        description="Numbers drawn per pass; a full download takes two passes."
    )
    figures: dict[Figure, int] = Field(
        description="Multiply-adds of each figure of the diagnostics alone, at level `quick` and 100 time steps. Those of "
        "`echo`, `gradient` and `signal` are about proportional to the steps."
    )


class Description(BaseModel, frozen=True):
    """A recipe's tensors, sizes and cost, and the URLs of its files."""

    recipe: str = Field(description="The recipe token used in permalinks.")
    digest: str = Field(description="SHA-256 of the stream version and the canonical spec.")
    spec: dict[str, Any] = Field(description="The canonical spec: all non-default fields.")
    tied_to: str | None = Field(
        description="Library and version the values depend on (`numpy_randn`, `torch_seeded`); another version may give "
        "other values. null if the bytes never change."
    )
    warnings: list[SpecWarning] = Field(description="Valid but rarely intended settings.")
    parameters: int
    size_bytes: int = Field(description="Size of all tensors.")
    check: ForwardSize = Field(
        description="Size of the sanity forward pass: as asked, else by the largest layer's size."
    )
    cost: Cost
    tensors: list[TensorEntry]
    files: dict[str, FileEntry] = Field(
        description="The files by format; those that cannot hold the checkpoint are in `not_in` instead."
    )
    not_in: dict[str, str] = Field(
        description="The formats that cannot hold this dtype or network, with the reason."
    )
    links: dict[str, str | HubLink] = Field(
        description="Permalinks of the recipe, its statistics and its spec; and `hub`, unless the recipe is too long for a "
        "repository or the server has none."
    )


def describe(spec: Spec, serving: Serving, limits: Limits) -> Description:
    """Describe a recipe.  Raises as `describe_plan`."""
    return describe_plan(plan(spec), serving, limits)


def describe_plan(
    planned: Plan,
    serving: Serving,
    limits: Limits,
    *,
    prefix: str = "",
    known_sha256: Callable[[Job], str | None] = lambda _: None,
    go_on: GoOn = always,
) -> Description:
    """Describe a planned recipe.

    Args:
        prefix: the part of the URLs' path before `/v1`.
        known_sha256: returns the hash of a file if it is known.
        go_on: called repeatedly; an exception it raises cancels the work, as in
            `stepzero_rnn.plan.plan`.

    Raises:
        TooLarge, TooMuchWork: the checkpoint, or the memory or arithmetic to make it, exceeds a
            limit.
    """
    jobs, not_in = dict[str, Job](), dict[str, str]()
    for name in FORMATS:
        try:
            jobs[name] = plan_job(planned.spec, name, serving, limits, planned=planned, go_on=go_on)
        except (DtypeNotInFormat, NetworkNotInFormat) as refused:
            not_in[name] = refused.facts["reason"]
    first = next(iter(jobs.values()))
    base = f"{prefix}{first.path}"
    return Description(
        recipe=first.recipe,
        digest=first.digest.hex(),
        spec=canonical(planned.spec),
        tied_to=first.tied_to,
        warnings=spec_warnings(planned.spec),
        parameters=first.plan.parameters,
        size_bytes=first.plan.size_bytes,
        check=first.forward_size,
        cost=Cost(
            working_bytes=first.plan.working_bytes(first.forward_size),
            multiply_adds=first.plan.multiply_adds(first.forward_size),
            drawn_elements=first.plan.parameters,
            figures={name: multiply_adds(first.plan, alone) for name, alone in _ALONE.items()},
        ),
        tensors=[
            TensorEntry(
                name=t.name, shape=list(t.shape), dtype=t.dtype.name, size_bytes=t.size_bytes
            )
            for t in first.plan.tensors
        ],
        files={name: _file(job, base, known_sha256(job)) for name, job in jobs.items()},
        not_in=not_in,
        links={"self": base, "summary": f"{base}/summary", "spec": f"{base}/spec"},
    )


def _file(job: Job, base: str, sha256: str | None) -> FileEntry:
    return FileEntry(
        url=f"{base}/{job.file_name()}",
        hub_url=f"{base}/{job.hashed_name(sha256)}" if sha256 else None,
        media_type=job.format.media_type,
        size_bytes=job.size_bytes,
        etag=job.etag,
        sha256=sha256,
        warning=job.format.warning(job.spec) or None,
    )
