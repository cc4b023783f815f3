"""Claims about retrieval: features mean the same whatever they were fitted on, and know nothing of the future."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from marquee.model.candidates import Candidates
from marquee.model.histories import Floats, Histories
from marquee.model.lessons import Asked, by_time, fifth, latest, lessons
from marquee.model.recommender import Recommender
from marquee.model.retrieval import Retrieved, Retriever, batches, fit_retriever, restored_retriever, retrieve
from marquee.model.sources.following import Following
from marquee.model.titles import Titles, titles_of
from marquee.params import Params
from tests.model.conftest import DAY, TITLE_COUNT, catalogue, histories, interactions, small_params
from tests.model.sources.conftest import watched
from tests.model.test_lessons import as_of_moment, moment_of, planted, same, told_late

PARAMS = small_params("stars.tastes={factors: 3, directions: 3, expectation: 10.0, iterations: 8, support: 10.0}")
SEED = 1
Columns = Mapping[str, NDArray[np.float32]]


def titles() -> Titles:
    return titles_of(catalogue(), np.empty(0, np.int64))


def fitted_on(past: Histories) -> Retriever:
    return fit_retriever(past, titles(), PARAMS, SEED)


class Measured:
    """How features stand for the same requests in a model of everything and in models of a past."""

    # Farther apart than this are two distributions that nobody would call the same: raw counts in half the world.
    BOUND = 0.25

    def __init__(self) -> None:
        self.everything = histories(interactions(400, seed=3))
        self.requests = histories(interactions(100, seed=99))
        self.of_everything = self.features(fitted_on(self.everything), self.everything)

    def features(self, retriever: Retriever, past: Histories) -> Columns:
        """Of viewers whom no model has seen; they ask when the past has just ended, as viewers of a service do."""
        ended = min(0, int(past.at.max()) - int(self.everything.at.max()))
        asked = replace(self.requests, at=self.requests.at + ended)
        as_of = asked.last_at + DAY
        found = retriever.candidates(asked, as_of)
        names, rows = retriever.describe(found, asked, as_of)
        return {**dict(zip(names, rows.T, strict=True)), "planted_count": raw_count(past, found)}

    def drift(self, past: Histories, retriever: Retriever | None = None) -> Mapping[str, float]:
        """Of each feature, how far apart its two distributions are: Kolmogorov and Smirnov's distance."""
        other = self.features(retriever or fitted_on(past), past)
        return {name: apart(column, other[name]) for name, column in self.of_everything.items()}

    def drifting(self, drift: Mapping[str, float]) -> set[str]:
        return {name for name, distance in drift.items() if distance > self.BOUND}


def raw_count(past: Histories, found: Candidates) -> NDArray[np.float32]:
    """What no feature may be: it grows with the data."""
    return np.bincount(past.title, minlength=TITLE_COUNT)[found.title].astype(np.float32)


