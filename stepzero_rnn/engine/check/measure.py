"""Measurement of a drawn tensor, in tasks that run concurrently with its layer's forward pass."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import sqrt
from typing import Any

from stepzero_rnn.dtypes import DType
from stepzero_rnn.engine.draw import Stored
from stepzero_rnn.engine.schemes import law_of
from stepzero_rnn.engine.statistics import Counter, Spread, Tally, figures, join, spread_of
from stepzero_rnn.engine.thread_pool import Stop
from stepzero_rnn.engine.words.rounding import load
from stepzero_rnn.plan import TensorPlan
from stepzero_rnn.summary import Figures
from stepzero_rnn.thresholds import TILE_ELEMENTS

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
    tensor: TensorPlan, stored: Stored, stop: Stop, *, measure: bool
) -> list[Callable[[], Any]]:
    """Return the tasks whose results, in this order, make up the measurement."""
    scans = (
        tally_tasks(tensor, stored, stop) if measure else [partial(_scan_finite, tensor, stored)]
    )
    return [partial(zlib.crc32, stored.data), *scans]


def tally_tasks(tensor: TensorPlan, stored: Stored, stop: Stop) -> Iterator[Callable[[], Tally]]:
    """Return the tasks that tally one gate of a drawn tensor each."""
    step = tensor.gate_elements
    for at in range(0, tensor.elements, step):
        yield partial(_tally, stored[at : at + step], tensor.dtype, stop)


def lesson_of(tensor: TensorPlan, results: Sequence[Any], *, measured: bool) -> TensorMeasurement:
    """Combine the results of a tensor's tasks."""
    crc32, *scans = results
    nonfinite = sum(scan.nonfinite for scan in scans)
    return TensorMeasurement(crc32, nonfinite, _figures(tensor, scans) if measured else None)


def _tally(values: Stored, dtype: DType, stop: Stop) -> Tally:
    counter = Counter(len(values))
    for at in range(0, len(values), TILE_ELEMENTS):
        stop.check()
        counter.add(load(values[at : at + TILE_ELEMENTS], dtype))
    return counter.tally()


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
