"""Measurement of a drawn tensor, in tasks that run concurrently with its layer's forward pass."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import sqrt
from typing import Any

from stepzero_rnn.engine.draw import Sampler, Stored
from stepzero_rnn.engine.schemes import law_of
from stepzero_rnn.engine.statistics import Spread, Tally, figures, join, spread_of
from stepzero_rnn.engine.words.rounding import load
from stepzero_rnn.plan import TensorPlan
from stepzero_rnn.summary import Figures

TensorFigures = tuple[Figures, Sequence[Figures]]  # of the whole tensor and of each gate


@dataclass(frozen=True, slots=True)
class TensorMeasurement:
    """The CRC-32 of a tensor's bytes, the number of values that are not finite, and its figures if
    requested.
    """

    crc32: int
    nonfinite: int
    figures: TensorFigures | None


def tasks_of(
    sampler: Sampler, tensor: TensorPlan, stored: Stored, *, measure: bool
) -> list[Callable[[], Any]]:
    """Return the tasks whose results, in this order, make up the measurement."""
    scans = (
        sampler.tally_tasks(tensor, stored) if measure else [partial(_scan_finite, tensor, stored)]
    )
    return [partial(zlib.crc32, stored.data), *scans]


def lesson_of(tensor: TensorPlan, results: Sequence[Any], *, measured: bool) -> TensorMeasurement:
    """Combine the results of a tensor's tasks."""
    crc32, *scans = results
    nonfinite = sum(scan.nonfinite for scan in scans)
    return TensorMeasurement(crc32, nonfinite, _figures(tensor, scans) if measured else None)


def _scan_finite(tensor: TensorPlan, stored: Stored) -> Spread:
    return spread_of(load(stored, tensor.dtype))


def _figures(tensor: TensorPlan, tallies: Sequence[Tally]) -> TensorFigures:
    """Compute the figures of a tensor and of each gate from the gates' tallies."""
    spreads = [None if block.patches else law_of(tensor, block).std for block in tensor.blocks]
    gates = [
        figures(tally, expected_std=spreads[place % len(spreads)])
        for place, tally in enumerate(tallies)
    ]
    whole = figures(join(tallies), expected_std=_pooled(spreads)) if len(gates) > 1 else gates[0]
    return whole, gates


def _pooled(spreads: Sequence[float | None]) -> float | None:
    """Return the pooled standard deviation of parts of equal size; None if that of any part is
    unknown.
    """
    stds = [spread for spread in spreads if spread is not None]
    return sqrt(sum(s * s for s in stds) / len(stds)) if len(stds) == len(spreads) else None
