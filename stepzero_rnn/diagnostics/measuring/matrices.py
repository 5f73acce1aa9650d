"""Singular values and eigenvalues: all of a small matrix, the largest of a large one.

Small ones take LAPACK by torch.  Large ones take SciPy's Lanczos (`svds`) and Arnoldi (`eigs`)
methods from a fixed start; torch multiplies, and a stop is checked at each product.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from stepzero_rnn.diagnostics.weight_costs import DENSE, PRODUCTS
from stepzero_rnn.engine.thread_pool import Stop

Matrix = NDArray[np.float64]
# Vectors that the methods keep, and eigenvalues that are sought and needed.  With SciPy's own 20
# vectors and one eigenvalue, a random matrix, whose largest eigenvalues are close together, often
# gives a smaller one, or none.  Where ten are found, the largest is among them.
BASIS, SOUGHT, NEEDED = 100, 20, 10
TOLERANCE = 1e-3  # of the residual of an eigenvector; the eigenvalue's own error is smaller
NORMAL = 1e-5  # of ‖(WWᵀ − WᵀW)v‖ by ‖Wv‖², v a unit vector


class Eigenvalues(NamedTuple):
    """The largest absolute value, and the eigenvalues that were computed, by absolute value."""

    radius: float
    values: NDArray[Any]


def singular_values(matrix: Matrix, stop: Stop | None = None) -> Matrix | None:
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
    basis = min(BASIS, size)
    try:
        found: Matrix = svds(
            _operator(matrix, stop),
            k=1,
            ncv=basis,
            tol=TOLERANCE**0.5,  # `svds` squares it
            maxiter=_restarts(PRODUCTS // 2, basis, 1),  # of two products a vector
            v0=_start(size),
            return_singular_vectors=False,
        )
    except ArpackNoConvergence:
        return None
    return found


def eigenvalues(matrix: Matrix, stop: Stop | None = None) -> Eigenvalues | None:
    """Return all eigenvalues; above the dense size, some of the largest, or the radius alone.

    The radius of a normal matrix, as an orthogonal one, is its largest singular value; Arnoldi's
    method would not find it, since all eigenvalues may have the same absolute value.

    None if a value is not finite, or fewer are found than are needed.
    """
    if not np.isfinite(matrix).all():
        return None
    if len(matrix) <= DENSE:
        return _ordered(torch.linalg.eigvals(torch.from_numpy(matrix)))
    if _is_normal(matrix):
        largest = singular_values(matrix, stop)
        return None if largest is None else Eigenvalues(float(largest[0]), np.empty(0, complex))
    found = _largest(matrix, stop)
    return _ordered(found) if len(found) >= NEEDED else None


def _largest(matrix: Matrix, stop: Stop | None) -> NDArray[Any]:
    """Return those of the eigenvalues sought to which Arnoldi's method converges."""
    from scipy.sparse.linalg import ArpackError, ArpackNoConvergence, eigs

    try:
        return _array(
            eigs(
                _operator(matrix, stop),
                k=SOUGHT,
                ncv=BASIS,
                which="LM",
                tol=TOLERANCE,
                maxiter=_restarts(PRODUCTS, BASIS, SOUGHT),
                v0=_start(len(matrix)),
                return_eigenvectors=False,
            )
        )
    except ArpackNoConvergence as error:
        return _array(error.eigenvalues)
    except ArpackError:
        return np.empty(0)


def _ordered(found: Any) -> Eigenvalues:
    values = _array(found)
    values = values[np.argsort(-np.abs(values), kind="stable")]
    return Eigenvalues(float(np.abs(values[0])), values)


def _is_normal(matrix: Matrix) -> bool:
    """Whether W and Wᵀ commute up to rounding, which gives W the eigenvectors of WᵀW."""
    weight = torch.from_numpy(matrix)
    v = torch.from_numpy(_start(len(matrix)))
    v /= v.norm()
    after, before = weight @ v, weight.T @ v
    difference = (weight @ before - weight.T @ after).norm()
    return bool(difference <= NORMAL * after.square().sum())


def _operator(matrix: Matrix, stop: Stop | None) -> Any:
    """Return the products with a matrix and its transpose, as SciPy takes them."""
    from scipy.sparse.linalg import LinearOperator

    weight = torch.from_numpy(matrix)

    def times(part: torch.Tensor, vector: Matrix) -> Matrix:
        if stop is not None:
            stop.check()
        return _array(part @ torch.from_numpy(vector.reshape(-1)))

    return LinearOperator(
        matrix.shape,
        matvec=lambda v: times(weight, v),
        rmatvec=lambda v: times(weight.T, v),
        dtype=matrix.dtype,
    )


def _restarts(vectors: int, basis: int, sought: int) -> int:
    """Return how often a method may restart, which keeps the vectors sought, until it has made so
    many vectors.
    """
    return (vectors - basis) // (basis - sought)


def _start(size: int) -> Matrix:
    """Return a start that is no eigenvector of a matrix with a pattern."""
    return _array(np.cos(np.arange(1.0, size + 1) ** 2))


def _array(values: Any) -> NDArray[Any]:
    return np.asarray(values)
