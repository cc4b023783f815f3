"""Viewers by their ids: those the model knows have their history, strangers an empty one."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

import numpy as np
import polars as pl

from marquee.model.arrange import Lists
from marquee.model.asked import histories_for, lists, now, rows_of_pairs
from marquee.model.histories import Histories, Ints, histories_of, rows_of
from marquee.model.recommender import Lister, Recommender
from marquee.model.titles import titles_of
from marquee.tables import WHEN


def histories() -> Histories:
    rows = {"user_id": [-4, 7, 7, 2**40], "title_id": [10, 20, 10, 20]}
    moments = pl.Series([datetime(2020, 1, day, tzinfo=UTC) for day in (1, 2, 3, 4)], dtype=WHEN)
    numbers = {name: np.ones(4, np.float32) for name in ("strength", "rating", "label")}
    table = pl.DataFrame({**rows, **numbers, "hides": [True] * 4, "at": moments, "known_at": moments})
    return histories_of(table, np.array([10, 20]))


def test_known_viewers_have_their_history_and_strangers_an_empty_one_in_the_order_asked() -> None:
    asked, strangers = histories_for(histories(), np.array([7, 5, -4, 2**41]))
    assert asked.user_ids.tolist() == [7, 5, -4, 2**41]
    assert asked.counts.tolist() == [2, 0, 1, 0]
    assert asked.title.tolist() == [1, 0, 0]
    assert strangers.tolist() == [1, 3]


def test_a_stranger_has_nobodys_attributes() -> None:
    known = histories()
    known.attributes[:] = 1.0
    asked, _ = histories_for(known, np.array([7, 5]))
    np.testing.assert_array_equal(asked.attributes, [[1, 1, 1], [np.nan] * 3])


def test_nobody_asked_about_is_no_history() -> None:
    asked, strangers = histories_for(histories(), np.array([], np.int64))
    assert len(asked) == len(strangers) == 0


def test_now_is_the_latest_moment_that_anybody_told_of_anything() -> None:
    known = histories()
    asked = known.of(np.array([1, 0]))
    assert now(known, asked).tolist() == [known.at.max()] * 2
    late = replace(known, known_at=known.known_at + 7)
    assert now(late, asked).tolist() == now(known, late).tolist()[:2] == [known.at.max() + 7] * 2


def test_scores_go_on_falling_where_titles_only_fill_a_list_up_also_where_nothing_was_scored() -> None:
    nan = np.nan

    def filled(asked: Histories, as_of: Ints, k: int) -> Lists:  # noqa: ARG001
        user, score = np.array([0, 0, 0, 0, 1, 2, 2]), np.array([3, -4.5, nan, nan, 0.25, nan, nan], np.float32)
        rank = np.array([1, 2, 3, 4, 1, 1, 2], np.uint32)
        return Lists(user, np.zeros(7, np.int32), rank, score, np.ones(7))

    known = histories()
    titles = titles_of(None, np.array([10, 20]))
    whole = cast("Lister", SimpleNamespace(histories=known, titles=titles, recommend=filled))
    assert lists(whole, known, 4)["score"].to_list() == [3, -4.5, -5.5, -6.5, 0.25, -1, -2]


def test_lists_of_more_titles_than_sources_propose_have_scores_that_fall(fitted: Recommender) -> None:
    some, _ = histories_for(fitted.histories, np.array([1, 2, 10**6]))
    made = lists(fitted, some, 1000)
    assert made.select(pl.col("score").is_finite().all()).item()
    assert made.select((pl.col("score").diff().over("user_id").drop_nulls() <= 0).all()).item()


def test_an_id_that_is_not_there_has_no_row() -> None:
    assert rows_of(np.array([-3, 5, 9]), np.array([9, 4, -3, 10])).tolist() == [2, -1, 0, -1]


def test_pairs_are_found_among_the_rows_and_what_nobody_did_is_not() -> None:
    pairs = pl.DataFrame({"user_id": [7, 7, -4, 5, 2**40], "title_id": [10, 30, 20, 10, 20]})
    known = histories()
    rows = rows_of_pairs(known, titles_of(None, np.array([10, 20])), pairs)
    assert known.user_ids[known.user][rows].tolist() == [7, 2**40]
    assert known.title[rows].tolist() == [0, 1]
