"""Claims about the best: the largest few, the first among equals."""

import numpy as np

from marquee.model.best import best_of, strongest


def test_the_best_come_first_and_of_equals_the_first() -> None:
    scores = np.array([[1, 3, 2, 3], [0, 0, 0, 0]], np.float32)
    assert best_of(scores, 3).tolist() == [[1, 3, 2], [0, 1, 2]]


def test_only_what_is_farthest_from_zero_stays_the_first_among_equals() -> None:
    matrix = np.array([[1, -3, 2, 0], [0, 0, 0, 0], [5, -5, 5, 5], [0, 0, 7, 0]], np.float32)
    kept = strongest(matrix, 2)
    assert kept.toarray().tolist() == [[0, -3, 2, 0], [0, 0, 0, 0], [5, -5, 0, 0], [0, 0, 7, 0]]
    assert np.diff(kept.indptr).tolist() == [2, 0, 2, 1]
