"""Intervals: as wide as the spread of viewers says, and the same for the same seed."""

import numpy as np
import pytest

from marquee.quality.bootstrap import intervals, mean_of_known


def test_a_gap_that_every_viewer_has_is_certain() -> None:
    low, high = intervals(np.full((50, 1), 0.25), draws=200, seed=0)
    assert low == high == pytest.approx(0.25)


def test_an_interval_is_about_four_standard_errors_wide_around_the_mean() -> None:
    values = np.random.default_rng(1).normal(3.0, 2.0, (400, 1))
    low, high = intervals(values, draws=4000, seed=0)
    assert low < values.mean() < high
    assert (high - low) / (values.std() / 20) == pytest.approx(3.92, rel=0.05)


def test_every_column_is_drawn_with_the_same_viewers() -> None:
    values = np.random.default_rng(1).normal(size=(30, 1))
    low, high = intervals(np.hstack([values, 2 * values]), draws=300, seed=5)
    assert [low[1], high[1]] == pytest.approx([2 * low[0], 2 * high[0]])


def test_draws_are_those_of_one_after_another() -> None:
    values = np.random.default_rng(1).normal(size=50_000)  # so many that they do not fit into one block
    rng = np.random.default_rng(5)
    means = [values[rng.integers(0, len(values), len(values))].mean() for _ in range(100)]
    assert np.ravel(intervals(values[:, None], draws=100, seed=5)) == pytest.approx(np.percentile(means, [2.5, 97.5]))


def test_a_viewer_of_whom_nothing_is_known_is_left_out_of_mean_and_interval() -> None:
    values = np.array([[1.0, np.nan]] * 9 + [[np.nan, np.nan]])
    mean, (low, high) = mean_of_known(values, axis=0), intervals(values, draws=100, seed=0)
    assert mean[0] == low[0] == high[0] == 1.0
    assert np.isnan([mean[1], low[1], high[1]]).all()
