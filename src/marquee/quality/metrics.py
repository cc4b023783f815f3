"""Metrics: how good lists are, one number a viewer, vectorised over all of them. (Of stars: model/stars/measured.)

`Asked` says who is measured and what they want; `shown` turns a table of lists into arrays for exactly those viewers.
A viewer without a list scores 0 on what a list should find, and NaN (left out of the mean) on what a list is like.
To add a metric: a line in `accuracy`, or a function of what is shown, called in evaluate.py.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from marquee.errors import TableError
from marquee.model.histories import Ints, Mask
from marquee.tables import LISTS

Doubles = NDArray[np.float64]

SMOOTHING = 0.01  # Steck 2018: how much of the wanted share is mixed in, so that a genre never shown has a finite price


@dataclass(frozen=True, eq=False)
class Asked:
    """Viewers, titles, and which viewer wants which title, as row numbers, by viewer and title."""

    user_ids: Ints  # rising
    title_ids: Ints  # rising
    user: Ints
    title: Ints

    @classmethod
    def of(cls, test: pl.DataFrame, title_ids: Ints) -> "Asked":
        """The viewers of a test and what they want of it; a title wanted twice is wanted once."""
        user_ids, user = np.unique(test["user_id"].to_numpy().astype(np.int64), return_inverse=True)
        keys = np.unique(user * len(title_ids) + row_numbers(test["title_id"], title_ids, "test"))
        return cls(user_ids, title_ids, *np.divmod(keys, max(len(title_ids), 1)))

    @property
    def counts(self) -> Ints:
        """How many titles each viewer wants."""
        return np.bincount(self.user, minlength=len(self.user_ids))

    def keys(self, user: Ints, title: Ints) -> Ints:
        """One number a pair of viewer and title."""
        return user * len(self.title_ids) + title

    def only(self, titles: Mask) -> "Asked":
        """The same viewers, wanting only these titles; a viewer may be left wanting none."""
        keep = titles[self.title]
        return Asked(self.user_ids, self.title_ids, self.user[keep], self.title[keep])


@dataclass(frozen=True, eq=False)
class Shown:
    """Lists as arrays, by viewer and rank; `viewers` counts also those without a list."""

    viewers: int
    user: Ints
    title: Ints
    rank: Ints

    def top(self, k: int) -> "Shown":
        return self.where(self.rank <= k)

    def where(self, keep: Mask) -> "Shown":
        return Shown(self.viewers, self.user[keep], self.title[keep], self.rank[keep])

    def of(self, viewers: Mask) -> "Shown":
        return self.where(viewers[self.user])

    @property
    def counts(self) -> Ints:
        return np.bincount(self.user, minlength=self.viewers)

    def matrix(self, titles: int) -> sp.csr_array:
        """Viewers x titles, 1 where a title is shown."""
        starts = np.concatenate([[0], np.cumsum(self.counts)])
        return sp.csr_array((np.ones(len(self.title)), self.title, starts), shape=(self.viewers, titles))


def row_numbers(ids: pl.Series, known: Ints, of: str) -> Ints:
    """Where each id stands among the known titles; TableError names the first that is none of them."""
    wanted = ids.to_numpy().astype(np.int64)
    rows, found = found_in(wanted, known)
    if not found.all():
        raise TableError(f"{of}: title {wanted[~found][0]} is not among the {len(known)} titles; hand over all titles")
    return rows


def pairs_of(frame: pl.DataFrame, asked: Asked, of: str) -> tuple[Ints, Ints, Mask]:
    """Viewer and title of the rows of those who are asked, and which rows of the frame they are."""
    user, known = found_in(frame["user_id"].to_numpy().astype(np.int64), asked.user_ids)
    return user[known], row_numbers(frame["title_id"], asked.title_ids, of)[known], known


def found_in(keys: Ints, known: Ints) -> tuple[Ints, Mask]:
    """Where each key stands among the known ones, which rise, and whether it is one."""
    if not len(known):
        return np.zeros(len(keys), np.int64), np.zeros(len(keys), np.bool_)
    width = int(known[-1] - known[0]) + 1
    if width <= len(keys):  # a table of all that lies between is looked up sooner than halves are searched
        place = np.zeros(width, np.int64)
        place[known - known[0]] = np.arange(len(known))
        rows = place[np.clip(keys, known[0], known[-1]) - known[0]]
    else:
        rows = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return rows, known[rows] == keys


def shown(lists: pl.DataFrame, asked: Asked) -> Shown:
    """The lists of the viewers asked; those of others are left out, a list that contradicts itself is refused."""
    LISTS.check(lists)
    user, title, known = pairs_of(lists, asked, "lists")
    rows = Shown(len(asked.user_ids), user, title, lists["rank"].to_numpy().astype(np.int64)[known])
    _refuse_contradictions(rows, asked)
    return rows


def wanted(lists: Shown, asked: Asked) -> Shown:
    """What is shown and wanted: all that `accuracy` looks at."""
    _, hit = found_in(asked.keys(lists.user, lists.title), asked.keys(asked.user, asked.title))
    return lists.where(hit)


def _refuse_contradictions(rows: Shown, asked: Asked) -> None:
    keys = np.sort(asked.keys(rows.user, rows.title))
    twice = keys[1:][keys[1:] == keys[:-1]]
    if len(twice):
        user, title = divmod(int(twice[0]), len(asked.title_ids))
        raise TableError(f"lists: viewer {asked.user_ids[user]} is shown title {asked.title_ids[title]} twice")
    tied = (rows.user[1:] == rows.user[:-1]) & (rows.rank[1:] == rows.rank[:-1])
    if tied.any() or (rows.rank < 1).any():
        user = rows.user[1:][tied][0] if tied.any() else rows.user[rows.rank < 1][0]
        raise TableError(f"lists: the ranks of viewer {asked.user_ids[user]} are not 1, 2, 3 …, each once")


def accuracy(lists: Shown, asked: Asked) -> dict[str, Doubles]:
    """What each viewer's list finds of what they want; NaN for a viewer who wants nothing.

    recall@k is of as many as fit into k places; mrr looks at the whole list.
    """
    user, rank, nth = _hits(lists, asked)
    wants = np.where(asked.counts > 0, asked.counts, np.nan)

    def total(weight: Doubles) -> Doubles:
        return np.asarray(np.bincount(user, weight, lists.viewers) + 0 * wants)

    def inside(k: int, weight: Doubles) -> Doubles:
        return total(np.where(rank <= k, weight, 0.0))

    one, gain = np.ones(len(rank)), 1 / np.log2(rank + 1)
    scores = {f"ndcg@{k}": inside(k, gain) / _best_gain(asked.counts, k) for k in (10, 100)}
    scores |= {f"recall@{k}": inside(k, one) / np.minimum(wants, k) for k in (10, 20, 50)}
    return scores | {
        "precision@10": inside(10, one) / 10,
        "map@10": inside(10, nth / rank) / np.minimum(wants, 10),
        "mrr": total(np.where(nth == 1, 1 / rank, 0.0)),
        "hit@10": inside(10, (nth == 1) * one),
    }


def _hits(lists: Shown, asked: Asked) -> tuple[Ints, Ints, Ints]:
    """Of each title that is shown and wanted: the viewer, the rank, and the how-manieth of the list's hits it is."""
    hits = wanted(lists, asked)
    before = np.searchsorted(hits.user, hits.user)
    return hits.user, hits.rank, np.arange(1, len(hits.user) + 1) - before


