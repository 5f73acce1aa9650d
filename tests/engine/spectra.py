"""Judges of recurrent matrices by their spectrum, as NumPy finds it."""

from __future__ import annotations

from collections.abc import Mapping
from math import exp
from typing import Any

import numpy as np

from tests.engine.drawing import Values

TO_FLOAT32 = 2.0**-24  # half of what float32 shows


def has_radius(block: Values, o: Mapping[str, Any]) -> None:
    """Hold a block's largest eigenvalue to the absolute value asked for."""
    found = np.abs(np.linalg.eigvals(block)).max()

    assert abs(found / o.get("radius", 0.9) - 1) <= TO_FLOAT32


def is_np_rnn(block: Values, o: Mapping[str, Any]) -> None:
    """Hold a block to be symmetric with its largest eigenvalue 1, the others positive."""
    spectrum = np.linalg.eigvalsh(block)

    assert np.array_equal(block, block.T)
    assert abs(spectrum[-1] - 1) <= 1e-12
    assert spectrum[0] > 0


def is_shrunk_rotation(block: Values, o: Mapping[str, Any]) -> None:
    """Hold a block to be a rotation times exp(−epsilon·gamma)."""
    shrunk = exp(-o.get("epsilon", 0.01) * o.get("gamma", 0.01))

    assert np.abs(block.T @ block - shrunk**2 * np.eye(len(block))).max() <= 2e-14
    assert np.linalg.slogdet(block).sign == 1


def is_on_a_ring(block: Values, o: Mapping[str, Any]) -> None:
    """Hold a block to be normal, its eigenvalues to be on the ring and in conjugate pairs."""
    least, most = o.get("r_min", 0.9), o.get("r_max", 0.999)
    found = np.linalg.eigvals(block)

    assert np.abs(block @ block.T - block.T @ block).max() <= 1e-14 * most**2
    assert least - 1e-14 <= np.abs(found).min()
    assert np.abs(found).max() <= most + 1e-14
    assert (found.imag == 0).sum() == len(block) % 2
    assert (found[found.imag == 0].real > 0).all()
