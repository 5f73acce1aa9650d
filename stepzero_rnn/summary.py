"""What drawing and checking teach: the statistics of every tensor and of the sanity forward pass.

`WeightSummary` is a function of the recipe alone, to the last digit, on every machine; it can
travel inside a file.  `Summary` adds what the forward pass showed on one device, whose last digits
are that device's own.
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

Sha256 = Annotated[str, Field(description="Of the elements' bytes, little-endian, row by row.")]
Real = float | None  # None where the figure is not finite, which JSON cannot say otherwise


@dataclass(frozen=True, slots=True)
class Histogram:
    """Exact counts of the elements in [edges[i], edges[i + 1])."""

    edges: Annotated[
        list[float], Field(description="Ascending; no rounding: the bounds as they are.")
    ]
    counts: list[int]


@dataclass(frozen=True, slots=True)
class Figures:
    """The statistics of one tensor or one gate's block, of the values as stored."""

    elements: int
    mean: Real
    std: Annotated[Real, Field(description="Population standard deviation.")]
    expected_std: Annotated[
        Real, Field(description="What the init scheme promises; null where it promises none.")
    ]
    min: Real
    max: Real
    norm: Annotated[Real, Field(description="Euclidean (Frobenius) norm.")]
    fraction_zero: float
    nonfinite: Annotated[int, Field(description="How many elements are infinite or NaN.")]
    quantiles: Annotated[
        Mapping[str, float], Field(description="By probability, within 0.4 % of the value.")
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
    """One parameter and its gates."""

    name: str
    layer: int
    shape: list[int]
    dtype: str
    scheme: Annotated[
        Mapping[str, Any],
        Field(
            description="The init scheme, by name and what differs from its defaults; by gate where gates have different ones."
        ),
    ]
    figures: Figures
    sha256: Sha256
    gates: list[GateSummary]
    given: Annotated[
        int,
        Field(
            description="How many elements uploaded arrays give; left out where it is none.",
            exclude_if=lambda given: given == 0,
        ),
    ] = 0


@dataclass(frozen=True, slots=True)
class ParameterTotal:
    """One gate of one kind of parameter, over all layers and directions together."""

    parameter: str
    gate: str
    tensors: Annotated[int, Field(description="How many tensors are pooled.")]
    elements: int
    mean: Real
    std: Annotated[Real, Field(description="Population standard deviation of all elements.")]
    expected_std: Annotated[
        Real, Field(description="What the init scheme promises, where that is one number for all.")
    ]
    min: Real
    max: Real
    norm: Annotated[Real, Field(description="Euclidean norm of all elements.")]
    fraction_zero: float
    nonfinite: int


@dataclass(frozen=True, slots=True)
class WeightSummary:
    """The weights of a checkpoint in numbers: a function of the recipe alone."""

    recipe: Mapping[str, Any]
    recipe_digest: str
    stream_version: int
    parameters: int
    size_bytes: int
    totals: list[ParameterTotal]
    tensors: Annotated[
        list[TensorSummary],
        Field(
            description="Of the layer asked for; unless one is, of all layers of a small network."
        ),
    ]


@dataclass(frozen=True, slots=True)
class GateActivation:
    """One gate during the forward pass."""

    gate: str
    mean: Real
    saturated: Annotated[
        Real, Field(description="Share beyond 0.05 or 0.95 of a sigmoid, beyond ±0.9 of a tanh.")
    ]


@dataclass(frozen=True, slots=True)
class DirectionForward:
    """One layer and direction during the forward pass."""

    layer: int
    reverse: bool
    output_rms: Annotated[
        list[Real], Field(description="Root mean square of the output, by time step.")
    ]
    gates: list[GateActivation]


@dataclass(frozen=True, slots=True)
class Forward:
    """The sanity forward pass: standard normal input, zero state, evaluation mode."""

    input_shape: list[int]
    output_shape: list[int]
    finite: bool
    dead: Annotated[bool, Field(description="Whether some layer answers with zeros only.")]
    output_mean: Real
    output_std: Real
    final_rms: Annotated[
        list[Real],
        Field(
            description="Root mean square of the output at the last step, by layer and direction."
        ),
    ]
    layers: Annotated[
        list[DirectionForward],
        Field(
            description="Of the layer asked for; unless one is, of all layers of a small network."
        ),
    ]


@dataclass(frozen=True, slots=True)
class Devices:
    """Which device did which work."""

    draw: str
    forward: str


@dataclass(frozen=True, slots=True)
class Summary:
    """All that one pass over a checkpoint learns."""

    weights: WeightSummary
    forward: Forward
    devices: Devices
    seconds: Annotated[float, Field(description="How long the pass took.")]
    warnings: Annotated[list[SpecWarning], Field(description="What is allowed but seldom meant.")]


_WEIGHTS = TypeAdapter(WeightSummary)
_TENSOR = TypeAdapter(TensorSummary)
_GATE = TypeAdapter(GateSummary)
_SCHEME = TypeAdapter(Mapping[str, Any])
_FORWARD = TypeAdapter(Forward)
_LAYER = TypeAdapter(DirectionForward)
_SUMMARY = TypeAdapter(Summary)
_REST = {"devices", "seconds", "warnings"}  # what stands behind the two lists, and is short


def compact(summary: Summary, layer: int | None = None) -> Summary:
    """Return a summary with the details of one layer, or of all where the network is small."""
    forward = summary.forward
    cells = len(forward.final_rms)
    layers = [cell for cell in forward.layers if is_detailed(cell.layer, cells, layer)]
    return replace(
        summary,
        weights=compact_weights(summary.weights, cells, layer),
        forward=replace(forward, layers=layers),
    )


def compact_weights(weights: WeightSummary, cells: int, layer: int | None = None) -> WeightSummary:
    """Return the weights' part of a compact summary of a network of so many cells."""
    tensors = [t for t in weights.tensors if is_detailed(t.layer, cells, layer)]
    return replace(weights, tensors=tensors)


def is_detailed(layer: int, cells: int, asked: int | None = None) -> bool:
    """Whether a compact summary has the details of a layer."""
    return cells <= DETAILED_CELLS if asked is None else layer == asked


def json_chunks(summary: Summary, min_bytes: int = 1 << 18) -> Iterator[bytes]:
    """Write a summary as JSON, in chunks of not much more than `min_bytes`, letting other threads
    run in between.
    """
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
    """Put items into the empty list that a JSON object ends with."""
    yield frame.removesuffix(b"]}")
    for place, item in enumerate(items):
        yield b"," + item if place else item
    yield b"]}"


def portable_json(summary: WeightSummary, plan: Plan) -> bytes:
    """Write the summary as JSON of exactly `room_bytes(plan)` bytes, the rest spaces."""
    text = b"".join(_weight_parts(compact_weights(summary, plan.spec.cells)))
    room = room_bytes(plan)
    if len(text) >= room:
        raise AssertionError(f"the summary has {len(text)} bytes, its room {room}")
    return text.ljust(room - 1) + b"\n"


def room_bytes(plan: Plan) -> int:
    """Return the bytes that any compact summary of this plan's weights fits into, so that a file's
    length is known ahead.
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
