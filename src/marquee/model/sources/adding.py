"""Adding: for each viewer, the rows of a matrix that belong to the titles of their history, weighed and added up.

Of one viewer or of many, the same numbers are added in the same order: nobody's scores depend on who else is asked.
"""

from collections.abc import Sequence
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
    _add_sparse(*cells_of(matrix), starts, row, values, sums)
    return sums


def of_rows(table: Floats, starts: Ints, row: Rows, values: Floats) -> Floats:
    """Runs x columns of the table: its rows in each run, starts[n] to starts[n + 1], times their values."""
    sums = np.zeros((len(starts) - 1, table.shape[1]), np.float32)
    _add_rows(table, starts, row, values, sums)
    return sums


def opinions_of(matrix: sp.csr_array, histories: Histories, values: Floats) -> Floats:
    """As `of_sparse`, but what adds up to nothing, or to less, is no opinion: NaN."""
    sums = of_sparse(matrix, histories, values)
    opinions(sums)
    return sums


def answers_of(weights: sp.csr_array, silent: Places, histories: Histories, values: Sequence[Floats]) -> Floats:
    """Questions x viewers x titles, of values that are one a row for each question; weights are titles x titles.

    NaN for titles that are silent, and for viewers without a row.
    """
    answers = np.empty((len(values), len(histories), weights.shape[1]), np.float32)
    parts = (*cells_of(weights), silent, histories.starts, histories.title)
    if len(values) == 1:
        _answer(*parts, values[0], answers[0])
    else:
        padded = np.zeros((len(histories.title), _AT_ONCE), np.float32)
        for question, told in enumerate(values):
            padded[:, question] = told
        _answer_several(*parts, padded, answers)
    return answers


def cells_of(matrix: sp.csr_array) -> tuple[Rows, Places, Floats]:
    """Where each row begins, and the columns and values of its cells; whose columns are never counted from the end."""
    return matrix.indptr, matrix.indices.view(f"u{matrix.indices.itemsize}"), matrix.data


def silent_of(supported: Places, titles: int) -> Places:
    """All other titles."""
    is_silent = np.ones(titles, bool)
    is_silent[supported] = False
    return np.flatnonzero(is_silent).astype(np.int32)


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
                add_row(indptr, indices, data, rows[n], values[n], sums[run])


@compiled
def add_row(  # noqa: PLR0913, PLR0917
    indptr: NDArray[Any], indices: NDArray[Any], data: Floats, row: int, value: np.float32, total: Floats
) -> None:
    cells = slice(indptr[row], indptr[row + 1])
    columns, numbers = indices[cells], data[cells]
    for cell in range(len(columns)):
        total[columns[cell]] += value * numbers[cell]


@compiled
def opinions(sums: Floats) -> None:
    for run in range(len(sums)):
        of_run = sums[run]
        for column in range(len(of_run)):
            of_run[column] = of_run[column] if of_run[column] > 0 else np.float32(np.nan)


@compiled
def _answer(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    indptr: NDArray[Any],
    indices: NDArray[Any],
    data: Floats,
    silent: Places,
    starts: Ints,
    rows: Places,
    values: Floats,
    answers: Floats,
) -> None:
    for viewer in range(len(starts) - 1):
        total = answers[viewer]
        if starts[viewer] == starts[viewer + 1]:
            total[:] = np.nan
            continue
        total[:] = 0
        for n in range(starts[viewer], starts[viewer + 1]):
            if values[n] != 0:
                add_row(indptr, indices, data, rows[n], values[n], total)
        for title in silent:
            total[title] = np.nan


@compiled
def _answer_several(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    indptr: NDArray[Any],
    indices: NDArray[Any],
    data: Floats,
    silent: Places,
    starts: Ints,
    rows: Places,
    values: Floats,
    answers: Floats,
) -> None:
    total = np.empty((answers.shape[2], _AT_ONCE), np.float32)
    for viewer in range(len(starts) - 1):
        if starts[viewer] == starts[viewer + 1]:
            answers[:, viewer] = np.nan
            continue
        total[:] = 0
        for n in range(starts[viewer], starts[viewer + 1]):
            a, b, c, d = values[n]
            if a != 0 or b != 0 or c != 0 or d != 0:
                cells = slice(indptr[rows[n]], indptr[rows[n] + 1])
                columns, numbers = indices[cells], data[cells]
                for cell in range(len(columns)):
                    sums, number = total[columns[cell]], numbers[cell]
                    sums[0] += a * number
                    sums[1] += b * number
                    sums[2] += c * number
                    sums[3] += d * number
        for title in silent:
            total[title] = np.nan
        for question in range(len(answers)):
            answer = answers[question, viewer]
            for title in range(len(answer)):
                answer[title] = total[title, question]


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
