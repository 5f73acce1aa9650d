"""Eight float64 numbers as one value inside a kernel, as compilers do not vectorize reliably.

Each lane is added, subtracted, multiplied and divided as a separate float64, rounded once, so the
register width of a machine changes no bit.  Arrays are addressed as if they were flat, without
bounds checks.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable

LANES = 8
_VECTOR = ir.VectorType(ir.DoubleType(), LANES)
_EVERY_LANE = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
_OPERATIONS: dict[Callable[..., Any], str] = {
    operator.add: "fadd",
    operator.sub: "fsub",
    operator.mul: "fmul",
    operator.truediv: "fdiv",
}


class Float64x8(types.Type):
    """The numba type of the value."""

    def __init__(self) -> None:
        super().__init__(name="Float64x8")


FLOAT64X8 = Float64x8()


@register_model(Float64x8)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VECTOR)


def _define(operation: Callable[..., Any], instruction: str) -> None:
    @type_callable(operation)
    def typed(context: Any) -> Callable[..., Any]:
        def result(left: Any, right: Any) -> Any:
            return FLOAT64X8 if left == right == FLOAT64X8 else None

        return result

    @lower_builtin(operation, Float64x8, Float64x8)
    def lowered(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return getattr(builder, instruction)(*args)


for _operation, _instruction in _OPERATIONS.items():
    _define(_operation, _instruction)


def _address(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    return builder.gep(context.make_array(kind)(context, builder, array).data, [index])


def _load(typing_context: Any, array: Any, index: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        address = _address(context, builder, signature.args[0], *args)
        return builder.load(builder.bitcast(address, _VECTOR.as_pointer()), align=8)

    return FLOAT64X8(array, types.intp), generate


def _store(typing_context: Any, array: Any, index: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        address = _address(context, builder, signature.args[0], *args[:2])
        builder.store(args[2], builder.bitcast(address, _VECTOR.as_pointer()), align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), generate


def _spread(builder: Any, number: Any) -> Any:
    empty = ir.Constant(_VECTOR, ir.Undefined)
    first = builder.insert_element(empty, number, ir.IntType(32)(0))
    return builder.shuffle_vector(first, empty, _EVERY_LANE)


def _splat(typing_context: Any, array: Any, index: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _spread(builder, builder.load(_address(context, builder, signature.args[0], *args)))

    return FLOAT64X8(array, types.intp), generate


def _zero(typing_context: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return ir.Constant(_VECTOR, [0.0] * LANES)

    return FLOAT64X8(), generate


load: Any = intrinsic(_load)  # load(array, i): elements i … i + 7
store: Any = intrinsic(_store)  # store(array, i, v): overwrite elements i … i + 7
splat: Any = intrinsic(_splat)  # splat(array, i): element i in every lane
zero: Any = intrinsic(_zero)  # zero(): 0 in every lane
