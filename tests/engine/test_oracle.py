"""Every kernel, every scheme and every dtype against the oracle, bit for bit."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stepzero_rnn.engine.elements.distributions import CutNormal, Normal, Uniform
from stepzero_rnn.engine.schemes import BIASES, WEIGHTS
from stepzero_rnn.engine.words.philox import key
from stepzero_rnn.plan import stream_of
from stepzero_rnn.spec.schemes.unions import BIAS_SCHEMES
from tests.engine import oracle, oracle_network
from tests.engine.drawing import stored
from tests.engine.every import BIAS_INITS, GIVEN, WEIGHT_INITS, asked, every_dtype
from tests.engine.golden import SPECS, golden

COUNT = 400
PLACES = [0, 1 << 20, (1 << 35) + 4]
SEED, STREAM = 0x1F_2E3D_4C5B_6A79, stream_of("weight_hh_l0", "i")
LSTM = {"rnn_type": "lstm", "input_size": 4, "hidden_size": 11, "proj_size": 3, "seed": 2**53 - 1}
LARGE = ("many-tasks", "orthogonal-of-many-panels")  # for Python, one number at a time
BIASED = [
    (rnn_type, name)
    for rnn_type in ("rnn", "gru", "lstm")
    for name, init in BIAS_INITS.items()
    if rnn_type in BIAS_SCHEMES[init["bias"]["scheme"]].rnn_types
]
CUTS = {
    "centre": (0.5, 2.0, -2.0, 1.5),
    "centre at its widest": (0.0, 1.0, -2.9, 2.9),
    "wide": (-1.0, 0.1, -3.0, 9.0),
    "wide on both sides": (0.0, 1.0, -12.0, 12.0),
    "tail above": (0.0, 1.0, 2.0, 7.5),
    "tail below": (3.0, 0.5, -6.0, -0.25),
    "half": (0.0, 1.0, 0.0, 8.0),
    "tail at its farthest": (0.0, 1.0, 8.0, 20.0),
}


def kernel(law: Uniform | Normal | CutNormal, first: int) -> NDArray[np.uint32]:
    """Draw COUNT elements with the kernels; give their bits."""
    out = np.empty(COUNT, np.float32)
    law.fill(out, first, key(SEED, STREAM))
    return out.view(np.uint32)


def one_by_one(element: Callable[[int], np.float32], first: int) -> NDArray[np.uint32]:
    """Draw COUNT elements with the oracle; give their bits."""
    drawn = [element(i) for i in range(first, first + COUNT)]
    return np.array(drawn, np.float32).view(np.uint32)


@pytest.mark.parametrize("first", PLACES)
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-0.1, 0.3), (-1e-3, 1e30)])
def test_uniform_numbers_are_the_oracles(first: int, low: float, high: float) -> None:
    expected = one_by_one(lambda i: oracle.uniform(SEED, STREAM, i, low, high), first)

    assert np.array_equal(kernel(Uniform(low, high), first), expected)


@pytest.mark.parametrize("first", PLACES)
@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (0.5, 0.02), (-3.0, 1e-8)])
def test_normal_numbers_are_the_oracles(first: int, mean: float, std: float) -> None:
    expected = one_by_one(lambda i: oracle.normal(SEED, STREAM, i, mean, std), first)

    assert np.array_equal(kernel(Normal(mean, std), first), expected)


@pytest.mark.parametrize("first", PLACES[1:])
@pytest.mark.parametrize("cut", CUTS.values(), ids=list(CUTS))
def test_cut_normal_numbers_are_the_oracles(
    first: int, cut: tuple[float, float, float, float]
) -> None:
    expected = one_by_one(lambda i: oracle.cut_normal(SEED, STREAM, i, cut), first)

    assert np.array_equal(kernel(CutNormal(*cut), first), expected)


class TestNetworks:
    """Names, gates, streams, shares and the last rounding too: whole networks, from the request
    alone.
    """

    def check(self, given: Mapping[str, Any]) -> None:
        drawn = {name: numbers.tobytes() for name, numbers in stored(given).items()}

        assert drawn == oracle_network.network(given)

    @pytest.mark.parametrize(
        "name",
        [pytest.param(name, marks=[pytest.mark.slow] * (name in LARGE)) for name in SPECS],
    )
    def test_of_the_oracle_have_the_golden_digests(self, name: str) -> None:
        drawn = oracle_network.network(SPECS[name])

        assert {name: sha256(data).hexdigest() for name, data in drawn.items()} == golden()[name]

    @every_dtype
    @pytest.mark.parametrize("init", WEIGHT_INITS.values(), ids=WEIGHT_INITS)
    def test_with_any_weights_are_the_oracles(self, init: Mapping[str, Any], dtype: str) -> None:
        self.check(asked(LSTM, init, dtype=dtype, bias=False))

    @every_dtype
    @pytest.mark.parametrize(("rnn_type", "name"), BIASED)
    def test_with_any_biases_are_the_oracles(self, rnn_type: str, name: str, dtype: str) -> None:
        small = {"rnn_type": rnn_type, "input_size": 1, "hidden_size": 5, "bidirectional": True}
        self.check(small | {"init": BIAS_INITS[name], "dtype": dtype})

    def test_are_known_to_the_oracle_by_every_scheme(self) -> None:
        assert set(oracle_network.WEIGHTS) == set(WEIGHTS)
        assert set(oracle_network.BIASES) == set(BIASES)

    def test_are_asked_for_by_every_scheme(self) -> None:
        assert {name.split()[0] for name in WEIGHT_INITS} == set(WEIGHTS) - GIVEN
        assert {name.split()[1] for name in BIAS_INITS} == set(BIASES) - GIVEN


class TestOracle:
    """The oracle itself is judged by mathematics: each law is what its formula says, to float32's
    last digits.
    """

    def test_draws_the_published_words(self) -> None:
        pi = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0)

        assert oracle.philox(*pi) == [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]

    def test_takes_logarithms(self) -> None:
        for x in (2.0**-25, 0.1, 0.5, 0.7071067, 0.7071068, 0.99, 1.0, 1.4142):
            # ln itself is near 0 about 1, so there the error is absolute.
            assert math.isclose(
                oracle.ln(np.float32(x)), math.log(np.float32(x)), rel_tol=2e-7, abs_tol=1e-7
            )

    def test_draws_box_and_mullers_radius(self) -> None:
        for pair in range(200):
            share = (oracle.word(SEED, STREAM, 2 * pair) // 256 + 0.5) / 2**24
            x, y = (float(oracle.normal(SEED, STREAM, 2 * pair + k, 0, 1)) for k in (0, 1))

            # The share is rounded to 2⁻²⁴, which is the error of ln near 0; each polynomial adds a
            # few 2⁻²⁴.
            assert math.isclose((x * x + y * y) / 2, -math.log(share), rel_tol=1e-6, abs_tol=1.2e-7)

    @pytest.mark.parametrize("low", [-2.0, 0.5])
    def test_cuts_normals_by_the_inverse_of_their_distribution(self, low: float) -> None:
        def above(z: float) -> float:
            return math.erfc(z / math.sqrt(2)) / 2

        for i in range(200):
            z = float(oracle.cut_normal(SEED, STREAM, i, (0.0, 1.0, low, 2.5)))
            share = (oracle.word(SEED, STREAM, i) // 512 + 0.5) / 2**23
            if low > 0:
                share = 1 - share  # a tail is drawn from its far end
            expected = (above(low) - above(z)) / (above(low) - above(2.5))

            # The inverse is good to 1e−6 of z ≤ 2.5; the density, below 0.4, turns that into a
            # share.
            assert math.isclose(expected, share, abs_tol=2e-6 / (above(low) - above(2.5)))
