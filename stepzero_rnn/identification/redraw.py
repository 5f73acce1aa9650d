"""The recipe that a file carries, compared with the file bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from stepzero_rnn.arrays.canonical import Stored
from stepzero_rnn.arrays.readers import safetensors
from stepzero_rnn.arrays.readers.values import as_floats
from stepzero_rnn.arrays.records import ReadLimits, Upload
from stepzero_rnn.engine.draw import Sampler
from stepzero_rnn.engine.thread_pool import Stop, ThreadPool
from stepzero_rnn.errors import RecipeTooLong, TooLarge, TooMuchWork
from stepzero_rnn.formats.origin import KEY, spec_of_origin
from stepzero_rnn.identification.result import Redraw
from stepzero_rnn.plan import Plan, TensorPlan, plan
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.recipe import encode_recipe

_LISTED = 8


@dataclass(frozen=True, slots=True)
class Tools:
    """What draws: threads, what stops them, and `admit`, which refuses plans that are too large."""

    workers: ThreadPool
    stop: Stop = field(default_factory=Stop)
    admit: Callable[[Plan], object] = lambda _: None


def recorded(files: Sequence[Upload], bounds: ReadLimits) -> Spec | None:
    """Return the recipe that a single `.safetensors` file carries."""
    if len(files) != 1:
        return None
    path = files[0].path
    with path.open("rb") as file:
        if not safetensors.is_one(file.read(9)):
            return None
        texts = safetensors.read_metadata(file, path.stat().st_size, bounds)
    return spec_of_origin(texts.get(KEY))


def redraw(spec: Spec, stored: Stored, tools: Tools) -> Redraw | None:
    """Draw a recipe, and compare it with a file; None if the file is of another network, or the
    recipe names arrays or is too much work.
    """
    if spec.arrays is not None:
        return None
    planned = plan(spec, tools.stop.check)
    try:
        tools.admit(planned)
        token = encode_recipe(spec)
    except (TooLarge, TooMuchWork, RecipeTooLong):
        return None
    if not _is_of(planned, stored):
        return None
    sampler = Sampler(spec.seed, tools.workers, tools.stop)
    differing = [t.name for t in planned.tensors if not _is_equal(t, sampler, stored)]
    return Redraw(token, f"/v1/checkpoints/{token}", not differing, differing[:_LISTED])


def _is_of(planned: Plan, stored: Stored) -> bool:
    """Whether a file has exactly the tensors of a plan."""
    found = {(name, e.shape, e.dtype) for name, e in stored.entries.items()}
    return found == {(t.name, t.shape, t.dtype.name) for t in planned.tensors}


def _is_equal(tensor: TensorPlan, sampler: Sampler, stored: Stored) -> bool:
    first = 0
    for chunk in sampler.chunks(tensor, 0, tensor.elements):
        drawn = as_floats(chunk, tensor.dtype.name)
        found = stored.read(tensor.name, first, first + len(chunk))
        if drawn.tobytes() != np.ascontiguousarray(found).tobytes():
            return False
        first += len(chunk)
    return True
