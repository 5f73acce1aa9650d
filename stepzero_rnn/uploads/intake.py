"""Turns uploaded files, or arrays that are already stored, into a recipe that refers to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import prod

from stepzero_rnn.arrays.canonical import Stored
from stepzero_rnn.arrays.ingest import ingest
from stepzero_rnn.arrays.records import ArrayEntry, ReadLimits, ReadOptions, Upload, Watch
from stepzero_rnn.engine.thread_pool import Stop
from stepzero_rnn.errors import ArraysGone, FieldError, InvalidSpec
from stepzero_rnn.plan import Plan, TensorPlan
from stepzero_rnn.spec.arrays import Arrays, SourceSizes, UploadOptions, whole_names
from stepzero_rnn.spec.canonical import with_arrays
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.uploads.store import Incoming, Store

_BOUNDS = ReadLimits()


def take(
    files: Sequence[Upload],
    spec: Spec,
    incoming: Incoming,
    options: UploadOptions,
    bounds: ReadLimits = _BOUNDS,
    stop: Stop | None = None,
) -> Spec:
    """Store uploaded arrays, and return the recipe that refers to them.

    Temporary files are written in the folder of `incoming`, which claims their space first.

    Raises:
        Stopped: `stop` was set; nothing was stored.
        Busy: there is no space for them at the moment.
        InvalidArrays, ArraysTooLarge, NotAnArrayFile: nothing was stored.
        MissingExtra: the extra `readers`, which a file needs, is not installed.
        InvalidSpec: the spec already has arrays, or parts to redraw that the network lacks.
        StoreUnavailable: nothing can be stored.
    """
    if spec.arrays:
        detail = "the spec already has arrays; upload files with a spec that has none"
        raise InvalidSpec([FieldError("/init/arrays", "given_twice", detail)])
    target = incoming.path / "canonical"
    how = ReadOptions(options.layout, options.strict, options.grow, options.prefix)
    bounds = replace(bounds, kept_bytes=incoming.max_bytes)
    watch = Watch(incoming.claim_work, (stop or Stop()).check)
    manifest = incoming.write(lambda: ingest(files, target, spec, how, bounds, watch))
    sizes = manifest.sizes
    arrays = Arrays(
        sha256=manifest.sha256,
        sizes=SourceSizes(
            input_size=sizes.input_size,
            hidden_size=sizes.hidden_size,
            proj_size=sizes.proj_size,
            num_layers=sizes.num_layers,
        ),
        redraw=options.redraw,
    )
    recipe = _recipe(spec, arrays, [entry.name for entry in manifest.entries])
    incoming.keep(target, manifest.sha256)
    return recipe


def complete(spec: Spec, store: Store) -> Spec:
    """Add to a recipe which arrays of its file are used, if it does not say so.

    Raises:
        ArraysGone: the file is not stored here.
        InvalidSpec: the file has arrays that the network does not have.
    """
    arrays = spec.arrays
    if arrays is None or arrays.given is not None:
        return spec
    with store.open(arrays.sha256) as stored:
        return _recipe(spec, arrays, [*stored.entries])


def _recipe(spec: Spec, arrays: Arrays, names: Sequence[str]) -> Spec:
    """Add arrays to a recipe; `given` lists them if they are not all of their network's."""
    if {*names} != {*whole_names(arrays, spec.network)}:
        arrays = arrays.model_copy(update={"given": (*names,)})
    return with_arrays(spec, arrays)


@contextmanager
def opened(plan: Plan, store: Store | None) -> Iterator[Stored | None]:
    """Open the arrays that a recipe refers to; None if it has none.

    Raises:
        ArraysGone: they are not stored.
        InvalidSpec: they do not match the recipe.
        StoreUnavailable: the store cannot be read.
    """
    if (arrays := plan.spec.arrays) is None:
        yield None
        return
    if store is None:
        raise ArraysGone(sha256=arrays.sha256)
    with store.open(arrays.sha256) as stored:
        refuse_unlike(plan, stored)
        yield stored


def refuse_unlike(plan: Plan, stored: Stored) -> None:
    """Reject a recipe that does not match its file of arrays.

    Raises:
        InvalidSpec: an array is missing, or has another shape.
    """
    for name, needed in _needed(plan).items():
        entry = stored.entries.get(name)
        if entry is None:
            detail = f"the file has no {name}; list the arrays to use in `given`"
            raise InvalidSpec([FieldError("/init/arrays", "arrays_unlike", detail, None, [name])])
        if not needed.fits(entry):
            shape = [*entry.shape]
            detail = (
                f"{name} has shape {shape} in the file, but the recipe needs "
                f"{needed.rows} × {needed.cols}; for arrays of a smaller network, state its sizes "
                "in `sizes`"
            )
            raise InvalidSpec([FieldError("/init/arrays", "arrays_unlike", detail, shape)])


@dataclass(frozen=True, slots=True)
class _Needed:
    """The shape that a recipe requires of an array; a vector has one column."""

    rows: int
    cols: int

    def fits(self, entry: ArrayEntry) -> bool:
        """Whether an array has this shape."""
        cols = 1 if len(entry.shape) == 1 else entry.shape[-1]
        return prod(entry.shape) == self.rows * self.cols and cols == self.cols


def _needed(plan: Plan) -> Mapping[str, _Needed]:
    return {
        patch.array: _Needed(patch.rows * _gates(patch.array, tensor), patch.stride)
        for tensor in plan.tensors
        for block in tensor.blocks
        for patch in block.patches
    }


def _gates(array: str, tensor: TensorPlan) -> int:
    """Return how many gates of a tensor an array holds."""
    return len(tensor.gates) if array == tensor.name else 1
