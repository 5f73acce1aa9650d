"""What the figures of the weights cost: multiply-adds and memory, in integers."""

from __future__ import annotations

from collections.abc import Collection

from stepzero_rnn.plan import Block, Plan

DENSE = 1024  # up to this size matrices are decomposed as a whole
SINGULAR_VALUES, EIGENVALUES = 10, 25  # multiply-adds per n³: LAPACK's gesdd and geev
PRODUCTS = 700  # products with a vector that each of Lanczos's and Arnoldi's methods may take
PRODUCT = 8  # one such multiply-add, which waits for memory, takes as long as so many of LAPACK's
SCANS = 8  # passes over the weights to compare them with their laws
COPIES = 5  # float64 copies of a block that exist at once
# Schemes whose law promises a spectral radius or singular values.
SPECTRAL = frozenset({"spectral_radius", "spectral_band", "np_rnn", "ring_spectrum"})


def multiply_adds(plan: Plan, figures: Collection[str]) -> int:
    """Return an upper bound for the figures of all weights."""
    spec = plan.spec
    rows, cols = spec.hidden_size, spec.network.state_size
    total = 0
    if "weights" in figures:
        total += SCANS * plan.parameters + sum(_checks(block) for block in _matrices(plan))
    if "spectra" in figures:
        total += len(spec.network.rnn.letters) * spec.cells * spectrum(rows, cols)
    if "memory" in figures:
        total += spec.cells * max(eigenvalues(size) for size in _state_sizes(plan))
    return total


def working_bytes(plan: Plan, figures: Collection[str]) -> int:
    """Return the peak memory beside the stored weights of one layer."""
    spec = plan.spec
    block = spec.hidden_size * spec.network.state_size
    elements = COPIES * block if {"spectra", "memory"}.intersection(figures) else 0
    if "memory" in figures:
        elements += 2 * _state_sizes(plan)[-1] ** 2  # the Jacobian, and its parts or its copy
    if "weights" in figures:
        largest = max(block.elements for tensor in plan.tensors for block in tensor.blocks)
        elements = max(elements, COPIES * largest)
    return 8 * elements


def spectrum(rows: int, cols: int) -> int:
    """Return the cost of a block's singular values and eigenvalues."""
    small, large = sorted((rows, cols))
    own = eigenvalues(rows) if rows == cols else 0
    if large > DENSE:
        return own + PRODUCT * PRODUCTS * rows * cols
    return own + SINGULAR_VALUES * large * small * small


def eigenvalues(size: int) -> int:
    """Return the cost of a square matrix's eigenvalues, or of its largest above the dense size."""
    if size > DENSE:
        return PRODUCT * PRODUCTS * size * size
    return EIGENVALUES * size**3


def _checks(block: Block) -> int:
    """Return what comparing a matrix with its law takes at most."""
    small, large = sorted((block.rows, block.cols))
    orthogonality = large * small * min(small, DENSE)
    is_spectral = block.scheme.scheme in SPECTRAL
    return orthogonality + (spectrum(block.rows, block.cols) if is_spectral else 0)


def _matrices(plan: Plan) -> list[Block]:
    return [block for tensor in plan.tensors if len(tensor.shape) == 2 for block in tensor.blocks]


def _state_sizes(plan: Plan) -> tuple[int, ...]:
    """Return the sizes that the Jacobian of a step may have: that of c, or of (h, c), in LSTMs."""
    spec = plan.spec
    if spec.rnn_type != "lstm":
        return (spec.hidden_size,)
    return spec.hidden_size, spec.hidden_size + spec.network.state_size