def apart(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    known, known_other = one[~np.isnan(one)], other[~np.isnan(other)]
    assert (len(known) > 0) == (len(known_other) > 0)
    return float(ks_2samp(known, known_other, method="asymp").statistic) if len(known) else 0.0


@pytest.fixture(scope="module")
def measured() -> Measured:
    return Measured()


def half(world: Histories) -> Histories:
    return world.of(np.arange(0, len(world), 2))


def test_every_feature_means_the_same_fitted_on_half_of_the_viewers_and_a_raw_count_would_not(
    measured: Measured,
) -> None:
    assert measured.drifting(measured.drift(half(measured.everything))) == {"planted_count"}


def test_a_source_that_scores_in_raw_counts_would_be_seen(measured: Measured) -> None:
    retriever = fitted_on(half(measured.everything))
    following = retriever.fitted["following"]
    assert isinstance(following, Following)
    counts = replace(following, chances=following.chances * 10)
    grown = replace(retriever, fitted={**retriever.fitted, "following": counts})
    drifting = measured.drifting(measured.drift(half(measured.everything), grown))
    assert drifting == {"following_score", "following_last_score", "planted_count"}


# What a lesson's past cannot tell as everything does. `latest` and `fifth` hide the ends of histories: titles that come
# late are rarer in their past, and stand earlier in what is left. At an earlier moment every title is younger.
MAINSTREAM = {"viewer_mainstream", "viewer_mainstream_recent"}
OF_LESSON: Mapping[str, set[str]] = {
    "latest": {*MAINSTREAM, "viewer_depth_recent"},
    "fifth": {*MAINSTREAM, "viewer_depth_recent", "title_depth"},
    "by_time": {"title_age", "match_age"},
}


@pytest.mark.parametrize("name", OF_LESSON)
def test_in_the_past_of_a_lesson_every_score_means_the_same_and_what_does_not_is_known(
    measured: Measured, name: str
) -> None:
    rng = np.random.default_rng(1)
    pasts = {
        "latest": lambda: latest(measured.everything, PARAMS.lessons, rng).past,
        "fifth": lambda: fifth(measured.everything, PARAMS.lessons, rng).past,
        "by_time": lambda: by_time(measured.everything, 0.7, PARAMS.lessons, rng).past,
    }
    drifting = measured.drifting(measured.drift(pasts[name]())) - {"planted_count"}
    assert drifting <= OF_LESSON[name]
    assert not {feature for feature in drifting if feature.endswith(("_score", "_relative", "_rank"))}


@pytest.fixture(scope="module")
def futures() -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """One world with two futures, which part at a moment; some of what happened before it is learnt after."""
    rows = interactions(120, seed=11)
    moment = moment_of(rows, 0.7)
    told = told_late(rows, moment)
    return told, planted(told, moment), moment


def described(retriever: Retriever, asked: Asked) -> tuple[Candidates, Floats]:
    found = retriever.candidates(asked.histories, asked.as_of)
    return found, retriever.describe(found, asked.histories, asked.as_of)[1]


def same_answers(retrievers: tuple[Retriever, Retriever], asked: Asked) -> bool:
    """Of the same requests: the candidates, what sources say of them, their features, and the profiles of titles."""
    (one, rows), (other, other_rows) = (described(retriever, asked) for retriever in retrievers)
    profiles = [retriever.profiles.arrays() for retriever in retrievers]
    return (
        np.array_equal(one.title, other.title)
        and np.array_equal(one.scores, other.scores, equal_nan=True)
        and np.array_equal(rows, other_rows, equal_nan=True)
        and all(np.array_equal(array, profiles[1][name], equal_nan=True) for name, array in profiles[0].items())
    )


def test_candidates_features_and_profiles_of_a_moment_are_the_same_to_the_bit_whatever_came_after(
    futures: tuple[pl.DataFrame, pl.DataFrame, int],
) -> None:
    *worlds, moment = futures
    lesson, other = (as_of_moment(world, moment) for world in worlds)
    retrievers = (fitted_on(lesson.past), fitted_on(other.past))
    for asked in lesson.asked:
        assert same_answers(retrievers, asked)


@pytest.mark.parametrize("leak", ["everything", "learnt later"])
def test_a_leak_would_be_seen(futures: tuple[pl.DataFrame, pl.DataFrame, int], leak: str) -> None:
    """A model fitted on everything; and one that knows what had happened, though nobody had told it yet."""
    *worlds, moment = futures
    lesson = as_of_moment(worlds[0], moment)
    every = [histories(world) for world in worlds]
    leaky = every if leak == "everything" else [world.where(world.at <= moment) for world in every]
    assert not same_answers((fitted_on(leaky[0]), fitted_on(leaky[1])), lesson.asked[0])


def test_a_history_with_a_row_of_the_future_would_be_seen(futures: tuple[pl.DataFrame, pl.DataFrame, int]) -> None:
    world, _, moment = futures
    lesson = as_of_moment(world, moment)
    asked, whole = lesson.asked[0], histories(world)
    leaky = replace(asked, histories=whole.of(np.flatnonzero(np.isin(whole.user_ids, asked.histories.user_ids))))
    retriever = fitted_on(lesson.past)
    assert not same(asked.histories, leaky.histories)
    one, other = described(retriever, asked)[1], described(retriever, leaky)[1]
    assert one.shape != other.shape or not np.array_equal(one, other, equal_nan=True)


@pytest.fixture(scope="module")
def world() -> Histories:
    return histories(interactions(150, seed=21))


@pytest.fixture(scope="module")
def retrieved(world: Histories) -> Retrieved:
    return retrieve(world, titles(), retrieved_params(), SEED)


def retrieved_params() -> Params:
    """Every title is a candidate, and stays one."""
    return small_params("sources.depth=160", "lessons.negatives=1000")


def test_when_every_title_is_a_candidate_no_answer_is_lost(world: Histories) -> None:
    """`latest` asks each viewer for one title, `fifth` for a fifth of theirs."""
    rows = retrieve(
        world, titles(), small_params("sources.depth=160", "lessons.moments=[]", "lessons.steps=[1]"), SEED
    ).rows
    fifth_of = (world.counts * 0.2).astype(int)
    assert np.count_nonzero(rows.labels) == len(world) + fifth_of.sum()
    assert len(rows.counts) == len(world) + np.count_nonzero(fifth_of)


def test_rows_are_what_sources_that_knew_only_the_past_said(world: Histories, retrieved: Retrieved) -> None:
    params = retrieved_params()
    lesson = next(lessons(world, params.lessons, SEED))
    first = lesson.asked[0].histories.of(np.array([0]))
    asked = Asked(first, first, lesson.asked[0].as_of[:1])
    past = fit_retriever(lesson.past, titles(), params, SEED)
    (found, said), (_, of_everything) = described(past, asked), described(retrieved.retriever, asked)
    rows = retrieved.rows.features[: len(found.title)]
    # Asked together, sums may differ in their last bit.
    assert np.isclose(rows, said, rtol=1e-3, equal_nan=True).mean() > 0.99
    assert np.isclose(rows, of_everything, rtol=1e-3, equal_nan=True).mean() < 0.7


def test_rows_come_in_groups_that_each_hold_an_answer(world: Histories) -> None:
    """A viewer of whose wanted titles none is a candidate teaches nothing; with few candidates there are many."""
    retrieved = retrieve(world, titles(), small_params("sources.depth=1"), SEED)
    rows = retrieved.rows
    assert rows.counts.sum() == len(rows.labels) == len(rows.features)
    group = np.repeat(np.arange(len(rows.counts)), rows.counts)
    assert np.bincount(group, rows.labels > 0).min() >= 1
    assert rows.names == retrieved.retriever.feature_names


def test_what_was_wanted_is_ranked_better_by_the_sources_than_what_was_not(retrieved: Retrieved) -> None:
    rows = retrieved.rows
    wanted = rows.labels > 0
    for name in ("als_rank", "sequence_rank", "popular_rank"):
        rank = rows.features[:, rows.names.index(name)]
        assert np.nanmean(rank[wanted]) < np.nanmean(rank[~wanted])


def test_of_what_was_not_wanted_about_as_many_are_kept_as_asked_for(world: Histories, retrieved: Retrieved) -> None:
    few = retrieve(world, titles(), small_params("sources.depth=160", "lessons.negatives=5"), SEED).rows
    kept = np.count_nonzero(few.labels == 0) / len(few.counts)
    assert kept == pytest.approx(5, rel=0.1)
    assert np.count_nonzero(few.labels) == np.count_nonzero(retrieved.rows.labels)


def test_of_many_requests_fewer_negatives_are_kept_so_that_the_rows_stay_about_as_many(world: Histories) -> None:
    few = retrieve(world, titles(), small_params("sources.depth=160", "lessons.rows=2000"), SEED).rows
    kept = np.count_nonzero(few.labels == 0)
    assert 0.5 * 2000 < kept < 1.1 * 2000


def test_the_same_seed_gives_the_same_rows_to_the_bit(world: Histories) -> None:
    one, other = (retrieve(world, titles(), small_params(), SEED).rows for _ in range(2))
    assert np.array_equal(one.features, other.features, equal_nan=True)
    assert np.array_equal(one.labels, other.labels)
    assert np.array_equal(one.counts, other.counts)


def test_one_rating_teaches_nothing() -> None:
    rows = retrieve(watched([0]), titles(), PARAMS, SEED).rows
    assert rows.features.shape == (0, len(rows.names))
    assert len(rows.labels) == len(rows.counts) == 0


def test_the_retriever_of_serving_knows_everything(world: Histories, retrieved: Retrieved) -> None:
    assert retrieved.retriever.profiles.until == world.at.max()


def test_a_retriever_restored_of_its_parts_describes_the_same(fitted: Recommender) -> None:
    saved = fitted.retriever
    restored = restored_retriever(saved.parts(), saved.titles, saved.params)
    assert restored.feature_names == saved.feature_names
    viewers = fitted.histories.of(np.arange(20))
    asked = Asked(viewers, viewers, viewers.last_at)
    assert same_answers((saved, restored), asked)


def test_batches_are_all_viewers_once_in_order() -> None:
    viewers = watched(*[[]] * 300)
    assert np.concatenate(list(batches(viewers))).tolist() == list(range(300))
    assert not list(batches(watched()))
