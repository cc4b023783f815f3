"""Predicted stars, on small worlds in which it is plain who likes what, and when."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from marquee.model import asked
from marquee.model.histories import Floats, Histories, Ints, histories_of
from marquee.model.stars import NO_MOMENT, Stars, fit_stars
from marquee.model.stars.measured import Answers, answers, by_segment, by_time, error, last_part, on_rows, random_folds
from marquee.model.titles import titles_of
from marquee.params import BlendParams, LikenessParams, StarsParams, TastesParams, read_params

ROOT = Path(__file__).parents[2]
DAY = 86_400_000
VIEWERS, TITLES = 120, 40
PARAMS = StarsParams(
    tastes=TastesParams(factors=3, directions=3, expectation=10.0, iterations=12, support=10.0),
    likeness=LikenessParams(titles=10, shrinkage=10.0, rows=100),
    blend=BlendParams(
        rounds=3,
        enough=20_000,
        hidden=0.2,
        rows=20_000,
        trees=60,
        leaves=7,
        leaf_rows=30,
        learning_rate=0.1,
        regularization=1.0,
        feature_share=0.8,
        row_share=0.8,
    ),
)


def histories_from(user: Ints, title: Ints, rating: np.ndarray, at: Ints) -> Histories:
    when = pl.Series(at).cast(pl.Datetime("ms", "UTC"))
    frame = pl.DataFrame({"user_id": user + 1, "title_id": title + 1, "rating": rating.astype(np.float32), "at": when})
    rows = frame.with_columns(strength=1.0, label=1.0, hides=True, known_at="at").fill_nan(None)
    return histories_of(rows, np.arange(1, TITLES + 1))


@cache
def checkerboard() -> Histories:
    """Even viewers give even titles 5 stars and odd ones 1, odd viewers the other way; of three in four."""
    user, title = np.divmod(np.arange(VIEWERS * TITLES), TITLES)
    keep = np.random.default_rng(1).random(len(user)) < 0.75
    user, title = user[keep], title[keep]
    rating = np.where(user % 2 == title % 2, 5, 1)
    return histories_from(user, title, rating, DAY * (np.arange(len(user)) + 1))


@cache
def fitted() -> Stars:
    return fit_stars(checkerboard(), TITLES, PARAMS, seed=1)


def stranger(titles: list[int], ratings: list[float]) -> Histories:
    at = DAY * (10_000 + np.arange(len(titles)))
    return histories_from(np.full(len(titles), 7_000), np.array(titles), np.array(ratings), at)


def nobody() -> Histories:
    return checkerboard().of(np.array([0])).last(0)


def predicted(histories: Histories, titles: list[int], at: int = NO_MOMENT) -> np.ndarray:
    return fitted().predict(
        histories, np.zeros(len(titles), np.int64), np.array(titles), np.full(len(titles), at, np.int64)
    )


def test_pairs_are_told_some_at_a_time_and_each_as_beside_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    pairs = pl.DataFrame({"user_id": rng.integers(1, VIEWERS + 9, 300), "title_id": rng.integers(1, TITLES + 5, 300)})
    told = fitted(), checkerboard(), titles_of(None, np.arange(1, TITLES + 1)), pairs, np.full(300, NO_MOMENT)
    at_once = asked.predicted(*told)
    sizes, predict = list[int](), Stars.predict

    def counted(stars: Stars, histories: Histories, user: Ints, title: Ints, at: Ints) -> Floats:
        sizes.append(len(user))
        return predict(stars, histories, user, title, at)

    monkeypatch.setattr(asked, "_PAIRS", 40)
    monkeypatch.setattr(Stars, "predict", counted)
    assert_frame_equal(asked.predicted(*told), at_once, rel_tol=0, abs_tol=1e-5)
    assert len(sizes) > 5
    assert max(sizes) == 40


def test_rows_that_were_hidden_are_guessed_where_the_world_is_plain() -> None:
    errors = random_folds(checkerboard(), TITLES, PARAMS, folds=3, seed=2)
    assert errors["blend"].rmse < 0.3
    assert errors["mean"].rmse == pytest.approx(2, abs=0.01)
    assert errors["blend"].pairs == len(checkerboard().title)


def test_a_viewer_never_seen_in_training_is_known_by_their_history() -> None:
    likes_even = stranger([0, 1, 2, 3, 4, 5], [5, 1, 5, 1, 5, 1])
    even, odd = predicted(likes_even, [20, 21])
    assert even > 4.5
    assert odd < 1.5


def test_one_new_rating_changes_the_answer_at_once() -> None:
    before, after = predicted(nobody(), [20])[0], predicted(stranger([0], [5]), [20])[0]
    assert after > before + 0.3


def test_a_stranger_is_given_what_is_usual() -> None:
    assert predicted(nobody(), [0, 1, 20]) == pytest.approx(3, abs=0.8)


def test_what_was_watched_says_something_even_without_stars() -> None:
    """All watch only titles of their kind, and give their kind's stars: 5 by even viewers, 1 by odd ones."""
    user, title = np.divmod(np.arange(VIEWERS * TITLES), TITLES)
    theirs = (user % 2 == title % 2) & (np.random.default_rng(6).random(len(user)) < 0.7)
    user, title = user[theirs], title[theirs]
    histories = histories_from(user, title, np.where(user % 2, 1, 5), DAY * (np.arange(len(user)) + 1))
    stars = fit_stars(histories, TITLES, PARAMS, seed=1)
    watched = [stranger(titles, [np.nan] * 4) for titles in ([0, 2, 4, 6], [1, 3, 5, 7])]
    even, odd = (stars.predict(history, np.array([0]), np.array([20]), np.array([NO_MOMENT]))[0] for history in watched)
    assert even > odd + 1


