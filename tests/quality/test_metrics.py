"""Metrics against figures computed by hand, and against a plain definition, viewer by viewer."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from marquee.errors import TableError
from marquee.quality import metrics
from marquee.quality.metrics import Asked, Shown
from marquee.tables import LISTS

TITLES = np.arange(101, 301)
KINDS = (pl.Int64, pl.UInt16, pl.UInt32, pl.Float32)
Wanted = Mapping[int, Sequence[int]]


def lists_of(lists: Wanted) -> pl.DataFrame:
    rows = [(user, title, rank, 0.0) for user, titles in lists.items() for rank, title in enumerate(titles, 1)]
    return LISTS.complete(pl.DataFrame(rows, dict(zip(LISTS.columns, KINDS, strict=True)), orient="row"))


def asked_for(wanted: Wanted) -> Asked:
    rows = [(user, title) for user, titles in wanted.items() for title in titles]
    test = pl.DataFrame(rows, {"user_id": pl.Int64, "title_id": pl.UInt16}, orient="row")
    return Asked.of(test, TITLES)


def accuracy(lists: Wanted, wanted: Wanted) -> dict[str, list[float]]:
    asked = asked_for(wanted)
    scores = metrics.accuracy(metrics.shown(lists_of(lists), asked), asked)
    return {name: values.tolist() for name, values in scores.items()}


def of_lists(lists: Wanted) -> Shown:
    return metrics.shown(lists_of(lists), asked_for({user: [101] for user in lists}))


def test_a_list_scores_what_a_hand_computes() -> None:
    # Wanted are the titles at ranks 1 and 3, and one that is not in the list.
    scores = accuracy({7: [101, 102, 103, 104]}, {7: [101, 103, 200]})
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    expected = {
        "ndcg@10": 1.5 / ideal,
        "ndcg@100": 1.5 / ideal,
        "recall@10": 2 / 3,
        "recall@20": 2 / 3,
        "recall@50": 2 / 3,
        "precision@10": 0.2,
        "map@10": (1 / 1 + 2 / 3) / 3,
        "mrr": 1.0,
        "hit@10": 1.0,
    }
    assert {name: values[0] for name, values in scores.items()} == pytest.approx(expected, abs=1e-12)


def test_the_first_ten_end_at_the_tenth() -> None:
    scores = accuracy({7: range(101, 131), 8: range(101, 131)}, {7: [110], 8: [111]})
    assert scores["hit@10"] == scores["recall@10"] == [1.0, 0.0]
    assert scores["ndcg@10"] == pytest.approx([1 / math.log2(11), 0])
    assert scores["mrr"] == pytest.approx([1 / 10, 1 / 11])
    assert scores["ndcg@100"] == pytest.approx([1 / math.log2(11), 1 / math.log2(12)])


def test_a_full_list_of_wanted_titles_is_perfect_though_more_are_wanted_than_fit() -> None:
    scores = accuracy({7: range(101, 301)}, {7: range(101, 301)})
    assert list(scores.values()) == [pytest.approx([1.0])] * len(scores)


def test_a_viewer_without_a_list_scores_nothing_and_counts() -> None:
    scores = accuracy({8: [101]}, {7: [101], 8: [101]})
    assert {tuple(values) for name, values in scores.items() if name != "precision@10"} == {(0.0, 1.0)}


def test_lists_that_are_all_empty_score_nothing() -> None:
    assert accuracy({}, {7: [101]}) == {name: [0.0] for name in accuracy({}, {7: [101]})}


def test_a_viewer_who_wants_nothing_has_no_score() -> None:
    asked = asked_for({7: [101], 8: [102]}).only(TITLES == 102)
    scores = metrics.accuracy(metrics.shown(lists_of({7: [101], 8: [102]}), asked), asked)
    assert all(np.isnan(values[0]) for name, values in scores.items())
    assert scores["ndcg@10"][1] == 1


def test_nobody_asked_is_nobody_measured() -> None:
    assert accuracy({7: [101]}, {}) == {name: [] for name in accuracy({}, {})}


def test_viewers_are_told_apart_by_any_whole_number() -> None:
    assert accuracy({-5: [102], 0: [101], 2**40: [103]}, {-5: [102], 2**40: [101]})["hit@10"] == [1.0, 0.0]


def test_a_title_wanted_twice_is_wanted_once() -> None:
    assert accuracy({7: [101]}, {7: [101, 101]})["recall@10"] == [1.0]


def test_a_title_shown_twice_is_refused() -> None:
    with pytest.raises(TableError, match="viewer 7 is shown title 102 twice"):
        of_lists({3: [101], 7: [102, 101, 102]})


@pytest.mark.parametrize("ranks", [(1, 1), (0, 1)])
def test_ranks_that_tie_or_begin_at_nought_are_refused(ranks: tuple[int, int]) -> None:
    lists = lists_of({7: [101, 102]}).with_columns(rank=pl.Series(ranks, dtype=pl.UInt32))
    with pytest.raises(TableError, match="the ranks of viewer 7 are not 1, 2, 3"):
        metrics.shown(lists, asked_for({7: [101]}))


def test_a_title_that_does_not_exist_is_refused_by_its_id() -> None:
    with pytest.raises(TableError, match="lists: title 999 is not among the 200 titles"):
        of_lists({7: [101, 999]})


def test_an_unsorted_table_is_no_table_of_lists() -> None:
    with pytest.raises(TableError, match="not sorted by user_id, rank"):
        metrics.shown(lists_of({7: [101, 102]}).reverse(), asked_for({7: [101]}))


def plainly(shown: Sequence[int], wanted: Sequence[int]) -> dict[str, float]:
    """Every metric of one viewer's list by its definition, without arrays."""
    ranks = [rank for rank, title in enumerate(shown, 1) if title in wanted]

    def ndcg(k: int) -> float:
        best = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(wanted)) + 1))
        return sum(1 / math.log2(rank + 1) for rank in ranks if rank <= k) / best

    found = {k: len([rank for rank in ranks if rank <= k]) for k in (10, 20, 50)}
    precise = [len([other for other in ranks if other <= rank]) / rank for rank in ranks if rank <= 10]
    return {
        **{f"ndcg@{k}": ndcg(k) for k in (10, 100)},
        **{f"recall@{k}": found[k] / min(k, len(wanted)) for k in found},
        "precision@10": found[10] / 10,
        "map@10": sum(precise) / min(10, len(wanted)),
        "mrr": 1 / ranks[0] if ranks else 0.0,
        "hit@10": float(found[10] > 0),
    }


