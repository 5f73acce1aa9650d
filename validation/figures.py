"""The figures of every start of a group, by the diagnostics that users get."""

from __future__ import annotations

from math import copysign, floor, log10
from pathlib import Path

import stepzero_rnn
from stepzero_rnn.diagnostics.options import Figure
from stepzero_rnn.diagnostics.results import Diagnostics
from stepzero_rnn.diagnostics.score import OVERFLOW_LOG10
from validation.groups import Group
from validation.results import load, path_of, save
from validation.training import SEEDS, specs

MEASURED: tuple[Figure, ...] = ("echo", "gradient", "memory", "signal")
SIGNIFICANT = 5  # digits kept
LARGEST = 1e30  # of a figure that overflows


def measure_missing(group: Group, folder: Path) -> None:
    """Add the figures of every start and seed to the results of a group, unless they are there."""
    results = load(group, folder)
    if all(row["figures"] for row in results["starts"].values()):
        return
    for row in results["starts"].values():
        row["figures"] = {}
    for seed in SEEDS:
        for start, spec in specs(group, seed).items():
            for name, value in figures_of(spec, group).items():
                results["starts"][start]["figures"].setdefault(name, []).append(value)
    save(path_of(group, folder), results)


def figures_of(spec: dict[str, object], group: Group) -> dict[str, float]:
    """Return the figures of one start at the lengths of a group's task."""
    measured = stepzero_rnn.diagnose(
        spec,
        seq_len=group.seq_len,
        dependency_length=group.dependency_length,
        level="full",
        figures=MEASURED,
    )
    return {name: _rounded(value) for name, value in _figures(measured, group).items()}


def _figures(measured: Diagnostics, group: Group) -> dict[str, float | None]:
    echo, gradient, signal = measured.echo, measured.gradient, measured.signal
    memory = measured.memory
    if not (echo and gradient and signal and memory):
        raise RuntimeError(f"{group.name}: a figure is missing: {measured.omitted}")
    last = signal.cells[-1]
    return {
        "echo": echo.mean,
        "echo_at_length": echo.lags[str(group.dependency_length)],
        "log10_reach": OVERFLOW_LOG10 if gradient.log10_reach is None else gradient.log10_reach,
        "retention": measured.retention or 0.0,
        "growth_per_step": gradient.growth_per_step,
        "state_rms": last.state_rms[-1],
        "unit_spread": last.unit_spread[1],
        "spectral_radius": memory.spectral_radii[-1],
        "saturated_units": last.saturated_units,
        "distinctness": last.distinctness,
        "overflows": float(any(finding.name == "overflow" for finding in measured.findings)),
    }


def _rounded(value: float | None) -> float:
    """Return a few significant digits; what overflowed is as large as it gets."""
    if value is None or not abs(value) < LARGEST:
        return copysign(LARGEST, value or 1)
    return round(value, SIGNIFICANT - 1 - floor(log10(abs(value)))) if value else 0.0
