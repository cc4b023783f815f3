"""Arrange: scored candidates become lists. Rules remove, diversity spreads, the popular fill up, one slot explores.

    kept  = keep(scored, rules)              what may be shown
    lists = arrange(kept, k, shop, params)   k titles a viewer, whenever the rules leave that many in the catalogue
    lists = explore(lists, kept, seed, params)

A new filter is a Rule: a reason and a mask, made from Titles or from what a request knows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import svds

from marquee.errors import ModelError
from marquee.model.candidates import hidden
from marquee.model.compiled import compiled
from marquee.model.histories import Floats, Histories, Ints, Mask, Runs
from marquee.model.titles import Titles
from marquee.params import ArrangeParams

Rows = NDArray[np.int32]

_EMPTY = np.float32(-9)  # below whatever a candidate may be worth, above those already taken


@dataclass(frozen=True, eq=False)
class Scored(Runs):
    """Candidates with their scores, no title twice for a viewer."""

    starts: Ints
    title: Rows
    score: Floats

    def where(self, keep: Mask) -> "Scored":
        starts = np.concatenate([[0], np.cumsum(keep, dtype=np.int64)])[self.starts]
        return Scored(starts, self.title[keep], self.score[keep])


@dataclass(frozen=True, eq=False)
class Rule:
    reason: str
    allows: Mask  # titles, or viewers x titles


@dataclass(frozen=True, eq=False)
class Kept:
    scored: Scored
    allowed: Mask  # viewers x titles


@dataclass(frozen=True, eq=False)
class Shop:
    """What arranging knows of the titles, whoever the viewer is."""

    popular: Floats  # a score a title, for lists that candidates do not fill
    features: Floats  # titles x features, rows of length 1 or 0: how alike two titles are; no column: nothing known


@dataclass(frozen=True, eq=False)
class Lists:
    """Rows sorted by viewer and rank; ranks begin at 1."""

    user: Ints
    title: Rows
    rank: NDArray[np.uint32]
    score: Floats  # NaN for a title that fills up
    propensity: NDArray[np.float64]  # how probable this title was at this rank


def history_rule(histories: Histories, titles: int) -> Rule:
    """Nothing that was seen or refused."""
    return Rule("seen or refused", ~hidden(histories, titles))


def of_genres(titles: Titles, genres: Sequence[str]) -> Mask:
    """Titles of at least one of these genres."""
    unknown = [name for name in genres if name not in titles.genre_names]
    if unknown:
        raise ModelError(f"no title is of genre {', '.join(unknown)}; there are {', '.join(titles.genre_names)}")
    wanted = np.isin(titles.genre_names, genres).astype(np.float32)
    return np.asarray(titles.genres @ wanted > 0)


def of_years(titles: Titles, first: int, last: int) -> Mask:
    return (titles.years >= first) & (titles.years <= last)


def of_kind(titles: Titles, kind: str) -> Mask:
    return titles.frame.select(pl.col("kind").eq_missing(kind)).to_series().to_numpy()


def for_age(titles: Titles, age: int, params: ArrangeParams) -> Mask:
    """Titles whose maturity mark suits that age; one without a mark, or with one that names no age, suits none."""
    ages = titles.frame["maturity"].replace_strict(params.maturity, default=None, return_dtype=pl.Int64)
    return (ages <= age).fill_null(value=False).to_numpy()


def for_region(titles: Titles, region: str | None) -> Mask:
    """Titles that may be shown there: one that names no region anywhere, one that does nowhere else."""
    named = titles.frame["regions"]
    may = named.list.len() == 0
    return (may if region is None else may | named.list.contains(region)).to_numpy()


def compact(features: sp.csr_array, columns: int, seed: int) -> Floats:
    """Sparse rows as dense ones of few columns whose cosines are near the same, for Shop.features."""
    if features.shape[1] <= columns:
        return _unit(features.toarray())
    start = np.random.default_rng(seed).random(min(features.shape))
    left, weight, _ = svds(features.astype(np.float32), columns, v0=start)
    return _unit(left * weight)


def _unit(rows: Floats) -> Floats:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = np.zeros(rows.shape, np.float32)
    np.divide(rows, length, out=unit, where=length > 0)
    return unit


def keep(scored: Scored, titles: int, rules: Sequence[Rule]) -> Kept:
    """The candidates that every rule allows."""
    allowed = np.ones((len(scored.counts), titles), bool)
    for rule in rules:
        allowed &= rule.allows
    return Kept(scored.where(allowed[scored.user, scored.title]), allowed)


def arrange(kept: Kept, k: int, shop: Shop, params: ArrangeParams) -> Lists:
    """Each viewer's k best, no two alike as far as `diversity` asks; filled up with the most popular titles allowed."""
    board = _best_first(kept.scored)
    if params.diversity > 0 and shop.features.shape[1] > 0:
        board = board.pick(_spread(board, k, shop.features, params.diversity))
    title, score = board.title[:, :k], board.score[:, :k]
    return _lists(*_filled_up(title, score, min(k, kept.allowed.shape[1]), kept.allowed, shop.popular))


