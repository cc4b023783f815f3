"""Compiled: loops that numpy cannot say are machine code, made when first called and kept beside the source.

They hold no lock of Python's, so that threads run beside one another, and answer the same whatever is asked together.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

# Numbers that lie side by side are added by one instruction: numba does not ask LLVM for that by itself.
numba.config.SLP_VECTORIZE = 1  # type: ignore[attr-defined]

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    return cast("Function", numba.njit(nogil=True, cache=True, fastmath={"contract"})(function))
