"""Side by side: the few steps on many numbers at once that LLVM is told itself, for compiled loops to call.

Of a loop that says the same it makes something several times slower, whatever numba is told.
"""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

TILE = 32  # numbers that are added side by side, whatever the processor

_Floats = NDArray[np.float32]


def _no_less(_: Any, scores: Any, first: Any, least: Any) -> tuple[Any, Any]:  # noqa: ARG001 - numba reads the names
    """A bit for each of 64 scores from `first` on, the lowest for the first: whether it is no less; of NaN, 0."""

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        scores = context.make_array(signature.args[0])(context, builder, given[0])
        each = _side_by_side(builder, builder.gep(scores.data, [given[1]]), 64)
        return builder.bitcast(builder.fcmp_ordered(">=", each, _alike(builder, given[2], 64)), ir.IntType(64))

    return types.uint64(types.float32[::1], types.intp, types.float32), code


def _lowest_bit(_: Any, bits: Any) -> tuple[Any, Any]:  # noqa: ARG001
    """The place of the lowest bit that is set; there is one."""
    return types.int64(types.uint64), lambda _, builder, __, given: builder.cttz(given[0], ir.IntType(1)(1))


def _multiply_tile(_: Any, one: Any, other: Any, tile: Any, products: Any) -> tuple[Any, Any]:  # noqa: ARG001
    """Both rows of numbers times a tile of as many rows, `TILE` wide; beside one another in the products.

    The sums stay in the processor.
    """

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        arrays = [
            context.make_array(of)(context, builder, array) for of, array in zip(signature.args, given, strict=True)
        ]
        nothing = ir.Constant(ir.VectorType(ir.FloatType(), TILE), None)
        sums = [cgutils.alloca_once_value(builder, nothing) for _ in range(2)]  # type: ignore[no-untyped-call]
        with cgutils.for_range(builder, builder.extract_value(arrays[0].shape, 0)) as loop:
            start = builder.mul(loop.index, ir.IntType(64)(TILE))
            each = _side_by_side(builder, builder.gep(arrays[2].data, [start]), TILE)
            for numbers, total in zip(arrays, sums, strict=False):
                number = _alike(builder, builder.load(builder.gep(numbers.data, [loop.index])), TILE)
                product = builder.fmul(number, each, flags=("contract",))
                builder.store(builder.fadd(builder.load(total), product, flags=("contract",)), total)
        for n, total in enumerate(sums):
            start = builder.gep(arrays[3].data, [ir.IntType(64)(n * TILE)])
            builder.store(builder.load(total), builder.bitcast(start, nothing.type.as_pointer()), align=4)
        return context.get_dummy_value()

    numbers, table = types.float32[::1], types.float32[:, ::1]
    return types.void(numbers, numbers, table, table), code


def _side_by_side(builder: Any, start: Any, count: int) -> Any:
    """So many numbers of an array, from `start` on."""
    return builder.load(builder.bitcast(start, ir.VectorType(ir.FloatType(), count).as_pointer()), align=4)


def _alike(builder: Any, number: Any, count: int) -> Any:
    """A number, so many times."""
    alone = builder.insert_element(
        ir.Constant(ir.VectorType(number.type, count), ir.Undefined), number, ir.IntType(32)(0)
    )
    return builder.shuffle_vector(alone, alone, ir.Constant(ir.VectorType(ir.IntType(32), count), None))


no_less = cast("Callable[[_Floats, int, np.float32], np.uint64]", intrinsic(_no_less))
lowest_bit = cast("Callable[[np.uint64], int]", intrinsic(_lowest_bit))
multiply_tile = cast("Callable[[_Floats, _Floats, _Floats, _Floats], None]", intrinsic(_multiply_tile))