some_titles = st.lists(st.integers(101, 300), unique=True, max_size=130)


@settings(max_examples=50)
@given(st.lists(st.tuples(some_titles, some_titles.filter(len)), min_size=1, max_size=4))
def test_any_lists_score_as_the_plain_definition_says(viewers: list[tuple[list[int], list[int]]]) -> None:
    numbered = list(enumerate(viewers, 1))
    scores = accuracy({user: shown for user, (shown, _) in numbered}, {user: wanted for user, (_, wanted) in numbered})
    for row, (shown, wanted) in enumerate(viewers):
        assert {name: values[row] for name, values in scores.items()} == pytest.approx(plainly(shown, wanted), abs=1e-9)


def test_coverage_counts_each_title_once() -> None:
    assert metrics.coverage(of_lists({1: [101, 102], 2: [102, 103]}), 200) == 3 / 200


def test_a_title_that_everybody_rated_surprises_nobody_and_an_unrated_one_most() -> None:
    assert metrics.surprise(np.array([7, 3, 0]), 7).tolist() == [0.0, 1.0, 3.0]


def test_novelty_is_the_mean_surprise_of_what_is_shown() -> None:
    of_title = np.zeros(200)
    of_title[[0, 1]] = 2.0, 4.0
    novelty = metrics.mean_shown(metrics.shown(lists_of({1: [101, 102]}), asked_for({1: [101], 2: [101]})), of_title)
    assert novelty[0] == 3
    assert np.isnan(novelty[1])


def test_the_most_rated_are_as_many_as_their_share_says_and_ties_go_to_the_first() -> None:
    assert metrics.most_rated(np.array([1, 5, 5, 5, 0]), 0.3).tolist() == [0, 1, 1, 0, 0]


# Titles 101 and 102 are alike, 103 has nothing in common with them, 104 has half, of the others nothing is known.
FEATURES = sp.csr_array(np.vstack([[[2, 0], [3, 0], [0, 1], [1, 1]], np.zeros((196, 2))]))


@pytest.mark.parametrize(
    ("shown", "diversity"),
    [
        ([101, 102], 0.0),
        ([101, 103], 1.0),
        ([101, 104], 1 - math.sqrt(0.5)),
        ([101, 102, 103], 2 / 3),
        ([101, 102, 200], 0.0),
        ([101, 200], math.nan),
        ([], math.nan),
    ],
)
def test_a_list_is_diverse_as_far_as_its_titles_differ(shown: list[int], diversity: float) -> None:
    lists = metrics.shown(lists_of({1: shown}), asked_for({1: [101]}))
    assert metrics.diversity(lists, FEATURES).tolist() == pytest.approx([diversity], abs=1e-12, nan_ok=True)


def test_a_title_of_two_genres_is_half_of_each() -> None:
    seen = sp.csr_array(np.array([[1.0, 0, 0, 1], [0, 0, 0, 0]]))
    mix = metrics.genre_mix(seen, sp.csr_array((FEATURES[:4] > 0).astype(float)))
    assert mix[0].tolist() == [0.75, 0.25]
    assert np.isnan(mix[1]).all()


def test_showing_the_genres_of_the_past_is_calibrated_and_showing_others_is_not() -> None:
    taste = np.array([[0.5, 0.5], [1.0, 0.0], [1.0, 0.0], [np.nan, np.nan]])
    shown = np.array([[0.5, 0.5], [0.5, 0.5], [0.0, 1.0], [0.5, 0.5]])
    told = metrics.miscalibration(shown, taste)
    assert told[:3].tolist() == pytest.approx([0, math.log(1 / 0.505), math.log(1 / 0.01)])
    assert np.isnan(told[3])


def test_without_genres_calibration_is_not_known() -> None:
    assert np.isnan(metrics.miscalibration(np.zeros((2, 0)), np.zeros((2, 0)))).all()


@pytest.mark.parametrize("times", [1, 100])
def test_keys_are_found_where_they_stand_whether_few_or_many_are_asked(times: int) -> None:
    known, keys = np.array([-3, 5, 6, 90]), np.tile([6, -4, 90, 7, -3, 2**40], times)
    rows, found = metrics.found_in(keys, known)
    assert found.tolist() == [True, False, True, False, True, False] * times
    assert rows[found].tolist() == [2, 3, 0] * times
