"""Claims about tuning: measured on viewers it did not learn from, kinds of lessons count alike, the same twice."""

from itertools import islice

import numpy as np
import polars as pl
import pytest

from marquee.errors import ModelError
from marquee.model.lessons import lessons
from marquee.model.ranker import Ranker, Rows
from marquee.model.split import some_viewers
from marquee.model.titles import Titles
from marquee.quality.tune import Homework, Trial, homework, ndcg, parted, trials, tried
from tests.model.conftest import catalogue, histories, interactions, small_params

PARAMS = small_params("lessons.viewers=60", "ranker.rounds=10")
PAST = histories(interactions(80, seed=1))
NAMES = ("als_rank",)


@pytest.fixture(scope="module")
def work() -> Homework:
    return homework(PAST, Titles(catalogue()), PARAMS)


def by_rank(ranks: list[int], labels: list[int], counts: list[int]) -> float:
    """Before it has learnt, a ranker goes by the sources' ranks."""
    features = np.array(ranks, np.float32)[:, None]
    return ndcg(Rows(NAMES, features, np.array(labels), np.array(counts)), Ranker(NAMES, ()))


def test_nobody_is_measured_on_whom_the_ranker_learnt_from() -> None:
    learnt, measured = set[int](), set[int]()
    for lesson in lessons(PAST, PARAMS.lessons, PARAMS.seed):
        most, fifth = parted(lesson)
        learnt |= {int(user) for asked in most.asked for user in asked.histories.user_ids}
        measured |= {int(user) for asked in fifth.asked for user in asked.histories.user_ids}
    assert not learnt & measured
    assert 0.1 < len(measured) / len(learnt | measured) < 0.35


def test_what_is_wanted_first_is_worth_one_and_further_down_less() -> None:
    assert by_rank([1, 2, 3], [1, 0, 0], [3]) == 1
    assert by_rank([2, 1, 3], [1, 0, 0], [3]) == pytest.approx(1 / np.log2(3))
    assert by_rank([1, 2, 3], [1, 1, 0], [3]) == pytest.approx(1)
    assert by_rank([11, *range(1, 11)], [1, *[0] * 10], [11]) == 0
    assert by_rank([1, 2, 2, 1], [1, 0, 1, 0], [2, 2]) == pytest.approx((1 + 1 / np.log2(3)) / 2)


def test_no_kind_of_lesson_counts_more_than_another() -> None:
    assert Trial(PARAMS.ranker, {"latest": 0.2, "fifth": 0.4}).score == pytest.approx(0.3)


def test_every_kind_of_lesson_is_asked(work: Homework) -> None:
    assert set(work.asked) == {lesson.name for lesson in lessons(PAST, PARAMS.lessons, PARAMS.seed)}


def test_a_ranker_that_learns_beats_one_that_hardly_does(work: Homework) -> None:
    numb = PARAMS.ranker.model_copy(update={"leaf_rows": 1_000_000})
    assert tried(work, PARAMS.ranker, PARAMS.seed).score > 1.2 * tried(work, numb, PARAMS.seed).score


def test_the_params_of_now_come_first_and_the_same_guesses_twice(work: Homework) -> None:
    first, again = (list(islice(trials(work, PARAMS.ranker, PARAMS.seed), 3)) for _ in range(2))
    assert first[0].params == PARAMS.ranker
    assert len({str(trial.params) for trial in first}) == 3
    assert first == again


def test_those_are_asked_whom_a_model_learns_from() -> None:
    params = PARAMS.model_copy(update={"viewers": 30})
    some = some_viewers(pl.Series(PAST.user_ids), 30, params.seed).to_numpy()
    theirs = homework(PAST.of(np.searchsorted(PAST.user_ids, some)), Titles(catalogue()), PARAMS)
    told = homework(PAST, Titles(catalogue()), params)
    np.testing.assert_array_equal(told.learnt.features, theirs.learnt.features)
    np.testing.assert_array_equal(told.learnt.counts, theirs.learnt.counts)


def test_without_a_past_there_is_nothing_to_tune_on() -> None:
    with pytest.raises(ModelError, match="nothing to tune on"):
        homework(PAST.where(np.zeros(len(PAST.title), bool)), Titles(catalogue()), PARAMS)
