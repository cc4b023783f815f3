"""Claims about the best: the largest few, the first among equals."""

import numpy as np
import pytest

from marquee.model.best import best_of, fill_best, find_best, strongest


def test_the_best_come_first_and_of_equals_the_first() -> None:
    scores = np.array([[1, 3, 2, 3], [0, 0, 0, 0]], np.float32)
    assert best_of(scores, 3).tolist() == [[1, 3, 2], [0, 1, 2]]


def test_only_what_is_farthest_from_zero_stays_the_first_among_equals() -> None:
    matrix = np.array([[1, -3, 2, 0], [0, 0, 0, 0], [5, -5, 5, 5], [0, 0, 7, 0]], np.float32)
    kept = strongest(matrix, 2)
    assert kept.toarray().tolist() == [[0, -3, 2, 0], [0, 0, 0, 0], [5, -5, 0, 0], [0, 0, 7, 0]]
    assert np.diff(kept.indptr).tolist() == [2, 0, 2, 1]


@pytest.mark.parametrize("depth", [0, 1, 40, 600, 5_000])
@pytest.mark.parametrize("columns", [0, 1, 63, 512, 1_500])
def test_of_many_with_ties_and_silence_the_best_are_those_that_sorting_puts_first(columns: int, depth: int) -> None:
    rng = np.random.default_rng(columns + depth)
    scores = rng.integers(-30, 30, columns).astype(np.float32)
    scores[rng.random(columns) < 0.2] = np.nan
    told, best = np.flatnonzero(~np.isnan(scores)), np.empty(depth, np.int64)
    expected = told[np.argsort(-scores[told], kind="stable")][:depth].tolist()
    assert best[: fill_best(scores, best)].tolist() == expected
    assert best[: find_best(scores, best)].tolist() == sorted(expected)


def test_any_number_has_its_place_also_those_without_end_and_both_zeros() -> None:
    scores = np.array([0.0, -np.inf, 1e-40, -0.0, np.nan, np.inf, -3e38, 3e38, 0.0], np.float32)
    best = np.empty(9, np.int64)
    assert best[: fill_best(scores, best)].tolist() == [5, 7, 2, 0, 3, 8, 6, 1]
    assert [best[: find_best(scores, best[:depth])].tolist() for depth in (4, 5)] == [[0, 2, 5, 7], [0, 2, 3, 5, 7]]
