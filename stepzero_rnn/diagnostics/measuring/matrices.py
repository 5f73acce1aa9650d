"""Singular values and eigenvalues: all of a small matrix, the largest of a large one.

Small ones take LAPACK by torch, on the threads that torch may use; large ones SciPy's Lanczos
(`svds`) and Arnoldi (`eigs`) methods, from a fixed start.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stepzero_rnn.diagnostics.weight_costs import DENSE, ITERATIONS

Matrix = NDArray[np.float64]
TOLERANCE = 1e-6


def singular_values(matrix: Matrix) -> Matrix | None:
    """Return all singular values, descending; the largest alone above the dense size.

    None if a value is not finite, or the method does not converge.
    """
    if not np.isfinite(matrix).all():
        return None
    if max(matrix.shape) <= DENSE:
        return _array(torch.linalg.svdvals(torch.from_numpy(matrix)))
    from scipy.sparse.linalg import ArpackNoConvergence, svds

    size = min(matrix.shape)
    if size < 2 or not matrix.any():
        return np.array([np.linalg.norm(matrix)])
    try:
        found: NDArray[Any] = svds(
            matrix,
            k=1,
            tol=TOLERANCE,
            maxiter=ITERATIONS,
            v0=_start(size),
            return_singular_vectors=False,
        )
    except ArpackNoConvergence:
        return None
    return found


def spectral_radius(matrix: Matrix) -> float | None:
    """Return the largest absolute eigenvalue; None if it is not finite, or not found."""
    found = eigenvalues(matrix)
    return None if found is None else float(np.abs(found).max())


def eigenvalues(matrix: Matrix) -> NDArray[Any] | None:
    """Return all eigenvalues by descending absolute value; the largest alone above the dense size.

    None if a value is not finite, or the method does not converge: many eigenvalues may have the
    largest absolute value, as those of an orthogonal matrix have.
    """
    if not np.isfinite(matrix).all():
        return None
    if len(matrix) <= DENSE:
        found = _array(torch.linalg.eigvals(torch.from_numpy(matrix)))
        return _array(found[np.argsort(-np.abs(found), kind="stable")])
    from scipy.sparse.linalg import ArpackError, eigs

    if not matrix.any():
        return np.zeros(1)
    try:
        largest: NDArray[Any] = eigs(
            matrix,
            k=1,
            which="LM",
            tol=TOLERANCE,
            maxiter=max(ITERATIONS // 20, 1),  # restarts, of 20 products each
            v0=_start(len(matrix)),
            return_eigenvectors=False,
        )
    except ArpackError:
        return None
    return largest


def _start(size: int) -> Matrix:
    """Return a start that is no eigenvector of a matrix with a pattern."""
    return _array(np.cos(np.arange(1.0, size + 1) ** 2))


def _array(values: Any) -> NDArray[Any]:
    return np.asarray(values)
