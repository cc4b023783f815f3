"""Sides of predicted stars: the compiled sums and solutions, beside what linear algebra says."""

import numpy as np
import pytest

from marquee.model.stars.sides import Side, Sums, titles_sums, viewers_sums

SIZE, VIEWERS, TITLES = 4, 100, 7
RNG = np.random.default_rng(1)


def side(rows: int) -> Side:
    roots = RNG.normal(0, 0.3, (rows, SIZE, SIZE)).astype(np.float32)
    return Side(RNG.normal(size=(rows, SIZE)).astype(np.float32), roots @ roots.swapaxes(1, 2))


def squares_of(side: Side) -> np.ndarray:
    """In full: of a 1 for the bias, and the factors as far as they are known."""
    spread = side.covariances.copy()
    spread[:, 0] = spread[:, :, 0] = 0
    return spread + side.regressors[:, :, None] * side.regressors[:, None]


def full(triangles: np.ndarray) -> np.ndarray:
    matrices = np.zeros((len(triangles), SIZE, SIZE))
    row, column = np.tril_indices(SIZE)
    matrices[:, row, column] = matrices[:, column, row] = triangles
    return matrices


TITLE_SIDE, VIEWER_SIDE = side(TITLES), side(VIEWERS)
STARTS = np.concatenate([[0], np.cumsum(RNG.integers(0, 12, VIEWERS))])
USER = np.repeat(np.arange(VIEWERS), np.diff(STARTS))
TITLE = RNG.integers(0, TITLES, len(USER)).astype(np.int32)
ABOVE = RNG.normal(size=len(USER)).astype(np.float32)
WEIGHTS, EXPECTED = RNG.random(VIEWERS).astype(np.float32), side(VIEWERS).means
PRIOR, NOISE = np.array([2, 1, 1, 1], np.float32), 0.7
SAID, LEFT = viewers_sums(STARTS, TITLE, ABOVE, TITLE_SIDE)


def test_what_is_said_of_a_viewer_is_added_up_over_their_titles() -> None:
    wanted, left = np.zeros((VIEWERS, SIZE, SIZE)), np.zeros(VIEWERS)
    np.add.at(wanted, USER, squares_of(TITLE_SIDE)[TITLE])
    means, variance = TITLE_SIDE.means[:, 0], TITLE_SIDE.covariances[:, 0, 0]
    np.add.at(left, USER, (ABOVE - means[TITLE]) ** 2 + variance[TITLE])
    assert full(SAID.squares) == pytest.approx(wanted, abs=1e-4)
    assert pytest.approx(left, abs=1e-4) == LEFT


def test_what_is_said_of_a_title_is_added_up_over_its_viewers_by_their_weights() -> None:
    said = titles_sums(STARTS, TITLE, ABOVE, WEIGHTS, VIEWER_SIDE, TITLES)
    squares, products = np.zeros((TITLES, SIZE, SIZE)), np.zeros((TITLES, SIZE))
    np.add.at(squares, TITLE, (WEIGHTS[:, None, None] * squares_of(VIEWER_SIDE))[USER])
    one = ABOVE[:, None] * VIEWER_SIDE.regressors[USER] - VIEWER_SIDE.bias_times_regressors[USER]
    np.add.at(products, TITLE, WEIGHTS[USER, None] * one)
    assert full(said.squares) == pytest.approx(squares, abs=1e-3)
    assert said.products == pytest.approx(products, abs=1e-3)


def test_solved_sides_are_what_linear_algebra_says() -> None:
    solved = SAID.solved(WEIGHTS, PRIOR, EXPECTED, NOISE)
    by = (WEIGHTS / NOISE)[:, None]
    covariances = np.linalg.inv(by[:, :, None] * full(SAID.squares) + np.diag(PRIOR))
    means = np.einsum("nij,nj->ni", covariances, by * SAID.products + PRIOR * EXPECTED)
    assert solved.covariances == pytest.approx(covariances, abs=1e-5)
    assert solved.means == pytest.approx(means, abs=1e-4)
    both = means[:, :, None] * means[:, None] + covariances
    explained = 2 * (means * SAID.products).sum(1) - (both * full(SAID.squares)).sum((1, 2))
    assert SAID.explained(solved) == pytest.approx(explained, rel=1e-3, abs=1e-3)


def test_a_viewer_solved_alone_is_the_same_to_the_bit() -> None:
    together = SAID.solved(WEIGHTS, PRIOR, EXPECTED, NOISE)
    last = slice(VIEWERS - 1, VIEWERS)
    alone = Sums(SAID.squares[last], SAID.products[last]).solved(WEIGHTS[last], PRIOR, EXPECTED[last], NOISE)
    assert np.array_equal(alone.means, together.means[last])
    assert np.array_equal(alone.covariances, together.covariances[last])
