"""Adding: for each viewer, the rows of a matrix that belong to the titles of their history, weighed and added up.

Of one viewer or of many, the same numbers are added in the same order: nobody's scores depend on who else is asked.
"""

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from marquee.model.compiled import compiled
from marquee.model.histories import Floats, Histories, Ints

Places = NDArray[np.int32]
Rows = NDArray[np.integer[Any]]

_BLOCK = 1_024  # columns: sums of so many, and the rows added to them, stay near the processor
_AT_ONCE = 4  # questions: their numbers lie side by side, and are added by one instruction


def of_sparse(matrix: sp.csr_array, histories: Histories, values: Floats) -> Floats:
    """Viewers x columns of the matrix; 0 where nothing is added."""
    return sums_of(matrix, histories.starts, histories.title, values)


def sums_of(matrix: sp.csr_array, starts: Rows, row: Rows, values: Floats) -> Floats:
    """Runs x columns: the rows of the matrix in each run, starts[n] to starts[n + 1], times their values."""
    sums = np.zeros((len(starts) - 1, matrix.shape[1]), np.float32)
    _add_sparse(matrix.indptr, matrix.indices, matrix.data, starts, row, values, sums)
    return sums


def of_rows(table: Floats, starts: Ints, row: Rows, values: Floats) -> Floats:
    """Runs x columns of the table: its rows in each run, starts[n] to starts[n + 1], times their values."""
    sums = np.zeros((len(starts) - 1, table.shape[1]), np.float32)
    _add_rows(table, starts, row, values, sums)
    return sums


def answers_of(weights: sp.csr_array, supported: Places, histories: Histories, values: Floats) -> Floats:
    """Questions x viewers x titles, of values that are questions x rows; weights are titles x titles.

    NaN for titles that are not supported, and for viewers without a row.
    """
    padded = np.zeros((len(histories.title), _AT_ONCE), np.float32)
    padded[:, : len(values)] = values.T
    answers = np.full((len(values), len(histories), weights.shape[1]), np.nan, np.float32)
    parts = (weights.indptr, weights.indices, weights.data)
    _answer(*parts, supported, histories.starts, histories.title, padded, answers)
    return answers


def sums_of_dense(  # noqa: PLR0913, PLR0917
    weights: Floats, supported: Places, titles: int, starts: Ints, rows: Ints, values: Floats
) -> Floats:
    """Questions x runs x titles: the rows of the weights in each run, in one pass over them for all questions."""
    sums = np.full((len(values), len(starts) - 1, titles), np.nan, np.float32)
    _add_dense(weights, supported, starts, rows, values, sums)
    return sums


@compiled
def _add_sparse(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    indptr: NDArray[Any],
    indices: NDArray[Any],
    data: Floats,
    starts: NDArray[Any],
    rows: NDArray[Any],
    values: Floats,
    sums: Floats,
) -> None:
    for run in range(len(starts) - 1):
        for n in range(starts[run], starts[run + 1]):
            if values[n] != 0:
                for cell in range(indptr[rows[n]], indptr[rows[n] + 1]):
                    sums[run, indices[cell]] += values[n] * data[cell]


@compiled
def _answer(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    indptr: NDArray[Any],
    indices: NDArray[Any],
    data: Floats,
    supported: Places,
    starts: Ints,
    rows: Places,
    values: Floats,
    answers: Floats,
) -> None:
    total = np.empty((answers.shape[2], _AT_ONCE), np.float32)
    for viewer in range(len(starts) - 1):
        if starts[viewer] < starts[viewer + 1]:
            total[:] = 0
            for n in range(starts[viewer], starts[viewer + 1]):
                value = values[n]
                if np.any(value != 0):
                    for cell in range(indptr[rows[n]], indptr[rows[n] + 1]):
                        sums = total[indices[cell]]
                        for question in range(_AT_ONCE):
                            sums[question] += value[question] * data[cell]
            for title in supported:
                for question in range(len(answers)):
                    answers[question, viewer, title] = total[title, question]


@compiled
def _add_rows(table: Floats, starts: Ints, rows: NDArray[Any], values: Floats, sums: Floats) -> None:
    for run in range(len(starts) - 1):
        total = sums[run]
        for n in range(starts[run], starts[run + 1]):
            weight, row = values[n], table[rows[n]]
            for column in range(len(total)):
                total[column] += weight * row[column]


@compiled
def _add_dense(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    weights: Floats, supported: Places, starts: Ints, place: Ints, values: Floats, sums: Floats
) -> None:
    width = weights.shape[1]
    total = np.empty((len(values), _BLOCK), np.float32)
    used, ends = _used(starts, place, values)
    for first in range(0, width, _BLOCK):
        end = min(first + _BLOCK, width)
        for viewer in range(len(starts) - 1):
            if starts[viewer] < starts[viewer + 1]:
                total[:] = 0
                _add_block(weights, first, end, place, values, used[ends[viewer] : ends[viewer + 1]], total)
                for question in range(len(values)):
                    for column in range(first, end):
                        sums[question, viewer, supported[column]] = total[question, column - first]


@compiled
def _used(starts: Ints, place: Ints, values: Floats) -> tuple[Ints, Ints]:
    """The rows that count in any question, and where those of each viewer begin and end among them."""
    used, ends = np.empty(len(place), np.int64), np.zeros(len(starts), np.int64)
    count = 0
    for viewer in range(len(starts) - 1):
        for row in range(starts[viewer], starts[viewer + 1]):
            for question in range(len(values)):
                if place[row] >= 0 and values[question, row] != 0:
                    used[count] = row
                    count += 1
                    break
        ends[viewer + 1] = count
    return used, ends


@compiled
def _add_block(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    weights: Floats, first: int, end: int, place: Ints, values: Floats, used: Ints, total: Floats
) -> None:
    """Four rows at a time: a sum is fetched and put back once for all four."""
    last = len(used) - len(used) % 4
    for n in range(0, last, 4):
        a, b, c, d = used[n], used[n + 1], used[n + 2], used[n + 3]
        of_a, of_b = weights[place[a], first:end], weights[place[b], first:end]
        of_c, of_d = weights[place[c], first:end], weights[place[d], first:end]
        for question in range(len(values)):
            by, sums = values[question], total[question]
            by_a, by_b, by_c, by_d = by[a], by[b], by[c], by[d]
            for k in range(len(of_a)):
                sums[k] = sums[k] + by_a * of_a[k] + by_b * of_b[k] + by_c * of_c[k] + by_d * of_d[k]
    for n in range(last, len(used)):
        row = weights[place[used[n]], first:end]
        for question in range(len(values)):
            by_one, sums = values[question, used[n]], total[question]
            for k in range(len(row)):
                sums[k] += by_one * row[k]
