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
from marquee.model.side_by_side import TILE, multiply_tile

Places = NDArray[np.int32]
Rows = NDArray[np.integer[Any]]

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
    sums = np.empty((len(histories), matrix.shape[1]), np.float32)
    _opine(*cells_of(matrix), histories.starts, histories.title, values, sums)
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


def products(rows: Floats, tiles: Floats, silent: Places, columns: int) -> Floats:
    """Rows x so many columns, which `in_tiles` laid out; NaN in those that are silent."""
    answers = np.empty((len(rows) + len(rows) % 2, columns), np.float32)
    even = np.zeros((len(answers), rows.shape[1]), np.float32)
    even[: len(rows)] = rows
    _multiply(even, tiles, silent, answers)
    return answers[: len(rows)]


def in_tiles(columns: Floats) -> Floats:
    """Tiles x rows x a few columns: what is read at once lies together. The last one is filled up with zeros."""
    full = np.pad(columns, ((0, 0), (0, -columns.shape[1] % TILE)))
    return np.ascontiguousarray(full.reshape(len(columns), full.shape[1] // TILE, TILE).swapaxes(0, 1))


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
def _opine(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    indptr: NDArray[Any],
    indices: NDArray[Any],
    data: Floats,
    starts: Ints,
    rows: Places,
    values: Floats,
    sums: Floats,
) -> None:
    """One viewer after another: their sums lie near the processor."""
    for viewer in range(len(sums)):
        of_viewer = slice(viewer, viewer + 1)
        sums[viewer] = 0
        _add_sparse(indptr, indices, data, starts[viewer : viewer + 2], rows, values, sums[of_viewer])
        opinions(sums[of_viewer])


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
def _multiply(rows: Floats, tiles: Floats, silent: Places, answers: Floats) -> None:
    """Two rows at a time: what is read of a tile is read for both."""
    sums = np.empty((2, TILE), np.float32)
    for number in range(len(tiles)):
        first, end = number * TILE, min((number + 1) * TILE, answers.shape[1])
        for row in range(0, len(rows), 2):
            multiply_tile(rows[row], rows[row + 1], tiles[number], sums)
            for at in range(end - first):
                answers[row, first + at], answers[row + 1, first + at] = sums[0, at], sums[1, at]
    for row in range(len(rows)):
        for column in silent:
            answers[row, column] = np.nan
