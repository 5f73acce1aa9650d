"""The sanity forward pass: the whole module's output, layer by layer, and every refusal with its
reason.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import stepzero_rnn
from stepzero_rnn.engine.elements.distributions import Normal
from stepzero_rnn.engine.thread_pool import Stop, Stopped, ThreadPool
from stepzero_rnn.engine.words.philox import key
from stepzero_rnn.errors import DeadOutput, NonfiniteOutput
from stepzero_rnn.pipeline.factory import Factory
from stepzero_rnn.pipeline.job import plan_job
from stepzero_rnn.pipeline.limits import Limits
from stepzero_rnn.plan import stream_of
from stepzero_rnn.spec.checkpoint import CheckSize, Serving, Spec
from stepzero_rnn.spec.parse import parse
from stepzero_rnn.summary import DirectionForward, Forward
from tests.engine.drawing import values

RNN = {"rnn_type": "rnn", "input_size": 5, "hidden_size": 6, "seed": 3}
GRU = RNN | {"rnn_type": "gru"}
LSTM = RNN | {"rnn_type": "lstm"}
KINDS = {
    "rnn": RNN,
    "relu": RNN | {"nonlinearity": "relu"},
    "gru": GRU,
    "lstm": LSTM,
    "lstm-proj": LSTM | {"proj_size": 2},
}
NETWORKS = {
    f"{kind}-{layers}-{'both' if both else 'one'}-{'bias' if bias else 'plain'}": KINDS[kind]
    | {"num_layers": layers, "bidirectional": both, "bias": bias}
    for kind, layers, both, bias in product(KINDS, (1, 3), (False, True), (True, False))
}
DEEP = {
    kind: network | {"num_layers": 3, "bidirectional": True, "dropout": 0.5}
    for kind, network in KINDS.items()
}
# Of one product or sum, relative: half of the last digit.
ROUNDING = {"float32": 2**-24, "float64": 2**-53, "float16": 2**-11, "bfloat16": 2**-8}


def forward(given: dict[str, Any], **size: int) -> Forward:
    """Check a network on this processor; give what its forward pass showed."""
    return stepzero_rnn.check(given, device="cpu", check=CheckSize(**size)).forward


def probe(given: dict[str, Any], steps: int, batch: int) -> torch.Tensor:
    """Return the input that a network is checked with: standard normals of a stream of their
    own.
    """
    spec = parse(Spec, given)
    drawn = np.empty(steps * batch * spec.input_size, np.float32)
    Normal(0, 1).fill(drawn, 0, key(spec.seed, stream_of("input", "-")))
    shaped = torch.from_numpy(drawn).view(steps, batch, spec.input_size)
    return (shaped.transpose(0, 1) if spec.batch_first else shaped).to(getattr(torch, spec.dtype))


def whole(given: dict[str, Any], steps: int = 16, batch: int = 4) -> torch.Tensor:
    """Run the whole module, all weights loaded; give its output."""
    with torch.inference_mode():
        output: torch.Tensor = stepzero_rnn.build(given).eval()(probe(given, steps, batch))[0]
    return output


def assert_equal(found: Forward, output: torch.Tensor, rounding: float) -> None:
    """Compare the spread of two outputs.

    Both come of the same operations; a library that joins layers may round some differently, each
    by half a last digit of outputs below 1, and the mean over all outputs averages that.
    """
    values = output.double()
    mean, std = values.mean().item(), values.std(correction=0).item()

    assert found.output_mean == pytest.approx(mean, rel=0, abs=4 * rounding)
    assert found.output_std == pytest.approx(std, rel=0, abs=4 * rounding)


@pytest.mark.parametrize("dtype", ROUNDING)
@pytest.mark.parametrize("network", DEEP.values(), ids=list(DEEP))
def test_every_dtype_answers_as_the_whole_module_does(network: dict[str, Any], dtype: str) -> None:
    given = network | {"dtype": dtype}

    assert_equal(forward(given), whole(given), ROUNDING[dtype])


@pytest.mark.parametrize("network", NETWORKS.values(), ids=list(NETWORKS))
class TestEveryNetwork:
    def test_answers_as_the_whole_module_does(self, network: dict[str, Any]) -> None:
        assert_equal(forward(network), whole(network), ROUNDING["float32"])

    def test_has_the_whole_modules_shape(self, network: dict[str, Any]) -> None:
        found = forward(network, seq_len=7, batch=3)

        assert found.input_shape == [7, 3, 5]
        assert found.output_shape == list(whole(network, 7, 3).shape)

    def test_is_measured_in_every_layer_and_direction(self, network: dict[str, Any]) -> None:
        found = [(seen.layer, seen.reverse) for seen in forward(network).layers]
        directions = (False, True)[: 1 + network["bidirectional"]]

        assert found == list(product(range(network["num_layers"]), directions))

    def test_has_the_last_layers_size_at_every_step(self, network: dict[str, Any]) -> None:
        directions = 1 + network["bidirectional"]
        parts = whole(network).chunk(directions, dim=-1)
        for seen, part in zip(forward(network).layers[-directions:], parts, strict=True):
            size = part.double().square().mean(dim=(1, 2)).sqrt().tolist()

            assert seen.output_rms == pytest.approx(size, rel=100 * ROUNDING["float32"], abs=1e-7)

    def test_is_alive_and_finite(self, network: dict[str, Any]) -> None:
        found = forward(network)

        assert (found.finite, found.dead) == (True, False)


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_batch_first_changes_the_layout_and_no_number(kind: dict[str, Any]) -> None:
    steps_first, batch_first = (
        forward(kind | {"num_layers": 2, "bidirectional": True, "batch_first": first}, batch=3)
        for first in (False, True)
    )

    assert batch_first.input_shape == [3, 16, 5]
    assert batch_first.output_shape[:2] == [3, 16]
    assert batch_first.output_mean == pytest.approx(steps_first.output_mean, abs=1e-6)
    for one, other in zip(steps_first.layers, batch_first.layers, strict=True):
        assert one.output_rms == pytest.approx(other.output_rms, rel=1e-5)


def test_the_input_is_a_standard_normal() -> None:
    drawn = probe(LSTM | {"input_size": 200}, 16, 4)

    # 12,800 numbers: a standard error of 1/√n of the mean, 1/√2n of the standard deviation.
    assert abs(drawn.mean().item()) < 5 / 12_800**0.5
    assert abs(drawn.std().item() - 1) < 5 / 25_600**0.5


Array = NDArray[np.float64]


def sigmoid(x: Array) -> Array:
    """σ."""
    return 1 / (1 + np.exp(-x))


LSTM_GATES = ("input", "forget", "cell", "output")
GRU_GATES = ("reset", "update", "new")


def lstm_by_hand(given: dict[str, Any], steps: int, batch: int) -> dict[str, Array]:
    """Run the equations of torch.nn.LSTM's documentation; give each gate over all steps."""
    w = values(given)
    x = probe(given, steps, batch).double().numpy()
    h = c = np.zeros((batch, given["hidden_size"]))
    seen: dict[str, list[Array]] = {gate: [] for gate in LSTM_GATES}
    for x_t in x:
        from_x = x_t @ w["weight_ih_l0"].T + w["bias_ih_l0"]
        from_h = h @ w["weight_hh_l0"].T + w["bias_hh_l0"]
        i, f, g, o = np.split(from_x + from_h, 4, axis=1)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        c = f * c + i * g
        h = o * np.tanh(c)
        for gate, active in zip(LSTM_GATES, (i, f, g, o), strict=True):
            seen[gate].append(active)
    return {gate: np.stack(active) for gate, active in seen.items()}


