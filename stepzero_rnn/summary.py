"""The statistics of a checkpoint: of every tensor, and of the sanity forward pass.

`WeightSummary` depends on the recipe alone, to the last digit, on every machine, so it can be part
of a file.  `Summary` adds the results of the forward pass, whose last digits depend on the device.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from stepzero_rnn.plan import Plan
from stepzero_rnn.spec.canonical import canonical_json
from stepzero_rnn.spec.spec_warnings import SpecWarning
from stepzero_rnn.thresholds import DETAILED_CELLS

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
HISTOGRAM_BINS = 32

Sha256 = Annotated[
    str, Field(description="SHA-256 of the elements' bytes, little-endian, in row-major order.")
]
Real = float | None  # None if the value is not finite, which JSON cannot represent


@dataclass(frozen=True, slots=True)
class Histogram:
    """Exact counts of the elements in [edges[i], edges[i + 1])."""

    edges: Annotated[
        list[float], Field(description="Bounds of the bins, ascending and exact (not rounded).")
    ]
    counts: list[int]


@dataclass(frozen=True, slots=True)
class Figures:
    """Statistics of a tensor or of one gate's block, computed from the stored values."""

    elements: int
    mean: Real
    std: Annotated[Real, Field(description="Population standard deviation.")]
    expected_std: Annotated[
        Real,
        Field(
            description="Standard deviation expected from the init scheme; null if it defines none."
        ),
    ]
    min: Real
    max: Real
    norm: Annotated[Real, Field(description="Euclidean (Frobenius) norm.")]
    fraction_zero: float
    nonfinite: Annotated[int, Field(description="Number of elements that are infinite or NaN.")]
    quantiles: Annotated[
        Mapping[str, float],
        Field(description="Quantiles by probability, within 0.4 % of the exact value."),
    ]
    histogram: Histogram


@dataclass(frozen=True, slots=True)
class GateSummary:
    """One gate's block of a tensor."""

    gate: str
    shape: list[int]
    fan_in: int
    fan_out: int
    figures: Figures
    sha256: Sha256


@dataclass(frozen=True, slots=True)
class TensorSummary:
    """Statistics of one parameter and of its gates."""

    name: str
    layer: int
    shape: list[int]
    dtype: str
    scheme: Annotated[
        Mapping[str, Any],
        Field(
            description="The init scheme: its name and non-default fields; an object by gate if the gates differ."
        ),
    ]
    figures: Figures
    sha256: Sha256
    gates: list[GateSummary]
    given: Annotated[
        int,
        Field(
            description="Number of elements taken from uploaded arrays; omitted if it is 0.",
            exclude_if=lambda given: given == 0,
        ),
    ] = 0


@dataclass(frozen=True, slots=True)
class ParameterTotal:
    """Statistics of one gate of one kind of parameter, pooled over all layers and directions."""

    parameter: str
    gate: str
    tensors: Annotated[int, Field(description="Number of tensors pooled.")]
    elements: int
    mean: Real
    std: Annotated[Real, Field(description="Population standard deviation of all elements.")]
    expected_std: Annotated[
        Real,
        Field(
            description="Standard deviation expected from the init scheme; null unless it is the same for all tensors."
        ),
    ]
    min: Real
    max: Real
    norm: Annotated[Real, Field(description="Euclidean norm of all elements.")]
    fraction_zero: float
    nonfinite: int


@dataclass(frozen=True, slots=True)
class WeightSummary:
    """Statistics of a checkpoint's weights, which depend on the recipe alone."""

    recipe: Mapping[str, Any]
    recipe_digest: str
    stream_version: int
    parameters: int
    size_bytes: int
    totals: list[ParameterTotal]
    tensors: Annotated[
        list[TensorSummary],
        Field(
            description="The tensors of the requested `layer`; without `layer`, those of all layers "
            "of a small network (none otherwise)."
        ),
    ]


@dataclass(frozen=True, slots=True)
class GateActivation:
    """One gate during the forward pass."""

    gate: str
    mean: Real
    saturated: Annotated[
        Real,
        Field(
            description="Fraction of values below 0.05 or above 0.95 (sigmoid), beyond ±0.9 (tanh), or 0 (ReLU)."
        ),
    ]


@dataclass(frozen=True, slots=True)
class DirectionForward:
    """One layer and direction during the forward pass."""

    layer: int
    reverse: bool
    output_rms: Annotated[
        list[Real], Field(description="Root mean square of the output at each time step.")
    ]
    gates: list[GateActivation]


@dataclass(frozen=True, slots=True)
class Forward:
    """The sanity forward pass: standard normal input, zero state, evaluation mode."""

    seq_len: int
    batch: int
    input_shape: list[int]
    output_shape: list[int]
    finite: bool
    dead: Annotated[bool, Field(description="Whether the output of some layer is all zeros.")]
    output_mean: Real
    output_std: Real
    final_rms: Annotated[
        list[Real],
        Field(
            description="Root mean square of the output at the last time step, by layer and direction."
        ),
    ]
    layers: Annotated[
        list[DirectionForward],
        Field(
            description="Details of the requested `layer`; without `layer`, those of all layers of a "
            "small network (none otherwise)."
        ),
    ]


