"""Near copies of what was refused come last, among candidates of the one who refused it."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

from marquee.model.arrange import Scored
from marquee.model.copies import copies_last
from marquee.model.sources.content import Content
from tests.model.conftest import histories, table

# Titles 0 and 1 are the same, 2 is somewhat like them, 3 has nothing of them, of 4 nothing is known.
CONTENT = Content(sp.csr_array(np.array([[1, 0], [1, 0], [0.6, 0.8], [0, 1], [0, 0]], np.float32)), 0, 0.5)
LEAST = 0.7


def scored(*viewers: dict[int, float]) -> Scored:
    starts = np.cumsum([0, *map(len, viewers)])
    title = np.array([title for rows in viewers for title in rows], np.int32)
    return Scored(starts, title, np.array([score for rows in viewers for score in rows.values()], np.float32))


def order(told: Scored, viewer: int) -> list[int]:
    rows = slice(told.starts[viewer], told.starts[viewer + 1])
    return [int(title) for title in told.title[rows][np.argsort(-told.score[rows])]]


def test_a_near_copy_comes_after_all_others_and_what_is_only_somewhat_alike_does_not() -> None:
    refused = histories(table([(1, 1, None, 1.0)], strength=pl.Series([-1.0], dtype=pl.Float32)))
    told = copies_last(scored({1: 9.0, 2: 2.0, 3: 1.0, 4: -5.0}), refused, CONTENT, LEAST)
    assert order(told, 0) == [2, 3, 4, 1]


def test_it_is_nobodys_business_but_of_the_one_who_refused() -> None:
    rows = table([(1, 1, None, 1.0), (2, 4, None, 1.0)], strength=pl.Series([-1.0, -1.0], dtype=pl.Float32))
    told = copies_last(scored({1: 9.0, 3: 1.0}, {1: 9.0, 3: 1.0}), histories(rows), CONTENT, LEAST)
    assert (order(told, 0), order(told, 1)) == ([3, 1], [1, 3])


def test_scores_of_a_viewer_are_the_same_whoever_else_is_asked() -> None:
    rows = [(viewer, 1, None, 1.0) for viewer in (1, 2, 3, 4)]
    refused = histories(table(rows, strength=pl.Series([-1.0] * 4, dtype=pl.Float32)))
    viewers: list[dict[int, float]] = [{}, {1: 0.3, 3: 0.1}, {2: 0.2, 1: 900.0, 4: -70.0}, {}]
    told = copies_last(scored(*viewers), refused, CONTENT, LEAST)
    alone = [
        copies_last(scored(viewer), refused.of(np.array([row])), CONTENT, LEAST) for row, viewer in enumerate(viewers)
    ]
    np.testing.assert_array_equal(told.score, np.concatenate([each.score for each in alone]))
    assert alone[1].score.tolist() == pytest.approx([0.3 - 1.2, 0.1])


def test_who_refused_nothing_keeps_every_score() -> None:
    before = scored({1: 9.0, 3: 1.0})
    assert copies_last(before, histories(table([(1, 1, 5.0, 1.0)])), CONTENT, LEAST) is before


def test_what_has_but_the_genre_in_common_is_no_copy() -> None:
    refused = histories(table([(1, 1, None, 1.0)], strength=pl.Series([-1.0], dtype=pl.Float32)))
    before = scored({1: 9.0, 2: 2.0, 3: 1.0})
    assert copies_last(before, refused, replace(CONTENT, genres=1), LEAST) is before


def test_what_was_finished_with_a_thumb_down_is_refused_too() -> None:
    both = histories(table([(1, 1, None, 1.0)], strength=pl.Series([0.0], dtype=pl.Float32)))
    assert order(copies_last(scored({1: 9.0, 3: 1.0}), both, CONTENT, LEAST), 0) == [3, 1]
