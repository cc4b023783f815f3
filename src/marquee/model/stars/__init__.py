"""Stars: the rating a viewer would give a title at a moment.

Parts learn from histories (parts.py: tastes, moods, neighbours); LightGBM learns from rows that the parts did not see
(asked.py) how far each of them is to be believed. Everything about a viewer is computed from the history handed over.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from marquee.model.histories import Floats, Histories, Ints
from marquee.model.stars.asked import asked_rounds
from marquee.model.stars.moods import NO_MOMENT
from marquee.model.stars.parts import Parts, fit_parts
from marquee.model.trees import Trees
from marquee.params import BlendParams, StarsParams

__all__ = ["NO_MOMENT", "Stars", "fit_stars"]


@dataclass(frozen=True, eq=False)
class Stars:
    parts: Parts
    scale: Floats  # the fewest and the most stars that were given
    text: str  # the blend, LightGBM's own format; empty if nothing could be learnt

    def predict(self, histories: Histories, user: Ints, title: Ints, at: Ints) -> Floats:
        """Of pairs, each at its moment (NO_MOMENT if not known); `user` is a row number of the histories."""
        if len(histories) > 1:
            asked, user = np.unique(user, return_inverse=True)
            histories = histories if len(asked) == len(histories) else histories.of(asked)
        columns = self.parts.columns(histories, user, title, at)
        guess = columns["tastes"]
        if self.text and len(user):
            guess = guess + self._blend.scores(_table(columns))[0].astype(np.float32)
        return np.clip(guess, *self.scale).astype(np.float32)

    @cached_property
    def _blend(self) -> Trees:
        return Trees.of(self.text)

    def arrays(self) -> Mapping[str, NDArray[np.generic]]:
        """All but the text."""
        return {**self.parts.arrays(), "scale": self.scale}

    @classmethod
    def restored(cls, arrays: Mapping[str, NDArray[np.generic]], text: str) -> Self:
        return cls(Parts.restored(arrays), np.asarray(arrays["scale"], np.float32), text)


def fit_stars(histories: Histories, titles: int, params: StarsParams, seed: int) -> Stars:
    ratings = histories.rated.rating
    scale = np.array([ratings.min(), ratings.max()] if len(ratings) else [0, 0], np.float32)
    text = _fit_blend(histories, titles, params, seed)
    return Stars(fit_parts(histories, titles, params, seed), scale, text)


def _fit_blend(histories: Histories, titles: int, params: StarsParams, seed: int) -> str:
    import lightgbm as lgb  # noqa: PLC0415 - only training needs it, and it takes a service seconds

    tables, errors = [], []
    for asked in asked_rounds(histories, params.blend, seed):
        parts = fit_parts(asked.known, titles, params, seed)
        columns = parts.columns(asked.known, asked.user, asked.title, asked.at)
        names = list(columns)
        tables.append(_table(columns))
        errors.append(asked.rating - columns["tastes"])
    if sum(map(len, errors)) < 2 * params.blend.leaf_rows:
        return ""
    settings = _settings(params.blend, seed)
    data = lgb.Dataset(np.vstack(tables), np.concatenate(errors), feature_name=names, params=settings)
    text: str = lgb.train(settings, data, params.blend.trees).model_to_string()
    return text


def _settings(params: BlendParams, seed: int) -> dict[str, Any]:
    return {
        "objective": "l2",
        "learning_rate": params.learning_rate,
        "num_leaves": params.leaves,
        "min_data_in_leaf": params.leaf_rows,
        "lambda_l2": params.regularization,
        "feature_fraction": params.feature_share,
        "bagging_fraction": params.row_share,
        "bagging_freq": 1,
        "num_threads": 1,
        "deterministic": True,
        "bin_construct_sample_cnt": 50_000,  # as in ranker.py
        "force_col_wise": True,
        "seed": seed,
        "verbosity": -1,
    }


def _table(columns: Mapping[str, Floats]) -> Floats:
    return np.column_stack(list(columns.values()))
