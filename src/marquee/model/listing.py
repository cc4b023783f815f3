"""Listing: one viewer's list as it is shown, with what it was decided by: features, scores and propensities.

The recommender's own steps for a single history: candidates, features, ranker, rules, diversity, a slot that explores.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marquee.model.arrange import Rule, Shop, arrange, explore
from marquee.model.explain import Pool
from marquee.model.histories import Floats, Histories, Ints
from marquee.model.recommender import Lister


@dataclass(frozen=True, eq=False)
class Wish:
    k: int
    as_of: int
    rules: Sequence[Rule]  # masks of titles
    diversity: float
    seed: int  # of the slot that explores


@dataclass(frozen=True, eq=False)
class Listed:
    """The best first. A title that fills up has no score, and what is not a candidate no features: NaN."""

    title: Ints
    score: Floats
    propensity: NDArray[np.float64]
    features: Floats  # titles x features
    pool: Pool | None  # the candidates that the titles stood among


def listed(lister: Lister, history: Histories, wish: Wish, shop: Shop) -> Listed:
    """For the one viewer of a history."""
    proposed = lister.propose(history, np.array([wish.as_of]), wish.rules)
    kept, pool = proposed.kept, proposed.pool
    params = lister.params.arrange.model_copy(update={"diversity": wish.diversity})
    lists = explore(arrange(kept, wish.k, shop, params), kept, wish.seed, params)
    title = lists.title.astype(np.int64)
    return Listed(title, lists.score, lists.propensity, _rows_of(title, pool.found.title, pool.features), pool)


def ranked(lister: Lister, title: Ints, score: Floats) -> Listed:
    """Titles in an order of their own, for which no features were looked at."""
    features = np.full((len(title), len(lister.feature_names)), np.nan, np.float32)
    return Listed(title, score, np.ones(len(title)), features, None)


def as_of(history: Histories, until: int, asked: int) -> int:
    """The moment of a request, not later than anybody told of: features know no more distant future."""
    return min(asked, max(until, int(history.last_at[0])))


def _rows_of(title: Ints, pool: Ints, features: Floats) -> Floats:
    """The features of each title, NaN for one that is not in the pool; the pool's titles rise."""
    if not len(pool):
        return np.full((len(title), features.shape[1]), np.nan, np.float32)
    place = np.minimum(np.searchsorted(pool, title), len(pool) - 1)
    rows = features[place]
    rows[pool[place] != title] = np.nan
    return rows
