"""Echo: whether an input of some steps ago can be read from the state, left alone since then.

With R² the held-out share of variance that a linear readout of h recovers under a noise floor,
echo is the mean of R² over the floors in `NOISE_FLOORS`.
"""

from __future__ import annotations

import torch
from torch import Tensor

NOISE_FLOORS = (1e-4, 1e-3, 1e-2, 1e-1)
RELATIVE_NOISE = 0.01  # of the states' mean variance: finer readouts take many steps to learn
MAX_STATE = 1e6


def echo(h: Tensor, window: Tensor) -> float | None:
    """Return the share of `window` that can be read from `h`, from 0 to 1.

    Args:
        h: the final states, (sequences, units).
        window: the inputs to recover, (sequences, values); values that do not vary are ignored.

    Returns:
        None if no value varies.
    """
    h = torch.nan_to_num(h.double(), 0, 0, 0).clamp(-MAX_STATE, MAX_STATE)
    y = window.double()
    half = len(h) // 2
    first, second = slice(0, half), slice(half, 2 * half)
    varies = (y[first].var(0) > 0) & (y[second].var(0) > 0)
    if not varies.any():
        return None
    y = y[:, varies]
    both = [_recovered(h[a], y[a], h[b], y[b]) for a, b in ((first, second), (second, first))]
    return sum(both) / len(both)


def _recovered(h: Tensor, y: Tensor, other_h: Tensor, other_y: Tensor) -> float:
    """Fit readouts on one half of the sequences, and judge them on the other.

    The readout is (Σ + νI)⁻¹C with the covariances Σ of h, and C of h and y; in the basis of the
    singular vectors of h, that is one division per direction.
    """
    h_mean, y_mean = h.mean(0), y.mean(0)
    _, values, directions = torch.linalg.svd(h - h_mean, full_matrices=False)
    variances = values.square() / len(h)
    covariances = directions @ ((h - h_mean).T @ (y - y_mean)) / len(h)
    projected = (other_h - h_mean) @ directions.T
    shares: list[float] = []
    for floor in NOISE_FLOORS:
        noise = floor * floor + RELATIVE_NOISE * variances.sum() / h.shape[1]
        readout = covariances / (variances + noise).unsqueeze(1)
        errors = (projected @ readout + y_mean - other_y).square().mean(0)
        errors += noise * readout.square().sum(0)
        share = (1 - errors / other_y.var(0, unbiased=False)).mean()
        shares.append(share.clamp(min=0).item())
    return sum(shares) / len(shares)
