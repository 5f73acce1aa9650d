"""Memory layouts of parameters in foreign arrays: unchanged, transposed, in pairs, or in one matrix
over input and state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stepzero_rnn.arrays.readers.values import Strided
from stepzero_rnn.spec.networks import FormName

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """The memory layout of a parameter in a foreign array.

    `shape` maps the parameter's shape and the number of directions to the array's shape; `plain` is
    its inverse, None if the array has too few axes.  `pick` returns the elements of one direction's
    n-th parameter, with the gates stacked along the rows.  With `by_columns` they are stacked along
    the columns instead, and each block of columns holds the elements of its gate in the order of
    PyTorch's rows, whatever its own shape.
    """

    shape: Callable[[Shape, int], Shape]
    plain: Callable[[Shape, int], Shape | None]
    pick: Callable[[Strided, int, int], Strided]
    both_directions: bool = False
    by_columns: bool = False


def _half(array: Strided, nth: int) -> Strided:
    size = array.shape[0] // 2
    return array.rows(nth * size, (nth + 1) * size)


AS_IT_IS = Form(
    shape=lambda plain, _: plain,
    plain=lambda shape, _: shape,
    pick=lambda array, _, __: array,
)
TRANSPOSED = Form(
    shape=lambda plain, _: plain[::-1],
    plain=lambda shape, _: shape[::-1],
    pick=lambda array, _, __: array.transposed(),
)
PAIR = Form(
    shape=lambda plain, _: (2, *plain),
    plain=lambda shape, _: shape[1:] if shape[:1] == (2,) else None,
    pick=lambda array, _, nth: array.at(nth),
)
STACKED = Form(
    shape=lambda plain, directions: (directions, *plain),
    plain=lambda shape, directions: shape[1:] if shape[:1] == (directions,) else None,
    pick=lambda array, direction, _: array.at(direction),
    both_directions=True,
)
STACKED_PAIR = Form(
    shape=lambda plain, directions: (directions, 2 * plain[0]),
    plain=lambda shape, directions: (
        (shape[1] // 2,) if shape[:1] == (directions,) and len(shape) == 2 else None
    ),
    pick=lambda array, direction, nth: _half(array.at(direction), nth),
    both_directions=True,
)
HALVES = Form(
    shape=lambda plain, _: (2 * plain[0],),
    plain=lambda shape, _: (shape[0] // 2,) if len(shape) == 1 else None,
    pick=lambda array, _, nth: _half(array, nth),
)
BY_COLUMNS = Form(
    shape=lambda plain, _: plain[::-1],
    plain=lambda shape, _: shape[::-1],
    pick=lambda array, _, __: array,
    by_columns=True,
)


def joint(gates: int) -> Form:
    """Return the form of one matrix (in + H, gates·H): input rows, then state rows."""
    return Form(
        shape=lambda plain, _: (plain[1] + plain[0] // gates, plain[0]),
        plain=lambda shape, _: _input_part(shape, gates),
        pick=lambda array, _, nth: _part(array, array.shape[1] // gates, nth),
    )


def _input_part(shape: Shape, gates: int) -> Shape | None:
    if len(shape) != 2 or shape[0] <= shape[1] // gates:
        return None
    return shape[1], shape[0] - shape[1] // gates


def _part(array: Strided, hidden: int, nth: int) -> Strided:
    inputs = array.shape[0] - hidden
    rows = array.rows(inputs, array.shape[0]) if nth else array.rows(0, inputs)
    return rows.transposed()


FORMS: Mapping[FormName, Form] = {
    "as_it_is": AS_IT_IS,
    "transposed": TRANSPOSED,
    "pair": PAIR,
    "stacked": STACKED,
    "stacked_pair": STACKED_PAIR,
    "halves": HALVES,
    "by_columns": BY_COLUMNS,
}
