"""The sanity forward pass, one layer at a time, with the functions that torch's modules call."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from stepzero_rnn.dtypes import DTYPES
from stepzero_rnn.engine.draw import Sampler
from stepzero_rnn.engine.elements.distributions import Normal
from stepzero_rnn.engine.statistics import Spread, spread_of
from stepzero_rnn.engine.tensors import TORCH_DTYPES
from stepzero_rnn.engine.words.philox import key
from stepzero_rnn.plan import ForwardSize, stream_of
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.networks import WHOLE, Cell, Gate
from stepzero_rnn.summary import DirectionForward, GateActivation

# torch falls back to its own LSTM and warns about it once; users cannot do anything about it.
warnings.filterwarnings("ignore", message="LSTM with projections is not supported with oneDNN")

GATE_STEPS = 4  # the gates are measured over the last time steps
INPUT_STREAM = stream_of("input", WHOLE)
SIGMOID_EDGE, TANH_EDGE = 0.05, 0.9


def probe(spec: Spec, size: ForwardSize, sampler: Sampler, device: torch.device) -> Tensor:
    """Draw the standard normal input from the seed, in the layout that the module expects."""
    count = size.seq_len * size.batch * spec.input_size
    values = np.empty(count, np.float32)
    words = key(spec.seed, INPUT_STREAM)
    sampler.backend.fill(Normal(0.0, 1.0), values, 0, words, DTYPES["float32"])
    shaped = torch.from_numpy(values).view(size.seq_len, size.batch, spec.input_size)
    placed = shaped.to(device=device, dtype=TORCH_DTYPES[spec.dtype])
    return placed.transpose(0, 1).contiguous() if spec.batch_first else placed


def run_layer(spec: Spec, parameters: Mapping[str, Tensor], x: Tensor) -> Tensor:
    """Run one layer, both directions, on the output of the layer below, as torch's modules do.

    Args:
        parameters: those of this layer, in `state_dict` order.
        x: (seq, batch, in), or (batch, seq, in) with batch_first.
    """
    state = x.new_zeros(
        spec.directions, x.shape[0 if spec.batch_first else 1], spec.proj_size or spec.hidden_size
    )
    arguments = (
        list(parameters.values()),
        spec.bias,
        1,  # layer
        0.0,  # dropout
        False,  # training
        spec.bidirectional,
        spec.batch_first,
    )
    match spec.rnn_type:
        case "lstm":
            cell = x.new_zeros(*state.shape[:2], spec.hidden_size)
            return torch.lstm(x, (state, cell), *arguments)[0]
        case "gru":
            return torch.gru(x, state, *arguments)[0]
        case "rnn":
            run = torch.rnn_relu if spec.nonlinearity == "relu" else torch.rnn_tanh
            return run(x, state, *arguments)[0]


def gate_activations(
    spec: Spec, layer: int, parameters: Mapping[str, Tensor], x: Tensor, y: Tensor
) -> list[DirectionForward]:
    """Measure one layer: the RMS of the output over time, and the gates of each direction."""
    if spec.batch_first:
        x, y = x.transpose(0, 1), y.transpose(0, 1)
    measured = []
    for direction, h in enumerate(y.chunk(spec.directions, dim=-1)):
        suffix = Cell(layer, bool(direction)).suffix
        by_kind = {
            name.removesuffix(suffix): t for name, t in parameters.items() if name.endswith(suffix)
        }
        rms = h.float().square().mean(dim=(1, 2)).sqrt().tolist()
        steps, states = (x, h) if direction == 0 else (x.flip(0), h.flip(0))
        gates = _gates(spec, by_kind, steps, states)
        measured.append(DirectionForward(layer, bool(direction), [finite(v) for v in rms], gates))
    return measured


def finite(value: float) -> float | None:
    """Return the value, or None if it is infinite or NaN, which JSON cannot represent."""
    return value if value - value == 0 else None


def _gates(spec: Spec, by_kind: Mapping[str, Tensor], x: Tensor, h: Tensor) -> list[GateActivation]:
    """Compute each gate at the last steps; `x` and `h` are in the direction's own time order."""
    before = torch.cat([torch.zeros_like(h[:1]), h[:-1]])[-GATE_STEPS:].flatten(0, 1).float()
    inputs = x[-GATE_STEPS:].flatten(0, 1).float()
    activations: list[GateActivation] = []
    reset: Tensor | None = None
    for place, gate in enumerate(spec.network.rnn.gates or (None,)):
        from_x = _gate_part(by_kind, "ih", place, inputs, spec.hidden_size)
        from_h = _gate_part(by_kind, "hh", place, before, spec.hidden_size)
        if reset is not None and gate and gate.role == "candidate":
            from_h = reset * from_h
        active = activate(spec, gate, from_x + from_h)
        if gate and gate.role == "reset":
            reset = active
        name = gate.name if gate else WHOLE
        saturated = is_saturated(spec, gate, active).float().mean().item()
        activations.append(GateActivation(name, finite(active.mean().item()), finite(saturated)))
    return activations


def _gate_part(
    by_kind: Mapping[str, Tensor], side: str, place: int, values: Tensor, hidden: int
) -> Tensor:
    rows = slice(place * hidden, (place + 1) * hidden)
    weight, bias = by_kind[f"weight_{side}"], by_kind.get(f"bias_{side}")
    return functional.linear(
        values, weight[rows].float(), None if bias is None else bias[rows].float()
    )


def _is_tanh(spec: Spec, gate: Gate | None) -> bool:
    return gate.role == "candidate" if gate else spec.nonlinearity != "relu"


def activate(spec: Spec, gate: Gate | None, total: Tensor) -> Tensor:
    """Return the values of a gate; without one, those of a plain RNN."""
    if _is_tanh(spec, gate):
        return total.tanh()
    return total.sigmoid() if gate else total.relu()


def limits(spec: Spec, gate: Gate | None) -> tuple[float, float] | None:
    """Return the limits of a gate's values; None for ReLU, which has no upper one."""
    if _is_tanh(spec, gate):
        return -1.0, 1.0
    return (0.0, 1.0) if gate else None


def is_saturated(spec: Spec, gate: Gate | None, active: Tensor) -> Tensor:
    """Whether each value of a gate is near a limit; for ReLU, whether it is 0."""
    if _is_tanh(spec, gate):
        return active.abs() > TANH_EDGE
    if gate:
        return (active - 0.5).abs() > 0.5 - SIGMOID_EDGE
    return active == 0


def spread(y: Tensor) -> Spread:
    """Return the statistics of a whole output."""
    wide = y if y.dtype == torch.float64 else y.float()
    return spread_of(wide.cpu().reshape(-1).numpy())
