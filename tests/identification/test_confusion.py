"""How often identification is right: measured again in part, beside the committed tables."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from scripts.identify_confusion import PAGE, RESULTS, cases, measure, tables
from stepzero_rnn.engine.schemes import BIASES, WEIGHTS
from stepzero_rnn.spec.schemes.presets import PRESETS

MEASURED: Mapping[str, Mapping[str, Mapping[str, int]]] = json.loads(RESULTS.read_text())
SOON = ("pytorch", "orthogonal", "bias chrono", "preset keras", "preset pytorch")


def missed(counts: Mapping[str, Mapping[str, int]]) -> int:
    """Count the networks whose own init was not even listed; trained ones have none."""
    return sum(found.get("missed", 0) for row, found in counts.items() if "steps from" not in row)


def test_the_tables_have_every_scheme_and_preset() -> None:
    rows = {row for row, _, _ in cases(16, 0)}

    assert {name for name in WEIGHTS if name != "array"} <= rows
    assert {f"bias {name}" for name in BIASES if name != "array"} <= rows
    assert {f"preset {name}" for name in PRESETS} <= rows
    assert all({*counts} == rows for counts in MEASURED.values())


def test_the_page_has_the_committed_tables() -> None:
    assert tables(MEASURED) in PAGE.read_text()


@pytest.mark.parametrize("size", MEASURED)
def test_a_files_own_init_was_hardly_ever_missed(size: str) -> None:
    networks = sum(sum(found.values()) for found in MEASURED[size].values())

    assert missed(MEASURED[size]) <= 2 + networks / 100


@pytest.mark.parametrize("size", [size for size in MEASURED if int(size) >= 64])
def test_every_step_of_training_was_seen_from_64_units_on(size: str) -> None:
    rows = {row: found for row, found in MEASURED[size].items() if "steps from" in row}

    assert rows
    assert all(found.get("named") for found in rows.values())
    assert not any(found.get("missed") for found in rows.values())


def test_a_small_table_is_as_the_committed_one() -> None:
    counts = measure(32, 1, SOON.__contains__)

    assert counts == {row: {"named": 1} for row in SOON}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("size", [8, 64])
def test_the_whole_table_is_as_the_committed_one(size: int) -> None:
    counts = measure(size, 1)

    assert {*counts} == {*MEASURED[str(size)]}
    assert missed(counts) <= 2
