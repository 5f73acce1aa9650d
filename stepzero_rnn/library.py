"""The functions of the library, which `stepzero_rnn` exports.

Importing them is cheap: modules that read arrays or draw are imported by the first call that needs
them.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from stepzero_rnn import targets
from stepzero_rnn.diagnostics.options import DiagnosticsArguments, DiagnosticsOptions
from stepzero_rnn.diagnostics.results import Diagnostics
from stepzero_rnn.errors import RequestError
from stepzero_rnn.extras import require_torch
from stepzero_rnn.formats.naming import choose_format, format_and_rest
from stepzero_rnn.pipeline.job import Job, plan_job
from stepzero_rnn.pipeline.limits import Limits
from stepzero_rnn.plan import Plan
from stepzero_rnn.plan import plan as plan_of
from stepzero_rnn.recipe_warnings import caution
from stepzero_rnn.spec.arrays import (
    IdentifyArguments,
    IdentifyOptions,
    ReadingArguments,
    UploadArguments,
    listed,
    upload_options,
)
from stepzero_rnn.spec.checkpoint import CheckSize, FormatName, Serving, Spec
from stepzero_rnn.spec.parse import parse
from stepzero_rnn.spec.recipe import AnySpec, as_spec
from stepzero_rnn.spec.spec_warnings import spec_warnings, upload_warnings
from stepzero_rnn.summary import Summary

if TYPE_CHECKING:
    from torch import Tensor, nn

    from stepzero_rnn.arrays.saving import AnyArrays, AnyInputs
    from stepzero_rnn.identification.result import Identified
    from stepzero_rnn.pipeline.assemble import Buffer

Network = TypeVar("Network", bound="nn.RNNBase")


def plan(spec: AnySpec) -> Plan:
    """Plan a network: every tensor with its shape, gates and size.  Nothing is drawn.

    Args:
        spec: a `Spec`, a mapping of its fields, or a recipe token, such as the `recipe` of a plan.

    Raises:
        InvalidSpec: the spec is not valid; the error lists every invalid field.
        InvalidRecipe, OutdatedRecipe: the token cannot be decoded by this version.
    """
    return plan_of(as_spec(spec))


def with_arrays(spec: AnySpec, arrays: AnyArrays, **options: Unpack[UploadArguments]) -> Spec:
    """Return the recipe of a network that takes weights from `arrays`; its schemes draw the rest.

    The arrays are stored by their sha256, in the folder that a server on this machine uses too.

    Args:
        arrays: a mapping from names to arrays, with PyTorch's names (`weight_ih_l0`, or
            `weight_ih_l0.forget` for one gate) or those of the layout; or one or more paths of
            `.npy`, `.npz` or `.safetensors` files or, with the extra `readers`, `.onnx`, `.h5` or
            `.keras` files.
        layout: the library whose names, shapes and gate order the arrays have.
        prefix: the beginning of the names of the network's arrays, as in the file of a larger
            model; all other arrays are ignored.
        strict: reject arrays that do not include every parameter.
        grow: accept arrays of a smaller network; each gate keeps its values in the larger one.
        redraw: one or more parts to draw even if the arrays include them, such as
            `{"parameter": "bias", "gate": "forget"}`.

    Warns:
        RecipeWarning: the layout makes an assumption that the arrays cannot confirm.

    Raises:
        InvalidArrays, NotAnArrayFile: the arrays are corrupt or do not fit; the error has the
            details and the likely cause.
        InvalidSpec: the spec is not valid, or it names arrays already.
        StoreUnavailable: the folder is not writable.
    """
    from stepzero_rnn.arrays.parsing.conversion import are_graphs
    from stepzero_rnn.arrays.records import ReadLimits
    from stepzero_rnn.arrays.saving import as_uploads
    from stepzero_rnn.uploads.intake import take
    from stepzero_rnn.uploads.settings import StoreSettings, open_store

    reading, store = upload_options(options), open_store(StoreSettings())
    with store.incoming() as incoming:
        files = as_uploads(listed(arrays), incoming.path)
        bounds = ReadLimits(total_bytes=store.max_bytes)
        recipe = take(files, as_spec(spec), incoming, options=reading, bounds=bounds)
        in_graphs = are_graphs(files)
    caution(upload_warnings(recipe, reading.layout, in_graphs=in_graphs))
    return recipe


def state_dict(
    spec: AnySpec,
    *,
    prefix: str = "",
    arrays: AnyArrays | None = None,
    **options: Unpack[ReadingArguments],
) -> OrderedDict[str, Tensor]:
    """Draw the parameters of a network on the CPU, and return them by their PyTorch names.

    `torch.save` of the result writes the same file as the service's `.pt`.

    Args:
        prefix: prepended to every name, for `model.load_state_dict(drawn, strict=False)` of a
            larger model.  If your arrays have a prefix themselves, use `with_arrays` first.
        arrays: your own weights; `arrays` and the options are those of `with_arrays`.

    Warns:
        RecipeWarning: a setting is valid but rarely intended.

    Raises:
        ArraysGone: the spec names arrays that are not stored on this machine.
        InvalidSpec: the spec is not valid.
        MissingExtra: the extra `torch` is not installed.
        NonfiniteOutput: a weight overflows the dtype, and the spec does not accept that.
        Others: as `with_arrays`.
    """
    from stepzero_rnn import drawing

    drawn = drawing.state_dict(plan_of(_recipe(spec, arrays, options)))
    return drawing.prefixed(drawn, prefix) if prefix else drawn


def build(
    spec: AnySpec, *, arrays: AnyArrays | None = None, **options: Unpack[UploadArguments]
) -> nn.RNNBase:
    """Return the `torch.nn.RNN`, `GRU` or `LSTM` of a spec, initialized, on the CPU.

    Args:
        arrays: your own weights; `arrays` and the options are those of `with_arrays`.

    Warnings and errors are those of `state_dict`.
    """
    from stepzero_rnn import drawing

    return drawing.build(_recipe(spec, arrays, options))


def init_(module: Network, init: Any = "pytorch", *, seed: int = 0) -> Network:
    """Initialize an `nn.RNN`, `nn.GRU` or `nn.LSTM` in place, and return it.

    Its parameters get the values that `state_dict` draws for a spec of the same sizes and dtype.
    They stay the same objects on the same device and keep their `requires_grad`.

    Args:
        init: like `init` in a spec: a name, one scheme, or an object with parts.

    Warns:
        RecipeWarning: the init is valid but rarely intended.

    Raises:
        RequestError: the module is not one of these, or its parameters are not torch's own.
        InvalidSpec: `init` or `seed` is not valid for this network.
        MissingExtra, NonfiniteOutput: as for `state_dict`; the module is unchanged.
    """
    from stepzero_rnn import drawing

    recipe = drawing.spec_of(module, init, seed)
    caution(spec_warnings(recipe))
    drawing.fill(module, recipe)
    return module


def check(spec: AnySpec, *, device: str = "auto", check: CheckSize | None = None) -> Summary:
    """Draw, run and measure a network, and return its summary, warnings included.

    Only one layer is in memory at a time.

    Args:
        device: where to draw and run: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        check: the size of the forward pass.

    Raises:
        InvalidSpec: the spec is not valid.
        DeviceUnavailable: this machine has no such device.
        MissingExtra: the extra `torch` is not installed.
        NonfiniteOutput, DeadOutput: the network fails the check, and the spec does not accept that.
    """
    from stepzero_rnn import drawing

    return drawing.check(_job(as_spec(spec), "pt", device, check))


def diagnose(
    spec: AnySpec,
    *,
    inputs: AnyInputs | None = None,
    device: str = "auto",
    **options: Unpack[DiagnosticsArguments],
) -> Diagnostics:
    """Measure what a start will do in training: whether signal and gradient reach far enough.

    Args:
        inputs: sequences of your own, (seq_len, sequences, input_size), instead of standard normal
            ones: an array or an `.npy` file; `seq_len` is then that of the array.
        device: where to draw and run: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        seq_len: time steps, 100 by default.
        dependency_length: how many steps back the task's dependencies reach; by default `seq_len`.
        level: `quick`, `standard` or `full`.
        figures: the figures to measure; by default those of the level.
        layer: the layer whose details to return; by default, all layers of a small network.

    Raises:
        InvalidArrays: `inputs` does not fit the network.
        Others: as `check`.
    """
    from stepzero_rnn import drawing

    asked = parse(DiagnosticsOptions, options)
    return drawing.diagnose(_job(as_spec(spec), "safetensors", device, None), asked, inputs)


def identify(arrays: AnyArrays, **options: Unpack[IdentifyArguments]) -> Identified:
    """Say which initialization weights are: which laws of the catalogue fit every gate.

    The network's kind and sizes are inferred from the arrays.  A file that carries its recipe is
    compared with its redraw, bit for bit.

    Args:
        arrays: a mapping from names to arrays, such as a `state_dict`; or one or more paths of
            `.npy`, `.npz` or `.safetensors` files or, with the extra `readers`, `.onnx`, `.h5` or
            `.keras` files; or one of a `.pt` file, which is read with
            `torch.load(weights_only=True)`.
        layout: the library whose names, shapes and gate order the arrays have.
        prefix: the beginning of the names of the network's arrays, as in the file of a larger
            model; all other arrays are ignored.

    Raises:
        InvalidArrays, NotAnArrayFile: the arrays are corrupt, or do not tell their network.
        InvalidSpec: an option is not valid.
        MissingExtra: torch, numba or scipy is not installed, or what reads such a file.
        StoreUnavailable: the folder for temporary files is not writable.
    """
    require_torch()
    from stepzero_rnn.identification.local import identify_here

    return identify_here(listed(arrays), parse(IdentifyOptions, options))


def stream(
    spec: AnySpec,
    *,
    format: FormatName = "pt",
    device: str = "auto",
    check: CheckSize | None = None,
) -> Iterator[Buffer]:
    """Return a network's file in chunks, each drawn on demand; the check precedes the first one.

    Warns:
        RecipeWarning: a setting is valid but rarely intended.

    Raises:
        DtypeNotInFormat, NetworkNotInFormat: the format cannot hold the dtype or network.
        Others: as `check`.
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
    """Write a network's file atomically, or directly if the path is a device or a pipe.

    Args:
        format: by default the spec's `format`, else that of the path's suffix, else `pt`.
        arrays: your own weights; `arrays` and the options are those of `with_arrays`.
        progress: called with the number of bytes written so far and the size of the file.

    Warns:
        RecipeWarning: a setting is valid but rarely intended.

    Raises:
        FormatMismatch: the path's suffix belongs to a different format.
        Others: as `stream` and `with_arrays`.
    """
    from stepzero_rnn import drawing

    target = targets.path_of_file(path)
    spec, named = format_and_rest(spec)
    name = choose_format(target, format or named)
    job = _job(_recipe(spec, arrays, options), name, device, None)
    targets.write(target, drawing.stream(job), size_bytes=job.size_bytes, progress=progress)
    return target


def _recipe(spec: AnySpec, arrays: AnyArrays | None, options: Mapping[str, Any]) -> Spec:
    """Return the recipe of a call, and warn of rarely intended settings."""
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
