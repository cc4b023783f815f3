"""Who is likely to carry a title, and how far it falls without: as a plain loop would say it."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marquee.model.histories import Histories, histories_of
from marquee.model.standing import best_with, falls, largest, likeliest

seeds = st.integers(0, 2**32 - 1)


def a_history(strength: list[float], rating: list[float]) -> Histories:
    rows = len(strength)
    table = pl.DataFrame(
        {
            "user_id": [1] * rows,
            "title_id": list(range(rows)),
            "strength": strength,
            "rating": rating,
            "label": [1.0] * rows,
            "hides": [True] * rows,
        }
    ).with_columns(pl.datetime(2005, 1, 1, time_unit="ms", time_zone="UTC").alias(name) for name in ("at", "known_at"))
    return histories_of(table, np.arange(rows))


@given(seeds, st.integers(1, 4))
def test_the_largest_of_each_column_come_first_and_of_equals_the_first(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(-2, 4, (rng.integers(1, 9), 3)).astype(np.float32)
    shut = rng.random(len(values)) < 0.3
    rows, sizes = largest(values, count, shut)
    for column in range(3):
        best = sorted(
            (-values[row, column], row) for row in range(len(values)) if not shut[row] and values[row, column] > 0
        )
        told = [(-size, row) for row, size in zip(rows[column], sizes[column], strict=True) if size > 0]
        assert told == best[:count]


def test_who_carries_most_is_tried_but_not_what_was_thought_little_of() -> None:
    history = a_history([1.0, 1.0, -1.0, 1.0, 1.0], [5.0, 2.0, 5.0, np.nan, 4.0])
    carried = np.array([[0.1, 0.0], [0.9, 0.9], [0.9, 0.9], [0.3, 0.2], [0.2, -0.5]], np.float32)
    assert likeliest(history, carried, 1).tolist() == [3]  # of four stars at the mean, two are little
    assert likeliest(history, carried, 2).tolist() == [3, 4]
    assert likeliest(history, np.zeros_like(carried), 2).tolist() == []
    unrated = replace(history, rating=np.full(5, np.nan, np.float32))
    assert likeliest(unrated, carried, 1).tolist() == [1]


@given(seeds)
def test_the_best_stand_near_with_those_that_are_asked_about(seed: int) -> None:
    rng = np.random.default_rng(seed)
    score = rng.integers(0, 20, 30).astype(np.float32)
    place = rng.choice(30, 4, replace=False)
    near, here = best_with(score, place, 5)
    assert near.tolist() == sorted({*place.tolist(), *np.argsort(-score, kind="stable")[:5].tolist()})
    assert near[here].tolist() == place.tolist()


@given(seeds)
def test_a_title_falls_by_as_many_as_stand_above_it_more_than_before(seed: int) -> None:
    rng = np.random.default_rng(seed)
    before, after = rng.normal(size=8).astype(np.float32), rng.normal(size=(3, 8)).astype(np.float32)
    here = np.array([6, 0, 3])
    told = falls(before, after, here, np.float32(0.01))
    clear = np.float32(0.01) * np.ptp(before)
    for row in range(3):
        for title, place in enumerate(here):
            above = sum(other > before[place] for other in before)
            fall = sum(other > after[row, place] + clear for other in after[row]) - above
            less = before[place] - after[row, place]
            expected = fall + less / (1 + 2 * abs(less)) if fall > 0 else 0.0
            assert told[row, title] == pytest.approx(expected, rel=1e-5)


def test_who_leads_by_less_than_is_felt_does_not_stand_above() -> None:
    before = np.array([10.0, 0.0], np.float32)
    after = np.array([[5.0, 5.05], [5.0, 5.2]], np.float32)
    assert (falls(before, after, np.array([0]), np.float32(0.01)) > 0).tolist() == [[False], [True]]
