"""One viewer's list as it is shown: the recommender's own, with what it was decided by."""

import numpy as np

from marquee.model.arrange import Rule, Shop
from marquee.model.histories import Histories
from marquee.model.listing import Wish, as_of, listed
from marquee.model.live import viewer_of
from marquee.model.recommender import Recommender
from tests.model.conftest import TITLE_COUNT, histories, table

K = 20


def shop_of(fitted: Recommender) -> Shop:
    return Shop(fitted.watched, np.zeros((TITLE_COUNT, 0), np.float32))


def a_wish(fitted: Recommender, *rules: Rule, k: int = K, seed: int = 1) -> Wish:
    return Wish(k, fitted.retriever.profiles.until, rules, diversity=0.0, seed=seed)


def viewer(fitted: Recommender) -> Histories:
    return viewer_of(fitted.histories, int(fitted.histories.user_ids[3]))


def test_it_is_the_list_that_is_measured_but_for_the_slot_that_explores(fitted: Recommender) -> None:
    wish, slot = a_wish(fitted), fitted.params.arrange.slot - 1
    told = fitted.recommend(viewer(fitted), np.array([wish.as_of]), K)
    same = listed(fitted, viewer(fitted), wish, shop_of(fitted))
    np.testing.assert_array_equal(np.delete(same.title, slot), np.delete(told.title, slot))
    np.testing.assert_array_equal(np.delete(same.score, slot), np.delete(told.score, slot))


def test_its_features_are_those_that_it_was_scored_by(fitted: Recommender) -> None:
    found = listed(fitted, viewer(fitted), a_wish(fitted, k=TITLE_COUNT), shop_of(fitted))
    fills_up = np.isnan(found.score)
    assert fills_up.any()
    np.testing.assert_allclose(fitted.score(found.features[~fills_up]), found.score[~fills_up], rtol=1e-4, atol=1e-5)
    assert np.isnan(found.features[fills_up]).all()
    assert found.pool is not None
    assert set(found.title[~fills_up]) <= set(found.pool.found.title)


def test_the_slot_shows_another_candidate_now_and_then_and_says_how_probable_that_was(fitted: Recommender) -> None:
    usual = fitted.recommend(viewer(fitted), np.array([a_wish(fitted).as_of]), K).title
    slot, exploration = fitted.params.arrange.slot - 1, fitted.params.arrange.exploration
    lists = [listed(fitted, viewer(fitted), a_wish(fitted, seed=seed), shop_of(fitted)) for seed in range(60)]
    explored = [found for found in lists if found.title[slot] != usual[slot]]
    assert 0 < len(explored) < 20
    assert all(found.propensity[slot] < exploration for found in explored)
    assert {found.propensity[slot] for found in lists if found.title[slot] == usual[slot]} == {1 - exploration}


def test_rules_hold_for_candidates_and_for_what_fills_up(fitted: Recommender) -> None:
    even = Rule("even", np.arange(TITLE_COUNT) % 2 == 0)
    found = listed(fitted, viewer(fitted), a_wish(fitted, even, k=TITLE_COUNT), shop_of(fitted))
    assert len(found.title) > 30
    assert (found.title % 2 == 0).all()


def test_a_request_is_not_later_than_anybody_told_of() -> None:
    """An old model asked today knows no more of today than of its last day, unless the viewer does."""
    watched = histories(table([(1, 1, None, 5.0)]))
    day = 86_400_000
    assert as_of(watched, until=3 * day, asked=9 * day) == 5 * day
    assert as_of(watched, until=7 * day, asked=9 * day) == 7 * day
    assert as_of(watched, until=7 * day, asked=2 * day) == 2 * day
