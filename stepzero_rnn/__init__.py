"""Step Zero: recurrent networks as they stand at training step zero.

What the service does, for somebody who wants no server:

    import stepzero_rnn
    spec = {"rnn_type": "gru", "input_size": 10, "hidden_size": 20, "init": "orthogonal"}
    model = stepzero_rnn.build(spec)

`spec`, `plan` and `client` start without torch; it is loaded by the first call that draws.
"""

from __future__ import annotations

import os
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from stepzero_rnn import targets
from stepzero_rnn.formats.naming import choose_format, format_and_rest
from stepzero_rnn.plan import Plan
from stepzero_rnn.plan import plan as _plan
from stepzero_rnn.spec.arrays import UploadArguments, UploadOptions, listed
from stepzero_rnn.spec.checkpoint import CheckSize, FormatName, Serving, Spec
from stepzero_rnn.spec.parse import parse
from stepzero_rnn.summary import Summary

if TYPE_CHECKING:
    from torch import Tensor, nn

    from stepzero_rnn.arrays.saving import AnyArrays
    from stepzero_rnn.pipeline.assemble import Buffer
    from stepzero_rnn.pipeline.job import Job
    from stepzero_rnn.uploads.store import Store

__version__ = "0.1.0"
__all__ = ["Spec", "build", "check", "plan", "save", "state_dict", "stream", "with_arrays"]

AnySpec = Spec | Mapping[str, Any]


def plan(spec: AnySpec) -> Plan:
    """Lay out a recipe: every tensor with its shape, gates and bytes.  Draws nothing.

    Raises:
        InvalidSpec: the spec is not valid; every wrong field is named.
    """
    return _plan(_spec(spec))


def with_arrays(spec: AnySpec, arrays: AnyArrays, **options: Unpack[UploadArguments]) -> Spec:
    """Return the recipe of a network whose weights are one's own, as far as they go; its schemes
    draw the rest.

    The arrays are kept by their sha256, in the folder that a server on this machine has, and
    nowhere else.

    Args:
        arrays: by PyTorch's names (`weight_ih_l0`, or `weight_ih_l0.forget` for one gate) or those
            of the layout; or paths of `.npy`, `.npz`, `.safetensors` files.
        layout: whose names, shapes and gate order they have.
        prefix: what the names of the network's arrays begin with, as in a whole model's file; the
            others are left out.
        strict: refuse what does not give every parameter.
        grow: take arrays of a smaller network; their gates keep their numbers in the larger ones.
        redraw: parts to draw anew although they are given, as `[{"parameter": "bias", "gate":
            "forget"}]`.

    What a layout takes for granted, since no array tells it, is a `UserWarning`.

    Raises:
        InvalidArrays, NotAnArrayFile: the arrays are broken, or do not fit; what is wrong is named,
            with the likely cause.
        InvalidSpec: the spec is not valid, or names arrays itself.
        StoreUnavailable: the folder is not writable.
    """
    from stepzero_rnn.arrays.records import Bounds
    from stepzero_rnn.arrays.saving import as_uploads
    from stepzero_rnn.spec.spec_warnings import upload_warnings
    from stepzero_rnn.uploads.intake import take

    how, store = parse(UploadOptions, options), _store()
    with store.incoming() as incoming:
        files = as_uploads(listed(arrays), incoming.path)
        bounds = Bounds(total_bytes=store.max_bytes)
        recipe = take(files, _spec(spec), incoming, options=how, bounds=bounds)
    for warning in upload_warnings(recipe, how.layout):
        warnings.warn(f"{warning.pointer}: {warning.detail}", stacklevel=2)
    return recipe


def state_dict(spec: AnySpec, *, arrays: AnyArrays | None = None) -> OrderedDict[str, Tensor]:
    """Draw a network's parameters, on the CPU.  `torch.save` of them writes the service's `.pt`
    file.

    Args:
        arrays: weights of one's own, as `with_arrays` takes them.

    Raises:
        ArraysGone: the spec names arrays that are not kept here.
        InvalidSpec: the spec is not valid.
        NonfiniteOutput: a weight overflows the dtype, and the spec does not accept that.
    """
    from stepzero_rnn.engine.draw import Sampler
    from stepzero_rnn.engine.state_dict import state_dict as draw
    from stepzero_rnn.engine.thread_pool import ThreadPool
    from stepzero_rnn.uploads.intake import opened

    planned = plan(spec if arrays is None else with_arrays(spec, arrays))
    store = _store() if planned.spec.arrays else None
    with ThreadPool() as workers, opened(planned, store) as given:
        return draw(planned, Sampler(planned.spec.seed, workers, given=given))


