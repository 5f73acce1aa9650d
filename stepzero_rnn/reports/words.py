"""What a report says in words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from stepzero_rnn.diagnostics.options import LEVELS, Figure
from stepzero_rnn.diagnostics.results import Diagnostics, Finding
from stepzero_rnn.errors.base import cut
from stepzero_rnn.reports.records import Measured
from stepzero_rnn.spec.canonical import STREAM_VERSION, canonical
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.networks import RNNS, WHOLE
from stepzero_rnn.summary import Real
from stepzero_rnn.version import __version__

MAX_INIT_CHARS = 240
LONG, LONGER = 1e3, 1e6  # numbers in between are written out
FLAT = 1e-3  # relative differences below this are not visible in a plot


def number(value: Real) -> str:
    """Return three significant digits, or a dash for a value that is not finite."""
    if value is None:
        return "–"
    text = f"{value:,.0f}" if LONG <= abs(value) < LONGER else f"{value:.3g}"
    return text.replace("-", "−")


def share(value: Real) -> str:
    """Return a number between 0 and 1 with three decimals."""
    return "–" if value is None else f"{value:.3f}"


def title(spec: Spec) -> str:
    """Return the network in words: `LSTM, 64 → 128, 2 layers`."""
    parts = [f"{RNNS[spec.rnn_type].module}, {spec.input_size:,} → {spec.hidden_size:,}"]
    if spec.nonlinearity == "relu":
        parts[0] = parts[0].replace("RNN", "RNN with ReLU")
    if spec.proj_size:
        parts.append(f"projected to {spec.proj_size:,}")
    parts.append(f"{spec.num_layers} layer{'s' * (spec.num_layers > 1)}")
    if spec.bidirectional:
        parts.append("both directions")
    if not spec.bias:
        parts.append("without biases")
    return ", ".join(parts)


def init(spec: Spec) -> str:
    """Return the initialization in words, on one line."""
    given = canonical(spec).get("init", {})
    if isinstance(given, str) or "scheme" in given:
        return cut(_scheme(given), MAX_INIT_CHARS)
    parts = [f"{name} {_scheme(part)}" for name, part in given.items() if name in _PARTS]
    if len(parts) < len(_PARTS) - (spec.proj_size == 0) - (not spec.bias):
        parts.append("otherwise pytorch" if parts else "pytorch")
    if overrides := given.get("overrides"):
        parts.append(f"{len(overrides)} override{'s' * (len(overrides) > 1)}")
    if arrays := given.get("arrays"):
        parts.append(f"uploaded arrays {arrays['sha256'][:12]}…")
    return cut(", ".join(parts), MAX_INIT_CHARS)


_PARTS = ("weight_ih", "weight_hh", "weight_hr", "bias")


def _scheme(given: Any) -> str:
    if isinstance(given, str):
        return given
    fields = [f"{name} {_field(value)}" for name, value in given.items() if name != "scheme"]
    return f"{given['scheme']} ({', '.join(fields)})" if fields else str(given["scheme"])


def _field(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else json.dumps(value)


def labels(starts: Sequence[Measured]) -> list[str]:
    """Return a name for each start of a comparison: its number, its init, and its seed if the
    seeds differ.
    """
    differ = len({start.spec.seed for start in starts}) > 1
    seeds = [f", seed {start.spec.seed}" if differ else "" for start in starts]
    each = enumerate(zip(starts, seeds, strict=True), 1)
    return [f"{place}  {init(start.spec)}{seed}" for place, (start, seed) in each]


def facts(start: Measured) -> list[tuple[str, str]]:
    """Return what identifies a start, as names and values."""
    spec, weights = start.spec, start.summary.weights
    tensors = len(start.plan.tensors)
    return [
        ("Initialization", init(spec)),
        ("Seed", str(spec.seed)),
        (
            "Size",
            f"{weights.parameters:,} parameters in {tensors:,} tensors, {weights.size_bytes:,} bytes of {spec.dtype}",
        ),
        ("Recipe", start.recipe),
        ("SHA-256", f"{start.sha256} (of the .safetensors file)"),
    ]


def measurement(start: Measured) -> str:
    """Return how, where and with what the figures were measured."""
    found = start.diagnostics
    return (
        f"Sequences of {found.seq_len} steps, dependencies of {found.dependency_length}, standard normal inputs, "
        f"level {found.level}. Step Zero {__version__}, stream version {STREAM_VERSION}, "
        f"PyTorch {start.torch} on {found.device}."
    )


def verdict(found: Diagnostics) -> str:
    """Return the score in words."""
    if found.score is None:
        return "No score: it needs echo and gradient."
    return (
        f"Score {number(found.score)} for dependencies of {found.dependency_length} steps "
        "(above 0 is within reach, below −0.5 is not)."
    )


def name_of(finding: Finding, starts: Sequence[int]) -> str:
    """Return the severity and name of a finding, and its starts: `Warning: no echo (start 2).`"""
    of = f" (start{'s' * (len(starts) > 1)} {', '.join(map(str, starts))})" if starts else ""
    return f"{finding.severity.capitalize()}: {finding.name.replace('_', ' ')}{of}."


def advice(finding: Finding) -> str:
    """Return a finding as a sentence, with what to try."""
    tries = ", ".join(dict.fromkeys(one.label for one in finding.suggestions))
    return f"{finding.text} ({finding.threshold})" + (f" Try: {tries}." if tries else "")


def checks(start: Measured) -> list[str]:
    """Return what else was checked, in sentences."""
    found, forward = start.diagnostics, start.summary.forward
    lines = [_forward(forward.finite, forward.dead, forward.seq_len, forward.output_std)]
    if found.weights:
        lines.append(_promises(found.weights.checked, found.weights.failed))
    if found.memory and (radii := [one for one in found.memory.spectral_radii if one is not None]):
        lines.append(
            f"Spectral radius of one step near the zero state: {between(radii)}, by layer and direction."
            if len(radii) > 1
            else f"Spectral radius of one step near the zero state: {number(radii[0])}."
        )
    return lines


def _forward(finite: bool, dead: bool, steps: int, std: Real) -> str:
    if not finite:
        return f"Forward pass of {steps} steps: the output overflows, which the spec accepts."
    if dead:
        return f"Forward pass of {steps} steps: a layer outputs only zeros, which the spec accepts."
    return f"Forward pass of {steps} steps: all outputs finite, standard deviation {number(std)}."


def _promises(checked: int, failed: int) -> str:
    if failed:
        return (
            f"{failed} of {checked} figures of the weights differ from what their schemes promise."
        )
    return f"All {checked} figures of the weights are as their schemes promise."


def missing(found: Diagnostics, figure: Figure) -> str:
    """Return why a figure is not shown."""
    for omission in found.omitted:
        if omission.figure == figure:
            return f"Not measured by the diagnostics. {omission.reason.replace('`', '')}"
    if figure not in LEVELS[found.level].figures:
        return f"Not measured at level {found.level}."
    return "Not measured."


def gate_name(gate: str) -> str:
    """Return the name of a gate for people; a parameter without gates has none."""
    return "all" if gate == WHOLE else gate


def between(values: Iterable[float]) -> str:
    """Return the range of values, or the one that they share."""
    every = [*values]
    low, high = number(min(every)), number(max(every))
    return low if low == high else f"{low} to {high}"


def is_flat(values: Sequence[float]) -> bool:
    """Whether values are too close to one another for a curve to show how they differ."""
    return max(values) - min(values) <= FLAT * max(abs(max(values)), abs(min(values)))


def layers(shown: int, total: int) -> str:
    """Return which layers are shown, if not all."""
    if shown == total:
        return ""
    return f"layer 0 of {total}" if shown == 1 else f"layers 0–{shown - 1} of {total}"


def cell(layer: int, reverse: bool) -> str:
    """Return a layer and direction in words."""
    return f"layer {layer}{', reverse' if reverse else ''}"
