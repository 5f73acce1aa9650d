"""The states, gates and units of the real module are what the signal says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import stepzero_rnn
from stepzero_rnn.diagnostics.results import Signal
from tests.diagnostics.networks import NETWORKS, known, module_of, spec_of

STEPS = 10


def measured(spec: dict[str, object], **options: object) -> tuple[Signal, torch.Tensor]:
    """Return the signal on some inputs, and these inputs."""
    rng = np.random.default_rng(2)
    x = rng.standard_normal((STEPS, 16, int(str(spec["input_size"]))), np.float32)
    found = stepzero_rnn.diagnose(spec, inputs=x, figures=["signal"], **options).signal  # type: ignore[arg-type]
    assert found is not None
    return found, torch.from_numpy(x).double()


@pytest.mark.parametrize("name", NETWORKS)
def test_the_norms_of_the_last_layer_are_those_of_the_module(name: str) -> None:
    spec = spec_of(name)
    found, x = measured(spec)
    module = module_of(spec)
    y = module(x)[0]
    directions = 2 if module.bidirectional else 1

    assert found.steps == [*range(STEPS)]
    assert len(found.final_rms) == module.num_layers * directions
    for cell, h in zip(found.cells[-directions:], y.chunk(directions, dim=2), strict=True):
        rms = h.square().mean(dim=(1, 2)).sqrt()
        assert cell.state_rms == pytest.approx(rms.tolist(), rel=1e-4, abs=1e-7)
        last = h[0 if cell.reverse else -1]
        spread = last.std(0, unbiased=False)
        assert cell.unit_spread[0] == pytest.approx(spread.min().item(), rel=1e-3, abs=1e-7)
        assert cell.unit_spread[2] == pytest.approx(spread.max().item(), rel=1e-3, abs=1e-7)


@pytest.mark.parametrize("name", ["lstm", "without biases", "projected", "bidirectional"])
def test_the_cell_state_of_an_lstm_ends_as_the_modules_does(name: str) -> None:
    spec = spec_of(name)
    found, x = measured(spec)
    cells = module_of(spec)(x)[1][1].square().mean(dim=(1, 2)).sqrt().tolist()

    for cell, expected in zip(found.cells, cells, strict=True):
        assert cell.cell_rms is not None
        assert cell.cell_rms[0 if cell.reverse else -1] == pytest.approx(expected, rel=1e-4)


def test_a_gate_with_a_large_bias_is_open_and_saturated() -> None:
    bias = {"scheme": "forget", "value": 6}
    spec = {**spec_of("lstm"), "init": {"preset": "keras", "bias": bias}}
    found, _ = measured(spec)
    gates = {gate.gate: gate for gate in found.cells[0].gates}

    assert known(gates["forget"].mean) > 0.99
    assert gates["forget"].saturated == 1
    assert gates["input"].saturated == 0


@pytest.mark.parametrize("name", ["lstm", "gru", "tanh"])
def test_the_histogram_of_a_gate_counts_all_its_values(name: str) -> None:
    found, _ = measured(spec_of(name))
    for gate in (gate for cell in found.cells for gate in cell.gates):
        assert gate.histogram is not None
        edges, counts = np.array(gate.histogram.edges), np.array(gate.histogram.counts)
        middle = (edges[1:] + edges[:-1]) / 2

        assert edges[0] in {0, -1}
        assert edges[-1] == 1
        # A value lies at most half a bin from the middle of its bin.
        half = (edges[1] - edges[0]) / 2
        assert (counts * middle).sum() / counts.sum() == pytest.approx(known(gate.mean), abs=half)


def test_relu_has_no_limit_and_so_no_histogram() -> None:
    found, _ = measured(spec_of("relu"))

    assert [gate.histogram for gate in found.cells[0].gates] == [None]


def test_dead_units_and_lost_distinctions_are_counted() -> None:
    spec = {
        **spec_of("relu"),
        "init": {"weight_ih": "zeros", "weight_hh": "identity", "bias": "zeros"},
        "accept_dead": True,
    }
    found, _ = measured(spec)

    assert found.cells[0].dead_units == 1
    assert found.cells[0].distinctness == 0
    assert known(measured(spec_of("tanh"))[0].cells[0].distinctness) > 0.5


def test_a_deep_network_has_its_first_middle_and_last_layer_unless_one_is_asked_for() -> None:
    spec = {**spec_of("deep"), "num_layers": 9}
    found, _ = measured(spec)

    assert [cell.layer for cell in found.cells] == [0, 4, 8]
    assert len(found.final_rms) == 9
    assert [cell.layer for cell in measured(spec, layer=3)[0].cells] == [3]
