"""Lists from scored candidates: what may be in them, how many, how unlike one another, and what was left to chance."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

from marquee.errors import ModelError
from marquee.model.arrange import (
    Kept,
    Lists,
    Rule,
    Scored,
    Shop,
    arrange,
    compact,
    explore,
    for_age,
    for_region,
    history_rule,
    keep,
    of_genres,
    of_kind,
    of_years,
)
from marquee.model.histories import Mask, histories_of
from marquee.model.titles import Titles
from marquee.params import ArrangeParams, read_params
from marquee.tables import TITLES

PARAMS = read_params(Path(__file__).parents[2] / "params.yaml").arrange
TITLE_COUNT = 10


def params(**changes: Any) -> ArrangeParams:
    return PARAMS.model_copy(update={"diversity": 0.0, "exploration": 0.0} | changes)


def scored(*viewers: dict[int, float]) -> Scored:
    starts = np.cumsum([0, *map(len, viewers)])
    rows = [row for viewer in viewers for row in viewer.items()]
    return Scored(
        starts, np.array([title for title, _ in rows], np.int32), np.array([score for _, score in rows], np.float32)
    )


def shop(features: Any = None, popular: Any = None) -> Shop:
    """Title 0 is the most popular, then 1, and so on."""
    nothing = np.zeros((TITLE_COUNT, 0), np.float32)
    falling = -np.arange(TITLE_COUNT, dtype=np.float32)
    return Shop(falling if popular is None else popular, nothing if features is None else features)


def only(*titles: int) -> Mask:
    return np.isin(np.arange(TITLE_COUNT), titles)


def all_kept(*viewers: dict[int, float]) -> Kept:
    return keep(scored(*viewers), TITLE_COUNT, [])


def shown(lists: Lists, user: int) -> list[int]:
    return [int(title) for title in lists.title[lists.user == user]]


def films(**columns: Any) -> Titles:
    frame = pl.DataFrame({"title_id": range(1, 1 + len(next(iter(columns.values())))), **columns})
    return Titles(TITLES.complete(frame.with_columns(pl.col("title_id").cast(pl.UInt16), name=pl.lit("film"))))


def test_the_best_scores_come_first_and_each_viewer_gets_their_own() -> None:
    lists = arrange(all_kept({3: 0.1, 5: 0.9, 7: 0.5}, {1: 2.0, 2: 3.0, 3: 1.0}), 2, shop(), params())
    assert (shown(lists, 0), shown(lists, 1)) == ([5, 7], [2, 1])
    assert lists.rank.tolist() == [1, 2, 1, 2]
    assert lists.score.tolist() == pytest.approx([0.9, 0.5, 3.0, 2.0])
    assert lists.propensity.tolist() == [1.0] * 4


def test_a_candidate_that_the_ranker_could_not_score_comes_last() -> None:
    lists = arrange(all_kept({3: np.nan, 5: -4.0, 7: 0.5}), 3, shop(), params())
    assert shown(lists, 0) == [7, 5, 3]


def test_what_any_rule_forbids_is_not_kept() -> None:
    allowed_of_each = np.stack([only(1, 2, 3, 4), only(3)])
    rules = [Rule("maturity", only(1, 2, 3)), Rule("seen", allowed_of_each)]
    kept = keep(scored({1: 1, 4: 4, 5: 5}, {1: 1, 2: 2, 3: 3}), TITLE_COUNT, rules)
    assert kept.scored.title.tolist() == [1, 3]
    assert np.flatnonzero(kept.allowed[0]).tolist() == [1, 2, 3]
    assert np.flatnonzero(kept.allowed[1]).tolist() == [3]


def test_what_was_seen_or_refused_is_hidden_and_what_was_only_saved_is_not() -> None:
    interactions = pl.DataFrame(
        {
            "user_id": [1, 1, 1],
            "title_id": [100, 101, 102],
            "strength": [1.0, -0.5, 0.3],
            "rating": [None, None, None],
            "label": [1.0, 0.0, 0.0],
            "hides": [True, True, False],
        },
        schema_overrides={"rating": pl.Float32},
    ).with_columns(pl.datetime(2005, 1, 1, time_unit="ms", time_zone="UTC").alias(name) for name in ("at", "known_at"))
    rule = history_rule(histories_of(interactions, np.arange(100, 100 + TITLE_COUNT)), TITLE_COUNT)
    kept = keep(scored({0: 3, 1: 2, 2: 1}), TITLE_COUNT, [rule])
    assert kept.scored.title.tolist() == [2]
    filled = arrange(kept, TITLE_COUNT, shop(), params())
    assert sorted(shown(filled, 0)) == [2, 3, 4, 5, 6, 7, 8, 9]


def test_titles_are_told_apart_by_genre_years_and_kind_and_one_that_is_not_known_is_in_none() -> None:
    titles = films(
        genres=[["Crime", "Drama"], ["Comedy"], []],
        year=pl.Series([1994, 2003, None], dtype=pl.Int16),
        kind=["movie", "series", None],
    )
    assert of_genres(titles, ["Crime", "Comedy"]).tolist() == [True, True, False]
    assert of_genres(titles, ["Drama"]).tolist() == [True, False, False]
    assert of_years(titles, 1990, 1999).tolist() == [True, False, False]
    assert of_kind(titles, "series").tolist() == [False, True, False]
    with pytest.raises(ModelError, match=r"no title is of genre Western; there are Comedy, Crime, Drama"):
        of_genres(titles, ["Crime", "Western"])


def test_a_mark_that_names_no_age_is_nothing_for_a_child() -> None:
    titles = films(maturity=["G", "PG-13", "R", "NR", None])
    assert for_age(titles, 12, PARAMS).tolist() == [True, False, False, False, False]
    assert for_age(titles, 17, PARAMS).tolist() == [True, True, True, False, False]


def test_a_title_that_is_held_to_regions_is_shown_nowhere_else() -> None:
    titles = films(regions=[[], ["NZ"], ["NZ", "AU"], ["Österreich"]])
    assert for_region(titles, "NZ").tolist() == [True, True, True, False]
    assert for_region(titles, "Österreich").tolist() == [True, False, False, True]
    assert for_region(titles, "nz").tolist() == for_region(titles, None).tolist() == [True, False, False, False]
    assert for_region(films(regions=[["NZ", None]]), None).tolist() == [False]


def test_a_list_that_candidates_do_not_fill_takes_the_most_popular_titles_that_are_allowed() -> None:
    kept = keep(
        scored({9: 1.0, 3: 2.0}, {}), TITLE_COUNT, [Rule("region", np.stack([only(1, 3, 4, 5, 9), only(7, 8)]))]
    )
    lists = arrange(kept, 4, shop(), params())
    assert shown(lists, 0) == [3, 9, 1, 4]
    assert shown(lists, 1) == [7, 8]
    assert np.isnan(lists.score).tolist() == [False, False, True, True, True, True]
    assert lists.rank.tolist() == [1, 2, 3, 4, 1, 2]


def test_titles_without_a_popularity_fill_up_last() -> None:
    popular = np.full(TITLE_COUNT, np.nan, np.float32)
    popular[6] = 1.0
    assert shown(arrange(all_kept({}), 3, shop(popular=popular), params()), 0) == [6, 0, 1]


@pytest.mark.parametrize("diversity", [0.0, 0.5])
def test_no_title_is_asked_for_none_comes_and_beyond_the_catalogue_all_come_once(diversity: float) -> None:
    features = np.eye(TITLE_COUNT, dtype=np.float32)
    kept = all_kept({2: 1.0, 3: 2.0}, {})
    assert len(arrange(kept, 0, shop(features), params(diversity=diversity)).title) == 0
    lists = arrange(kept, 1000, shop(features), params(diversity=diversity))
    assert shown(lists, 0) == [3, 2, 0, 1, 4, 5, 6, 7, 8, 9]
    assert shown(lists, 1) == list(range(TITLE_COUNT))


@pytest.mark.parametrize("diversity", [0.0, 0.5])
def test_a_viewer_who_may_see_nothing_gets_an_empty_list_and_so_does_nobody(diversity: float) -> None:
    features = shop(np.eye(TITLE_COUNT, dtype=np.float32))
    for viewers in ([{2: 1.0}], []):
        kept = keep(scored(*viewers), TITLE_COUNT, [Rule("region", only())])
        assert len(arrange(kept, 5, features, params(diversity=diversity)).title) == 0
        assert len(explore(arrange(kept, 5, features, params()), kept, 1, params(exploration=1.0)).title) == 0


def two_genres() -> Shop:
    """Titles 0-4 are one genre, 5-9 the other."""
    return shop(np.repeat(np.eye(2, dtype=np.float32), 5, axis=0))


def test_diversity_lets_another_genre_in_and_the_best_title_stays_first() -> None:
    kept = all_kept({0: 1.0, 1: 0.9, 2: 0.8, 5: 0.7, 6: 0.0}, {5: 9.0, 6: 8.0})
    assert shown(arrange(kept, 3, two_genres(), params(diversity=0.0)), 0) == [0, 1, 2]
    lists = arrange(kept, 3, two_genres(), params(diversity=0.5))
    assert shown(lists, 0) == [0, 5, 1]
    assert shown(lists, 1) == [5, 6, 0]
    assert lists.score[:3].tolist() == pytest.approx([1.0, 0.7, 0.9])


def test_without_metadata_diversity_changes_nothing() -> None:
    kept = all_kept({0: 1.0, 1: 0.9, 5: 0.7})
    assert shown(arrange(kept, 3, shop(), params(diversity=0.9)), 0) == [0, 1, 5]


def test_diversity_chooses_as_one_would_by_hand() -> None:
    rng = np.random.default_rng(3)
    features = rng.random((40, 6)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    score = rng.random(40, np.float32)
    lists = arrange(keep(scored(dict(enumerate(score))), 40, []), 12, Shop(score, features), params(diversity=0.4))
    worth, chosen = (score - score.min()) / np.ptp(score), list[int]()
    for _ in range(12):
        alike = (features @ features[chosen].T).max(axis=1, initial=0)
        value = 0.6 * worth - 0.4 * alike
        value[chosen] = -np.inf
        chosen.append(int(value.argmax()))
    assert shown(lists, 0) == chosen


@pytest.mark.parametrize("diversity", [0.3, 0.95, 1.0])
def test_a_viewer_gets_the_same_list_alone_and_in_a_batch_and_every_place_of_it(diversity: float) -> None:
    rng = np.random.default_rng(5)
    viewers = [dict(zip(rng.permutation(9)[:n].tolist(), rng.random(n), strict=True)) for n in (9, 3, 0, 7)]
    features = rng.random((TITLE_COUNT, 3)).astype(np.float32)
    features[-1] = 0, 0, 0.01  # nobody's candidate, and unlike all that are
    features[:-1, 2] = 0
    unit = shop(features / np.linalg.norm(features, axis=1, keepdims=True))
    for k in (5, 8):
        together = arrange(all_kept(*viewers), k, unit, params(diversity=diversity))
        alone = [arrange(all_kept(viewer), k, unit, params(diversity=diversity)) for viewer in viewers]
        assert [shown(together, user) for user in range(4)] == [shown(lists, 0) for lists in alone]
        assert together.rank.tolist() == [*range(1, k + 1)] * 4
        assert all(viewers[user].keys() >= set(shown(together, user)[: len(viewers[user])]) for user in range(4))


def test_compact_rows_are_as_alike_as_the_sparse_ones_they_stand_for() -> None:
    rng = np.random.default_rng(2)
    of_low_rank = rng.random((30, 4)) @ rng.random((4, 50))
    dense = compact(sp.csr_array(of_low_rank), 4, seed=1)
    unit = of_low_rank / np.linalg.norm(of_low_rank, axis=1, keepdims=True)
    np.testing.assert_allclose(dense @ dense.T, unit @ unit.T, atol=1e-4)
    narrow = compact(sp.csr_array(np.array([[3.0, 4.0], [0.0, 0.0]])), 8, seed=1)
    np.testing.assert_allclose(narrow, np.array([[0.6, 0.8], [0.0, 0.0]]), atol=1e-6)


def explored(seed: int, **changes: Any) -> Lists:
    kept = all_kept({title: -float(title) for title in range(8)})
    settings = params(**{"exploration": 0.25, "slot": 2, "reach": 3} | changes)
    return explore(arrange(kept, 3, shop(), settings), kept, seed, settings)


def test_only_the_slot_is_left_to_chance_and_only_so_far_down() -> None:
    lists = [explored(seed) for seed in range(300)]
    assert {(shown(each, 0)[0], shown(each, 0)[2]) for each in lists} == {(0, 2)}
    assert {shown(each, 0)[1] for each in lists} == {1, 3, 4, 5}


def test_what_is_recorded_as_probable_is_how_often_it_comes() -> None:
    lists = [explored(seed) for seed in range(4000)]
    seen = Counter(shown(each, 0)[1] for each in lists)
    recorded = {shown(each, 0)[1]: float(each.propensity[1]) for each in lists}
    assert recorded == pytest.approx({1: 0.75, 3: 0.25 / 3, 4: 0.25 / 3, 5: 0.25 / 3})
    assert {title: count / 4000 for title, count in seen.items()} == pytest.approx(recorded, abs=0.02)


def test_an_explored_title_brings_its_own_score() -> None:
    lists = explored(0, exploration=1.0)
    assert lists.score[1] == -lists.title[1]
    assert lists.propensity.tolist() == pytest.approx([1, 1 / 3, 1])


def test_the_same_request_explores_the_same_way() -> None:
    first, again = explored(11, exploration=0.5), explored(11, exploration=0.5)
    assert first.title.tolist() == again.title.tolist()
    assert first.propensity.tolist() == again.propensity.tolist()


def test_nothing_is_explored_past_the_end_of_the_list_or_without_a_candidate_left() -> None:
    assert explored(1, exploration=1.0, slot=4).propensity.tolist() == [1, 1, 1]
    kept = all_kept({1: 1.0, 2: 2.0})
    lists = explore(arrange(kept, 4, shop(), params()), kept, 1, params(exploration=1.0, slot=2))
    assert shown(lists, 0) == [2, 1, 0, 3]
    assert lists.propensity.tolist() == [1, 1, 1, 1]
