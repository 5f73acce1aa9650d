"""The same spec gives the same bytes, in every release and on every machine: digests that never
change.
"""

from __future__ import annotations

import pytest

from stepzero_rnn.dtypes import DTYPES
from stepzero_rnn.engine.schemes import BIASES, WEIGHTS
from tests.engine.drawing import planned
from tests.engine.golden import SPECS, digests_of, golden

MISSING = "has no golden digests; if the spec is new, write them: python -m tests.engine.golden"


@pytest.mark.parametrize("name", SPECS)
def test_the_bytes_of_a_spec_never_change(name: str) -> None:
    known = golden()
    assert name in known, f"{name} {MISSING}"

    assert digests_of(SPECS[name]) == known[name]


def test_every_golden_digest_is_looked_at() -> None:
    assert set(golden()) == set(SPECS)


def test_every_weight_scheme_has_a_golden_digest() -> None:
    asked = {
        block.scheme.scheme
        for given in SPECS.values()
        for t in planned(given).tensors
        for block in t.blocks
        if "weight" in t.name
    }

    assert asked == set(WEIGHTS)


def test_every_bias_scheme_has_a_golden_digest() -> None:
    asked = {
        block.scheme.scheme
        for given in SPECS.values()
        for t in planned(given).tensors
        for block in t.blocks
        if "bias" in t.name
    }

    assert asked == set(BIASES)


def test_every_dtype_and_network_has_a_golden_digest() -> None:
    specs = [planned(given).spec for given in SPECS.values()]

    assert {spec.dtype for spec in specs} == set(DTYPES)
    assert {spec.rnn_type for spec in specs} == {"rnn", "gru", "lstm"}
