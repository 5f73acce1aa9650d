"""What the figures of the weights cost, in multiply-adds."""

from __future__ import annotations

from collections.abc import Collection

from stepzero_rnn.plan import Plan

DENSE = 1024  # up to this size matrices are decomposed as a whole
SINGULAR_VALUES, EIGENVALUES = 10, 25  # multiply-adds per n³: LAPACK's gesdd and geev
ITERATIONS = 1000  # products with a vector that SciPy's Lanczos and Arnoldi methods may take
SCANS = 8  # passes over the weights to compare them with their laws


def multiply_adds(plan: Plan, figures: Collection[str]) -> int:
    """Return an upper bound for the figures of all weights."""
    spec = plan.spec
    blocks = len(spec.network.rnn.letters) * spec.cells
    rows, cols = spec.hidden_size, spec.network.state_size
    total = SCANS * plan.parameters if "weights" in figures else 0
    if "weights" in figures:
        # Orthogonality of square blocks up to the dense size, of columns beyond; radii asked for.
        total += 2 * blocks * (rows * cols * min(cols, DENSE) + spectrum(rows, cols))
    if "spectra" in figures:
        total += blocks * spectrum(rows, cols)
    if "memory" in figures:
        states = spec.network.state_size + (rows if spec.rnn_type == "lstm" else 0)
        total += spec.cells * eigenvalues(states)
    return total


def spectrum(rows: int, cols: int) -> int:
    """Return the cost of a block's singular values and eigenvalues."""
    small, large = sorted((rows, cols))
    if large > DENSE:
        return 2 * ITERATIONS * rows * cols
    return SINGULAR_VALUES * large * small * small + (eigenvalues(rows) if rows == cols else 0)


def eigenvalues(size: int) -> int:
    """Return the cost of a square matrix's eigenvalues, or of its largest above the dense size."""
    return EIGENVALUES * size**3 if size <= DENSE else ITERATIONS * size * size
