"""A job: a request with everything that is known of its response before anything is drawn."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import version

from stepzero_rnn.extras import require_torch
from stepzero_rnn.formats import FORMATS, safetensors
from stepzero_rnn.formats.format import Format
from stepzero_rnn.formats.segments import Segment, size_of
from stepzero_rnn.formats.shards import Shard
from stepzero_rnn.pipeline.limits import Limits
from stepzero_rnn.plan import ForwardSize, GoOn, Plan, always, plan
from stepzero_rnn.spec.canonical import STREAM_VERSION, recipe_digest
from stepzero_rnn.spec.checkpoint import FormatName, Serving, Spec
from stepzero_rnn.spec.recipe import encode_recipe, file_stem, hashed_stem
from stepzero_rnn.thresholds import (
    QUICK_MULTIPLY_ADDS,
    QUICK_PARAMETERS,
    QUICK_PRODUCTS,
    QUICK_STEPS,
)

_HASH = re.compile(r"[0-9a-f]{8,64}")


@cache  # it reads a file, and a request needs it several times
def _version(library: str) -> str:
    if library == "torch":
        require_torch()
    return version(library)


@dataclass(frozen=True)
class Job:
    """A planned checkpoint in one format: it has been validated, but nothing has been drawn.

    `recipe` is the token that its URLs contain.  `is_quick` says that making it takes about a
    millisecond.  The file is laid out when its segments are first needed; with a `shard`, it has
    some of the tensors.
    """

    plan: Plan
    format: Format
    serving: Serving
    forward_size: ForwardSize
    recipe: str
    digest: bytes
    is_quick: bool
    shard: Shard | None = None

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        if self.shard:
            return safetensors.segments(self.plan, self.shard.tensors)
        return self.format.segments(self.plan)

    @cached_property
    def size_bytes(self) -> int:
        """The exact length of the file."""
        if self.shard or "segments" in vars(self):
            return size_of(self.segments)
        return self.format.size(self.plan)

    def lay_out(self) -> None:
        """Lay the file out now: for a deep network, that takes longer than an event loop may."""
        _ = self.segments, self.size_bytes

    @property
    def part(self) -> str | None:
        """The name of the shard; None for a file with all tensors."""
        return self.shard.part if self.shard else None

    @property
    def spec(self) -> Spec:
        return self.plan.spec

    @property
    def etag(self) -> str:
        """The strong entity tag; known in advance, as the recipe fixes the bytes."""
        return _tag(self.spec, self.digest, self.format, self.part)

    @property
    def tied_to(self) -> str | None:
        """The library and version that a script's values depend on; None without a script."""
        return tied_to(self.spec)

    @property
    def path(self) -> str:
        """The URL path of the recipe on any server."""
        return f"/v1/checkpoints/{self.recipe}"

    def file_name(self) -> str:
        """Return the file's name, which depends on the recipe and format alone."""
        part = f"-{self.part}" if self.part else ""
        return f"{file_stem(self.spec)}{part}.{self.format.suffix}"

    def hashed_name(self, sha256: str) -> str:
        """Return the file name that ends in the file's hash, for clients that verify it."""
        return f"{hashed_stem(self.spec, sha256)}.{self.format.suffix}"

    def claimed_sha256(self, stem: str) -> str | None:
        """Return the hash at the end of a hashed name; digits in any other name mean nothing."""
        beginning = hashed_stem(self.spec, "0" * 8).removesuffix("0" * 8)
        claim = stem.removeprefix(beginning)
        return claim if claim != stem and _HASH.fullmatch(claim) else None


def etag_of(spec: Spec, name: FormatName) -> str:
    """Return the entity tag of a file without planning it."""
    return _tag(spec, recipe_digest(spec), FORMATS[name])


def _tag(spec: Spec, digest: bytes, format: Format, part: str | None = None) -> str:
    library = tied_to(spec)
    tie = f"-{library.replace(' ', '-')}" if library else ""
    revision = f"-{format.revision}" if format.revision > 1 else ""
    shard = f"-{part}" if part else ""
    return f'"{STREAM_VERSION}-{digest.hex()[:32]}{tie}-{format.suffix}{revision}{shard}"'


def tied_to(spec: Spec) -> str | None:
    """Return the library and version that a script's values depend on; None without a script.

    Raises:
        MissingExtra: the library is torch, and it is not installed.
    """
    script = spec.script
    return f"{script.library} {_version(script.library)}" if script else None


def plan_job(
    spec: Spec,
    name: FormatName,
    serving: Serving,
    limits: Limits,
    *,
    planned: Plan | None = None,
    go_on: GoOn = always,
) -> Job:
    """Plan a checkpoint as a file.

    Args:
        planned: its plan, if it exists already.
        go_on: called repeatedly; an exception it raises cancels the work, as in
            `stepzero_rnn.plan.plan`.

    Raises:
        DtypeNotInFormat, NetworkNotInFormat: the format cannot hold the dtype or network.
        RecipeTooLong: the recipe does not fit into a URL.
        TooLarge, TooMuchWork: the checkpoint, or the memory or arithmetic to make it, exceeds a
            limit.
    """
    recipe = encode_recipe(spec)
    planned = planned or plan(spec, go_on)
    go_on()
    size = planned.forward_size(serving.check)
    limits.admit(planned, size)
    chosen = FORMATS[name]
    chosen.require(planned)
    return Job(
        planned,
        chosen,
        serving,
        size,
        recipe,
        recipe_digest(spec),
        is_quick=chosen.name != "bundle" and spec.arrays is None and _is_small(planned, size),
    )


def _is_small(plan: Plan, size: ForwardSize) -> bool:
    return (
        plan.parameters <= QUICK_PARAMETERS
        and plan.spec.cells * size.seq_len <= QUICK_STEPS
        and plan.parameters * size.seq_len * size.batch <= QUICK_PRODUCTS
        and plan.multiply_adds(size) <= QUICK_MULTIPLY_ADDS
    )