def test_the_answer_of_a_pair_depends_on_no_other_pair() -> None:
    histories = checkerboard()
    user, title = np.array([5, 3, 5, 90]), np.array([1, 2, 3, 39])
    at = np.array([DAY, NO_MOMENT, 9 * DAY, 10**6 * DAY])
    together = fitted().predict(histories, user, title, at)
    alone = [fitted().predict(histories, user[[i]], title[[i]], at[[i]])[0] for i in range(4)]
    assert together == pytest.approx(alone, abs=1e-5)


def test_no_pairs_no_stars() -> None:
    nothing = np.empty(0, np.int64)
    assert fitted().predict(checkerboard(), nothing, nothing, nothing).shape == (0,)


def test_stars_stay_within_those_that_were_given() -> None:
    everything = predicted(stranger([0, 2, 4, 6], [5, 5, 5, 5]), list(range(TITLES)), at=DAY * 10_004)
    assert everything.min() >= 1
    assert everything.max() <= 5


def test_two_fits_are_the_same_and_a_restored_model_answers_the_same() -> None:
    again = fit_stars(checkerboard(), TITLES, PARAMS, seed=1)
    assert again.text == fitted().text
    assert all(np.array_equal(values, again.arrays()[name]) for name, values in fitted().arrays().items())
    restored = Stars.restored(fitted().arrays(), fitted().text)
    asked = (np.arange(50), np.arange(50) % TITLES, np.full(50, DAY))
    assert np.array_equal(restored.predict(checkerboard(), *asked), fitted().predict(checkerboard(), *asked))


@cache
def moody() -> Histories:
    """Everybody rates ten titles on each of three days; each day has its own mood, of a star up or down."""
    rng = np.random.default_rng(3)
    title = np.concatenate([rng.permutation(TITLES)[:30] for _ in range(VIEWERS)])
    user, sitting = np.repeat(np.arange(VIEWERS), 30), np.tile(np.repeat(np.arange(3), 10), VIEWERS)
    moods = rng.choice([-1, 1], (VIEWERS, 3))
    at = DAY * (1 + 100 * sitting) + np.tile(np.arange(30), VIEWERS) * 60_000
    return histories_from(user, title, 3.0 + moods[user, sitting], at)


def test_the_mood_of_the_day_is_found_in_the_other_stars_of_that_day() -> None:
    errors = random_folds(moody(), TITLES, PARAMS, folds=3, seed=2)
    assert errors["blend"].rmse < 0.5 * errors["tastes"].rmse


def test_many_stars_in_one_day_are_lower_where_that_is_the_way_of_the_world() -> None:
    rng = np.random.default_rng(4)
    user, title = np.divmod(np.arange(VIEWERS * TITLES), TITLES)
    busy = rng.random(VIEWERS) < 0.5
    order = np.concatenate([rng.permutation(TITLES) for _ in range(VIEWERS)])
    in_one_day = title < 20  # the first half of each history, of busy viewers all on one day
    at = DAY * np.where(in_one_day & busy[user], 1, 1 + title)
    crowded = in_one_day & busy[user]
    histories = histories_from(user, order, np.where(crowded, 3.0, 4.0) + rng.normal(0, 0.3, len(user)), at)
    stars = fit_stars(histories, TITLES, PARAMS, seed=1)
    first = int(np.flatnonzero(busy)[0])
    that_day, another = stars.predict(histories, np.full(2, first), np.full(2, int(order[0])), DAY * np.array([1, 60]))
    assert that_day < another - 0.5


