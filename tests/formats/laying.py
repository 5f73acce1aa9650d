"""Writes whole files from segments, as the service does, but from weights that are at hand."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

import torch

from stepzero_rnn.dtypes import DTYPES
from stepzero_rnn.formats import FORMATS, Format
from stepzero_rnn.formats.segments import Data, Deferred, Literal, Segment, Sum, Transposed, Zeros
from stepzero_rnn.plan import Plan
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.summary import room_bytes

SIZES: dict[str, Any] = {"input_size": 3, "hidden_size": 4, "seed": 7}
SMALL = Spec(rnn_type="lstm", num_layers=2, bidirectional=True, proj_size=2, **SIZES)
UNPROJECTED = SMALL.model_copy(update={"proj_size": 0})
ONE_WAY = UNPROJECTED.model_copy(update={"bidirectional": False})
KINDS: list[dict[str, Any]] = [
    {"rnn_type": "rnn", "nonlinearity": "relu"},
    {"rnn_type": "gru"},
    {"rnn_type": "lstm"},
    {"rnn_type": "lstm", "proj_size": 2},
]
SHAPES: list[dict[str, Any]] = [
    {"num_layers": layers, "bidirectional": bidirectional, "bias": bias}
    for layers, bidirectional, bias in product((1, 3), (False, True), (False, True))
]
NETWORKS = [
    Spec(dtype=dtype, **kind, **shape, **SIZES)
    for dtype, kind, shape in product(DTYPES, KINDS, SHAPES)
]


def can_hold(form: Format, spec: Spec) -> bool:
    """Whether a format can hold a network."""
    return spec.dtype in form.dtypes and not form.cannot(spec)


def small_for(form: Format) -> Spec:
    """Return the small network with the most features that a format can hold."""
    return next(spec for spec in (SMALL, UNPROJECTED, ONE_WAY) if can_hold(form, spec))


def elements_of(data: Data, weights: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return the elements of a segment, flat."""
    whole = weights[data.tensor.name]
    if isinstance(data, Sum):
        whole = whole + weights[data.other.name]
    elif isinstance(data, Transposed):
        gates = whole.unflatten(0, (len(data.tensor.gates), -1))
        whole = torch.cat([gates[gate].T for gate in data.gates], dim=1)
    return whole.flatten()[data.first : data.last]


HOLD_SMALL = [name for name, form in FORMATS.items() if can_hold(form, ONE_WAY)]


class KnownFacts:
    """The facts of weights that are at hand."""

    def __init__(self, plan: Plan, weights: Mapping[str, torch.Tensor]) -> None:
        self._plan = plan
        self._weights = weights

    def crc32(self, data: Data) -> int:
        """Compute the CRC-32 of a segment's bytes."""
        return zlib.crc32(raw(elements_of(data, self._weights)))

    def summary(self) -> bytes:
        """Return an empty summary of the right length."""
        return b"{}".ljust(room_bytes(self._plan))


class NoFacts:
    """Facts that must not be asked for."""

    def crc32(self, data: Data) -> int:
        """Refuse."""
        raise AssertionError(f"the CRC of {data.tensor.name} was asked for")

    def summary(self) -> bytes:
        """Refuse."""
        raise AssertionError("the summary was asked for")


def state_dict_of(plan: Plan) -> dict[str, torch.Tensor]:
    """Draw some weights."""
    generator = torch.Generator().manual_seed(plan.spec.seed)
    return {
        tensor.name: torch.randn(tensor.shape, generator=generator).to(dtype_of(plan))
        for tensor in plan.tensors
    }


def dtype_of(plan: Plan) -> torch.dtype:
    """Return torch's dtype of a plan."""
    dtype: torch.dtype = getattr(torch, plan.spec.dtype)
    return dtype


def module_of(spec: Spec) -> torch.nn.RNNBase:
    """Build torch's own module of a spec."""
    module: type[torch.nn.RNNBase] = getattr(torch.nn, spec.rnn_type.upper())
    names = ("input_size", "hidden_size", "num_layers", "bias", "bidirectional", "proj_size")
    given = {name: getattr(spec, name) for name in names}
    if spec.rnn_type != "lstm":
        del given["proj_size"]
    return module(**given, dtype=getattr(torch, spec.dtype))


def raw(tensor: torch.Tensor) -> bytes:
    """Return the bytes of a tensor."""
    return tensor.contiguous().view(torch.uint8).numpy().tobytes()


def write(plan: Plan, segments: Iterable[Segment], weights: Mapping[str, torch.Tensor]) -> bytes:
    """Write a file."""
    facts = KnownFacts(plan, weights)
    parts = []
    for segment in segments:
        match segment:
            case Literal(data):
                parts.append(data)
            case Zeros(size):
                parts.append(bytes(size))
            case Deferred(render=render):
                parts.append(render(facts))
            case _:
                parts.append(raw(elements_of(segment, weights)))
    return b"".join(parts)
