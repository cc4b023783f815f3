"""Tune: other numbers for the ranker, tried on the lessons themselves and never on what evaluation measures.

Of every kind of lesson a fifth of the viewers are kept apart: the ranker learns from the others and is measured on
those. To search another number: one line in `_suggested`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import optuna

from marquee.errors import ModelError
from marquee.model.candidates import ranks_within
from marquee.model.histories import Histories, Mask
from marquee.model.lessons import Asked, Lesson, lessons
from marquee.model.ranker import Ranker, Rows, fit_ranker
from marquee.model.recommender import drawn
from marquee.model.retrieval import fit_retriever, rows_of, together
from marquee.model.titles import Titles
from marquee.params import Params, RankerParams

_PARTS = 5  # of the viewers, one is measured on
_K = 10
_OBJECTIVES = (
    "binary", "lambdarank", "rank_xendcg", "binary lambdarank", "rank_xendcg lambdarank",
    "rank_xendcg lambdarank rank_xendcg lambdarank",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Homework:
    """What a ranker learns from, and by kind of lesson what it is then asked."""

    learnt: Rows
    asked: Mapping[str, Rows]


@dataclass(frozen=True)
class Trial:
    params: RankerParams
    ndcg: Mapping[str, float]  # by kind of lesson

    @property
    def score(self) -> float:
        """No kind of lesson counts more because it asks more often."""
        return float(np.mean(list(self.ndcg.values())))


def homework(histories: Histories, titles: Titles, params: Params) -> Homework:
    """Of the viewers that a model learns from."""
    learnt: list[Rows] = []
    asked: dict[str, Rows] = {}
    names: tuple[str, ...] = ()
    for lesson in lessons(drawn(histories, params), params.lessons, params.seed):
        retriever = fit_retriever(lesson.past, titles, params, params.seed)
        teaching, measuring = parted(lesson)
        names = retriever.feature_names
        learnt += rows_of(teaching, retriever, params, params.seed)
        asked[lesson.name] = together(names, list(rows_of(measuring, retriever, params, params.seed)))
    asked = {name: rows for name, rows in asked.items() if len(rows.counts)}
    if not asked:
        raise ModelError("nothing to tune on: no viewer has enough of a past to be asked about; bring more ratings")
    return Homework(together(names, learnt), asked)


def trials(work: Homework, now: RankerParams, seed: int) -> Iterator[Trial]:
    """What the params of now are worth, then one better informed guess after another; the caller says when to stop."""
    yield tried(work, now, seed)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    while True:
        asked = study.ask()
        trial = tried(work, _suggested(asked), seed)
        study.tell(asked, trial.score)
        yield trial


def tried(work: Homework, params: RankerParams, seed: int) -> Trial:
    ranker = fit_ranker(work.learnt, params, seed)
    return Trial(params, {name: ndcg(rows, ranker) for name, rows in work.asked.items()})


def ndcg(rows: Rows, ranker: Ranker) -> float:
    """NDCG@10 of what was wanted among the candidates of each request."""
    starts = np.concatenate([[0], np.cumsum(rows.counts)])
    rank, request = (
        ranks_within(starts, ranker.scores(rows.features)),
        np.repeat(np.arange(len(rows.counts)), rows.counts),
    )
    wanted = rows.labels > 0
    hit = wanted & (rank <= _K)
    gained = np.bincount(request[hit], 1 / np.log2(1 + rank[hit]), len(rows.counts))
    most = np.cumsum(1 / np.log2(np.arange(2, _K + 2)))
    wants = np.bincount(request, wanted, len(rows.counts)).astype(np.int64)
    return float(np.mean(gained / most[np.minimum(wants, _K) - 1]))


def parted(lesson: Lesson) -> tuple[Lesson, Lesson]:
    """The lesson for most viewers, and for those that are measured on: in every lesson the same."""
    measured = [_measured(asked) for asked in lesson.asked]
    most, fifth = (
        tuple(_of(asked, some != left) for asked, some in zip(lesson.asked, measured, strict=True))
        for left in (True, False)
    )
    return replace(lesson, asked=most), replace(lesson, asked=fifth)


def _measured(asked: Asked) -> Mask:
    """By the id, mixed: ids may be numbered in any pattern."""
    return np.asarray((asked.histories.user_ids * 2_654_435_761 >> 16) % _PARTS == 0)


def _of(asked: Asked, viewers: Mask) -> Asked:
    users = np.flatnonzero(viewers)
    return Asked(asked.histories.of(users), asked.wanted.of(users), asked.as_of[users])


def _suggested(trial: optuna.Trial) -> RankerParams:
    objectives = trial.suggest_categorical("objectives", _OBJECTIVES)
    return RankerParams(
        objectives=tuple(objectives.split()),  # type: ignore[arg-type]
        rounds=trial.suggest_int("rounds", 20, 400, log=True),
        learning_rate=trial.suggest_float("learning_rate", 0.02, 0.3, log=True),
        leaves=trial.suggest_int("leaves", 4, 63, log=True),
        leaf_rows=trial.suggest_int("leaf_rows", 10, 1000, log=True),
        feature_share=trial.suggest_float("feature_share", 0.2, 1.0),
        row_share=trial.suggest_float("row_share", 0.5, 1.0),
        regularization=trial.suggest_float("regularization", 0.1, 100.0, log=True),
        truncation=trial.suggest_int("truncation", 5, 50),
    )
