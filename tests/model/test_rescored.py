"""Claims about rescoring: what is lost without a row is what asking anew would lose, and ranks follow from that."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from marquee.model.candidates import ranks_within
from marquee.model.carried import Carriers
from marquee.model.carried.without import Without
from marquee.model.features import TOP
from marquee.model.histories import Histories
from marquee.model.recommender import Recommender
from marquee.model.rescored import rescored
from marquee.model.sources.following import Following
from tests.model.conftest import histories, interactions

VIEWER = histories(interactions(1, seed=77, first_id=9_000))
TITLES = np.arange(5, 160, 4)
ROWS = np.array([len(VIEWER.title) - 1, len(VIEWER.title) - 2, len(VIEWER.title) // 2, 0])
AS_OF = VIEWER.last_at
# Rows that hardly count are not followed; of viewer_neighbours those are asked who are asked about the whole history.
CLOSE, UNCARRIED = 0.05, {"viewer_neighbours"}


def test_what_every_source_loses_without_a_row_is_what_it_would_lose_asked_anew(fitted: Recommender) -> None:
    others = np.arange(len(VIEWER.title)) != ROWS[:, None]
    asked_anew = VIEWER.of(np.zeros(len(ROWS), np.int64)).where(others.ravel())
    for source in fitted.sources:
        if source.name not in UNCARRIED:
            before = np.nan_to_num(source.scores(VIEWER, AS_OF)[:, TITLES])
            anew = np.nan_to_num(source.scores(asked_anew, np.repeat(AS_OF, len(ROWS)))[:, TITLES])
            lost = Carriers([source], VIEWER, TITLES).lost(Without(VIEWER, ROWS))[0]
            slight = CLOSE * np.abs(before).max()
            np.testing.assert_allclose(before - lost, anew, rtol=0, atol=slight, err_msg=source.name)


def test_what_rows_carry_of_a_title_is_the_same_among_many_as_among_few(fitted: Recommender) -> None:
    every = np.arange(160)
    carriers = Carriers(fitted.sources, VIEWER, every)
    for (numbers, among_many), (_, among_few) in zip(
        carriers.carried(every), carriers.carried(every[150:]), strict=True
    ):
        names = [fitted.sources[number].name for number in numbers]
        assert among_few.any()
        np.testing.assert_allclose(among_many[..., 150:], among_few, rtol=1e-4, atol=1e-6, err_msg=str(names))


def test_sources_of_one_matrix_stand_together_in_the_order_of_the_first_wherever_memory_has_them() -> None:
    one, other = (sp.csr_array(np.eye(160, dtype=np.float32)) for _ in range(2))
    for first, second in ((one, other), (other, one)):
        sources = [Following(name, of, 0.5) for name, of in zip("abcd", (first, second, first, second), strict=True)]
        (numbers, _), *_ = Carriers(sources, VIEWER, TITLES).carried(np.arange(3))
        assert numbers == [0, 2, 1, 3]


def test_a_row_that_matters_is_lost_by_some_source_and_by_none_that_says_the_same_to_everybody(
    fitted: Recommender,
) -> None:
    without = Without(VIEWER, ROWS[:1])
    every = Carriers(fitted.sources, VIEWER, TITLES).lost(without)
    lost = {source.name: lost for source, lost in zip(fitted.sources, every, strict=True)}
    assert np.abs(lost["following"]).max() > 0
    assert not lost["popular"].any()


@pytest.mark.parametrize("seed", range(5))
def test_ranks_among_the_pool_are_counted_anew(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = np.round(rng.normal(2, 1, (3, 40)), 1).astype(np.float32)  # with ties
    scores[rng.random(scores.shape) < 0.2] = np.nan
    lost = np.where(rng.random((2, 3, 40)) < 0.3, np.round(rng.normal(0, 1, (2, 3, 40)), 1), 0).astype(np.float32)
    lost[0, 0] = scores[0]  # all that the first source said
    near, columns = np.array([0, 7, 39]), np.arange(9).reshape(3, 3)
    features = np.full((3, 10), 5.0, np.float32)
    anew = rescored(scores, np.nan_to_num(lost).swapaxes(0, 1), near, features, columns)
    assert (anew[:, :, 9] == 5).all()
    for row, source in np.ndindex(2, 3):
        score, relative, rank = anew[row][:, columns[source]].T
        left = scores[source] - np.nan_to_num(lost[row, source])
        left[(lost[row, source] != 0) & (left == 0)] = np.nan
        ranks = ranks_within(np.array([0, 40]), left)[near]
        best = np.nanmean(np.sort(np.nan_to_num(left, nan=-np.inf))[::-1][:TOP])
        np.testing.assert_array_equal(score, left[near])
        np.testing.assert_allclose(rank, np.log2(ranks), rtol=1e-6)
        if source:
            np.testing.assert_allclose(relative, left[near] / best, rtol=1e-5)


def test_of_a_source_that_loses_nothing_everything_stays_as_it_was_described() -> None:
    features, columns = np.full((1, 3), 5.0, np.float32), np.array([[0, -1, 2]])
    scores, lost = np.array([[4.0, 3.0]], np.float32), np.zeros((1, 1, 2), np.float32)
    assert rescored(scores, lost, np.array([1]), features, columns).tolist() == [[[5, 5, 5]]]
    lost[0, 0, 0] = 2
    assert rescored(scores, lost, np.array([1]), features, columns).tolist() == [[[3, 5, 0]]]


@pytest.mark.parametrize("history", [VIEWER.last(0), replace(VIEWER, strength=-np.abs(VIEWER.strength))])
def test_a_list_of_who_liked_nothing_has_reasons_that_name_no_title_of_theirs(
    fitted: Recommender, history: Histories
) -> None:
    pool = fitted.propose(history, AS_OF, ()).pool
    reasons = fitted.explainer.reasons(history, pool.found.title[:5], pool, AS_OF)
    assert [reason.named for reason in reasons] == [()] * 5
    assert all(reason.sentence for reason in reasons)
