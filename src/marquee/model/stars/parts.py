"""Parts: what the blend is made of, and one definition of its columns for training and for answering.

Each part is learnt from histories alone. A new column is a line in `columns`; LightGBM reads NaN for not known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from marquee.model.histories import Floats, Histories, Ints
from marquee.model.stars.fitting import fit_tastes
from marquee.model.stars.moods import DAY_MS, Moods
from marquee.model.stars.neighbours import Neighbours, fit_neighbours
from marquee.model.stars.tastes import Tastes, Viewers
from marquee.params import StarsParams

Numbers = Floats | Ints

_PERIODS = 10  # of a title's stars, each with as many of all ratings
_CROWDS = 5  # of how many titles a viewer rated on the day
_USUAL_ROWS = 25  # a title's cell of so many rows is believed by half


@dataclass(frozen=True, eq=False)
class Parts:
    tastes: Tastes
    neighbours: Neighbours
    counts: Ints  # ratings of each title
    first_at: Ints  # when each title was first rated
    periods: Ints  # moments at which a period ends and the next begins
    by_period: Floats  # titles x periods: mean surprise, shrunk
    by_crowd: Floats  # titles x crowds

    def columns(self, histories: Histories, user: Ints, title: Ints, at: Ints) -> dict[str, Floats]:
        """What the blend sees of each pair; "tastes" is the guess that it corrects."""
        rated, viewers = histories.rated, self.tastes.viewers(histories)
        surprises = rated.rating - self.tastes.stars(viewers, rated.user, rated.title.astype(np.int64))
        moods = Moods(rated, surprises).around(user, at)
        crowd = np.where(at < 0, np.nan, self.by_crowd[title, _crowd(moods["rows_in_0_days"])])
        columns = {
            **moods,
            **self._of_tastes(viewers, user, title),
            **self._of_viewers(histories, rated, viewers, user),
            **self._of_titles(title, at),
            **self._of_neighbours(rated, user, title),
            "by_crowd": crowd,
        }
        return {name: np.asarray(column, np.float32) for name, column in columns.items()}

    def _of_tastes(self, viewers: Viewers, user: Ints, title: Ints) -> dict[str, Numbers]:
        return {
            "tastes": self.tastes.stars(viewers, user, title),
            "viewer_bias": viewers.side.means[user, 0],
            "title_bias": self.tastes.titles.means[title, 0],
            "title_doubt": self.tastes.titles.covariances[title, 0, 0],
        }

    def _of_viewers(self, histories: Histories, rated: Histories, viewers: Viewers, user: Ints) -> dict[str, Numbers]:
        return {
            "viewer_reliability": viewers.reliability[user],
            "viewer_rated": rated.counts[user],
            "viewer_watched": histories.counts[user],
        }

    def _of_titles(self, title: Ints, at: Ints) -> dict[str, Numbers]:
        moment = np.where(at < 0, np.nan, at / DAY_MS)
        period = self.by_period[title, np.searchsorted(self.periods, at)]
        return {
            "title_rated": self.counts[title],
            "moment": moment,
            "title_age": np.where(self.counts[title] > 0, moment - self.first_at[title] / DAY_MS, np.nan),
            "by_period": np.where(at < 0, np.nan, period),
        }

    def _of_neighbours(self, rated: Histories, user: Ints, title: Ints) -> dict[str, Numbers]:
        biases, above, support = self.neighbours.expected(rated, user, title)
        return {"biases": biases, "neighbours": above, "neighbours_support": support}

    def arrays(self) -> Mapping[str, NDArray[np.generic]]:
        return {**self.tastes.arrays(), **self.neighbours.arrays(), **{name: getattr(self, name) for name in _OWN}}

    @classmethod
    def restored(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Self:
        own = {name: arrays[name] for name in _OWN}
        return cls(Tastes.restored(arrays), Neighbours.restored(arrays), **own)  # type: ignore[arg-type]


_OWN = ("counts", "first_at", "periods", "by_period", "by_crowd")


def fit_parts(histories: Histories, titles: int, params: StarsParams, seed: int) -> Parts:
    rated, tastes = histories.rated, fit_tastes(histories, titles, params.tastes, seed)
    user, title = rated.user, rated.title.astype(np.int64)
    surprises = rated.rating - tastes.stars(tastes.viewers(histories), user, title)
    first_at = np.full(titles, np.iinfo(np.int64).max)
    np.minimum.at(first_at, title, rated.at)
    periods = _periods(rated.at)
    others = Moods(rated, surprises).around(user, rated.at)["rows_in_0_days"] - 1
    return Parts(
        tastes=tastes,
        neighbours=fit_neighbours(rated, titles, params.likeness),
        counts=np.bincount(title, minlength=titles),
        first_at=first_at,
        periods=periods,
        by_period=_cells(title, np.searchsorted(periods, rated.at), surprises, (titles, _PERIODS)),
        by_crowd=_cells(title, _crowd(others), surprises, (titles, _CROWDS)),
    )


def _periods(at: Ints) -> Ints:
    shares = np.arange(1, _PERIODS) / _PERIODS
    return np.quantile(at, shares).astype(np.int64) if len(at) else np.zeros(len(shares), np.int64)


def _crowd(rows: Floats) -> Ints:
    """Groups of how many others the viewer rated that day, each of four times as many as the one before."""
    return np.minimum(np.log2(np.nan_to_num(rows) + 1).astype(np.int64) // 2, _CROWDS - 1)


def _cells(title: Ints, cell: Ints, surprises: Floats, shape: tuple[int, int]) -> Floats:
    place, size = title * shape[1] + cell, shape[0] * shape[1]
    means = np.bincount(place, surprises, size) / (np.bincount(place, minlength=size) + _USUAL_ROWS)
    return means.reshape(shape).astype(np.float32)