def _best_gain(wants: Ints, k: int) -> Doubles:
    gains = np.concatenate([[np.nan], np.cumsum(1 / np.log2(np.arange(2, k + 2)))])
    best: Doubles = gains[np.minimum(wants, k)]
    return best


def coverage(lists: Shown, titles: int) -> float:
    """The share of all titles that anybody is shown."""
    return len(np.unique(lists.title)) / titles


def mean_shown(lists: Shown, of_title: Doubles) -> Doubles:
    """The mean over each viewer's titles of a number that each title has."""
    return _ratio(np.bincount(lists.user, of_title[lists.title], lists.viewers), lists.counts)


def surprise(times_rated: Ints, viewers: int) -> Doubles:
    """Self-information in bits of a title that so many of the viewers rated; one more is assumed, for the unrated."""
    return -np.log2((times_rated + 1) / (viewers + 1))


def most_rated(times_rated: Ints, share: float) -> Doubles:
    """1 for that share of the titles that were rated most, 0 for the others; ties go to the smaller title_id."""
    popular = np.zeros(len(times_rated))
    popular[np.argsort(-times_rated, kind="stable")[: int(np.ceil(share * len(times_rated)))]] = 1
    return popular


def diversity(lists: Shown, features: sp.csr_array) -> Doubles:
    """1 - the mean cosine between two titles of a list, among those with features; NaN where fewer than two have."""
    length = np.sqrt(features.multiply(features).sum(axis=1))
    described = lists.where(length[lists.title] > 0)
    unit = sp.diags_array(1 / np.where(length > 0, length, 1)) @ features
    together = described.matrix(features.shape[0]) @ unit
    n = described.counts
    # The square of a sum of unit vectors holds each pair's cosine twice, and each vector's own 1 once.
    return 1 - _ratio(together.multiply(together).sum(axis=1) - n, n * (n - 1))


def genre_mix(seen: sp.csr_array, genres: sp.csr_array) -> Doubles:
    """Viewers x genres: the share of each in a viewer's titles, each title counting once; NaN where none has one."""
    per_title = genres.sum(axis=1)
    shares = (seen @ (sp.diags_array(1 / np.maximum(per_title, 1)) @ genres)).toarray()
    return _ratio(shares, shares.sum(axis=1, keepdims=True))


def miscalibration(shown_mix: Doubles, taste: Doubles) -> Doubles:
    """How far the genres shown are from those of a viewer's past: Kullback-Leibler divergence in nats, 0 at best."""
    mixed = (1 - SMOOTHING) * shown_mix + SMOOTHING * taste
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(taste == 0, 0.0, taste * np.log(taste / mixed))
    return np.asarray((terms + 0 * mixed).sum(axis=1)) if taste.shape[1] else np.full(len(taste), np.nan)


def _ratio(over: Doubles | Ints, under: Doubles | Ints) -> Doubles:
    """NaN where there is nothing to divide by."""
    return np.asarray(over / np.where(under > 0, under, np.nan))
