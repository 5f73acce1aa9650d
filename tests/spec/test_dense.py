"""What is asked of matrices that take linear algebra, and where they are refused."""

from __future__ import annotations

from typing import Any

import pytest

from stepzero_rnn.errors import FieldError, InvalidSpec
from stepzero_rnn.spec.canonical import canonical_json
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.parse import parse

RNN = {"rnn_type": "rnn", "input_size": 4, "hidden_size": 4}
LSTM = RNN | {"rnn_type": "lstm"}
SPECIAL = {"scheme": "orthogonal", "determinant": "+1"}


def wrong(init: Any, network: dict[str, Any] = RNN) -> FieldError:
    """Return the one field that is wrong."""
    with pytest.raises(InvalidSpec) as caught:
        parse(Spec, network | {"init": init})
    (error,) = caught.value.facts["errors"]
    return FieldError(**error)


class TestSpectralRadius:
    @pytest.mark.parametrize("kind", ["dense", "ring"])
    def test_has_connections_of_its_own_unless_it_is_sparse(self, kind: str) -> None:
        error = wrong({"weight_hh": {"scheme": "spectral_radius", "kind": kind, "connections": 3}})

        assert error.code == "connections_without_sparse"
        assert error.pointer == "/init/weight_hh/connections"
        assert error.given == 3

    @pytest.mark.parametrize("given", [{"radius": 0}, {"radius": -1.0}, {"connections": 0}])
    def test_is_above_0_and_so_are_connections(self, given: dict[str, Any]) -> None:
        error = wrong({"weight_hh": {"scheme": "spectral_radius", "kind": "sparse", **given}})

        assert error.pointer == f"/init/weight_hh/{next(iter(given))}"


class TestRingSpectrum:
    def test_has_its_radii_in_order(self) -> None:
        error = wrong({"weight_hh": {"scheme": "ring_spectrum", "r_min": 1.0}})

        assert (error.pointer, error.code) == ("/init/weight_hh/r_min", "r_min_above_r_max")
        assert (error.given, error.allowed) == (1.0, "0 to 0.999")

    def test_may_be_a_circle(self) -> None:
        parse(Spec, RNN | {"init": {"weight_hh": {"scheme": "ring_spectrum", "r_min": 0.999}}})


class TestNpRnn:
    @pytest.mark.parametrize(
        "network",
        [RNN, RNN | {"nonlinearity": "tanh"}, LSTM, RNN | {"rnn_type": "gru"}],
        ids=["rnn", "tanh", "lstm", "gru"],
    )
    def test_is_refused_without_relu(self, network: dict[str, Any]) -> None:
        error = wrong({"weight_hh": "np_rnn"}, network)

        assert (error.pointer, error.code) == ("/init/weight_hh", "undefined_scheme")
        assert "has no relu units" in error.detail
        assert "np_rnn" not in error.allowed
        assert "orthogonal" in error.allowed

    def test_is_accepted_with_relu(self) -> None:
        parse(Spec, RNN | {"nonlinearity": "relu", "init": {"weight_hh": "np_rnn"}})


class TestADeterminant:
    @pytest.mark.parametrize(
        ("init", "pointer"),
        [
            (SPECIAL, "/init"),
            ({"weight_ih": SPECIAL}, "/init/weight_ih"),
            (
                {"overrides": [{"parameter": "weight_ih", "init": SPECIAL}]},
                "/init/overrides/0/init",
            ),
        ],
        ids=["all", "weight_ih", "override"],
    )
    def test_is_refused_where_a_matrix_may_not_be_square(self, init: Any, pointer: str) -> None:
        error = wrong(init)

        assert (error.pointer, error.code) == (pointer, "undefined_scheme")
        assert "it requires a square matrix" in error.detail

    def test_is_refused_with_a_projection(self) -> None:
        error = wrong({"weight_hh": SPECIAL}, LSTM | {"proj_size": 2})

        assert (error.pointer, error.code) == ("/init/weight_hh", "undefined_scheme")

    def test_is_refused_of_a_stacked_matrix(self) -> None:
        error = wrong({"weight_hh": {**SPECIAL, "scope": "fused"}}, LSTM)

        assert (error.pointer, error.code) == ("/init/weight_hh/scope", "determinant_of_fused")

    def test_that_may_be_any_leaves_recipes_as_they_were(self) -> None:
        one, other = (
            parse(Spec, RNN | {"init": {"weight_hh": {"scheme": "orthogonal", **given}}})
            for given in ({}, {"determinant": "any"})
        )

        assert canonical_json(one) == canonical_json(other)


@pytest.mark.parametrize(
    ("scheme", "field"),
    [
        ({"scheme": "spectral_band", "margin": 1.5}, "margin"),
        ({"scheme": "spectral_band", "margin": -0.1}, "margin"),
        ({"scheme": "lsuv", "probe": 15}, "probe"),
        ({"scheme": "lsuv", "probe": 65_537}, "probe"),
        ({"scheme": "skew", "epsilon": 0}, "epsilon"),
        ({"scheme": "skew", "epsilon": 1.5}, "epsilon"),
        ({"scheme": "skew", "gamma": -0.1}, "gamma"),
        ({"scheme": "skew", "std": 17}, "std"),
    ],
    ids=str,
)
def test_a_number_beyond_its_range_is_refused(scheme: dict[str, Any], field: str) -> None:
    assert wrong({"weight_hh": scheme}).pointer == f"/init/weight_hh/{field}"