def gru_by_hand(given: dict[str, Any], steps: int, batch: int) -> dict[str, Array]:
    """Run the equations of torch.nn.GRU's documentation; give each gate over all steps."""
    w = values(given)
    x = probe(given, steps, batch).double().numpy()
    h = np.zeros((batch, given["hidden_size"]))
    seen: dict[str, list[Array]] = {gate: [] for gate in GRU_GATES}
    for x_t in x:
        from_x = np.split(x_t @ w["weight_ih_l0"].T + w["bias_ih_l0"], 3, axis=1)
        from_h = np.split(h @ w["weight_hh_l0"].T + w["bias_hh_l0"], 3, axis=1)
        r, z = sigmoid(from_x[0] + from_h[0]), sigmoid(from_x[1] + from_h[1])
        n = np.tanh(from_x[2] + r * from_h[2])
        h = (1 - z) * n + z * h
        for gate, active in zip(GRU_GATES, (r, z, n), strict=True):
            seen[gate].append(active)
    return {gate: np.stack(active) for gate, active in seen.items()}


WIDE = {"init": {"weight_ih": {"scheme": "normal", "std": 1.5}}}  # so that some gates saturate
BY_HAND = {"lstm": (LSTM, lstm_by_hand), "gru": (GRU, gru_by_hand)}


