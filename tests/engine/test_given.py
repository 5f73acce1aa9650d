"""Numbers that stand in the recipe come out as they went in, rounded once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import stepzero_rnn
from stepzero_rnn.engine.draw import Sampler
from stepzero_rnn.engine.thread_pool import ThreadPool
from tests.engine import oracle_network
from tests.engine.drawing import gates, planned, stored, values
from tests.engine.every import every_dtype

H, I = 3, 2  # noqa: E741 - the letters of the literature
ROWS = [[0.1, -2.0], [1e-9, 1 / 3], [7.0, 65519.99]]
SQUARE = [[k / 7, -k / 3, k * 1e-5] for k in range(H)]
GATES = {"rnn": 1, "gru": 3, "lstm": 4}
every_network = pytest.mark.parametrize("rnn_type", GATES)


def array(numbers: Any, **options: Any) -> dict[str, Any]:
    """Return numbers as a scheme."""
    return {"scheme": "array", "values": numbers, **options}


def network(rnn_type: str = "lstm", **given: Any) -> dict[str, Any]:
    """Ask for a small network."""
    return {"rnn_type": rnn_type, "input_size": I, "hidden_size": H, "seed": 5, **given}


def asked(rnn_type: str, split: str = "ih") -> dict[str, Any]:
    """Ask for given numbers in every kind of parameter."""
    bias = array([0.3, -1.0, 1e-7], split=split)
    stacked = [row for _ in range(GATES[rnn_type]) for row in SQUARE[::-1]]
    fused = {"parameter": "weight_hh", "init": array(stacked, scope="fused")}
    return network(rnn_type, init={"weight_ih": array(ROWS), "bias": bias, "overrides": [fused]})


class TestValues:
    @every_dtype
    @every_network
    @pytest.mark.parametrize("split", ["ih", "hh", "half"])
    def test_are_the_oracles(self, rnn_type: str, split: str, dtype: str) -> None:
        given = asked(rnn_type, split) | {"dtype": dtype}
        drawn = {name: numbers.tobytes() for name, numbers in stored(given).items()}

        assert drawn == oracle_network.network(given)

    def test_are_float64_to_the_last_bit(self) -> None:
        drawn = gates(network(dtype="float64", init={"weight_ih": array(ROWS)}))

        assert all(drawn["weight_ih_l0", gate].tolist() == ROWS for gate in "ifgo")

    def test_fill_the_one_gate_that_an_override_names(self) -> None:
        override = {"parameter": "weight_hh", "gate": "cell", "init": array(SQUARE)}
        one = gates(network(dtype="float64", init={"overrides": [override]}))
        plain = gates(network(dtype="float64"))

        assert one["weight_hh_l0", "g"].tolist() == SQUARE
        assert all(
            np.array_equal(one["weight_hh_l0", gate], plain["weight_hh_l0", gate]) for gate in "ifo"
        )

    def test_take_nothing_from_the_seed(self) -> None:
        init = {"weight_ih": array(ROWS)}
        one, other = (values(network(init=init, seed=seed)) for seed in (1, 2))

        assert np.array_equal(one["weight_ih_l0"], other["weight_ih_l0"])
        assert not np.array_equal(one["weight_hh_l0"], other["weight_hh_l0"])

    def test_fill_the_projection(self) -> None:
        init = {"weight_hr": array([[1.0, 2.0, 3.0]])}

        assert values(network(proj_size=1, init=init))["weight_hr_l0"].tolist() == [[1, 2, 3]]

    @pytest.mark.parametrize("name", ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0"])
    def test_of_any_range_are_that_part_of_the_whole(self, name: str) -> None:
        made = planned(asked("gru", "half") | {"dtype": "bfloat16"})
        tensor = next(tensor for tensor in made.tensors if tensor.name == name)
        with ThreadPool(1) as workers:
            sampler = Sampler(made.spec.seed, workers)
            whole = sampler.tensor(tensor)
            for first in range(tensor.elements):
                cut = np.concatenate([*sampler.chunks(tensor, first, tensor.elements)])

                assert np.array_equal(cut, whole[first:])


class TestSummary:
    def test_promises_no_spread(self) -> None:
        summary = stepzero_rnn.check(asked("gru"))
        (tensor,) = (t for t in summary.weights.tensors if t.name == "weight_ih_l0")

        assert tensor.figures.expected_std is None
        assert tensor.figures.max == pytest.approx(65519.99)
        assert tensor.scheme["scheme"] == "array"

    def test_fits_into_a_bundle(self) -> None:
        spec: Mapping[str, Any] = asked("gru")

        assert b'"array"' in b"".join(stepzero_rnn.stream(spec, format="bundle"))
