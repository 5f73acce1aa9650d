"""What diagnostics take: memory and arithmetic, in integers, before anything is drawn."""

from __future__ import annotations

from typing import NamedTuple

from stepzero_rnn.diagnostics import weight_costs
from stepzero_rnn.diagnostics.options import LEVELS, DiagnosticsOptions, Figure
from stepzero_rnn.diagnostics.results import Omission
from stepzero_rnn.diagnostics.score import lags
from stepzero_rnn.plan import Plan
from stepzero_rnn.plan.records import CELL_MULTIPLY_ADDS, STEP_MULTIPLY_ADDS
from stepzero_rnn.thresholds import HELD_LAYERS_BYTES, SLICE_MULTIPLY_ADDS

# Values per unit, step and sequence: of the gates, and of all that a graph holds, for any cell.
GATES_WIDTH, GRAPH_WIDTH = 6, 24
COPIES = 4  # of a layer: as stored, as float32, one that oneDNN packs, and one being drawn


class DiagnosticsCost(NamedTuple):
    """Peak memory, and multiply-adds including an overhead per time step."""

    working_bytes: int
    multiply_adds: int


def affordable(
    plan: Plan, options: DiagnosticsOptions
) -> tuple[tuple[Figure, ...], list[Omission]]:
    """Return the figures to measure, and what the level leaves out because it takes too long.

    Figures that are asked for by name are never left out.
    """
    if options.figures:
        return options.figures, []
    budget = LEVELS[options.level].multiply_adds
    costs = {name: weight_costs.multiply_adds(plan, {name}) for name in options.measured}
    omitted = [name for name in options.measured if costs[name] > budget]
    reason = (
        "It takes {:.0e} multiplications, and level `{}` spends {:.0e} on one figure; "
        "ask for it with `figures`."
    )
    return tuple(name for name in options.measured if name not in omitted), [
        Omission(name, reason.format(costs[name], options.level, budget)) for name in omitted
    ]


def sequences_of(options: DiagnosticsOptions) -> tuple[int, int]:
    """Return the number of sequences that measure echo, and of those that run on to the end."""
    level = LEVELS[options.level]
    measured = options.measured
    echo = len(lags(options.needed_length, level.lags)) * level.echo_sequences
    runs_on = {"gradient", "signal"}.intersection(measured)
    return echo * ("echo" in measured), level.gradient_sequences * bool(runs_on)


def cost(plan: Plan, options: DiagnosticsOptions) -> DiagnosticsCost:
    """Return the cost of diagnostics, that of drawing the weights included."""
    return DiagnosticsCost(_working_bytes(plan, options), multiply_adds(plan, options))


def multiply_adds(plan: Plan, options: DiagnosticsOptions) -> int:
    """Return the arithmetic of diagnostics, that of drawing the weights included."""
    echo, running = sequences_of(options)
    probes = LEVELS[options.level].probes * ("gradient" in options.measured)
    has_signal = "signal" in options.measured
    # Forward; then forward again and back once for each probe; the gates once more.
    passes = echo + running * (1 + (1 + probes if probes else 0) + has_signal)
    calls = 1 + 3 * bool(probes) + has_signal
    drawing = sum(tensor.multiply_adds for tensor in plan.tensors)
    each = CELL_MULTIPLY_ADDS + calls * STEP_MULTIPLY_ADDS * options.seq_len
    return (
        plan.parameters * options.seq_len * passes
        + plan.spec.cells * each
        + drawing * (2 if probes and plan.spec.num_layers > 1 else 1)
        + weight_costs.multiply_adds(plan, affordable(plan, options)[0])
    )


def _working_bytes(plan: Plan, options: DiagnosticsOptions) -> int:
    spec = plan.spec
    echo, running = sequences_of(options)
    item = 8 if spec.dtype == "float64" else 4
    probes = LEVELS[options.level].probes * ("gradient" in options.measured)
    widest = max(spec.input_size, spec.output_size) + 2 * spec.output_size
    inputs = spec.input_size + (spec.num_layers - 1) * spec.output_size
    layer = max(sum(t.elements for t in tensors) for tensors in plan.layers())
    scratch = max(t.scratch_bytes for t in plan.tensors)
    units = spec.hidden_size * max(
        GATES_WIDTH * _together(options.seq_len, echo + running, layer),
        GRAPH_WIDTH * _together(options.seq_len, running, layer),
    )
    activations = options.seq_len * (
        (echo + running) * widest + running * (inputs + 3 * probes * widest)
    )
    held = min(plan.parameters * item, HELD_LAYERS_BYTES)
    measured = weight_costs.working_bytes(plan, affordable(plan, options)[0])
    return item * (activations + units + COPIES * layer) + max(scratch, measured) + held


def _together(steps: int, sequences: int, layer_elements: int) -> int:
    """Return how many steps of how many sequences run in one slice, as their product."""
    at_most = max(sequences, SLICE_MULTIPLY_ADDS // layer_elements)
    return min(steps * sequences, at_most)
