"""Claims about features: one row a candidate, in numbers that can be checked by hand, and NaN for what is not known."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from marquee.model.candidates import Candidates
from marquee.model.features import TOP, Known, describe
from marquee.model.histories import Floats, Histories, Ints
from marquee.model.profiles import profile_titles
from marquee.model.titles import Titles
from marquee.tables import TITLES
from tests.model.sources.conftest import DAY, now, watched

GENRES = [["Crime"]] * 4 + [["Dramas"]] * 4 + [["Crime", "Dramas"], []]
COUNT = len(GENRES)
YEARS = [1990] * 4 + [2000] * 5 + [None]
PAST = watched(*[[0, 1, 4]] * 3, [0, 5], [9], rating=[4, 2, 3] * 3 + [5, 3] + [1])
NOBODY, FAN = watched([]), watched([0, 1, 2], rating=[5, 4, 3])
VIEWERS = (
    "viewer_count",
    "viewer_mean",
    "viewer_spread",
    "viewer_mainstream",
    "viewer_days_since",
    "viewer_year_recent",
)


def known(expected: Floats | None = None, rows: int = 0) -> Known:
    frame = {
        "title_id": range(COUNT),
        "name": ["A"] * COUNT,
        "year": pl.Series(YEARS, dtype=pl.Int16),
        "genres": GENRES,
    }
    stars = np.full(rows, 3.5, np.float32) if expected is None else expected
    return Known(Titles(TITLES.complete(pl.DataFrame(frame))), profile_titles(PAST, COUNT), stars)


def said(scores: list[list[float]], titles: Ints | None = None) -> Candidates:
    """Of each viewer in turn, what one source says of every title."""
    title = np.arange(COUNT) if titles is None else titles
    starts = np.arange(len(scores) + 1) * len(title)
    column = np.array(scores, np.float32).reshape(-1, 1)
    return Candidates(("als",), starts, np.tile(title, len(scores)), column)


def columns(
    histories: Histories, scores: list[list[float]] | None = None, as_of: Ints | None = None
) -> Mapping[str, Floats]:
    candidates = said([[1.0] * COUNT] * len(histories) if scores is None else scores)
    moment = now(histories) if as_of is None else as_of
    names, rows = describe(candidates, histories, moment, known(rows=len(candidates.title)))
    assert rows.shape == (len(candidates.title), len(names))
    assert rows.dtype == np.float32
    return dict(zip(names, rows.T, strict=True))


def test_a_source_speaks_by_its_score_against_its_best_and_by_its_rank() -> None:
    scores = [float(score) for score in (8, 6, 4, 2, *[np.nan] * 6)]
    found = columns(FAN, [scores])
    np.testing.assert_array_equal(found["als_score"], np.array(scores, np.float32))
    np.testing.assert_allclose(found["als_relative"][:4], np.array([8, 6, 4, 2]) / 5)
    np.testing.assert_allclose(found["als_rank"][:4], np.log2([1, 2, 3, 4]), atol=1e-6)
    assert np.isnan(found["als_relative"][4:]).all()
    assert np.isnan(found["als_rank"][4:]).all()


def test_twice_the_scores_are_the_same_against_the_best() -> None:
    assert COUNT >= TOP
    scores = np.linspace(1, 5, COUNT)
    one, two = columns(FAN, [scores.tolist()]), columns(FAN, [(2 * scores).tolist()])
    np.testing.assert_allclose(one["als_relative"], two["als_relative"], rtol=1e-6)
    assert np.array_equal(one["als_rank"], two["als_rank"])


def test_a_source_that_likes_nothing_has_no_best_to_be_measured_against() -> None:
    assert np.isnan(columns(FAN, [[-1.0] * COUNT])["als_relative"]).all()
    assert np.isnan(columns(FAN, [[0.0] * COUNT])["als_relative"]).all()


def test_a_viewer_is_told_by_their_count_stars_and_days() -> None:
    found = columns(FAN, as_of=np.array([10 * DAY]))
    assert found["viewer_count"][0] == 2
    assert found["viewer_mean"][0] == 4
    assert found["viewer_spread"][0] == pytest.approx(np.sqrt(2 / 3))
    assert found["viewer_days_since"][0] == 3
    assert found["viewer_days_active"][0] == pytest.approx(np.log2(3))
    assert found["viewer_year_recent"][0] == 1990


def test_of_a_stranger_nothing_is_known_but_titles_and_sources_speak() -> None:
    found = columns(NOBODY)
    assert all(np.isnan(found[name]).all() for name in found if name.startswith("viewer_"))
    for name in ("als_score", "title_share", "match_stars", "match_genres"):
        assert np.isfinite(found[name][:4]).all()
    for name in ("match_mainstream", "match_age", "match_mean", "match_year"):
        assert np.isnan(found[name]).all()


def test_attributes_are_told_when_they_are_known() -> None:
    told = replace(watched([0], [0]), attributes=np.array([[3, 1, 7], [np.nan] * 3], np.float32))
    found = columns(told)
    np.testing.assert_array_equal(found["viewer_region"][[0, COUNT]], [7, np.nan])
    np.testing.assert_array_equal(found["viewer_gender"][[0, COUNT]], [1, np.nan])


def test_a_title_matches_the_genres_that_the_viewer_watches_more_than_there_is_of_them() -> None:
    match = columns(FAN)["match_genres"]
    assert match[3] > 0 > match[4]
    assert match[3] > match[8] > match[4]
    assert np.isnan(match[9])


def test_without_any_genres_there_is_no_match() -> None:
    bare = Titles(TITLES.complete(pl.DataFrame({"title_id": range(COUNT), "name": ["A"] * COUNT})))
    candidates = said([[1.0] * COUNT])
    names, rows = describe(candidates, FAN, now(FAN), replace(known(rows=COUNT), titles=bare))
    assert np.isnan(rows[:, names.index("match_genres")]).all()
    assert np.isnan(rows[:, names.index("match_year")]).all()


def test_a_title_is_new_and_old_as_of_the_request() -> None:
    early, late = columns(FAN, as_of=np.array([8 * DAY])), columns(FAN, as_of=np.array([64 * DAY]))
    assert early["title_age"][0] == 3
    assert late["title_age"][0] == 6
    assert columns(FAN, as_of=np.array([0]))["title_days_since"][0] == 0


def test_expected_stars_are_told_as_they_are_and_above_the_viewers_mean() -> None:
    stars = np.linspace(1, 5, COUNT, dtype=np.float32)
    names, rows = describe(said([[1.0] * COUNT]), FAN, now(FAN), known(stars))
    assert np.array_equal(rows[:, names.index("match_stars")], stars)
    assert rows[:, names.index("match_stars_above")] == pytest.approx(stars - 4)


def test_viewers_described_together_are_described_as_each_alone() -> None:
    """So that a list asked for in bulk is the list on the page."""
    together, scores = (
        watched([0, 1, 2], [], [5], rating=[5, 4, 3, np.nan]),
        [[3.0] * COUNT, [1.0] * COUNT, [2.0] * COUNT],
    )
    found = columns(together, scores)
    for user in range(3):
        alone = columns(together.of(np.array([user])), scores[user : user + 1])
        for name, column in alone.items():
            np.testing.assert_array_equal(column, found[name][user * COUNT : (user + 1) * COUNT], name)


def test_describing_nobody_names_the_same_features() -> None:
    names, rows = describe(said([]), watched(), np.empty(0, np.int64), known())
    assert set(VIEWERS) < set(names)
    assert list(names) == list(columns(FAN))
    assert rows.shape == (0, len(names))
