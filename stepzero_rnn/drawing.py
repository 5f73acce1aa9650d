"""The library's calls that draw; importing it without the extra `torch` raises `MissingExtra`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from stepzero_rnn.extras import require_torch

require_torch()  # the imports below would fail with a less helpful message

import torch
from torch import Tensor, nn

from stepzero_rnn.arrays.saving import AnyInputs, inputs_file
from stepzero_rnn.diagnostics.measuring.given_inputs import read_inputs
from stepzero_rnn.diagnostics.options import DiagnosticsOptions, fitted
from stepzero_rnn.diagnostics.results import Diagnostics
from stepzero_rnn.engine import state_dict as engine
from stepzero_rnn.engine.draw import Sampler
from stepzero_rnn.engine.tensors import MODULES, TORCH_DTYPES, empty_module
from stepzero_rnn.engine.thread_pool import Stop, ThreadPool
from stepzero_rnn.engine.warmup import warm
from stepzero_rnn.errors import RequestError
from stepzero_rnn.pipeline.assemble import Buffer
from stepzero_rnn.pipeline.factory import Factory
from stepzero_rnn.pipeline.job import Job
from stepzero_rnn.plan import Plan, plan
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.parse import parse
from stepzero_rnn.summary import Summary
from stepzero_rnn.uploads.intake import opened
from stepzero_rnn.uploads.settings import StoreSettings, open_store
from stepzero_rnn.uploads.store import Store

__all__ = [
    "build",
    "check",
    "diagnose",
    "fill",
    "prefixed",
    "run",
    "spec_of",
    "state_dict",
    "stream",
    "warm",
]


def state_dict(planned: Plan) -> OrderedDict[str, Tensor]:
    """Draw every tensor of a plan, as `stepzero_rnn.state_dict` describes."""
    with ThreadPool() as workers, opened(planned, _store_of(planned.spec)) as uploaded:
        return engine.state_dict(planned, Sampler(planned.spec.seed, workers, given=uploaded))


def prefixed(drawn: OrderedDict[str, Tensor], prefix: str) -> OrderedDict[str, Tensor]:
    """Return the same tensors under their names in a larger module."""
    renamed = OrderedDict((f"{prefix}{name}", tensor) for name, tensor in drawn.items())
    metadata: Any = drawn._metadata  # type: ignore[attr-defined]
    entries = ((prefix[:-1] if name == "" else name, entry) for name, entry in metadata.items())
    renamed._metadata = OrderedDict(entries)  # type: ignore[attr-defined]
    return renamed


def build(recipe: Spec) -> nn.RNNBase:
    """Return the module of a recipe, with its parameters drawn."""
    module = empty_module(recipe)
    module.load_state_dict(state_dict(plan(recipe)), strict=True, assign=True)
    return module


def check(job: Job) -> Summary:
    with ThreadPool() as workers:
        return Factory(workers, store=_store_of(job.spec)).summary(job, Stop())


def diagnose(job: Job, options: DiagnosticsOptions, inputs: AnyInputs | None = None) -> Diagnostics:
    given = None
    if inputs is not None:
        with TemporaryDirectory() as folder:
            given = read_inputs(inputs_file(inputs, Path(folder)), job.spec)
    options = fitted(options, job.spec, None if given is None else len(given))
    with ThreadPool() as workers:
        factory = Factory(workers, store=_store_of(job.spec))
        return factory.diagnose(job, options, Stop(), given)


@contextmanager
def run(recipes: Iterable[Spec]) -> Iterator[tuple[Factory, Stop]]:
    """Return what measures several recipes in the block."""
    store = next((_store_of(recipe) for recipe in recipes if recipe.arrays), None)
    with ThreadPool() as workers:
        yield Factory(workers, store=store), Stop()


def stream(job: Job) -> Iterator[Buffer]:
    """Check a network when the first chunk is requested, then yield its file in chunks."""
    with ThreadPool() as workers:
        factory = Factory(workers, store=_store_of(job.spec))
        factory.check(job, Stop())
        yield from factory.stream(job, Stop())


def spec_of(module: nn.Module, init: Any, seed: int) -> Spec:
    """Return the recipe of a network like `module`, initialized by `init`.

    Raises:
        RequestError: it is not one of torch's RNN, GRU or LSTM, or its parameters cannot be filled.
        InvalidSpec: `init` or `seed` is not valid for such a network.
    """
    rnn_type = next((name for name, kind in MODULES.items() if isinstance(module, kind)), None)
    if rnn_type is None or not isinstance(module, nn.RNNBase):
        raise RequestError(f"`init_` fills an nn.RNN, nn.GRU or nn.LSTM, {_instead_of(module)}.")
    fields: dict[str, Any] = {
        "rnn_type": rnn_type,
        "input_size": module.input_size,
        "hidden_size": module.hidden_size,
        "num_layers": module.num_layers,
        "bias": module.bias,
        "batch_first": module.batch_first,
        "bidirectional": module.bidirectional,
        "proj_size": module.proj_size,
        "dtype": _dtype_of(module),
        "init": init,
        "seed": seed,
    }
    if isinstance(module, nn.RNN):
        fields["nonlinearity"] = module.nonlinearity
    recipe = parse(Spec, fields)
    _refuse_other_parameters(module, plan(recipe))
    return recipe


def fill(module: nn.Module, recipe: Spec) -> None:
    """Overwrite a module's parameters with those of a recipe, on the device where they are."""
    drawn = state_dict(plan(recipe))
    parameters = dict(module.named_parameters(recurse=False))
    with torch.no_grad():
        for name, tensor in drawn.items():
            parameters[name].copy_(tensor)


def _instead_of(module: object) -> str:
    submodules = module.named_modules() if isinstance(module, nn.Module) else ()
    networks = [name for name, part in submodules if isinstance(part, (*MODULES.values(),))]
    hint = f"; it has one at {networks[0]!r}" if networks else ""
    return f"not a {type(module).__name__}{hint}"


def _dtype_of(module: nn.Module) -> str:
    dtypes = {parameter.dtype for parameter in module.parameters(recurse=False)}
    names = [name for name, dtype in TORCH_DTYPES.items() if dtypes == {dtype}]
    if not names:
        actual = ", ".join(sorted(map(str, dtypes))) or "none"
        allowed = ", ".join(TORCH_DTYPES)
        raise RequestError(
            f"All parameters must have the same dtype, one of {allowed}; found: {actual}."
        )
    return names[0]


def _refuse_other_parameters(module: nn.Module, planned: Plan) -> None:
    """Reject a module whose weights are computed from other parameters, or have no memory."""
    expected = {tensor.name: tensor.shape for tensor in planned.tensors}
    actual = {name: p.shape for name, p in module.named_parameters(recurse=False)}
    if actual != expected:
        names = ", ".join(sorted(actual.keys() ^ expected.keys())) or "their shapes"
        raise RequestError(f"The parameters differ from those of a plain {_kind(module)}: {names}.")
    if any(parameter.is_meta for parameter in module.parameters(recurse=False)):
        raise RequestError("The parameters are on the meta device; call to_empty() first.")


def _kind(module: nn.Module) -> str:
    return type(module).__name__


def _store_of(recipe: Spec) -> Store | None:
    return open_store(StoreSettings()) if recipe.arrays else None
