"""Laws that every scheme of a square recurrent matrix keeps: it is what its source says, wherever
it is defined.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from scipy import linalg, stats

from stepzero_rnn.engine.elements.rotations import Rotations, sine_and_cosine
from stepzero_rnn.engine.schemes import law_of
from stepzero_rnn.engine.words.philox import key
from stepzero_rnn.spec.networks import RNNS
from stepzero_rnn.spec.schemes.matrices import RecurrentScheme
from stepzero_rnn.spec.schemes.unions import WEIGHT_SCHEMES
from tests.engine.drawing import Values, gates, planned, stored
from tests.engine.every import asked
from tests.engine.spectra import has_radius, is_np_rnn, is_on_a_ring, is_shrunk_rotation

pytestmark = pytest.mark.statistical

RNN = {"rnn_type": "rnn", "input_size": 3, "hidden_size": 48, "seed": 7}
MATRICES = {name: cls for name, cls in WEIGHT_SCHEMES.items() if issubclass(cls, RecurrentScheme)}
SURE = 5  # standard errors: one failure in two million draws of the seed
EXACT = {"dtype": "float64"}
STILL = {"scaled_identity", "chain", "fbchain", "ramp", "ring"}  # drawn from no random number
Judge = Callable[[Values, Mapping[str, Any]], None]


def matrices(scheme: Mapping[str, Any], *, gate: str = "", **network: Any) -> list[Values]:
    """Draw the block of every gate of `weight_hh`, or of one gate, in every layer and direction."""
    drawn = gates(asked({**RNN, **network}, {"weight_hh": scheme}))
    return [
        block
        for (name, letter), block in drawn.items()
        if name.startswith("weight_hh") and gate in ("", letter)
    ]


def is_scaled_identity(block: Values, o: Mapping[str, Any]) -> None:
    """Hold a block to be alpha·I."""
    assert np.array_equal(block, np.float32(o.get("alpha", 1.0)) * np.eye(len(block)))


def is_chain(block: Values, o: Mapping[str, Any]) -> None:
    """Hold a block to be a chain, with feedback where that is asked for."""
    alpha, beta = (
        o.get("alpha", CHAINS[o["scheme"]]),
        o.get("beta", 0.04 * (o["scheme"] == "fbchain")),
    )
    expected = np.diag(np.ones(len(block) - 1), 1) * np.float32(alpha)

    assert np.array_equal(block, expected + np.diag(np.ones(len(block) - 1), -1) * np.float32(beta))


def is_chain_or_ramp(block: Values, o: Mapping[str, Any]) -> None:
    """Hold a block to be the `ramp_init` of Orhan and Pitkow, to the last digits of float32."""
    size, end = len(block), o.get("end", 0.01)
    if size == 1 or block[0, 1] == np.float32(o.get("alpha", 1.02)):
        is_chain(block, {"scheme": "ramp", "alpha": o.get("alpha", 1.02)})
        return
    expected = linalg.toeplitz(np.linspace(0, -end, size), np.linspace(0, end, size))

    assert np.allclose(block, expected, rtol=1e-6, atol=0)


def is_rotations(block: Values, o: Mapping[str, Any]) -> None:
    """Hold a block to be orthogonal, block-diagonal, and of eigenvalues whose angles are those
    asked for.
    """
    size = len(block)
    assert np.abs(block.T @ block - np.eye(size)).max() <= 4e-16  # two rounded squares
    assert not (
        block * ~np.kron(np.eye(-(-size // 2)), np.ones((2, 2)))[:size, :size].astype(bool)
    ).any()
    assert size % 2 == 0 or block[-1, -1] == 1
    low, high = o.get("low", 0.0), o.get("high", np.pi / 2)
    angles = np.arctan2(block[1::2, ::2].diagonal(), block[:-1:2, ::2].diagonal())
    assert o["scheme"] == "henaff_rotation" or (low - 1e-9 <= angles).all()
    assert o["scheme"] == "henaff_rotation" or (angles <= high + 1e-9).all()


def is_fsi(block: Values, o: Mapping[str, Any]) -> None:
    """Hold a block to have so many connections in every row, within the bounds."""
    connections = int(np.ceil(np.round(o.get("connectivity", 1.0) * len(block), 9)))

    assert ((block != 0).sum(axis=1) <= connections).all()
    assert (block != 0).sum() >= connections * len(block) - 1  # a uniform number is rarely 0
    assert np.abs(block).max() <= np.float32(o.get("radius", 0.9) * np.sqrt(3 / connections))


def is_critical(block: Values, o: Mapping[str, Any]) -> None:
    """Hold a block to be σ times an orthogonal one in a plain network, or normal in a gated one;
    `test_critical.py` judges the gains.
    """
    size, gain = len(block), {0.0: 1.0, 1.0: 1.85559}[o.get("input_variance", 0.0)]
    if np.allclose(block.T @ block, gain**2 * np.eye(size), atol=1e-4):
        return
    assert 0.7 < block.std() * np.sqrt(size) < 2.5


CHAINS = {"chain": 1.02, "fbchain": 0.99, "ramp": 1.02}
JUDGES: list[tuple[Mapping[str, Any], Judge]] = [
    ({"scheme": "scaled_identity"}, is_scaled_identity),
    ({"scheme": "scaled_identity", "alpha": -0.95}, is_scaled_identity),
    ({"scheme": "chain"}, is_chain),
    ({"scheme": "chain", "alpha": 0.5}, is_chain),
    ({"scheme": "fbchain"}, is_chain),
    ({"scheme": "fbchain", "alpha": 1.5, "beta": -0.5}, is_chain),
    ({"scheme": "ramp"}, is_chain_or_ramp),
    ({"scheme": "ramp", "alpha": 0.9, "end": 0.5}, is_chain_or_ramp),
    ({"scheme": "henaff_rotation"}, is_rotations),
    ({"scheme": "cayley_rotation"}, is_rotations),
    ({"scheme": "cayley_rotation", "low": -3.0, "high": -2.5}, is_rotations),
    ({"scheme": "fsi"}, is_fsi),
    ({"scheme": "critical"}, is_critical),
    ({"scheme": "fsi", "radius": 1.1, "connectivity": 0.25}, is_fsi),
    ({"scheme": "spectral_radius"}, has_radius),
    ({"scheme": "spectral_radius", "kind": "sparse", "radius": 1.1}, has_radius),
    ({"scheme": "spectral_radius", "kind": "ring", "radius": 0.5}, has_radius),
    ({"scheme": "np_rnn"}, is_np_rnn),
    ({"scheme": "skew"}, is_shrunk_rotation),
    ({"scheme": "ring_spectrum"}, is_on_a_ring),
    ({"scheme": "ring_spectrum", "basis": "random"}, is_on_a_ring),
    ({"scheme": "ring_spectrum", "basis": "random", "r_min": 0.3, "r_max": 1.2}, is_on_a_ring),
    ({"scheme": "skew", "epsilon": 1.0, "gamma": 0.3}, is_shrunk_rotation),
]
"""What is asked for, and what every block must then be by its source."""

every_matrix = pytest.mark.parametrize(
    ("scheme", "judge"), JUDGES, ids=["-".join(map(str, o.values())) for o, _ in JUDGES]
)


@every_matrix
class TestEveryMatrix:
    @pytest.mark.parametrize("hidden", [1, 2, 3, 48])
    def test_is_what_its_source_says(
        self, scheme: Mapping[str, Any], judge: Judge, hidden: int
    ) -> None:
        for block in matrices(scheme, hidden_size=hidden, **EXACT):
            judge(block, scheme)

    @pytest.mark.parametrize("rnn_type", RNNS)
    def test_is_so_in_every_gate_layer_and_direction(
        self, scheme: Mapping[str, Any], judge: Judge, rnn_type: str
    ) -> None:
        if rnn_type not in MATRICES[scheme["scheme"]].rnn_types:
            pytest.skip("refused, which is another test's")
        network: dict[str, Any] = {
            "rnn_type": rnn_type,
            "num_layers": 2,
            "bidirectional": True,
            "hidden_size": 16,
        }
        blocks = matrices(scheme, **network, **EXACT)

        assert len(blocks) == 4 * len(RNNS[rnn_type].letters)
        for block in blocks:
            judge(block, scheme)

    def test_depends_only_on_the_seed(self, scheme: Mapping[str, Any], judge: Judge) -> None:
        one, again, other = (matrices(scheme, seed=seed)[0] for seed in (3, 3, 4))

        assert np.array_equal(one, again)
        assert is_random(scheme) != np.array_equal(one, other)

    def test_is_drawn_anew_in_every_block(self, scheme: Mapping[str, Any], judge: Judge) -> None:
        network: dict[str, Any] = {"rnn_type": "lstm", "num_layers": 2, "bidirectional": True}
        blocks = [block.tobytes() for block in matrices(scheme, **network)]

        assert is_random(scheme) == (len({*blocks}) == len(blocks))

    def test_is_the_same_whatever_the_other_tensors_are(
        self, scheme: Mapping[str, Any], judge: Judge
    ) -> None:
        alone = asked(RNN, {"weight_hh": scheme})
        among = {**alone, "init": {**alone["init"], "weight_ih": "orthogonal", "bias": "zeros"}}

        one, other = (stored(given)["weight_hh_l0"] for given in (alone, among))

        assert np.array_equal(one, other)

    def test_has_the_spread_that_the_summary_expects(
        self, scheme: Mapping[str, Any], judge: Judge
    ) -> None:
        """Within a twentieth, over the blocks of many layers."""
        given = asked({**RNN, "num_layers": 16}, {"weight_hh": scheme})
        tensor = next(t for t in planned(given).tensors if t.name == "weight_hh_l0")
        expected: Any = law_of(tensor, tensor.blocks[0]).std
        drawn = matrices(scheme, gate=tensor.blocks[0].gate, num_layers=16)
        found = np.sqrt(np.mean([block.var() for block in drawn]))

        assert expected is None or abs(found - expected) <= expected / 20


def is_random(scheme: Mapping[str, Any]) -> bool:
    """Whether a scheme draws numbers."""
    return {scheme["scheme"], scheme.get("kind")}.isdisjoint(STILL)


def test_a_ramp_is_a_chain_in_the_cell_gate_alone() -> None:
    chained = [
        matrices({"scheme": "ramp"}, gate=gate)[0][0, 1] == np.float32(1.02) for gate in "ifgo"
    ]

    assert chained == [False, False, True, False]


class TestRotations:
    @pytest.mark.parametrize(
        ("scheme", "low", "high"),
        [
            ({"scheme": "henaff_rotation"}, -np.pi, np.pi),
            ({"scheme": "cayley_rotation"}, 0.0, np.pi / 2),
            ({"scheme": "cayley_rotation", "low": -1.0, "high": 2.0}, -1.0, 2.0),
        ],
    )
    def test_have_angles_that_are_uniform(
        self, scheme: Mapping[str, Any], low: float, high: float
    ) -> None:
        (block,) = matrices(scheme, hidden_size=2048, **EXACT)
        angles = np.arctan2(block[1::2, ::2].diagonal(), block[::2, ::2].diagonal())

        assert stats.kstest(angles, stats.uniform(low, high - low).cdf).pvalue > 1e-4

    def test_of_cayley_are_the_transform_of_the_paper(self) -> None:
        """W = (I + A)⁻¹(I − A), A of blocks [[0, s], [−s, 0]], s = √((1 − cos t)/(1 + cos t))."""
        (block,) = matrices({"scheme": "cayley_rotation"}, hidden_size=32, **EXACT)
        cosines = block.diagonal()[::2]
        a = np.kron(np.diag(np.sqrt((1 - cosines) / (1 + cosines))), [[0, 1], [-1, 0]])
        eye = np.eye(32)

        assert np.allclose(np.linalg.solve(eye + a, eye - a), block, atol=1e-13)

    def test_of_henaff_are_exponentials_of_skew_matrices(self) -> None:
        (block,) = matrices({"scheme": "henaff_rotation"}, hidden_size=32, **EXACT)
        angles = np.arctan2(-block[1::2, ::2].diagonal(), block[::2, ::2].diagonal())

        assert np.allclose(
            linalg.expm(np.kron(np.diag(angles), [[0, 1], [-1, 0]])), block, atol=1e-13
        )

    def test_take_sines_and_cosines_to_the_last_digits(self) -> None:
        turns = np.linspace(-1, 1, 10_001)
        sine, cosine = sine_and_cosine(turns)

        assert np.abs(sine - np.sin(2 * np.pi * turns)).max() <= 1e-15
        assert np.abs(cosine - np.cos(2 * np.pi * turns)).max() <= 1e-15
        assert np.abs(sine * sine + cosine * cosine - 1).max() <= 4e-16

    def test_on_a_ring_are_uniform_on_it(self) -> None:
        law, size = Rotations(4096, 0.0, 1.0, 0.5, 0.9), 4096
        drawn = np.empty((2, size))
        law.fill(drawn[0], 0, key(1, 2))
        radii = np.empty(size // 2)
        for j in range(size // 2):
            law.fill(drawn.reshape(-1), 2 * j * size, key(1, 2))
            radii[j] = np.hypot(*drawn[0, 2 * j : 2 * j + 2])

        # The area within a radius is uniform.
        shares = (radii**2 - 0.5**2) / (0.9**2 - 0.5**2)
        assert stats.kstest(shares, "uniform").pvalue > 1e-4


@pytest.mark.parametrize("connectivity", [1.0, 0.1])
@pytest.mark.parametrize("radius", [0.9, 1.25])
def test_fsi_has_the_spectral_radius_asked_for(radius: float, connectivity: float) -> None:
    """As reservoirpy finds too, within 3 % at 600 units: Gallicchio's figures are for large
    matrices.
    """
    scheme = {"scheme": "fsi", "radius": radius, "connectivity": connectivity}
    (block,) = matrices(scheme, hidden_size=600)

    assert abs(np.abs(np.linalg.eigvals(block)).max() / radius - 1) <= 0.03


def test_every_matrix_has_a_judge() -> None:
    assert {scheme["scheme"] for scheme, _ in JUDGES} == set(MATRICES)
