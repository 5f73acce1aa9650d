"""The calls of the library; `stepzero_rnn` names them all.

Importing them is light: what reads arrays or draws is imported by the first call that does.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from stepzero_rnn import targets
from stepzero_rnn.errors import RequestError
from stepzero_rnn.formats.naming import choose_format, format_and_rest
from stepzero_rnn.pipeline.job import Job, plan_job
from stepzero_rnn.pipeline.limits import Limits
from stepzero_rnn.plan import Plan
from stepzero_rnn.plan import plan as plan_of
from stepzero_rnn.recipe_warnings import caution
from stepzero_rnn.spec.arrays import ReadingArguments, UploadArguments, listed, upload_options
from stepzero_rnn.spec.checkpoint import CheckSize, FormatName, Serving, Spec
from stepzero_rnn.spec.parse import parse
from stepzero_rnn.spec.recipe import AnySpec, as_spec
from stepzero_rnn.spec.spec_warnings import spec_warnings, upload_warnings
from stepzero_rnn.summary import Summary

if TYPE_CHECKING:
    from torch import Tensor, nn

    from stepzero_rnn.arrays.saving import AnyArrays
    from stepzero_rnn.pipeline.assemble import Buffer

Network = TypeVar("Network", bound="nn.RNNBase")


def plan(spec: AnySpec) -> Plan:
    """Lay out a network: every tensor with its shape, gates and bytes.  Nothing is drawn.

    Args:
        spec: a `Spec`, a mapping of its fields, or a recipe token, such as the `recipe` of a plan.

    Raises:
        InvalidSpec: the spec is not valid; every wrong field is named.
        InvalidRecipe, OutdatedRecipe: the token cannot be decoded here.
    """
    return plan_of(as_spec(spec))


def with_arrays(spec: AnySpec, arrays: AnyArrays, **options: Unpack[UploadArguments]) -> Spec:
    """Return the recipe of a network that takes its weights from `arrays`; its schemes draw what
    they do not give.

    The arrays are kept by their sha256 in the folder that a server on this machine uses.

    Args:
        arrays: a mapping from names to arrays, by PyTorch's names (`weight_ih_l0`, or
            `weight_ih_l0.forget` for one gate) or those of the layout; or one or more paths of
            `.npy`, `.npz` or `.safetensors` files.
        layout: the library whose names, shapes and gate order the arrays have.
        prefix: what the names of the network's arrays begin with, as in a whole model's file; all
            other arrays are left out.
        strict: refuse arrays that do not give every parameter.
        grow: accept arrays of a smaller network; each gate keeps its numbers in the larger one.
        redraw: one or more parts to draw although they are given, such as
            `{"parameter": "bias", "gate": "forget"}`.

    Warns:
        RecipeWarning: the layout assumes something that the arrays cannot confirm.

    Raises:
        InvalidArrays, NotAnArrayFile: the arrays are broken or do not fit; the error names what is
            wrong, and the likely cause.
        InvalidSpec: the spec is not valid, or names arrays itself.
        StoreUnavailable: the folder is not writable.
    """
    from stepzero_rnn.arrays.records import Bounds
    from stepzero_rnn.arrays.saving import as_uploads
    from stepzero_rnn.uploads.intake import take
    from stepzero_rnn.uploads.settings import StoreSettings, open_store

    how, store = upload_options(options), open_store(StoreSettings())
    with store.incoming() as incoming:
        files = as_uploads(listed(arrays), incoming.path)
        bounds = Bounds(total_bytes=store.max_bytes)
        recipe = take(files, as_spec(spec), incoming, options=how, bounds=bounds)
    caution(upload_warnings(recipe, how.layout))
    return recipe


def state_dict(
    spec: AnySpec,
    *,
    prefix: str = "",
    arrays: AnyArrays | None = None,
    **options: Unpack[ReadingArguments],
) -> OrderedDict[str, Tensor]:
    """Draw the parameters of a network, on the CPU, by PyTorch's names.

    `torch.save` of them writes the service's `.pt` file.

    Args:
        prefix: put before every name, as in `model.load_state_dict(drawn, strict=False)` of a
            larger model.  Arrays under a prefix of their own go through `with_arrays` first.
        arrays: weights of your own; these and the options are those of `with_arrays`.

    Warns:
        RecipeWarning: the spec is allowed but seldom meant.

    Raises:
        ArraysGone: the spec names arrays that are not kept here.
        InvalidSpec: the spec is not valid.
        MissingExtra: torch or numba is not installed.
        NonfiniteOutput: a weight overflows the dtype, and the spec does not accept that.
        Others as `with_arrays`.
    """
    from stepzero_rnn import drawing

    drawn = drawing.state_dict(plan_of(_recipe(spec, arrays, options)))
    return drawing.prefixed(drawn, prefix) if prefix else drawn


def build(
    spec: AnySpec, *, arrays: AnyArrays | None = None, **options: Unpack[UploadArguments]
) -> nn.RNNBase:
    """Return the `torch.nn.RNN`, `GRU` or `LSTM` of a spec, its parameters drawn, on the CPU.

    Args:
        arrays: weights of your own; these and the options are those of `with_arrays`.

    Warnings and errors as `state_dict`.
    """
    from stepzero_rnn import drawing

    return drawing.build(_recipe(spec, arrays, options))


def init_(module: Network, init: Any = "pytorch", *, seed: int = 0) -> Network:
    """Initialize an `nn.RNN`, `nn.GRU` or `nn.LSTM` in place, and return it.

    Its parameters get the numbers that `state_dict` draws for a spec of the same sizes and dtype.
    They stay the same objects, on their device, and keep `requires_grad`.

    Args:
        init: as a spec's `init`: a name, one scheme, or an object with parts.

    Warns:
        RecipeWarning: the init is allowed but seldom meant.

    Raises:
        RequestError: it is another module, or its parameters are not torch's own.
        InvalidSpec: the init or the seed is not valid for this network.
        MissingExtra, NonfiniteOutput: as `state_dict`; nothing has changed.
    """
    from stepzero_rnn import drawing

    recipe = drawing.spec_of(module, init, seed)
    caution(spec_warnings(recipe))
    drawing.fill(module, recipe)
    return module


def check(spec: AnySpec, *, device: str = "auto", check: CheckSize | None = None) -> Summary:
    """Draw, measure and run a network, and return all that was learned, warnings included.

    One layer is in memory at a time.

    Args:
        device: where to draw and run: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        check: the size of the forward pass.

    Raises:
        InvalidSpec: the spec is not valid.
        DeviceUnavailable: this machine has no such device.
        MissingExtra: torch or numba is not installed.
        NonfiniteOutput, DeadOutput: the forward pass fails, and the spec does not accept that.
    """
    from stepzero_rnn import drawing

    return drawing.check(_job(as_spec(spec), "pt", device, check))


def stream(
    spec: AnySpec,
    *,
    format: FormatName = "pt",
    device: str = "auto",
    check: CheckSize | None = None,
) -> Iterator[Buffer]:
    """Return a network's file in chunks, each drawn when it is asked for; the first follows the
    check.

    Warns:
        RecipeWarning: the spec is allowed but seldom meant.

    Raises:
        DtypeNotInFormat: the format cannot hold the dtype.
        Others as `check`.
    """
    from stepzero_rnn import drawing

    job = _job(as_spec(spec), format, device, check)
    caution(spec_warnings(job.spec))
    return drawing.stream(job)


def save(
    spec: AnySpec,
    path: str | os.PathLike[str],
    *,
    format: FormatName | None = None,
    device: str = "auto",
    arrays: AnyArrays | None = None,
    progress: Callable[[int, int], None] | None = None,
    **options: Unpack[UploadArguments],
) -> Path:
    """Write a network's file, whole or not at all; a device or a pipe is written into.

    Args:
        format: without it, and without `format` in the spec, the path's suffix decides; without a
            suffix that is known, it is `pt`.
        arrays: weights of your own; these and the options are those of `with_arrays`.
        progress: called with the bytes written so far and the bytes of the whole file.

    Warns:
        RecipeWarning: the spec is allowed but seldom meant.

    Raises:
        FormatMismatch: the path's suffix is another format's.
        Others as `stream` and `with_arrays`.
    """
    from stepzero_rnn import drawing

    target = targets.path_of_file(path)
    spec, named = format_and_rest(spec)
    name = choose_format(target, format or named)
    job = _job(_recipe(spec, arrays, options), name, device, None)
    targets.write(target, drawing.stream(job), size_bytes=job.size_bytes, progress=progress)
    return target


def _recipe(spec: AnySpec, arrays: AnyArrays | None, options: Mapping[str, Any]) -> Spec:
    """Return the recipe of a call, and warn of what is seldom meant."""
    if arrays is not None:
        return with_arrays(spec, arrays, **options)
    if options:
        raise RequestError(f"`{next(iter(options))}` is for `arrays`, and none are given.")
    recipe = as_spec(spec)
    caution(spec_warnings(recipe))
    return recipe


def _job(recipe: Spec, format: FormatName, device: str, check: CheckSize | None) -> Job:
    serving = parse(Serving, {"device": device, "check": check or CheckSize()})
    return plan_job(recipe, format, serving, Limits.none())
