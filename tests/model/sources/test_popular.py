"""Claims about what everybody watches: counts, regions, and only what a moment knew."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from marquee.model.candidates import gather
from marquee.model.histories import Floats, Histories, Ints, Mask
from marquee.model.sources.popular import Popular, Trending, fit_popular, fit_trending
from marquee.params import PopularParams, TrendingParams
from tests.model.sources.conftest import DAY, now, watched

SHRINKAGE = PopularParams(shrinkage=1.0)
MONTH = TrendingParams(days=30.0)
STRANGER = watched([])
NOWHERE = np.nan


def of_regions(histories: Histories, *regions: float) -> Histories:
    return replace(histories, attributes=np.array([[NOWHERE, NOWHERE, region] for region in regions], np.float32))


def trend(source: Trending, day: float) -> list[float]:
    return [float(score) for score in source.scores(STRANGER, now(STRANGER, day))[0]]


def test_a_stranger_gets_what_most_have_watched_and_a_title_nobody_wanted_comes_last() -> None:
    popular = fit_popular(watched([0, 1], [0, 2], [0, 1, 3], strength=[1, 1, 1, 1, 1, 1, -1]), 5, SHRINKAGE)
    scores = popular.scores(STRANGER, now(STRANGER))[0]
    assert scores[0] > scores[1] > scores[2] > scores[3] == scores[4] == 0


def test_twice_the_viewers_of_the_same_taste_change_no_score() -> None:
    one = fit_popular(watched([0, 1], [0]), 2, SHRINKAGE)
    two = fit_popular(watched([0, 1], [0], [0, 1], [0]), 2, SHRINKAGE)
    assert np.array_equal(one.by_region, two.by_region)


def test_a_stranger_of_a_region_gets_what_is_watched_there() -> None:
    world = of_regions(watched([0], [0], [0], [1], [1]), 0, 0, 0, 1, 1)
    asked = of_regions(watched([], [], [], []), 0, 1, NOWHERE, 7)
    scores = fit_popular(world, 2, SHRINKAGE).scores(asked, now(asked))
    assert scores.argmax(axis=1).tolist() == [0, 1, 0, 0]


def test_a_region_of_one_viewer_is_as_everybody_when_shrunk() -> None:
    world = of_regions(watched(*[[0]] * 9, [1]), *[0] * 9, 1)
    asked = of_regions(watched([]), 1)
    assert fit_popular(world, 2, PopularParams(shrinkage=100.0)).scores(asked, now(asked)).argmax() == 0
    assert fit_popular(world, 2, PopularParams(shrinkage=0.1)).scores(asked, now(asked)).argmax() == 1


def test_the_popular_of_a_genre_are_gathered_from_its_titles_only() -> None:
    popular = fit_popular(watched([0, 1], [0, 1], [0, 2]), 3, SHRINKAGE)
    found = gather([popular], STRANGER, now(STRANGER), 1, allowed=np.array([False, True, True]))
    assert found.title.tolist() == [1]


@dataclass(frozen=True)
class SaidToEach:
    """The same scores, each viewer's own."""

    source: Popular | Trending

    @property
    def name(self) -> str:
        return self.source.name

    def scores(self, histories: Histories, as_of: Ints) -> Floats:
        return self.source.scores(histories, as_of)


@pytest.mark.parametrize("depth", [1, 3, 100])
@pytest.mark.parametrize("allowed", [None, np.arange(12) % 3 > 0])
def test_what_is_said_to_many_alike_is_gathered_as_if_it_were_said_to_each(depth: int, allowed: Mask | None) -> None:
    rng = np.random.default_rng(depth)
    viewers = [rng.choice(10, count, replace=False).tolist() for count in (0, 1, 4, 9, 10, 2, 3)]
    world = of_regions(watched(*viewers), 0, 1, NOWHERE, 7, 1, 0, 1)
    as_of = now(world) - rng.integers(0, 1_000, len(world)) * DAY
    sources = (fit_popular(world, 12, SHRINKAGE), fit_trending(world, 12, MONTH))
    alike = gather(sources, world, as_of, depth, allowed)
    each = gather([SaidToEach(source) for source in sources], world, as_of, depth, allowed)
    np.testing.assert_equal((alike.starts, alike.title, alike.scores), (each.starts, each.title, each.scores))


def test_what_is_watched_now_trends_above_what_was_watched_more_but_long_ago() -> None:
    trending = fit_trending(watched([0], [0], [0], [1], at=[0, 0, 0, 60 * DAY]), 2, MONTH)
    scores = trend(trending, 61)
    assert scores[1] > scores[0] > 0


def test_a_moment_of_the_past_knows_nothing_of_what_came_after() -> None:
    days = np.array([0, 3, 20, 41, 42, 90])
    world = watched(*[[title] for title in range(6)], at=days * DAY)
    for day in (-1, 0, 2.5, 3, 41, 42, 200):
        known = np.isfinite(trend(fit_trending(world, 6, MONTH), day))
        assert not known[days > day].any()
    assert known.all()


def test_what_was_learnt_late_is_unknown_until_then_and_counts_as_what_it_is_old() -> None:
    late = fit_trending(watched([0], [1], at=[0, 50 * DAY], known_at=[50 * DAY, 50 * DAY]), 2, MONTH)
    assert np.isnan(trend(late, 40)).all()
    assert trend(late, 50)[0] < trend(late, 50)[1]


def test_after_the_last_moment_that_training_saw_trends_stay_as_they_are() -> None:
    trending = fit_trending(watched([0], [1], [1], at=[DAY, DAY, 9 * DAY]), 2, MONTH)
    then = trend(trending, 9)
    assert np.isfinite(then).all()
    assert [trend(trending, day) for day in (10, 17, 40, 250, 9_000)] == [then] * 5


def test_viewers_asking_at_different_moments_are_each_answered_as_if_alone() -> None:
    world = watched([0, 1, 2], [2, 1], at=np.array([1, 30, 90, 8, 60]) * DAY)
    trending = fit_trending(world, 3, MONTH)
    asked, days = watched([], [], []), np.array([90, 8, 61])
    together = trending.scores(asked, days * DAY)
    assert np.array_equal(together, [trend(trending, day) for day in days], equal_nan=True)


def test_nobody_has_watched_anything_yet() -> None:
    assert fit_popular(STRANGER, 3, SHRINKAGE).scores(STRANGER, now(STRANGER)).tolist() == [[0, 0, 0]]
    assert np.isnan(trend(fit_trending(watched(), 3, MONTH), 5)).all()


def test_a_restored_source_answers_as_the_saved_one() -> None:
    world = of_regions(watched([0, 1], [2]), 0, NOWHERE)
    popular, trending = fit_popular(world, 4, SHRINKAGE), fit_trending(world, 4, MONTH)
    for saved, restored in (
        (popular, Popular.restored(popular.arrays())),
        (trending, Trending.restored(trending.arrays())),
    ):
        assert np.array_equal(saved.scores(world, now(world)), restored.scores(world, now(world)), equal_nan=True)
