"""Laws that every scheme of a square recurrent matrix keeps: it is what its source says, wherever it is defined."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from app.engine.schemes import law_of
from app.plan import GATES
from app.spec.matrices import RecurrentScheme
from app.spec.schemes import WEIGHT_SCHEMES
from tests.engine.drawing import Values, gates, planned, stored
from tests.engine.every import asked

pytestmark = pytest.mark.statistical

RNN = {"rnn_type": "rnn", "input_size": 3, "hidden_size": 48, "seed": 7}
MATRICES = {name: cls for name, cls in WEIGHT_SCHEMES.items() if issubclass(cls, RecurrentScheme)}
SURE = 5  # standard errors: one failure in two million draws of the seed
EXACT = {"dtype": "float64"}
STILL = {"scaled_identity"}  # drawn from no random number
Judge = Callable[[Values, Mapping[str, Any]], None]


def matrices(scheme: Mapping[str, Any], **network: Any) -> list[Values]:
    """Draw the block of every gate of `weight_hh`, in every layer and direction."""
    drawn = gates(asked({**RNN, **network}, {"weight_hh": scheme}))
    return [block for (name, _), block in drawn.items() if name.startswith("weight_hh")]


def is_scaled_identity(block: Values, o: Mapping[str, Any]) -> None:
    """Hold a block to be alpha·I."""
    assert np.array_equal(block, np.float32(o.get("alpha", 1.0)) * np.eye(len(block)))


JUDGES: list[tuple[Mapping[str, Any], Judge]] = [
    ({"scheme": "scaled_identity"}, is_scaled_identity),
    ({"scheme": "scaled_identity", "alpha": -0.95}, is_scaled_identity),
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

    @pytest.mark.parametrize("rnn_type", GATES)
    def test_is_so_in_every_gate_layer_and_direction(
        self, scheme: Mapping[str, Any], judge: Judge, rnn_type: str
    ) -> None:
        if rnn_type not in MATRICES[scheme["scheme"]].rnn_types:
            pytest.skip("refused, which is another test's")
        network = {"rnn_type": rnn_type, "num_layers": 2, "bidirectional": True, "hidden_size": 16}
        blocks = matrices(scheme, **network, **EXACT)

        assert len(blocks) == 4 * len(GATES[rnn_type])
        for block in blocks:
            judge(block, scheme)

    def test_depends_only_on_the_seed(self, scheme: Mapping[str, Any], judge: Judge) -> None:
        one, again, other = (matrices(scheme, seed=seed)[0] for seed in (3, 3, 4))

        assert np.array_equal(one, again)
        assert is_random(scheme) != np.array_equal(one, other)

    def test_is_drawn_anew_in_every_block(self, scheme: Mapping[str, Any], judge: Judge) -> None:
        network = {"rnn_type": "lstm", "num_layers": 2, "bidirectional": True}
        blocks = {block.tobytes() for block in matrices(scheme, **network)}

        assert len(blocks) == (len(matrices(scheme, **network)) if is_random(scheme) else 1)

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
        found = np.sqrt(np.mean([block.var() for block in matrices(scheme, num_layers=16)]))

        assert expected is None or abs(found - expected) <= expected / 20


def is_random(scheme: Mapping[str, Any]) -> bool:
    """Whether a scheme draws numbers."""
    return scheme["scheme"] not in STILL


def test_every_matrix_has_a_judge() -> None:
    assert {scheme["scheme"] for scheme, _ in JUDGES} == set(MATRICES)