def build(spec: AnySpec, *, arrays: AnyArrays | None = None) -> nn.RNNBase:
    """Build the torch module of a spec, its parameters drawn, on the CPU.

    Arguments and errors as `state_dict`.
    """
    from stepzero_rnn.engine.tensors import empty_module

    recipe = _spec(spec) if arrays is None else with_arrays(spec, arrays)
    module = empty_module(recipe)
    module.load_state_dict(state_dict(recipe), strict=True, assign=True)
    return module


def check(spec: AnySpec, *, device: str = "auto", check: CheckSize | None = None) -> Summary:
    """Draw, measure and run a network, and say all that was learned; one layer is in memory at a
    time.

    Raises:
        InvalidSpec: the spec is not valid.
        DeviceUnavailable: this machine has no such device.
        NonfiniteOutput, DeadOutput: the forward pass fails, and the spec does not accept that.
    """
    from stepzero_rnn.engine.thread_pool import Stop, ThreadPool
    from stepzero_rnn.pipeline.factory import Factory

    job = _job(spec, "pt", device, check)
    with ThreadPool() as workers:
        return Factory(workers, store=_store_of(job)).summary(job, Stop())


def stream(
    spec: AnySpec,
    *,
    format: FormatName = "pt",
    device: str = "auto",
    check: CheckSize | None = None,
) -> Iterator[Buffer]:
    """Return a network's file in chunks, drawn as they are asked for; the first comes after the
    check.

    Raises:
        DtypeNotInFormat: the format cannot hold the dtype.
        InvalidSpec, DeviceUnavailable, NonfiniteOutput, DeadOutput: as `check`.
    """
    return _stream(_job(spec, format, device, check))


def _stream(job: Job) -> Iterator[Buffer]:
    from stepzero_rnn.engine.thread_pool import Stop, ThreadPool
    from stepzero_rnn.pipeline.factory import Factory

    with ThreadPool() as workers:
        factory = Factory(workers, store=_store_of(job))
        factory.check(job, Stop())
        yield from factory.stream(job, Stop())


def save(
    spec: AnySpec,
    path: str | os.PathLike[str],
    *,
    format: FormatName | None = None,
    device: str = "auto",
    arrays: AnyArrays | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write a network's file; under its name stands a whole file or none.  A device or a pipe is
    written into.

    Args:
        format: unless given here or as the spec's `format`, the path's suffix tells it, else it is
            `pt`.
        arrays: weights of one's own, as `with_arrays` takes them.
        progress: called with the bytes written so far and the bytes of the whole file.

    Raises:
        FormatMismatch: the path's suffix is another format's.
        Others as `stream`.
    """
    target = targets.path_of_file(path)
    spec, named = format_and_rest(spec)
    name = choose_format(target, format or named)
    if arrays is not None:
        spec = with_arrays(spec, arrays)
    job = _job(spec, name, device, None)
    targets.write(target, _stream(job), size_bytes=job.size_bytes, progress=progress)
    return target


def _store() -> Store:
    from stepzero_rnn.uploads.settings import StoreSettings, open_store

    return open_store(StoreSettings())


def _store_of(job: Job) -> Store | None:
    return _store() if job.spec.arrays else None


def _spec(spec: AnySpec) -> Spec:
    return spec if isinstance(spec, Spec) else parse(Spec, spec)


def _job(spec: AnySpec, format: FormatName, device: str, check: CheckSize | None) -> Job:
    from stepzero_rnn.pipeline.job import plan_job
    from stepzero_rnn.pipeline.limits import Limits

    serving = parse(Serving, {"device": device, "check": check or CheckSize()})
    return plan_job(_spec(spec), format, serving, Limits.none())
