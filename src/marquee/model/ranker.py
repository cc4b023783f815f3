"""The ranker: LightGBM learns from lessons which of the candidates a viewer wants next.

Several boosters vote with the mean of their scores: each objective sees something the others do not, and of the same
objective each draws other rows and features, so that less of what they say is chance.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from marquee.errors import ModelError
from marquee.model.boosted import names_in
from marquee.model.histories import ATTRIBUTES, Floats, Ints, Mask
from marquee.model.shapley import Shapley
from marquee.model.trees import Trees
from marquee.params import RankerParams

if TYPE_CHECKING:
    import lightgbm as lgb

_UNRANKED = 10.0  # log2 of a rank: what a source's silence counts as, whoever else is asked about


@dataclass(frozen=True, eq=False)
class Rows:
    """Labelled candidates: groups of rows, one a request of the past."""

    names: tuple[str, ...]  # of the features
    features: Floats  # rows x features
    labels: Ints  # grades, 0 for what was not wanted
    counts: Ints  # rows of each group


@dataclass(frozen=True, eq=False)
class Ranker:
    names: tuple[str, ...]
    texts: tuple[str, ...]  # one LightGBM model each

    def scores(self, features: Floats) -> Floats:
        """How much each candidate is wanted; comparable within a request."""
        if not self.texts or not len(features):
            return self._by_rank(features)
        scores: Floats = self._trees.scores(features).mean(axis=0, dtype=np.float32)
        nobody = self._of_nobody(features)
        if nobody.any():
            scores[nobody] = self._by_rank(features[nobody])
        return scores

    def _of_nobody(self, features: Floats) -> Mask:
        """Rows of viewers of whom nothing at all is known: lessons on them teach no more than their own day."""
        if not len(self._of_viewer):
            return np.zeros(len(features), np.bool_)
        unknown: Mask = np.all(np.isnan(features[:, self._of_viewer]), axis=1)
        return unknown

    @cached_property
    def _of_viewer(self) -> Ints:
        """The features that tell of the viewer; an attribute that no tree asks for tells nothing."""
        silent = {f"viewer_{name}" for name in ATTRIBUTES} - {self.names[n] for n in self._trees.feature}
        told = [n for n, name in enumerate(self.names) if name.startswith("viewer_") and name not in silent]
        return np.array(told, np.int64)

    def _by_rank(self, features: Floats) -> Floats:
        """Where there is nothing to learn from, the sources' ranks decide."""
        ranks = [number for number, name in enumerate(self.names) if name.endswith("_rank")]
        scores: Floats = -np.nan_to_num(features[:, ranks], nan=_UNRANKED).mean(axis=1, dtype=np.float32)
        return scores

    def contributions(self, features: Floats) -> Floats:
        """Rows x features and a last column for the start: what each adds to the score; they sum to it."""
        if not self.texts:
            return np.column_stack([np.zeros_like(features), self.scores(features)])
        contributions = self._shapley.contributions(features).astype(np.float32)
        nobody = self._of_nobody(features)
        if nobody.any():
            contributions[nobody, :-1], contributions[nobody, -1] = 0, self._by_rank(features[nobody])
        return contributions

    @cached_property
    def _trees(self) -> Trees:
        if any(names_in(text) != self.names for text in self.texts):
            raise ModelError(
                "the model's ranker learnt from other features than this version of Marquee has; fit it anew"
            )
        return Trees.of(*self.texts)

    @cached_property
    def _shapley(self) -> Shapley:
        return Shapley(*self.texts)


def fit_ranker(rows: Rows, params: RankerParams, seed: int) -> Ranker:
    return fit_rankers([rows], params, seed)[0]


def fit_rankers(taught: Sequence[Rows], params: RankerParams, seed: int) -> list[Ranker]:
    """One of each; all their boosters share two processors, and those of the same rows what is made of these once."""
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda rows: _dataset(rows, params, seed) if _teaches(rows, params) else None, taught))
        votes = [
            [
                pool.submit(_fit, data, objective, params, seed + number)
                for number, objective in enumerate(params.objectives)
                if data is not None
            ]
            for data in made
        ]
        return [
            Ranker(rows.names, tuple(vote.result() for vote in of_rows))
            for rows, of_rows in zip(taught, votes, strict=True)
        ]


def _teaches(rows: Rows, params: RankerParams) -> bool:
    """Fewer rows make no two leaves; of very few LightGBM draws none for a tree, and fails."""
    return len(rows.labels) >= 2 * params.leaf_rows


def _dataset(rows: Rows, params: RankerParams, seed: int) -> "lgb.Dataset":
    import lightgbm as lgb  # noqa: PLC0415 - only training needs it, and it takes a service seconds

    names, settings = list(rows.names), _settings(params, seed)
    return lgb.Dataset(rows.features, rows.labels, group=rows.counts, feature_name=names, params=settings).construct()


def _fit(data: "lgb.Dataset", objective: str, params: RankerParams, seed: int) -> str:
    import lightgbm as lgb  # noqa: PLC0415 - see above

    settings = {"objective": objective, "lambdarank_truncation_level": params.truncation, **_settings(params, seed)}
    text: str = lgb.train(settings, data, params.rounds).model_to_string()
    return text


def _settings(params: RankerParams, seed: int) -> dict[str, Any]:
    return {
        "learning_rate": params.learning_rate,
        "num_leaves": params.leaves,
        "min_data_in_leaf": params.leaf_rows,
        "feature_fraction": params.feature_share,
        "bagging_fraction": params.row_share,
        "bagging_freq": 1,
        "lambda_l2": params.regularization,
        "bin_construct_sample_cnt": 50_000,  # rows by which a feature's steps are found: more take seconds
        "max_bin": 127,  # steps of a feature: twice as many take a tenth longer and say no more
        "num_threads": 1,  # two wait for one another at every split, for ages beside other work
        "deterministic": True,
        "force_col_wise": True,
        "seed": seed,
        "verbosity": -1,
    }
