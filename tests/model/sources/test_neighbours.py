"""Claims about neighbours: in a world of two camps, nobody is sent to the other one."""

from collections.abc import Callable

import numpy as np
import pytest

from marquee.model.histories import Histories, Ints
from marquee.model.sources.neighbours import (
    TitleNeighbours,
    ViewerNeighbours,
    fit_viewer_neighbours,
    title_neighbours_of,
)
from marquee.model.sources.pairs import pairs_of
from marquee.params import AutoencoderParams, TitleNeighboursParams, ViewerNeighboursParams
from tests.model.sources.conftest import now, watched

CAMPS = watched([0, 1, 2], [1, 2, 0], [2, 0, 1], [3, 4, 5], [4, 5, 3], [5, 3, 4])
TITLES = 7  # nobody has watched the last one
EVERY_PAIR = AutoencoderParams(regularization=1.0, support=1, most=TITLES, keep=TITLES)
OF_TITLES = TitleNeighboursParams(nearest=5, shrinkage=0.0, recent=50)
OF_VIEWERS = ViewerNeighboursParams(nearest=3, kept=100, fade=0.5, closeness=0.5, before=0.5)


def by_titles(world: Histories, params: TitleNeighboursParams = OF_TITLES) -> TitleNeighbours:
    return title_neighbours_of(pairs_of(world, TITLES, EVERY_PAIR), params)


def by_viewers(world: Histories, params: ViewerNeighboursParams = OF_VIEWERS) -> ViewerNeighbours:
    return fit_viewer_neighbours(world, TITLES, params, seed=1)


@pytest.mark.parametrize("source", [by_titles(CAMPS), by_viewers(CAMPS)])
def test_a_newcomer_stays_in_the_camp_of_their_first_title(source: TitleNeighbours | ViewerNeighbours) -> None:
    newcomers = watched([0], [4])
    scores = source.scores(newcomers, now(newcomers))
    assert (scores[0, [1, 2]] > 0).all()
    assert (scores[1, [3, 5]] > 0).all()
    assert np.isnan(scores[0, 3:]).all()
    assert np.isnan(scores[1, [0, 1, 2, 6]]).all()


@pytest.mark.parametrize("source", [by_titles(CAMPS), by_viewers(CAMPS)])
def test_one_new_title_of_another_camp_weighs_more_than_an_old_one(source: TitleNeighbours | ViewerNeighbours) -> None:
    moved = watched([0, 3], [3, 0])
    scores = np.nan_to_num(source.scores(moved, now(moved)))
    assert scores[0, 4] > scores[0, 1]
    assert scores[1, 4] < scores[1, 1]


@pytest.mark.parametrize("source", [by_titles(CAMPS), by_viewers(CAMPS)])
def test_only_the_recent_titles_are_looked_at(source: TitleNeighbours | ViewerNeighbours) -> None:
    long, short = watched([0, *[4, 5] * 30]), watched([4, 5] * 25)
    assert np.array_equal(source.scores(long, now(long)), source.scores(short, now(short)), equal_nan=True)


@pytest.mark.parametrize("source", [by_titles(CAMPS), by_viewers(CAMPS)])
def test_a_stranger_and_who_only_disliked_get_no_opinion(source: TitleNeighbours | ViewerNeighbours) -> None:
    silent = watched([], [0], strength=[-1])
    assert np.isnan(source.scores(silent, now(silent))).all()


@pytest.mark.parametrize("fit", [by_titles, by_viewers])
def test_what_training_saw_disliked_makes_no_neighbours(
    fit: Callable[[Histories], TitleNeighbours | ViewerNeighbours],
) -> None:
    asked = watched([0])
    scores = fit(watched([0, 1, 2], strength=[1, 1, -1])).scores(asked, now(asked))[0]
    assert np.flatnonzero(scores > 0).tolist()[-1] == 1


def test_likeness_of_titles_is_the_cosine_of_their_viewers() -> None:
    likeness = by_titles(watched([0, 1], [0, 1], [0], [0, 2])).likeness.toarray()
    assert likeness[0, 1] == pytest.approx(2 / np.sqrt(4 * 2))
    assert likeness[0, 2] == pytest.approx(1 / np.sqrt(4 * 1))
    assert not np.diag(likeness).any()


