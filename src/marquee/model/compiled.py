"""Compiled: loops that numpy cannot say are machine code, made when first called and kept beside the source.

They hold no lock of Python's, so that threads run beside one another, and answer the same whatever is asked together.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

# Numbers that lie side by side are added by one instruction: numba does not ask LLVM for that by itself.
numba.config.SLP_VECTORIZE = 1  # type: ignore[attr-defined]

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    return cast("Function", numba.njit(nogil=True, cache=True, fastmath={"contract"})(function))


def _no_less(_: Any, scores: Any, first: Any, least: Any) -> tuple[Any, Any]:  # noqa: ARG001 - numba reads the names
    """A bit for each of 64 scores from `first` on, the lowest for the first: whether it is no less; of NaN, 0.

    LLVM is told, because of a loop it makes no such comparison.
    """
    numbers, whole = ir.VectorType(ir.FloatType(), 64), ir.IntType(32)

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, given[0])
        place = builder.bitcast(builder.gep(array.data, [given[1]]), numbers.as_pointer())
        alone = builder.insert_element(ir.Constant(numbers, ir.Undefined), given[2], whole(0))
        alike = builder.shuffle_vector(alone, alone, ir.Constant(ir.VectorType(whole, 64), None))
        return builder.bitcast(builder.fcmp_ordered(">=", builder.load(place, align=4), alike), ir.IntType(64))

    return types.uint64(types.float32[::1], types.intp, types.float32), code


def _lowest_bit(_: Any, bits: Any) -> tuple[Any, Any]:  # noqa: ARG001
    """The place of the lowest bit that is set; there is one."""
    return types.int64(types.uint64), lambda _, builder, __, given: builder.cttz(given[0], ir.IntType(1)(1))


no_less = cast("Callable[[NDArray[np.float32], int, np.float32], np.uint64]", intrinsic(_no_less))
lowest_bit = cast("Callable[[np.uint64], int]", intrinsic(_lowest_bit))
