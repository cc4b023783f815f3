"""Claims about content: what a title is decides, whether or not anybody has watched it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest

from marquee.model.histories import Ints
from marquee.model.sources.content import Content, fit_content, tf_idf
from marquee.model.titles import Titles, titles_of
from marquee.params import ContentParams
from marquee.tables import TITLES
from tests.model.sources.conftest import now, watched

PARAMS = ContentParams(genres=1.0, cast=1.0, directors=1.0, keywords=1.0, description=1.0, against=0.5, terms=1_000)


def catalogue(**columns: Sequence[Any]) -> Titles:
    """Titles 0, 1, ... with what is told of each; the last of the ids was only ever rated."""
    rows = len(next(iter(columns.values())))
    schema: Any = {"title_id": pl.Int64, **{name: TITLES.columns[name] for name in columns}}
    frame = pl.DataFrame({"title_id": range(rows), "name": [f"title {n}" for n in range(rows)], **columns})
    told = TITLES.complete(frame.cast(schema))
    return titles_of(told, np.arange(rows + 1))


GENRES = catalogue(genres=[["War"], ["War"], ["Romance"], ["Romance"], ["War", "Romance"], []])
NOTHING_KNOWN = [5, 6]
BY_GENRE = fit_content(GENRES, PARAMS)


def test_titles_like_the_liked_come_first_even_if_nobody_ever_watched_them() -> None:
    viewers = watched([0], [2])
    war, romance = BY_GENRE.scores(viewers, now(viewers))
    assert war[1] > war[4] > war[3]
    assert romance[3] > romance[4] > romance[1]


def test_a_title_of_which_nothing_is_known_gets_no_opinion() -> None:
    viewers = watched([0, 2])
    assert np.flatnonzero(np.isnan(BY_GENRE.scores(viewers, now(viewers))[0])).tolist() == NOTHING_KNOWN


def test_a_stranger_and_who_watched_only_unknown_titles_get_no_opinion() -> None:
    viewers = watched([], NOTHING_KNOWN)
    assert np.isnan(BY_GENRE.scores(viewers, now(viewers))).all()


def test_a_title_of_which_nothing_is_known_changes_nothing_in_a_history() -> None:
    viewers = watched([0, 2], [5, 0, 2], strength=[1, -1, 1, 1, -1])
    first, second = BY_GENRE.scores(viewers, now(viewers))
    assert np.array_equal(first, second, equal_nan=True)


def test_disliked_titles_speak_against_those_like_them() -> None:
    viewers = watched([4, 0], [4, 2], strength=[1, -1, 1, -1])
    scores = BY_GENRE.scores(viewers, now(viewers))
    assert scores[0, 3] > scores[0, 1]
    assert scores[1, 1] > scores[1, 3]


def test_what_the_disliked_weigh_does_not_depend_on_how_much_was_liked() -> None:
    viewers = watched([0, 2], [0, 1, 0, 1, 2], strength=[1, -1, 1, 1, 1, 1, -1])
    first, second = BY_GENRE.scores(viewers, now(viewers))
    assert first == pytest.approx(second, nan_ok=True)


def test_who_only_dislikes_war_films_is_told_that_a_war_film_is_the_worst() -> None:
    viewers = watched([0], strength=[-1])
    scores = BY_GENRE.scores(viewers, now(viewers))[0]
    assert scores[1] < scores[4] < scores[3] == 0


def test_a_title_with_stars_far_below_the_viewers_mean_is_a_disliked_one() -> None:
    viewers = watched([0, 2, 0, 2], [0, 2, 0, 2], rating=[5, 1, 5, 1, 1, 5, 1, 5])
    war, romance = BY_GENRE.scores(viewers, now(viewers))
    assert war[1] > 0 > war[3]
    assert romance[3] > 0 > romance[1]


def test_the_last_titles_count_most() -> None:
    viewers = watched([0, 0, 2], [2, 2, 0])
    once = watched([0, 2], [2, 0])
    war_last = BY_GENRE.scores(once, now(once))[1]
    assert war_last[1] > war_last[3]
    assert BY_GENRE.scores(viewers, now(viewers))[1, 1] < war_last[1]


def test_scores_are_cosines_whatever_the_length_of_a_history() -> None:
    viewers = watched([0], [0, 1] * 50)
    assert BY_GENRE.scores(viewers, now(viewers))[:, 1] == pytest.approx([1, 1])


@pytest.mark.parametrize("block", ["genres", "cast", "directors", "keywords"])
def test_each_block_makes_titles_alike_and_its_weight_decides_how_much(block: str) -> None:
    told: dict[str, Any] = {
        "description": ["a ship", "a ship", "a desert", "a desert"],
        block: [["A"], ["B"], ["A"], ["B"]],
    }
    titles = catalogue(**told)
    near = fit_content(titles, PARAMS.model_copy(update={block: 3.0})).likeness(np.array([0]))[0]
    far = fit_content(titles, PARAMS.model_copy(update={block: 0.0})).likeness(np.array([0]))[0]
    assert near[:4] == pytest.approx([1, 0.25, 0.75, 0])
    assert far[:4] == pytest.approx([1, 1, 0, 0])


def test_descriptions_are_alike_by_their_words_in_any_form() -> None:
    titles = catalogue(description=["The wolves are running", "A wolf runs", "An old piano", "pianos of the old", None])
    likeness = fit_content(titles, PARAMS).likeness(np.array([0, 2]))
    assert likeness[0, 1] > 0.4
    assert likeness[0, 2] == likeness[0, 3] == 0
    assert likeness[1, 3] == pytest.approx(1)
    assert np.isnan(likeness[:, 4]).all()


def test_a_rare_term_says_more_than_a_common_one() -> None:
    titles = catalogue(keywords=[["rare", "common"], ["rare"], ["common"], ["common"], ["common"]])
    likeness = fit_content(titles, PARAMS).likeness(np.array([0]))[0]
    assert likeness[1] > likeness[2]


def test_a_term_of_one_title_says_nothing_and_of_many_those_of_most_titles_stay() -> None:
    lists = pl.Series([["a", "b", "alone"], ["a", "b"], ["a", "c"], ["c", "z"], ["z"]])
    assert tf_idf(lists, 100).shape == (5, 4)
    most = tf_idf(lists, 2).toarray()
    assert most.shape == (5, 2)
    assert (most[:3, 0] > 0).all()  # "a"
    assert np.flatnonzero(most[:, 1]).tolist() == [0, 1]  # of three terms of two titles each, the first by name


def test_without_any_metadata_there_is_no_opinion() -> None:
    bare = titles_of(None, np.arange(3))
    viewers = watched([0], [])
    content = fit_content(bare, PARAMS)
    assert np.isnan(content.scores(viewers, now(viewers))).all()
    assert np.isnan(content.likeness(np.array([0]))).all()


def test_viewers_asked_together_are_answered_to_the_bit_as_each_alone() -> None:
    asked = watched([0, 3], [], [4], *([n % 5, 5] for n in range(40)), [1, 2, 5])
    alone = [BY_GENRE.scores(asked.of(_row(u)), now(asked)[:1])[0] for u in range(len(asked))]
    assert np.array_equal(BY_GENRE.scores(asked, now(asked)), np.array(alone), equal_nan=True)


def _row(user: int) -> Ints:
    return np.array([user])


def test_the_same_titles_make_the_same_vectors() -> None:
    again = fit_content(GENRES, PARAMS)
    assert again.vectors.data.tobytes() == BY_GENRE.vectors.data.tobytes()
    assert again.vectors.indices.tobytes() == BY_GENRE.vectors.indices.tobytes()


def test_a_restored_source_answers_as_the_saved_one() -> None:
    viewers = watched([0, 2], [3], strength=[1, -1, 1])
    restored = Content.restored(BY_GENRE.arrays())
    assert np.array_equal(
        restored.scores(viewers, now(viewers)), BY_GENRE.scores(viewers, now(viewers)), equal_nan=True
    )
