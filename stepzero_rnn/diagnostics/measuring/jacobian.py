"""The Jacobian of one step at zero state and zero input, and the memory that the biases imply.

With a zero state, a gate has the value that its total bias gives it.  Of an LSTM the state is (h,
c), of the others h.
"""

from __future__ import annotations

import numpy as np

from stepzero_rnn.diagnostics.measuring.cell_weights import CellWeights, Matrix

QUANTILES = (0.05, 0.5, 0.95)


def jacobian(cell: CellWeights) -> Matrix:
    """Return ∂state′/∂state of one direction of a layer, or a smaller matrix that has the same
    eigenvalues but for zeros.
    """
    match cell.spec.rnn_type:
        case "lstm":
            return _lstm(cell)
        case "gru":
            return _gru(cell)
        case "rnn":
            return _plain(cell)


def _plain(cell: CellWeights) -> Matrix:
    """h′ = φ(W h + b); the slope of ReLU at 0 is taken as 1, that of a unit about to be active."""
    bias = cell.total_bias()
    slope = np.where(bias >= 0, 1.0, 0.0) if cell.spec.nonlinearity == "relu" else _tanh_slope(bias)
    (weight,) = cell.recurrent_blocks()
    return _rows(slope, weight)


def _gru(cell: CellWeights) -> Matrix:
    """h′ = (1 − z)⊙n + z⊙h, n = tanh(b_in + r⊙(W_n h + b_hn))."""
    reset, update = (_sigmoid(cell.total_bias(role)) for role in ("reset", "retention"))
    from_h = cell.bias("bias_hh", "candidate")
    new = np.tanh(cell.bias("bias_ih", "candidate") + reset * from_h)
    total = _rows(reset, cell.recurrent("candidate"))
    total += _rows(from_h * reset * (1 - reset), cell.recurrent("reset"))
    total = _rows((1 - update) * (1 - new**2), total)
    total -= _rows(new * update * (1 - update), cell.recurrent("retention"))
    return _plus_diagonal(total, update)


def _lstm(cell: CellWeights) -> Matrix:
    """c′ = f⊙c + i⊙g, h′ = P(o⊙tanh(c′)) with the projection P, if there is one.

    Where all of g is 0, c′ is 0, and the output gate has no effect.  Then h′ depends on c′ alone,
    and the Jacobian of c has all its eigenvalues but zeros.
    """
    write, keep, out = (
        _sigmoid(cell.total_bias(role)) for role in ("write", "retention", "output")
    )
    candidate = np.tanh(cell.total_bias("candidate"))
    c = write * candidate
    c_of_h = _rows(write * (1 - candidate**2), cell.recurrent("candidate"))
    if candidate.any():
        c_of_h += _rows(candidate * write * (1 - write), cell.recurrent("write"))
    slope, projection = out * _tanh_slope(c), cell.projection
    if not candidate.any():
        by_h = c_of_h * slope if projection is None else c_of_h @ (projection * slope)
        return _plus_diagonal(by_h, keep)
    h_of_h = _rows(np.tanh(c) * out * (1 - out), cell.recurrent("output"))
    h_of_h += slope[:, None] * c_of_h
    h_of_c = np.diag(slope * keep)
    if projection is not None:
        h_of_c, h_of_h = projection @ h_of_c, projection @ h_of_h
    return np.block([[h_of_h, h_of_c], [c_of_h, np.diag(keep)]])


def gate_memory(cell: CellWeights) -> Matrix | None:
    """Return quantiles of 1/(1 − gate), the steps that units keep their state; None for plain RNNs.

    With a total bias b, that is 1 + e^b.
    """
    if cell.spec.rnn_type == "rnn":
        return None
    with np.errstate(over="ignore"):
        steps = 1 + np.exp(cell.total_bias("retention"))
    return np.quantile(steps, QUANTILES) if np.isfinite(steps).all() else np.full(3, np.inf)


def retention(cell: CellWeights, steps: int) -> float:
    """Return the mean over units of σ(b)^steps, with the total bias b of the forget or update gate.

    It is the share of the state that lasts so many steps.
    """
    keep = _sigmoid(cell.total_bias("retention"))
    return float(np.mean(keep**steps))


def _rows(factors: Matrix, matrix: Matrix) -> Matrix:
    """Return the matrix, overwritten, with every row times its factor."""
    matrix *= factors[:, None]
    return matrix


def _plus_diagonal(matrix: Matrix, diagonal: Matrix) -> Matrix:
    """Return the matrix, overwritten, with a diagonal added."""
    matrix[np.diag_indices_from(matrix)] += diagonal
    return matrix


def _sigmoid(x: Matrix) -> Matrix:
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


def _tanh_slope(x: Matrix) -> Matrix:
    return 1 - np.tanh(x) ** 2