def test_shrinkage_makes_a_meeting_of_two_titles_that_few_watch_count_less() -> None:
    world = watched(*[[0, 1]] * 8, *[[0]] * 2, [0, 2])
    asked = watched([0])
    rash = by_titles(watched(*[[0, 1]] * 4, [2, 3], [2]), OF_TITLES).likeness.toarray()
    shrunk = by_titles(world, OF_TITLES.model_copy(update={"shrinkage": 10.0})).scores(asked, now(asked))[0]
    assert rash[0, 1] == pytest.approx(1)
    assert shrunk[1] == pytest.approx(8 / (np.sqrt(8 * 11) + 10))
    assert shrunk[2] == pytest.approx(1 / (np.sqrt(11) + 10))


def test_only_the_nearest_titles_are_kept() -> None:
    world = watched(*[[0, 1]] * 3, *[[0, 2]] * 2, [0, 3])
    assert by_titles(world, OF_TITLES.model_copy(update={"nearest": 2})).likeness[[0], :].indices.tolist() == [1, 2]


def test_only_the_nearest_viewers_are_asked() -> None:
    world = watched([0, 1, 2], [0, 3, 4, 5])
    asked = watched([1, 0])
    scores = by_viewers(world, OF_VIEWERS.model_copy(update={"nearest": 1})).scores(asked, now(asked))[0]
    assert np.flatnonzero(scores > 0).tolist() == [0, 1, 2]


def test_viewers_are_alike_by_the_cosine_of_what_they_watched() -> None:
    asked = watched([0])
    assert by_viewers(watched([0, 1, 2, 3], [0])).likeness(asked)[0] == pytest.approx([0.5, 1])


def test_what_was_watched_next_to_a_title_counts_most_and_less_before_it() -> None:
    asked = watched([3])
    scores = by_viewers(watched([0, 1, 2, 3, 4, 5, 6])).scores(asked, now(asked))[0]
    assert scores == pytest.approx(np.array([0.125, 0.25, 0.5, np.nan, 1, 0.5, 0.25]), nan_ok=True)


def test_what_a_viewer_alike_watched_is_never_taken_for_what_the_next_one_did() -> None:
    asked = watched([2, 3])
    scores = by_viewers(watched([0, 1, 2], [3, 4, 5])).scores(asked, now(asked))[0]
    assert np.flatnonzero(scores > 0).tolist() == [0, 1, 4, 5]


def test_a_crowd_that_all_watched_the_same_says_what_one_of_them_says() -> None:
    asked, many = watched([1, 3], [4]), OF_VIEWERS.model_copy(update={"nearest": 300, "kept": 300})
    one, crowd = by_viewers(watched([0, 1, 2, 3, 4, 5])), by_viewers(watched(*[[0, 1, 2, 3, 4, 5]] * 300), many)
    assert crowd.scores(asked, now(asked)) == pytest.approx(one.scores(asked, now(asked)), rel=1e-4, nan_ok=True)


def test_of_many_viewers_the_same_sample_is_kept_for_the_same_seed() -> None:
    params = OF_VIEWERS.model_copy(update={"kept": 2})
    first, second = by_viewers(CAMPS, params), by_viewers(CAMPS, params)
    assert len(first.starts) == 3
    assert np.array_equal(first.title, second.title)


def test_viewers_asked_together_are_answered_as_each_alone() -> None:
    asked = watched([0, 3], [], [4], [1, 2, 5])
    for source in (by_titles(CAMPS), by_viewers(CAMPS)):
        alone = [source.scores(asked.of(_row(u)), now(asked)[:1])[0] for u in range(len(asked))]
        assert np.array_equal(source.scores(asked, now(asked)), alone, equal_nan=True)


def _row(user: int) -> Ints:
    return np.array([user])


def test_a_restored_source_answers_as_the_saved_one() -> None:
    titles, viewers = by_titles(CAMPS), by_viewers(CAMPS)
    for saved, restored in (
        (titles, TitleNeighbours.restored(titles.arrays())),
        (viewers, ViewerNeighbours.restored(viewers.arrays())),
    ):
        assert np.array_equal(saved.scores(CAMPS, now(CAMPS)), restored.scores(CAMPS, now(CAMPS)), equal_nan=True)


def test_nobody_has_watched_anything_yet() -> None:
    asked = watched([0])
    assert np.isnan(by_titles(watched()).scores(asked, now(asked))).all()
    assert np.isnan(by_viewers(watched()).scores(asked, now(asked))).all()
