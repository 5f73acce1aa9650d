"""The ends of every number that a scheme is asked for with: a network, or a refusal, and never a
fault of ours.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import pytest

import stepzero_rnn
from stepzero_rnn.errors import StepZeroError
from stepzero_rnn.spec.schemes.scripts import SCRIPTS
from stepzero_rnn.spec.schemes.unions import BIAS_SCHEMES, WEIGHT_SCHEMES

LARGEST, SMALLEST = sys.float_info.max, 5e-324
ENDS = (0.0, -0.0, SMALLEST, -SMALLEST, 1e-200, LARGEST, -LARGEST, 0, 1, 2**53 - 1)
NEEDED: Mapping[str, Any] = {"value": 0.5, "values": [0.5, 0.5], "t_max": 9.0, "sparsity": 0.5}
NETWORKS: tuple[Mapping[str, Any], ...] = (
    {"rnn_type": "rnn", "nonlinearity": "tanh", "input_size": 1, "hidden_size": 2},
    {"rnn_type": "rnn", "nonlinearity": "relu", "input_size": 2, "hidden_size": 1},
    {"rnn_type": "lstm", "input_size": 1, "hidden_size": 2},
    {"rnn_type": "gru", "input_size": 2, "hidden_size": 2},
)
ACCEPTED = {"accept_nonfinite": True, "accept_dead": True}


def numbers_of(cls: Any) -> Iterator[tuple[str, list[float]]]:
    """Return each number that a scheme has, with the ends that it may have and those that no number
    goes beyond.
    """
    for name, field in cls.model_json_schema()["properties"].items():
        for kind in field.get("anyOf", [field]):
            if kind.get("type") in ("number", "integer"):
                yield name, [*ENDS, *(kind[end] for end in ("minimum", "maximum") if end in kind)]


TABLE = [
    *((name, cls, "weight_hh") for name, cls in WEIGHT_SCHEMES.items()),
    *((name, cls, "bias") for name, cls in BIAS_SCHEMES.items()),
    *((name, cls, "all") for name, cls in SCRIPTS.items()),
]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, of what overflows
@pytest.mark.parametrize(("name", "cls", "part"), TABLE, ids=[f"{n}-{p}" for n, _, p in TABLE])
def test_the_ends_of_every_number_give_a_network_or_a_refusal(name: str, cls: Any, part: str):
    needed = {f: NEEDED[f] for f, field in cls.model_fields.items() if field.is_required()}
    for field, ends in numbers_of(cls):
        for end in ends:
            scheme = {"scheme": name, **needed, field: end}
            for network in NETWORKS:
                spec = {**network, **ACCEPTED, "init": scheme if part == "all" else {part: scheme}}
                with suppress(StepZeroError):
                    stepzero_rnn.build(spec)


@pytest.mark.parametrize("variance", [SMALLEST, 1e-300, 1e-200, 1e-170, 1e-100, 1e-48])
def test_an_input_of_next_to_no_variance_has_the_gain_of_none(variance: float):
    network = {"rnn_type": "rnn", "input_size": 1, "hidden_size": 3}
    weights = [
        stepzero_rnn.build(
            {**network, "init": {"weight_hh": {"scheme": "critical", "input_variance": v}}}
        )
        for v in (variance, 0.0)
    ]

    assert weights[0].state_dict()["weight_hh_l0"].equal(weights[1].state_dict()["weight_hh_l0"])