@pytest.mark.parametrize(("network", "by_hand"), BY_HAND.values(), ids=list(BY_HAND))
class TestGates:
    def seen(self, network: dict[str, Any], steps: int) -> DirectionForward:
        return forward(network | WIDE, seq_len=steps, batch=5).layers[0]

    def test_stand_in_torchs_order(self, network: dict[str, Any], by_hand: Any) -> None:
        assert [gate.gate for gate in self.seen(network, 3).gates] == list(by_hand(network, 3, 5))

    @pytest.mark.parametrize("steps", [1, 3, 4])
    def test_have_the_mean_of_a_pass_by_hand(
        self, network: dict[str, Any], by_hand: Any, steps: int
    ) -> None:
        expected = by_hand(network | WIDE, steps, 5)
        for gate in self.seen(network, steps).gates:
            assert gate.mean == pytest.approx(expected[gate.gate].mean(), abs=1e-6)

    def test_are_looked_at_in_the_last_four_steps(
        self, network: dict[str, Any], by_hand: Any
    ) -> None:
        expected = by_hand(network | WIDE, 9, 5)
        for gate in self.seen(network, 9).gates:
            assert gate.mean == pytest.approx(expected[gate.gate][-4:].mean(), abs=1e-6)

    def test_have_the_saturation_of_a_pass_by_hand(
        self, network: dict[str, Any], by_hand: Any
    ) -> None:
        expected = by_hand(network | WIDE, 4, 5)
        for gate in self.seen(network, 4).gates:
            active = expected[gate.gate]
            flat = (
                np.abs(active) > 0.9
                if gate.gate in ("cell", "new")
                else np.abs(active - 0.5) > 0.45
            )

            assert gate.saturated == pytest.approx(flat.mean(), abs=1e-6)
            assert flat.any()


class TestNonfinite:
    OVERFLOWING = RNN | {"nonlinearity": "relu", "init": {"scheme": "normal", "std": 1e30}}

    def test_output_is_refused_with_layer_and_reason(self) -> None:
        with pytest.raises(NonfiniteOutput) as refused:
            forward(self.OVERFLOWING)

        assert refused.value.facts == {
            "layer": 0,
            "reason": "the output overflows float32 after 1 of 16 time steps",
        }

    def test_output_of_a_higher_layer_names_that_layer(self) -> None:
        init = {
            "weight_ih": {"scheme": "constant", "value": 1e15},
            "weight_hh": "zeros",
            "bias": "zeros",
        }
        with pytest.raises(NonfiniteOutput) as refused:
            forward(RNN | {"nonlinearity": "relu", "num_layers": 4, "init": init})

        # Each layer multiplies by about 6·10¹⁵, and float32 ends at 3.4·10³⁸.
        assert refused.value.facts["layer"] == 2

    def test_weights_are_refused_by_name(self) -> None:
        init = {"weight_hh": {"scheme": "constant", "value": 1e6}}
        with pytest.raises(NonfiniteOutput) as refused:
            forward(GRU | {"dtype": "float16", "init": init, "num_layers": 2})

        assert refused.value.facts["layer"] == 0
        assert "of weight_hh_l0 overflow float16" in refused.value.detail

    def test_output_passes_where_it_is_accepted(self) -> None:
        found = forward(self.OVERFLOWING | {"accept_nonfinite": True})

        assert (found.finite, found.output_mean, found.output_std) == (False, None, None)

    def test_output_leaves_no_figure_that_json_cannot_hold(self) -> None:
        found = forward(self.OVERFLOWING | {"accept_nonfinite": True, "num_layers": 2})
        numbers = [
            number
            for seen in found.layers
            for number in [
                *seen.output_rms,
                *(g.mean for g in seen.gates),
                *(g.saturated for g in seen.gates),
            ]
        ]

        assert None in numbers
        assert all(number is None or np.isfinite(number) for number in numbers)


class TestDead:
    @pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
    def test_output_is_refused_with_its_layer(self, kind: dict[str, Any]) -> None:
        with pytest.raises(DeadOutput) as refused:
            forward(kind | {"init": "zeros"})

        assert refused.value.facts == {"layer": 0}

    def test_output_passes_where_it_is_accepted(self) -> None:
        found = forward(LSTM | {"init": "zeros", "accept_dead": True})

        assert (found.finite, found.dead, found.output_std) == (True, True, 0.0)

    def test_output_says_what_to_do(self) -> None:
        with pytest.raises(DeadOutput, match="set accept_dead to true"):
            forward(LSTM | {"init": "zeros"})


def test_a_check_that_nobody_waits_for_ends() -> None:
    asked = plan_job(parse(Spec, LSTM), "pt", Serving(device="cpu"), Limits.none())
    stop = Stop()
    stop.set()

    with ThreadPool(1) as workers, pytest.raises(Stopped):
        Factory(workers).check(asked, stop)


def test_a_check_leaves_torchs_threads_as_they_were() -> None:
    before = torch.get_num_threads()
    forward(LSTM)

    assert torch.get_num_threads() == before


def test_a_check_leaves_torchs_own_generator_alone() -> None:
    before = torch.get_rng_state()
    forward(LSTM | {"dropout": 0.5, "num_layers": 2})

    assert torch.equal(torch.get_rng_state(), before)
