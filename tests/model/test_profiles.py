"""Claims about title profiles: shares that do not grow with the data, stars that few cannot decide."""

import numpy as np
import pytest

from marquee.model.profiles import MEAN_SHRINKAGE, TitleProfiles, profile_titles
from tests.model.sources.conftest import DAY, watched


def test_a_title_that_more_watch_has_the_larger_share_and_one_that_nobody_watched_the_least() -> None:
    share = profile_titles(watched([0, 1], [0, 1], [0, 2]), 4).share
    assert share[0] > share[1] > share[2] > share[3]


def test_a_share_is_the_same_among_fewer_viewers_and_in_shorter_histories() -> None:
    many = profile_titles(watched(*[[0, 1]] * 300, *[[0, 2]] * 300), 3).share
    assert profile_titles(watched(*[[0, 1]] * 100, *[[0, 2]] * 100), 3).share == pytest.approx(many, abs=0.01)
    shorter = watched(*[[0]] * 600, *[[1]] * 300, *[[2]] * 300)
    assert profile_titles(shorter, 3).share == pytest.approx(many, abs=0.01)


def test_the_mean_of_few_stars_stays_near_the_mean_of_all() -> None:
    many = int(10 * MEAN_SHRINKAGE)
    world = watched(*[[0]] * many, [1], rating=[3.0] * many + [5.0])
    mean = profile_titles(world, 3).mean
    overall = (3 * many + 5) / (many + 1)
    assert mean[0] == pytest.approx(3.0, abs=0.01)
    assert mean[1] == pytest.approx((5 + MEAN_SHRINKAGE * overall) / (1 + MEAN_SHRINKAGE))
    assert mean[2] == pytest.approx(overall)


def test_the_spread_is_known_from_two_stars_on() -> None:
    spread = profile_titles(watched([0, 1], [0], [0], rating=[1, 3, 5, 3]), 3).spread
    assert spread[0] == pytest.approx(2.0, abs=0.05)
    assert np.isnan(spread[1:]).all()


def test_the_depth_says_how_far_into_their_histories_viewers_come_to_a_title() -> None:
    depth = profile_titles(watched([0, 1, 2, 3], [0, 2]), 5).depth
    np.testing.assert_allclose(depth[:4], [0, 1, (np.log2(3) + 1) / 2, 2], rtol=1e-6)
    assert np.isnan(depth[4])


def test_the_first_and_last_moment_are_those_of_the_title() -> None:
    profiles = profile_titles(watched([0, 1, 0], [1, 0], at=np.array([3, 5, 9, 2, 4]) * DAY), 3)
    assert (profiles.first_at // DAY).tolist() == [3, 2, 9]
    assert (profiles.last_at // DAY).tolist() == [9, 5, 0]
    assert profiles.until == 9 * DAY


def test_without_stars_there_is_no_mean() -> None:
    assert np.isnan(profile_titles(watched([0, 1]), 2).mean).all()


def test_of_nobody_nothing_is_known_of_any_title() -> None:
    profiles = profile_titles(watched(), 2)
    assert np.isnan(profiles.mean).all()
    assert np.isfinite(profiles.share).all()
    assert profiles.until == 0


def test_restored_profiles_are_the_saved_ones() -> None:
    saved = profile_titles(watched([0, 1], [0], rating=[1, 2, 3]), 3)
    restored = TitleProfiles.restored(saved.arrays())
    assert all(np.array_equal(array, restored.arrays()[name], equal_nan=True) for name, array in saved.arrays().items())
