from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExpectedFigures:
    failed: int


@dataclass(frozen=True, slots=True)
class Memory:
    rho: float


@dataclass(frozen=True, slots=True)
class Spectra:
    x: float
