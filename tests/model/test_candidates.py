"""Claims about gathering: the best of every source, nothing seen, refused or closed, and each source's own words."""

from dataclasses import dataclass

import numpy as np
import pytest

from marquee.model.best import best_of
from marquee.model.candidates import Candidates, firsts, gather, hidden, ranks_within
from marquee.model.histories import Floats, Histories, Ints, Mask
from tests.model.sources.conftest import now, watched

NAN = np.nan


@dataclass(frozen=True)
class Says:
    """The same to everybody."""

    name: str
    of_titles: tuple[float, ...]

    def scores(self, histories: Histories, as_of: Ints) -> Floats:  # noqa: ARG002
        return np.tile(np.array(self.of_titles, np.float32), (len(histories), 1))


FIRST, LAST = Says("first", (5, 4, 3, 2, 1)), Says("last", (1, 2, 3, 4, 5))


def gathered(*sources: Says, history: tuple[int, ...] = (), depth: int = 2, allowed: Mask | None = None) -> Candidates:
    histories = watched(history)
    return gather(sources, histories, now(histories), depth, allowed)


def test_the_best_of_each_source_are_gathered_once_with_what_every_source_says() -> None:
    found = gathered(FIRST, LAST)
    assert found.title.tolist() == [0, 1, 3, 4]
    assert found.scores.tolist() == [[5, 1], [4, 2], [2, 4], [1, 5]]
    assert found.sources == ("first", "last")
    assert gathered(FIRST, FIRST).title.tolist() == [0, 1]


def test_what_was_seen_makes_room_for_the_next_best() -> None:
    assert gathered(FIRST, history=(0, 2)).title.tolist() == [1, 3]


def test_what_does_not_hide_may_come_again() -> None:
    histories = watched([0, 1])
    looked_at = Histories(**{**histories.arrays(), "hides": np.array([False, True])})
    assert gather([FIRST], looked_at, now(looked_at), 1).title.tolist() == [0]
    assert hidden(looked_at, 3).tolist() == [[False, True, False]]


def test_titles_that_are_not_allowed_are_not_gathered() -> None:
    assert gathered(FIRST, LAST, depth=1, allowed=np.array([False, True, True, True, False])).title.tolist() == [1, 3]
    assert not len(gathered(FIRST, allowed=np.zeros(5, bool)).title)


def test_a_source_without_an_opinion_keeps_no_other_from_its_own() -> None:
    quiet = Says("quiet", (NAN, NAN, NAN, 1, NAN))
    found = gathered(quiet, FIRST, depth=1)
    assert found.title.tolist() == [0, 3]
    np.testing.assert_array_equal(found.scores, [[NAN, 5], [1, 2]])


def test_who_has_seen_everything_has_no_candidates_and_the_others_keep_theirs() -> None:
    histories = watched([0, 1, 2, 3, 4], [0], [])
    found = gather([FIRST, LAST], histories, now(histories), 2)
    assert found.counts.tolist() == [0, 4, 4]
    assert found.user.tolist() == [1] * 4 + [2] * 4


def test_more_depth_than_titles_gathers_all_that_are_open() -> None:
    assert gathered(FIRST, history=(1,), depth=100).title.tolist() == [0, 2, 3, 4]


@pytest.mark.parametrize("depth", [1, 3, 7, 50])
def test_the_best_are_those_that_sorting_would_put_first(depth: int) -> None:
    scores = np.random.default_rng(depth).permutation(40 * 20).reshape(40, 20).astype(np.float32)
    best = np.take_along_axis(scores, best_of(scores, depth), axis=1)
    assert np.array_equal(np.sort(best, axis=1)[:, ::-1], -np.sort(-scores, axis=1)[:, :depth])


def test_of_equals_those_come_first_that_stand_first() -> None:
    assert best_of(np.array([[1, 3, 2, 3, 2, 2]], np.float32), 4).tolist() == [[1, 3, 2, 4]]
    assert gathered(Says("even", (NAN, 2, 2, 1, 2)), depth=2).title.tolist() == [1, 2]


def test_ranks_begin_anew_for_each_viewer_and_silence_has_none() -> None:
    scores = np.array([2, 9, NAN, 4, 4, 7], np.float32)
    np.testing.assert_array_equal(ranks_within(np.array([0, 3, 3, 6]), scores), [2, 1, NAN, 2, 3, 1])


def test_the_firsts_of_each_source_alone_are_in_its_order_without_what_was_seen() -> None:
    histories = watched([4], [0, 1, 2, 3, 4], [])
    even = Says("even", (NAN, 2, 2, 1, 2))
    of_first, of_even = firsts([FIRST, even], histories, now(histories), 3)
    assert [column.tolist() for column in of_first] == [[0] * 3 + [2] * 3, [0, 1, 2] * 2, [1, 2, 3] * 2, [5, 4, 3] * 2]
    assert [column.tolist() for column in of_even[:3]] == [[0] * 3 + [2] * 3, [1, 2, 3, 1, 2, 4], [1, 2, 3] * 2]
