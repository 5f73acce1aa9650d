"""The figures of every start of a group, by the diagnostics that users get."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import stepzero_rnn
from stepzero_rnn.diagnostics.options import Figure
from stepzero_rnn.diagnostics.results import Diagnostics
from stepzero_rnn.diagnostics.score import OVERFLOW_LOG10
from validation.groups import Group
from validation.results import load, path_of, save
from validation.training import SEEDS, specs

MEASURED: tuple[Figure, ...] = ("echo", "gradient", "memory", "signal")
Figures = Mapping[str, float | bool]


def measure(group: Group) -> None:
    """Add the figures of every start and seed to the results of a group."""
    found: dict[str, dict[str, Any]] = {}
    for seed in SEEDS:
        for start, spec in specs(group, seed).items():
            measured = stepzero_rnn.diagnose(
                spec,
                seq_len=group.seq_len,
                dependency_length=group.dependency_length,
                level="full",
                figures=MEASURED,
            )
            found.setdefault(start, {})[str(seed)] = _figures(measured, group)
    save(path_of(group), {**load(group), "figures": found})


def _figures(measured: Diagnostics, group: Group) -> dict[str, float | bool]:
    echo, gradient, signal = measured.echo, measured.gradient, measured.signal
    memory = measured.memory
    if not (echo and gradient and signal and memory):
        raise RuntimeError(f"{group.name}: a figure is missing: {measured.omitted}")
    overflows = any(finding.name == "overflow" for finding in measured.findings)
    last = signal.cells[-1]
    found: dict[str, Any] = {
        "echo": echo.mean,
        "echo_at_length": echo.lags[str(group.dependency_length)],
        "log10_reach": OVERFLOW_LOG10 if gradient.log10_reach is None else gradient.log10_reach,
        "growth_per_step": gradient.growth_per_step,
        "state_rms": last.state_rms[-1],
        "unit_spread": last.unit_spread[1],
        "spectral_radius": memory.spectral_radii[-1],
        "saturated_units": last.saturated_units,
        "distinctness": last.distinctness,
        "overflows": overflows,
    }
    return {name: value for name, value in found.items() if value is not None}
