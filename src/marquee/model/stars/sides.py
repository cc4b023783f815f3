"""Sides: titles or viewers, each a bias and factors, known as far as its ratings tell, and solved of the other side.

A symmetric matrix that is added up is its lower triangle, row after row: half the work. Of one viewer or of many, the
same numbers are added in the same order.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from marquee.model.compiled import compiled
from marquee.model.histories import Floats, Ints

_LANES = 64  # rows that are solved at once, step by step beside one another


@dataclass(frozen=True, eq=False)
class Side:
    """Titles or viewers: column 0 is the bias, the others are factors."""

    means: Floats  # rows x (1 + factors)
    covariances: Floats  # rows x (1 + factors) x (1 + factors)

    @cached_property
    def regressors(self) -> Floats:
        """What the other side is solved against: a 1 for its bias, and these factors."""
        regressors = self.means.copy()
        regressors[:, 0] = 1
        return regressors

    @cached_property
    def squares(self) -> Floats:
        """The expected outer products of the regressors, one triangle each."""
        squares = np.empty((len(self.means), triangle(self.means.shape[1])), np.float32)
        _square(self.regressors, self.covariances, squares)
        return squares

    @cached_property
    def bias_times_regressors(self) -> Floats:
        product = self.regressors * self.means[:, :1] + self.covariances[:, 0, :]
        product[:, 0] = self.means[:, 0]
        return product

    @cached_property
    def bias_square(self) -> Floats:
        return self.means[:, 0] ** 2 + self.covariances[:, 0, 0]

    def moments_around(self, expected: Floats) -> Floats:
        """Expected squares of how far each bias and factor is from what was expected."""
        moments: Floats = (self.means - expected) ** 2 + np.diagonal(self.covariances, axis1=1, axis2=2)
        return moments


@dataclass(frozen=True, eq=False)
class Sums:
    """All that a side has to be solved from."""

    squares: Floats  # rows x triangle
    products: Floats

    @classmethod
    def nothing(cls, rows: int, size: int) -> "Sums":
        return cls(np.zeros((rows, triangle(size)), np.float32), np.zeros((rows, size), np.float32))

    def and_of(self, others: "Sums") -> "Sums":
        """Of the same rows."""
        return Sums(self.squares + others.squares, self.products + others.products)

    def solved(self, weights: Floats, prior: Floats, expected: Floats, noise: float) -> Side:
        """Everything of a row has its weight; by prior precisions around what is expected of each row."""
        size = self.products.shape[1]
        side = Side(np.empty_like(self.products), np.empty((len(self.products), size, size), np.float32))
        per_noise = (weights / np.float32(noise)).astype(np.float32)
        _solve(self.squares, self.products, per_noise, prior, expected, side.means, side.covariances)
        return side

    def explained(self, side: Side) -> Floats:
        """What each row takes off the squared stars that are left after the other side's biases."""
        taken = np.empty(len(self.products), np.float32)
        _explain(self.squares, self.products, side.means, side.covariances, taken)
        return taken


def triangle(size: int) -> int:
    return size * (size + 1) // 2


def viewers_sums(starts: Ints, title: NDArray[np.int32], above: Floats, titles: Side) -> tuple[Sums, Floats]:
    """What runs of ratings say of their viewers, and the squared stars that the titles' biases leave."""
    sums, left = Sums.nothing(len(starts) - 1, titles.means.shape[1]), np.empty(len(starts) - 1, np.float32)
    known = (titles.squares, titles.regressors, titles.bias_times_regressors, titles.bias_square)
    _gather(starts, title, above, *known, sums.squares, sums.products, left)
    return sums, left


def titles_sums(  # noqa: PLR0913, PLR0917
    starts: Ints, title: NDArray[np.int32], above: Floats, weights: Floats, viewers: Side, titles: int
) -> Sums:
    """What the same runs say of their titles; each viewer's ratings have the viewer's weight."""
    sums = Sums.nothing(titles, viewers.means.shape[1])
    known = (weights, viewers.squares, viewers.regressors, viewers.bias_times_regressors)
    _scatter(starts, title, above, *known, sums.squares, sums.products)
    return sums


@compiled
def _square(regressors: Floats, covariances: Floats, squares: Floats) -> None:
    for row in range(len(regressors)):
        cell = 0
        for i in range(regressors.shape[1]):
            squares[row, cell] = regressors[row, i] * regressors[row, 0]  # the 1 has no spread
            for j in range(1, i + 1):
                squares[row, cell + j] = regressors[row, i] * regressors[row, j] + covariances[row, i, j]
            cell += i + 1


