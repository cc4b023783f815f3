"""Claims about adding: it is the product of histories and a matrix, and to the bit the same whoever else is asked."""

import numpy as np
import pytest
import scipy.sparse as sp

from marquee.model.histories import Floats, Histories
from marquee.model.sources.adding import answers_of, in_tiles, of_sparse, products, silent_of
from tests.model.sources.conftest import watched

RNG = np.random.default_rng(6)
TITLES = 2_500  # the last tile is not full
SUPPORTED = np.flatnonzero(RNG.random(TITLES) < 0.9).astype(np.int32)
WEIGHTS = sp.csr_array(sp.random_array((TITLES, TITLES), density=0.1, rng=RNG, dtype=np.float32))
SPARSE = sp.csr_array(sp.random_array((TITLES, 700), density=0.02, rng=RNG, dtype=np.float32))


def viewers() -> Histories:
    """With no row, with one, four, and many."""
    return watched([], *[RNG.choice(TITLES, count, replace=False).tolist() for count in (1, 4, 7, 200)], [])


def values_for(histories: Histories, questions: int) -> Floats:
    values = RNG.normal(size=(questions, len(histories.title))).astype(np.float32)
    values[RNG.random(values.shape) < 0.3] = 0
    return values


HISTORIES = viewers()
VALUES = values_for(HISTORIES, 3)


def answers(histories: Histories, values: Floats) -> Floats:
    said: Floats = answers_of(WEIGHTS, silent_of(SUPPORTED, TITLES), histories, list(values))
    return said


def test_rows_of_weights_add_up_to_the_product_with_them() -> None:
    for answer, values in zip(answers(HISTORIES, VALUES), VALUES, strict=True):
        expected = (HISTORIES.matrix(values, TITLES) @ WEIGHTS).toarray()[:, SUPPORTED]
        known = HISTORIES.counts > 0
        np.testing.assert_allclose(answer[known][:, SUPPORTED], expected[known], rtol=1e-4, atol=1e-4)
        assert np.isnan(answer[~known]).all()
        assert np.isnan(np.delete(answer, SUPPORTED, axis=1)).all()


@pytest.mark.parametrize("factors", [0, 1, 8, 9, 64])
def test_products_are_those_of_matrices_and_silent_columns_have_none(factors: int) -> None:
    columns = RNG.normal(size=(factors, TITLES)).astype(np.float32)
    rows, silent = RNG.normal(size=(5, factors)).astype(np.float32), silent_of(SUPPORTED, TITLES)
    tiles = in_tiles(columns)
    said = products(rows, tiles, silent, TITLES)
    np.testing.assert_allclose(said[:, SUPPORTED], (rows @ columns)[:, SUPPORTED], rtol=1e-4, atol=1e-4)
    assert np.isnan(said[:, silent]).all()
    for row in range(len(rows)):
        assert np.array_equal(products(rows[row : row + 1], tiles, silent, TITLES)[0], said[row], equal_nan=True)


def test_sparse_rows_add_up_to_the_product_with_them() -> None:
    expected = HISTORIES.matrix(VALUES[0], TITLES) @ SPARSE
    np.testing.assert_allclose(of_sparse(SPARSE, HISTORIES, VALUES[0]), expected.toarray(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("viewer", range(len(HISTORIES)))
def test_whoever_else_is_asked_and_whatever_else_the_answer_is_the_same_to_the_bit(viewer: int) -> None:
    alone, rows = HISTORIES.of(np.array([viewer])), HISTORIES.user == viewer
    together = answers(HISTORIES, VALUES)
    for question in range(3):
        answer = answers(alone, VALUES[question : question + 1, rows])[0]
        assert np.array_equal(answer[0], together[question, viewer], equal_nan=True)
    assert np.array_equal(of_sparse(SPARSE, alone, VALUES[0, rows])[0], of_sparse(SPARSE, HISTORIES, VALUES[0])[viewer])