@dataclass(frozen=True, slots=True)
class Devices:
    """The devices that drew the weights and ran the forward pass."""

    draw: str
    forward: str


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything measured in one pass over a checkpoint."""

    weights: WeightSummary
    forward: Forward
    devices: Devices
    seconds: Annotated[float, Field(description="Duration of the pass.")]
    warnings: Annotated[list[SpecWarning], Field(description="Valid but rarely intended settings.")]


_WEIGHTS = TypeAdapter(WeightSummary)
_TENSOR = TypeAdapter(TensorSummary)
_GATE = TypeAdapter(GateSummary)
_SCHEME = TypeAdapter(Mapping[str, Any])
_FORWARD = TypeAdapter(Forward)
_LAYER = TypeAdapter(DirectionForward)
_SUMMARY = TypeAdapter(Summary)
_REST = {"devices", "seconds", "warnings"}  # short fields, written after the two lists


def compact(summary: Summary, layer: int | None = None) -> Summary:
    """Return a summary with details of one layer only; without one, of all or of none by size."""
    forward = summary.forward
    cells = len(forward.final_rms)
    layers = [cell for cell in forward.layers if is_detailed(cell.layer, cells, layer)]
    return replace(
        summary,
        weights=compact_weights(summary.weights, cells, layer),
        forward=replace(forward, layers=layers),
    )


def compact_weights(weights: WeightSummary, cells: int, layer: int | None = None) -> WeightSummary:
    """Return the weights' part of `compact`, for a network with `cells` cells."""
    tensors = [t for t in weights.tensors if is_detailed(t.layer, cells, layer)]
    return replace(weights, tensors=tensors)


def is_detailed(layer: int, cells: int, requested: int | None = None) -> bool:
    """Whether a compact summary includes the details of `layer`."""
    return cells <= DETAILED_CELLS if requested is None else layer == requested


def json_chunks(summary: Summary, min_bytes: int = 1 << 18) -> Iterator[bytes]:
    """Yield a summary as JSON, in chunks of about `min_bytes`, so that other threads can run."""
    parts: list[bytes] = []
    size = 0
    for part in _summary_parts(summary):
        parts.append(part)
        size += len(part)
        if size >= min_bytes:
            yield b"".join(parts)
            parts, size = [], 0
    yield b"".join(parts)


def _summary_parts(summary: Summary) -> Iterator[bytes]:
    yield b'{"weights":'
    yield from _weight_parts(summary.weights)
    yield b',"forward":'
    forward = _FORWARD.dump_json(replace(summary.forward, layers=[]))
    yield from _with_items(forward, map(_LAYER.dump_json, summary.forward.layers))
    rest = _SUMMARY.dump_python(summary, include=_REST, mode="json")
    yield b"," + json.dumps(rest, separators=(",", ":")).encode()[1:]


def _weight_parts(weights: WeightSummary) -> Iterator[bytes]:
    frame = _WEIGHTS.dump_json(replace(weights, tensors=[]))
    return _with_items(frame, map(_TENSOR.dump_json, weights.tensors))


def _with_items(frame: bytes, items: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a JSON object that ends with an empty list, with `items` inserted into that list."""
    yield frame.removesuffix(b"]}")
    for place, item in enumerate(items):
        yield b"," + item if place else item
    yield b"]}"


def portable_json(summary: WeightSummary, plan: Plan) -> bytes:
    """Return the summary as JSON, padded with spaces to exactly `room_bytes(plan)` bytes."""
    text = b"".join(_weight_parts(compact_weights(summary, plan.spec.cells)))
    room = room_bytes(plan)
    if len(text) >= room:
        raise AssertionError(f"the summary has {len(text)} bytes and does not fit into {room}")
    return text.ljust(room - 1) + b"\n"


def room_bytes(plan: Plan) -> int:
    """Return an upper bound for the compact weight summary of a plan.

    It fixes the length of a file that contains the summary before anything is drawn.
    """
    cells = plan.spec.cells
    tensors = [tensor for tensor in plan.tensors if is_detailed(tensor.layer, cells)]
    gates = sum(len(tensor.gates) for tensor in tensors)
    totals = len({(tensor.kind, gate) for tensor in plan.tensors for gate in tensor.gates})
    schemes = sum(len(_SCHEME.dump_json(tensor.scheme)) for tensor in tensors)
    recipe = len(canonical_json(plan.spec)) + 1024  # canonical: one size for all spellings
    given = len(tensors) * _GIVEN_ROOM if plan.spec.arrays else 0
    details = len(tensors) * _TENSOR_ROOM + gates * _GATE_ROOM
    return recipe + schemes + given + details + totals * _TOTAL_ROOM


def _widest_figures() -> Figures:
    many, long = 10**16, -2.2250738585072014e-308
    return Figures(
        elements=many,
        mean=long,
        std=long,
        expected_std=long,
        min=long,
        max=long,
        norm=long,
        fraction_zero=long,
        nonfinite=many,
        quantiles={str(p): long for p in QUANTILES},
        histogram=Histogram([long] * (HISTOGRAM_BINS + 1), [many] * HISTOGRAM_BINS),
    )


_LONG = -2.2250738585072014e-308
_TOTAL_ROOM = len(
    TypeAdapter(ParameterTotal).dump_json(
        ParameterTotal(
            parameter="weight_ih",
            gate="forget",
            tensors=10**4,
            elements=10**19,
            mean=_LONG,
            std=_LONG,
            expected_std=_LONG,
            min=_LONG,
            max=_LONG,
            norm=_LONG,
            fraction_zero=_LONG,
            nonfinite=10**19,
        )
    )
)
_GIVEN_ROOM = len(f',"given":{10**16}')
_GATE_ROOM = len(
    _GATE.dump_json(
        GateSummary("forget", [10**16] * 2, 10**16, 10**16, _widest_figures(), "0" * 64)
    )
)
_TENSOR_ROOM = len(
    _TENSOR.dump_json(
        TensorSummary(
            "weight_hh_l1023_reverse",
            1023,
            [10**16] * 2,
            "bfloat16",
            {},
            _widest_figures(),
            "0" * 64,
            [],
        )
    )
)
