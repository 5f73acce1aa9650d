"""What every preset promises, gate by gate: spreads and biases by the formulas of the libraries and
papers, written out again here.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, sqrt

import numpy as np
import pytest

import stepzero_rnn
from stepzero_rnn.spec.schemes.presets import PRESETS
from tests.engine.drawing import gates, values

pytestmark = pytest.mark.statistical

I, H = 96, 64  # noqa: E741 - the letters of the literature
TRUNCATED = 0.87962566103423978  # standard deviation of N(0, 1) cut at ±2 (jax.nn.initializers)
SURE = 5  # standard errors
GATES = {"rnn": "-", "gru": "rzn", "lstm": "ifgo"}
OPEN_FORGET = (0.0, 1.0, 0.0, 0.0)
Spread = float | tuple[float, ...]

OF_THE_WHOLE = -1.0  # a matrix whose eigenvalues are stated: see `TestSpectra`


def spread_of_ones(ones: int, columns: int) -> float:
    """Return the standard deviation of a matrix of H rows that has so many ones, and zeros."""
    share = ones / (H * columns)
    return sqrt(share * (1 - share))


# Of weight_ih and weight_hh: the standard deviation, by gate where it is not the same.
SPREADS: Mapping[tuple[str, str], tuple[Spread, Spread]] = {
    ("pytorch", "rnn"): (1 / sqrt(3 * H), 1 / sqrt(3 * H)),
    ("pytorch", "gru"): (1 / sqrt(3 * H), 1 / sqrt(3 * H)),
    ("pytorch", "lstm"): (1 / sqrt(3 * H), 1 / sqrt(3 * H)),
    ("keras", "rnn"): (sqrt(2 / (I + H)), 1 / sqrt(H)),
    ("keras", "gru"): (sqrt(2 / (I + 3 * H)), 1 / sqrt(3 * H)),
    ("keras", "lstm"): (sqrt(2 / (I + 4 * H)), 1 / sqrt(4 * H)),
    ("flax_linen", "rnn"): (1 / sqrt(I), 1 / sqrt(H)),
    ("flax_linen", "gru"): (1 / sqrt(I), 1 / sqrt(H)),
    ("flax_linen", "lstm"): (1 / sqrt(I), 1 / sqrt(H)),
    ("flax_nnx", "rnn"): (1 / sqrt(I), 1 / sqrt(H)),
    ("flax_nnx", "gru"): (1 / sqrt(I), 1 / sqrt(3 * H)),
    ("flax_nnx", "lstm"): (1 / sqrt(I), 1 / sqrt(4 * H)),
    ("haiku", "rnn"): (TRUNCATED / sqrt(I), TRUNCATED / sqrt(H)),
    ("haiku", "gru"): (1 / sqrt(I), 1 / sqrt(H)),
    ("haiku", "lstm"): (TRUNCATED / sqrt(I + H), TRUNCATED / sqrt(I + H)),
    ("sonnet", "rnn"): (TRUNCATED / sqrt(I), TRUNCATED / sqrt(H)),
    ("sonnet", "gru"): (sqrt(2 / (I + 3 * H)), sqrt(2 / (H + 3 * H))),
    ("sonnet", "lstm"): (TRUNCATED / sqrt(I), TRUNCATED / sqrt(H)),
    ("tf1", "rnn"): (sqrt(2 / (I + H + H)), sqrt(2 / (I + H + H))),
    ("tf1", "gru"): ((sqrt(2 / (I + H + 2 * H)),) * 2 + (sqrt(2 / (I + H + H)),),) * 2,
    ("tf1", "lstm"): (sqrt(2 / (I + H + 4 * H)), sqrt(2 / (I + H + 4 * H))),
    ("mxnet", "rnn"): (0.07 / sqrt(3), 0.07 / sqrt(3)),
    ("mxnet", "gru"): (0.07 / sqrt(3), 0.07 / sqrt(3)),
    ("mxnet", "lstm"): (0.07 / sqrt(3), 0.07 / sqrt(3)),
    ("haste", "gru"): (sqrt(2 / (I + H)), 1 / sqrt(H)),
    ("haste", "lstm"): (sqrt(2 / (I + H)), 1 / sqrt(H)),
    ("fairseq", "lstm"): (0.1 / sqrt(3), 0.1 / sqrt(3)),
    ("sutskever2014", "lstm"): (0.08 / sqrt(3), 0.08 / sqrt(3)),
    ("zaremba_small", "lstm"): (0.1 / sqrt(3), 0.1 / sqrt(3)),
    ("zaremba_medium", "lstm"): (0.05 / sqrt(3), 0.05 / sqrt(3)),
    ("zaremba_large", "lstm"): (0.04 / sqrt(3), 0.04 / sqrt(3)),
    ("jozefowicz2015", "lstm"): (1 / sqrt(3 * H), 1 / sqrt(3 * H)),
    ("irnn", "rnn"): (0.001, spread_of_ones(H, H)),
    ("irnn_speech", "rnn"): (0.001, 0.01 * spread_of_ones(H, H)),
    ("np_rnn", "rnn"): (sqrt(2) * exp(1.2 / (H - 2.4)) / sqrt(H), OF_THE_WHOLE),
    ("esn", "rnn"): (1 / sqrt(3), OF_THE_WHOLE),
    ("sutskever2013", "rnn"): (0.1, OF_THE_WHOLE),
    ("orhan2020", "rnn"): (0.9 * spread_of_ones(H, I), 1.02 * spread_of_ones(H - 1, H)),
    ("chrono_lstm", "lstm"): (1 / sqrt(3 * H), 1 / sqrt(3 * H)),
}
# Total biases that are not drawn and not 0, by gate.
BIASES: Mapping[tuple[str, str], tuple[float, ...]] = {
    ("keras", "lstm"): OPEN_FORGET,
    ("haiku", "lstm"): OPEN_FORGET,
    ("sonnet", "lstm"): OPEN_FORGET,
    ("tf1", "lstm"): OPEN_FORGET,
    ("tf1", "gru"): (1.0, 1.0, 0.0),
    ("haste", "lstm"): OPEN_FORGET,
    ("jozefowicz2015", "lstm"): OPEN_FORGET,
}
# The standard deviation of each bias vector that is drawn, `bias_ih` and `bias_hh`.
DRAWN_BIASES: Mapping[str, tuple[float, float]] = {
    "pytorch": (1 / sqrt(3 * H), 1 / sqrt(3 * H)),
    "fairseq": (0.1 / sqrt(3), 0.1 / sqrt(3)),
    "sutskever2014": (0.08 / sqrt(3), 0.0),
    "zaremba_small": (0.1 / sqrt(3), 0.1 / sqrt(3)),
    "zaremba_medium": (0.05 / sqrt(3), 0.05 / sqrt(3)),
    "zaremba_large": (0.04 / sqrt(3), 0.04 / sqrt(3)),
}
STACKED_ORTHOGONAL = ("keras", "flax_nnx")
ORTHOGONAL_GATES = ("flax_linen", "haste")
every_one = pytest.mark.parametrize(("name", "rnn_type"), SPREADS)


def asked(name: str, rnn_type: str) -> dict[str, object]:
    """Ask for a network by a preset; a plain RNN is a ReLU network, for which all presets are
    defined.
    """
    plain = {"nonlinearity": "relu"} if rnn_type == "rnn" else {}
    return {"rnn_type": rnn_type, "input_size": I, "hidden_size": H, "init": name, **plain}


def test_every_preset_has_its_formulas_here() -> None:
    assert list(SPREADS) == [
        (name, kind) for name, preset in PRESETS.items() for kind in preset.parts
    ]


@every_one
def test_every_gate_has_the_spread_that_the_source_states(name: str, rnn_type: str) -> None:
    drawn = gates(asked(name, rnn_type))
    for tensor, spread in zip(
        ("weight_ih_l0", "weight_hh_l0"), SPREADS[name, rnn_type], strict=True
    ):
        for number, gate in enumerate(GATES[rnn_type]):
            block = drawn[tensor, gate]
            expected = spread[number] if isinstance(spread, tuple) else spread
            if expected == OF_THE_WHOLE:
                continue
            # The standard error of a spread is √((κ − 1)/4n) of it, and the kurtosis κ of all these
            # laws at most 3.
            assert block.std() == pytest.approx(expected, rel=SURE * sqrt(1 / (2 * block.size)))


@every_one
def test_every_gate_has_the_total_bias_that_the_source_states(name: str, rnn_type: str) -> None:
    drawn = gates(asked(name, rnn_type))
    if name in DRAWN_BIASES or name == "chrono_lstm":
        return
    expected = BIASES.get((name, rnn_type), (0.0,) * len(GATES[rnn_type]))
    for gate, value in zip(GATES[rnn_type], expected, strict=True):
        assert (drawn["bias_ih_l0", gate] + drawn["bias_hh_l0", gate] == value).all()


@pytest.mark.parametrize("name", DRAWN_BIASES)
def test_biases_that_are_drawn_have_the_spread_that_the_source_states(name: str) -> None:
    drawn = values(asked(name, "lstm"))
    for tensor, spread in zip(("bias_ih_l0", "bias_hh_l0"), DRAWN_BIASES[name], strict=True):
        # The kurtosis of uniform numbers is 1.8.
        assert drawn[tensor].std() == pytest.approx(spread, rel=SURE * sqrt(0.2 / (4 * H)))


@pytest.mark.parametrize("rnn_type", ["gru", "lstm"])
@pytest.mark.parametrize("name", [*STACKED_ORTHOGONAL, *ORTHOGONAL_GATES])
def test_orthogonal_matrices_are_stacked_or_of_each_gate_as_the_library_has_them(
    name: str, rnn_type: str
) -> None:
    stacked = values(asked(name, rnn_type))["weight_hh_l0"]
    parts = [stacked] if name in STACKED_ORTHOGONAL else np.split(stacked, len(GATES[rnn_type]))

    for part in parts:
        assert np.abs(part.T @ part - np.eye(H)).max() <= 1e-6
    assert (name in STACKED_ORTHOGONAL) == (np.abs(stacked.T @ stacked).max() < 1.5)


class TestSpectra:
    """The eigenvalues and singular values that a paper states, by NumPy."""

    @pytest.mark.parametrize(("rnn_type", "largest"), [("gru", 0.9428), ("lstm", 0.8660)])
    def test_of_gates_of_a_stacked_orthogonal_are_those_of_a_cut_one(
        self, rnn_type: str, largest: float
    ) -> None:
        """The singular values of 1/G of an orthogonal matrix reach 2√(α(1 − α)), α = 1/G; their
        mean square is α.

        The largest of n is away from its limit by about n^(−2/3), which is 2.5 % of 256.
        """
        drawn = gates(asked("keras", rnn_type) | {"hidden_size": 256})
        share = 1 / len(GATES[rnn_type])
        for gate in GATES[rnn_type]:
            found = np.linalg.svd(drawn["weight_hh_l0", gate], compute_uv=False)

            assert found.max() == pytest.approx(largest, rel=0.03)
            assert (found**2).mean() == pytest.approx(share, rel=0.02)

    @pytest.mark.parametrize(
        ("name", "radius"), [("np_rnn", 1.0), ("esn", 0.9), ("sutskever2013", 1.1)]
    )
    def test_have_the_radius_of_the_source(self, name: str, radius: float) -> None:
        found = np.abs(np.linalg.eigvals(values(asked(name, "rnn"))["weight_hh_l0"])).max()

        assert found == pytest.approx(radius, rel=1e-5)

    def test_of_np_rnn_are_positive_and_real(self) -> None:
        drawn = values(asked("np_rnn", "rnn"))["weight_hh_l0"]

        assert np.array_equal(drawn, drawn.T)
        assert np.linalg.eigvalsh(drawn).min() > 0

    def test_of_sutskever_are_of_15_connections_to_each_unit(self) -> None:
        drawn = values(asked("sutskever2013", "rnn"))["weight_hh_l0"]

        assert set((drawn != 0).sum(axis=1)) == {15}


@every_one
def test_every_preset_runs(name: str, rnn_type: str) -> None:
    summary = stepzero_rnn.check(asked(name, rnn_type))

    assert summary.forward.finite
    assert not summary.forward.dead
