"""Whether weights are as their schemes promise."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest

import stepzero_rnn
from stepzero_rnn.diagnostics.measuring import expected
from stepzero_rnn.diagnostics.weight_costs import SPECTRAL
from stepzero_rnn.diagnostics.weight_results import ExpectedFigures, ExpectedRow
from stepzero_rnn.dtypes import DTYPES
from stepzero_rnn.engine.elements.distributions import ElementLaw, Normal, Uniform
from stepzero_rnn.engine.laws.orthogonal import Orthogonal
from stepzero_rnn.engine.schemes.record import WholeLaw
from tests.diagnostics.networks import NETWORKS, known, spec_of
from tests.engine.every import DTYPE_NAMES, INITS, WEIGHT_INITS, asked

ANY = {"input_size": 12, "hidden_size": 16, "accept_nonfinite": True, "accept_dead": True}
KINDS = (
    {"rnn_type": "lstm"},
    {"rnn_type": "lstm", "proj_size": 4},
    {"rnn_type": "gru"},
    {"rnn_type": "rnn"},
    {"rnn_type": "rnn", "nonlinearity": "relu"},
)


def measured(spec: dict[str, Any], **options: Any) -> ExpectedFigures:
    found = stepzero_rnn.diagnose(spec, figures="weights", **options).weights
    assert found is not None
    return found


@pytest.mark.parametrize("dtype", DTYPE_NAMES)
@pytest.mark.parametrize("init", INITS.values(), ids=INITS)
def test_every_scheme_keeps_its_promises(init: Any, dtype: str) -> None:
    checked = 0
    for kind in KINDS:
        own = init if "proj_size" in kind else {k: v for k, v in init.items() if k != "weight_hr"}
        try:
            found = measured({**ANY, **kind, "init": own, "dtype": dtype})
        except stepzero_rnn.errors.InvalidSpec:
            continue  # the scheme is not defined for such a network

        assert [row for row in found.rows if not row.passed] == []
        checked += found.checked

    assert checked


def test_every_law_has_a_check_or_is_known_to_have_none() -> None:
    laws = {*flattened(ElementLaw), *flattened(WholeLaw)}

    assert laws == {*expected.LAWS, *expected.UNKNOWN}


def flattened(union: Any) -> set[type]:
    return {one for part in get_args(union) for one in (flattened(part) or {part})}


def test_the_schemes_that_promise_a_spectrum_are_those_whose_cost_includes_one() -> None:
    promising = set()
    for init in WEIGHT_INITS.values():
        found = measured(asked({**ANY, "rnn_type": "lstm", "proj_size": 4}, init))
        if {"spectral_radius", "largest_singular_value"} & {row.figure for row in found.rows}:
            promising.add(init["weight_hh"]["scheme"])

    assert promising == SPECTRAL


def rows(found: ExpectedFigures, tensor: str, figure: str) -> list[ExpectedRow]:
    return [row for row in found.rows if row.tensor == tensor and row.figure == figure]


def test_an_orthogonal_block_is_measured_after_rounding() -> None:
    spec = {**spec_of("lstm"), "hidden_size": 64, "init": "orthogonal"}
    for dtype, error in (("float32", 1.5e-7), ("bfloat16", 1e-2), ("float16", 1.5e-3)):
        each = rows(measured({**spec, "dtype": dtype}), "weight_hh_l0", "orthogonality_error")

        assert [row.gate for row in each] == ["input", "forget", "cell", "output"]
        assert all(0 < known(row.measured) < error for row in each)


def test_the_radius_that_was_asked_for_is_beside_the_one_that_was_got() -> None:
    init = {"weight_hh": {"scheme": "spectral_radius", "radius": 0.9}}
    (row,) = rows(measured({**spec_of("tanh"), "init": init}), "weight_hh_l0", "spectral_radius")

    assert row.expected == 0.9
    assert row.measured == pytest.approx(0.9, rel=1e-4)


@pytest.mark.parametrize("split", ["ih", "hh", "half"])
def test_gate_biases_are_compared_by_their_total(split: str) -> None:
    bias = {"scheme": "forget", "value": 1, "split": split}
    found = measured({**spec_of("lstm"), "init": {"preset": "keras", "bias": bias}})
    total = {row.gate: row for row in rows(found, "bias_ih + bias_hh_l0", "difference")}

    assert total.keys() == {"input", "forget", "cell", "output"}
    assert all(row.measured == 0 for row in total.values())


def drawn(law: Any, *shape: int) -> np.ndarray:
    rng = np.random.default_rng(4)
    return rng.uniform(-law, law, shape) if isinstance(law, float) else rng.normal(0, 1, shape)


@pytest.mark.parametrize(
    ("law", "values", "failing"),
    [
        (Uniform(-0.1, 0.1), drawn(0.09, 64, 64), {"std"}),
        (Uniform(-0.1, 0.1), drawn(0.11, 64, 64), {"min", "max", "std"}),
        (Normal(0, 0.9), drawn(None, 64, 64), {"std"}),
        (Normal(0.1, 1.0), drawn(None, 64, 64), {"mean"}),
        (Orthogonal(1.0, 64, 64), drawn(0.1, 64, 64), {"orthogonality_error"}),
        (Orthogonal(1.0, 64, 64), 1.01 * np.eye(64), {"orthogonality_error"}),
    ],
)
def test_another_law_is_noticed(law: Any, values: np.ndarray, failing: set[str]) -> None:
    each = expected.checks(law, values, DTYPES["float32"])

    assert {check.figure for check in each if not check.passed} == failing


@pytest.mark.parametrize("name", NETWORKS)
def test_every_parameter_of_every_network_is_looked_at(name: str) -> None:
    spec = {**spec_of(name), "hidden_size": 24}
    found = measured(spec)
    planned = {tensor.name for tensor in stepzero_rnn.plan(spec).tensors}
    seen = {row.tensor.replace("bias_ih + bias_hh", "bias_ih") for row in found.rows}
    totals = {name.replace("bias_ih", "bias_hh") for name in seen if name.startswith("bias_ih")}

    assert planned == seen | totals
    assert found.failed == 0


def test_deep_networks_have_the_rows_that_are_closest_to_failing() -> None:
    spec = {"rnn_type": "lstm", "input_size": 24, "hidden_size": 24, "num_layers": 30}
    found = measured(spec)
    one = measured(spec, layer=12)

    assert found.checked > 300
    assert len(found.rows) == len({(r.tensor.split("_l")[0], r.gate, r.figure) for r in found.rows})
    assert {row.tensor.rpartition("_l")[2] for row in one.rows} == {"12"}


def test_of_uploaded_arrays_nothing_is_expected(tmp_path: Any) -> None:
    spec = {"rnn_type": "gru", "input_size": 2, "hidden_size": 4}
    mine = stepzero_rnn.with_arrays(spec, {"weight_hh_l0": np.ones((12, 4), np.float32)})
    found = stepzero_rnn.diagnose(mine, figures="weights")

    assert found.weights is not None
    assert "weight_hh_l0" not in {row.tensor for row in found.weights.rows}
    assert [omission.figure for omission in found.omitted] == ["weights"]
