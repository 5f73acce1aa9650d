"""From uploaded files, or from files that are kept already, to a recipe that names them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import prod

from stepzero_rnn.arrays.canonical import Stored
from stepzero_rnn.arrays.ingest import ingest
from stepzero_rnn.arrays.records import Bounds, Entry, Options, Upload, Watch
from stepzero_rnn.engine.thread_pool import Stop
from stepzero_rnn.errors import ArraysGone, FieldError, InvalidSpec
from stepzero_rnn.plan import Plan, TensorPlan
from stepzero_rnn.spec.arrays import Arrays, SourceSizes, UploadOptions, whole_names
from stepzero_rnn.spec.canonical import with_arrays
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.uploads.store import Incoming, Store

_BOUNDS = Bounds()


def take(
    files: Sequence[Upload],
    spec: Spec,
    incoming: Incoming,
    options: UploadOptions,
    bounds: Bounds = _BOUNDS,
    stop: Stop | None = None,
) -> Spec:
    """Keep uploaded arrays, and give the recipe that names them.

    What has to be written on the way is written in the folder of `incoming`, and claimed there
    before.

    Raises:
        Stopped: `stop` was set; nothing was kept.
        Busy: there is no room for that now.
        InvalidArrays, ArraysTooLarge, NotAnArrayFile: nothing was kept.
        InvalidSpec: the spec names arrays already, or parts to draw anew that the network lacks.
        StoreUnavailable: nothing can be kept.
    """
    if spec.arrays:
        detail = "the spec names arrays already; upload files beside a spec that names none"
        raise InvalidSpec([FieldError("/init/arrays", "given_twice", detail)])
    target = incoming.path / "canonical"
    how = Options(options.layout, options.strict, options.grow, options.prefix)
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
    """Say in a recipe which of the arrays that it names are given, where it does not.

    Raises:
        ArraysGone: they are not kept here.
        InvalidSpec: there are others in the file than the network has parameters.
    """
    arrays = spec.arrays
    if arrays is None or arrays.given is not None:
        return spec
    with store.open(arrays.sha256) as stored:
        return _recipe(spec, arrays, [*stored.entries])


def _recipe(spec: Spec, arrays: Arrays, names: Sequence[str]) -> Spec:
    """Name what is given, where it is not all of the arrays' network."""
    if {*names} != {*whole_names(arrays, spec.network)}:
        arrays = arrays.model_copy(update={"given": (*names,)})
    return with_arrays(spec, arrays)


@contextmanager
def opened(plan: Plan, store: Store | None) -> Iterator[Stored | None]:
    """Open the arrays that a recipe names; None where it names none.

    Raises:
        ArraysGone: they are not there.
        InvalidSpec: they are others than the recipe says.
        StoreUnavailable: the store does not answer.
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
    """Refuse a recipe that takes its file of arrays for another than it is.

    Raises:
        InvalidSpec: an array is missing, or of another shape.
    """
    for name, needed in _needed(plan).items():
        found = stored.entries.get(name)
        if found is None:
            detail = f"the file has no {name}; `given` names those that count"
            raise InvalidSpec([FieldError("/init/arrays", "arrays_unlike", detail, None, [name])])
        if not needed.fits(found):
            shape = [*found.shape]
            detail = (
                f"{name} has the shape {shape} in the file, the recipe takes {needed.rows} × {needed.cols} from it; of "
                "a smaller network, `sizes` states the sizes"
            )
            raise InvalidSpec([FieldError("/init/arrays", "arrays_unlike", detail, shape)])


@dataclass(frozen=True, slots=True)
class _Needed:
    """The shape that a recipe takes an array to have; a vector's rows have one element."""

    rows: int
    cols: int

    def fits(self, entry: Entry) -> bool:
        """Whether an array has it."""
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
    """Return how many gates an array holds of a tensor."""
    return len(tensor.gates) if array == tensor.name else 1