@compiled
def _gather(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    starts: Ints,
    rows: NDArray[np.int32],
    above: Floats,
    squares: Floats,
    regressors: Floats,
    biases: Floats,
    bias_square: Floats,
    sum_squares: Floats,
    sum_products: Floats,
    left: Floats,
) -> None:
    for run in range(len(starts) - 1):
        square, product, rest = sum_squares[run], sum_products[run], 0.0
        for n in range(starts[run], starts[run + 1]):
            row, star = rows[n], above[n]
            of_row, factors, bias = squares[row], regressors[row], biases[row]
            for cell in range(len(square)):
                square[cell] += of_row[cell]
            for column in range(len(product)):
                product[column] += star * factors[column] - bias[column]
            rest += star * star - 2 * star * bias[0] + bias_square[row]
        left[run] = rest


@compiled
def _scatter(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    starts: Ints,
    rows: NDArray[np.int32],
    above: Floats,
    weights: Floats,
    squares: Floats,
    regressors: Floats,
    biases: Floats,
    sum_squares: Floats,
    sum_products: Floats,
) -> None:
    for run in range(len(starts) - 1):
        of_run, factors, bias = weights[run] * squares[run], weights[run] * regressors[run], weights[run] * biases[run]
        for n in range(starts[run], starts[run + 1]):
            square, product, star = sum_squares[rows[n]], sum_products[rows[n]], above[n]
            for cell in range(len(square)):
                square[cell] += of_run[cell]
            for column in range(len(product)):
                product[column] += star * factors[column] - bias[column]


@compiled
def _explain(squares: Floats, products: Floats, means: Floats, covariances: Floats, taken: Floats) -> None:
    for row in range(len(means)):
        total, cell = 0.0, 0
        for i in range(means.shape[1]):
            total += 2 * means[row, i] * products[row, i]
            of_column = 0.0
            for j in range(i):
                of_column += (means[row, i] * means[row, j] + covariances[row, i, j]) * squares[row, cell + j]
            total -= 2 * of_column + (means[row, i] ** 2 + covariances[row, i, i]) * squares[row, cell + i]
            cell += i + 1
        taken[row] = total


@compiled
def _solve(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    squares: Floats,
    products: Floats,
    per_noise: Floats,
    prior: Floats,
    expected: Floats,
    means: Floats,
    covariances: Floats,
) -> None:
    cells = np.zeros((squares.shape[1], _LANES), np.float32)
    for first in range(0, len(means), _LANES):
        lanes = min(_LANES, len(means) - first)
        for lane in range(lanes):
            for cell in range(len(cells)):
                cells[cell, lane] = squares[first + lane, cell] * per_noise[first + lane]
        for i in range(len(prior)):
            cells[_place(i, i)] += prior[i]
        _negative_inverse(cells, len(prior))
        for lane in range(lanes):
            row, cell = first + lane, 0
            means[row] = 0
            for i in range(len(prior)):
                for j in range(i + 1):
                    covariances[row, i, j] = covariances[row, j, i] = -cells[cell + j, lane]
                cell += i + 1
            for i in range(len(prior)):
                said = products[row, i] * per_noise[row] + prior[i] * expected[row, i]
                for j in range(len(prior)):
                    means[row, j] += covariances[row, i, j] * said


@compiled
def _negative_inverse(cells: Floats, size: int) -> None:
    """Of positive definite triangles, in place, a lane each: one column after another is swept (Goodnight 1979)."""
    column, factor = np.empty((size, _LANES), np.float32), np.empty(_LANES, np.float32)
    for k in range(size):
        for i in range(size):
            column[i] = cells[_place(i, k)]
        pivot = 1 / column[k]
        for i in range(size):
            if i != k:
                factor[:] = column[i] * pivot
                for j in range(i + 1):
                    cell = i * (i + 1) // 2 + j
                    for lane in range(_LANES):
                        cells[cell, lane] -= factor[lane] * column[j, lane]
                cells[_place(i, k)] = factor
        cells[_place(k, k)] = -pivot


@compiled
def _place(i: int, k: int) -> int:
    return i * (i + 1) // 2 + k if i >= k else k * (k + 1) // 2 + i
