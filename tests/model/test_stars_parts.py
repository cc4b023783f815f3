"""The parts of predicted stars, each alone."""

import numpy as np
import pytest

from marquee.model.stars.asked import asked_rounds
from marquee.model.stars.moods import NO_MOMENT, Moods
from marquee.model.stars.neighbours import fit_neighbours
from tests.model.test_stars import DAY, PARAMS, TITLES, checkerboard, stranger


def test_no_row_that_is_asked_about_is_left_in_the_history() -> None:
    for asked in asked_rounds(checkerboard(), PARAMS.blend, seed=1):
        known = asked.known.user * TITLES + asked.known.title
        assert len(asked.user) > 100
        assert not np.isin(asked.user * TITLES + asked.title, known).any()


def test_a_large_history_needs_fewer_rounds() -> None:
    assert len(list(asked_rounds(checkerboard(), PARAMS.blend, seed=1))) == PARAMS.blend.rounds
    few = PARAMS.blend.model_copy(update={"enough": 300, "rows": 300})
    (only,) = asked_rounds(checkerboard(), few, seed=1)
    assert (only.at >= 0).sum() == 300


def test_a_mood_is_of_the_rows_around_the_moment() -> None:
    moods = Moods(stranger([0, 1, 2, 3], [3, 3, 3, 3]), np.array([1, 1, -1, -1], np.float32))
    moments = np.array([10_000, 10_002, 10_004, NO_MOMENT]) * np.array([DAY, DAY, DAY, 1])
    around = moods.around(np.zeros(4, np.int64), moments)
    assert around["mood_of_1_rows"] == pytest.approx([0.5, 0, -0.5, np.nan], nan_ok=True)
    assert around["rows_in_0_days"] == pytest.approx([1, 1, 0, np.nan], nan_ok=True)
    assert around["mood_of_0_days"] == pytest.approx([0.5, -0.5, 0, np.nan], nan_ok=True)


def test_neighbours_are_titles_of_one_kind_and_say_what_to_expect() -> None:
    neighbours = fit_neighbours(checkerboard(), TITLES, PARAMS.likeness)
    near = np.where(neighbours.titles[20] % 2 == 0, 1, -1) * neighbours.weights[20]
    assert (near > 0.5).all()
    history = stranger(list(range(10)), [5, 1] * 5)
    _, above, support = neighbours.expected(history, np.array([0, 0]), np.array([20, 21]))
    assert above[0] > 0.5
    assert above[1] < -0.5
    assert support.min() > 0