def test_a_viewer_who_rates_at_random_is_found_less_reliable() -> None:
    histories = checkerboard()
    dice = np.random.default_rng(5).choice([1.0, 5.0], len(histories.title)).astype(np.float32)
    rating = np.where(histories.user < 10, dice, histories.rating)
    stars = fit_stars(replace(histories, rating=rating), TITLES, PARAMS, seed=1)
    reliability = stars.parts.tastes.viewers(replace(histories, rating=rating)).reliability
    assert reliability[:10].max() < reliability[10:].min()


def test_nobody_rated_anything() -> None:
    watched = replace(checkerboard(), rating=np.full_like(checkerboard().rating, np.nan))
    stars = fit_stars(watched, TITLES, PARAMS, seed=1)
    assert np.isfinite(stars.predict(watched, np.array([0]), np.array([1]), np.array([DAY]))).all()


def test_too_little_to_blend_is_left_to_the_tastes() -> None:
    few = checkerboard().of(np.arange(3)).last(4)
    stars = fit_stars(few, TITLES, PARAMS, seed=1)
    assert stars.text == ""
    assert 1 <= stars.predict(few, np.array([0]), np.array([1]), np.array([NO_MOMENT]))[0] <= 5


def test_errors_are_what_a_hand_would_count() -> None:
    found = error(np.array([3, 4, 5], np.float32), np.array([3, 2, 4], np.float32))
    assert (found.rmse, found.mae, found.pairs) == pytest.approx((np.sqrt(5 / 3), 1, 3))


def test_splits_by_time_ask_what_came_last() -> None:
    histories, fifth = checkerboard(), 0.2
    assert last_part(histories, TITLES, PARAMS, fifth, seed=1)["blend"].pairs == (histories.counts // 5).sum()
    late = by_time(histories, TITLES, PARAMS, fifth, seed=1)["blend"]
    assert late.pairs == pytest.approx(len(histories.title) * fifth, abs=1)


def test_errors_are_told_of_whom_so_much_was_seen() -> None:
    """Of viewers 0 to 3 nothing, 10, 11 and 60 rows were seen; of title 0 one, of title 1 five."""
    watched, rated = np.array([0, 0, 10, 11, 60]), np.array([1, 5, 5, 5, 1])
    said, given = np.array([3, 3, 4, 4, 2], np.float32), np.array([1, 3, 4, 5, 2], np.float32)
    limits = read_params(ROOT / "params.yaml").evaluate.model_copy(update={"light": 11, "heavy": 60, "new_title": 5})
    told = [Answers({"blend": said[rows]}, given[rows], watched[rows], rated[rows]) for rows in (slice(3), slice(3, 5))]
    errors = {name: (found.mae, found.pairs) for name, found in by_segment(told, limits).items()}
    assert errors == {
        "light viewers": (0, 1),
        "medium viewers": (1, 1),
        "heavy viewers": (0, 1),
        "old titles": (pytest.approx(1 / 3), 3),
        "new titles": (1, 2),
        "strangers": (1, 2),
    }


def test_what_was_seen_is_counted_without_what_is_asked() -> None:
    histories = checkerboard()
    asked = (histories.user == 0) | (histories.title == 0)
    (told,) = answers(histories, [asked], TITLES, PARAMS, seed=1)
    user, title = histories.user[asked], histories.title[asked]
    assert (told.watched[user == 0] == 0).all()
    assert (told.watched[user == 1] == np.count_nonzero((histories.user == 1) & (histories.title != 0))).all()
    assert (told.rated[title == 0] == 0).all()
    assert (told.rated[title == 3] == np.count_nonzero((histories.title == 3) & (histories.user != 0))).all()


def test_given_rows_are_asked_of_a_model_that_saw_none_of_them() -> None:
    """Title 0 is rated 5 in the rows that are asked about alone: a model that saw them would know."""
    histories = checkerboard()
    asked = histories.title == 0
    planted = replace(histories, rating=np.where(asked, np.float32(5), np.float32(3)))
    assert on_rows(planted, [asked], TITLES, PARAMS, seed=1)["blend"].mae == pytest.approx(2, abs=0.01)