def explore(lists: Lists, kept: Kept, seed: int, params: ArrangeParams) -> Lists:
    """The lists with, now and then, another candidate in place of the one at `slot`.

    A title can stand at the slot in one way only, so its propensity is the probability of just that.
    """
    listed = np.bincount(lists.user, minlength=len(kept.scored.counts))
    reach = np.clip(kept.scored.counts - listed, 0, params.reach)  # what fills up comes after all candidates
    chance, which = np.random.default_rng(seed).random((2, len(reach)))
    slot = np.flatnonzero((lists.rank == params.slot) & (reach[lists.user] > 0))
    explored = chance[lists.user[slot]] < params.exploration
    propensity = lists.propensity.copy()
    propensity[slot] = np.where(explored, params.exploration / reach[lists.user[slot]], 1 - params.exploration)
    if not explored.any():  # as nearly always for one viewer
        return replace(lists, propensity=propensity)
    shown = np.zeros(kept.allowed.shape, bool)
    shown[lists.user, lists.title] = True
    rest = kept.scored.where(~shown[kept.scored.user, kept.scored.title])
    board, there = _best_first(rest), slot[explored]
    user = lists.user[there]
    place = (which[user] * reach[user]).astype(np.int64)
    title, score = lists.title.copy(), lists.score.copy()
    title[there], score[there] = board.title[user, place], board.score[user, place]
    return replace(lists, title=title, score=score, propensity=propensity)


@dataclass(frozen=True, eq=False)
class _Board:
    """Candidates as a table, viewers x places; places past a viewer's candidates hold the title -1."""

    title: Rows
    score: Floats

    def pick(self, order: Ints) -> "_Board":
        return _Board(np.take_along_axis(self.title, order, 1), np.take_along_axis(self.score, order, 1))


def _best_first(scored: Scored) -> _Board:
    shape = (len(scored.counts), int(scored.counts.max(initial=0)))
    title, score = np.full(shape, -1, np.int32), np.full(shape, np.nan, np.float32)
    _put_in_order(scored.starts, scored.title, scored.score, title, score)
    return _Board(title, score)


@compiled
def _put_in_order(starts: Ints, title: Rows, score: Floats, titles: Rows, scores: Floats) -> None:
    """Each viewer's rows side by side, the best first; equals in their order, and last those that have no score."""
    for viewer in range(len(titles)):
        rows = slice(starts[viewer], starts[viewer + 1])
        order, count = np.argsort(-score[rows], kind="mergesort"), starts[viewer + 1] - starts[viewer]
        titles[viewer, :count], scores[viewer, :count] = title[rows][order], score[rows][order]


def _spread(board: _Board, k: int, features: Floats, diversity: float) -> Ints:
    """Maximal marginal relevance: the places in the order in which they are worth most beside those before them."""
    every, rows = np.arange(len(board.title)), features[board.title]
    worth = np.where(board.title >= 0, (1 - diversity) * _relevance(board), _EMPTY)
    alike = np.zeros_like(worth)
    order = np.empty((len(every), min(k, worth.shape[1])), np.int64)
    for place in range(order.shape[1]):
        best = np.argmax(worth - diversity * alike, axis=1)
        order[:, place], worth[every, best] = best, -np.inf
        np.maximum(alike, (rows @ rows[every, best][:, :, None])[:, :, 0], out=alike)
    return order


def _relevance(board: _Board) -> Floats:
    """Scores from 0 to 1 over each viewer's candidates, to weigh a likeness with."""
    known = ~np.isnan(board.score)
    low = np.min(board.score, axis=1, keepdims=True, where=known, initial=np.inf)
    high = np.max(board.score, axis=1, keepdims=True, where=known, initial=-np.inf)
    scale = np.where(high > low, high - low, 1)
    worth = np.zeros_like(board.score)
    np.divide(board.score - low, scale, out=worth, where=known)
    return worth


def _filled_up(title: Rows, score: Floats, k: int, allowed: Mask, popular: Floats) -> tuple[Rows, Floats]:
    """Lists of k places; what candidates leave empty goes to the most popular titles that are allowed and not there."""
    listed = np.count_nonzero(title >= 0, axis=1)
    short = np.flatnonzero(listed < k)
    if not len(short):
        return title, score
    more = ((0, 0), (0, k - title.shape[1]))
    title, score = np.pad(title, more, constant_values=-1), np.pad(score, more, constant_values=np.nan)
    free = allowed[short]
    row, place = np.nonzero(title[short] >= 0)
    free[row, title[short][row, place]] = False
    order = np.argsort(-popular, kind="stable")
    nth = np.cumsum(free[:, order], axis=1)
    row, at = np.nonzero(free[:, order] & (nth <= (k - listed[short])[:, None]))
    title[short[row], listed[short][row] + nth[row, at] - 1] = order[at]
    return title, score


def _lists(title: Rows, score: Floats) -> Lists:
    user, place = np.nonzero(title >= 0)
    listed = title[user, place]
    return Lists(user, listed, (place + 1).astype(np.uint32), score[user, place], np.ones(len(user)))
