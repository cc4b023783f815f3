"""Candidates: the best of every source, gathered once for all sources, with what each source said of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marquee.memory import keep_freed
from marquee.model.best import fill_best, find_best
from marquee.model.compiled import compiled
from marquee.model.histories import Floats, Histories, Ints, Mask, Runs
from marquee.model.sources import Shared, Source
from marquee.model.sources.together import said_by_all, told_by_all

_TOGETHER = 64  # viewers: of fewer, what a source knows is read anew too often; of more, too much memory is taken
_MANY = 16  # viewers: of more, they are asked about in bulk
_NONE = np.empty(0, np.int64)

_Rows = tuple[Floats, Ints]  # of scores, and each viewer's row


@dataclass(frozen=True, eq=False)
class Candidates(Runs):
    """One run of rows a viewer, in the order of their histories; titles rising within."""

    sources: tuple[str, ...]  # their names
    starts: Ints
    title: Ints
    scores: Floats  # rows x sources, NaN where a source has no opinion


def gather(
    sources: Sequence[Source], histories: Histories, as_of: Ints, depth: int, allowed: Mask | None = None
) -> Candidates:
    """The `depth` best of each source, without what was seen or refused; `allowed` is a mask of titles.

    Of equals, those that come first among the titles.
    """
    if len(histories) > _MANY:
        keep_freed()
    if len(histories) <= _TOGETHER:
        return _gathered(sources, histories, as_of, depth, allowed)
    some = np.split(np.arange(len(histories)), np.arange(_TOGETHER, len(histories), _TOGETHER))
    parts = [_gathered(sources, histories.of(users), as_of[users], depth, allowed) for users in some]
    starts = np.concatenate([[0], np.cumsum(np.concatenate([part.counts for part in parts]))])
    title, scores = (np.concatenate([getattr(part, name) for part in parts]) for name in ("title", "scores"))
    return Candidates(parts[0].sources, starts, title, scores)


def _gathered(
    sources: Sequence[Source], histories: Histories, as_of: Ints, depth: int, allowed: Mask | None
) -> Candidates:
    said: list[_Rows] = []
    chosen = np.zeros((len(histories), 0), bool)
    shut = np.flatnonzero(~allowed) if allowed is not None else _NONE
    for told in told_by_all(sources, histories, as_of):
        said.append(_rows(told))
        if len(said) == 1:
            chosen = np.zeros((len(histories), said[0][0].shape[1]), bool)
        _mark(told, histories, shut, depth, chosen)  # while it lies near the processor
    starts, title = _marked(chosen)
    return Candidates(tuple(source.name for source in sources), starts, title, _picked(said, starts, title))


def _rows(told: Floats | Shared) -> _Rows:
    return (told.rows, told.row) if isinstance(told, Shared) else (told, np.arange(len(told)))


def _mark(told: Floats | Shared, histories: Histories, shut: Ints, depth: int, chosen: Mask) -> None:
    """Marks the `depth` best of each viewer, without what was seen, refused or is shut."""
    closed = histories.starts, histories.title, histories.hides, shut
    if isinstance(told, Shared):
        _choose_in_order(told.rows, told.order, told.row, *closed, depth, chosen)
    else:
        _silence(told, *closed)
        _choose(told, min(depth, told.shape[1]), chosen)


@compiled
def _silence(scores: Floats, starts: Ints, title: NDArray[np.int32], hides: Mask, shut: Ints) -> None:
    for viewer in range(len(scores)):
        for row in range(starts[viewer], starts[viewer + 1]):
            if hides[row]:
                scores[viewer, title[row]] = np.nan
        for each in shut:
            scores[viewer, each] = np.nan


def _picked(said: Sequence[_Rows], starts: Ints, title: Ints) -> Floats:
    """Rows x sources: what each says of each viewer's titles, side by side what one source says."""
    scores = np.empty((len(said), len(title)), np.float32)
    for source, (rows, row) in enumerate(said):
        _pick(rows, row, starts, title, scores[source])
    return scores.T


def firsts(
    sources: Sequence[Source], histories: Histories, as_of: Ints, depth: int
) -> Iterator[tuple[Ints, Ints, Ints, Floats]]:
    """Of each source alone: viewer, title, rank and score of its `depth` best, as `gather` would choose them."""
    for scores in said_by_all(sources, histories, as_of):
        _silence(scores, histories.starts, histories.title, histories.hides, _NONE)
        best = np.full((len(scores), min(depth, scores.shape[1])), -1)
        _put_in_order(scores, best)
        user, place = np.nonzero(best >= 0)
        title = best[user, place]
        yield user, title, place + 1, scores[user, title]


@compiled
def _put_in_order(scores: Floats, best: Ints) -> None:
    for viewer in range(len(scores)):
        fill_best(scores[viewer], best[viewer])


def said_of(title: Ints, sources: Sequence[Source], history: Histories, as_of: Ints) -> Candidates:
    """Given titles, rising, as the candidates of one viewer."""
    said, starts = [_rows(told) for told in told_by_all(sources, history, as_of)], np.array([0, len(title)])
    return Candidates(tuple(source.name for source in sources), starts, title, _picked(said, starts, title))


def hidden(histories: Histories, titles: int) -> Mask:
    """Viewers x titles: what each has seen or refused."""
    closed = np.zeros((len(histories), titles), bool)
    closed[histories.user[histories.hides], histories.title[histories.hides]] = True
    return closed


@compiled
def _choose(scores: Floats, depth: int, chosen: Mask) -> None:
    """Marks the `depth` best of each viewer; a title of which nothing is said is none of them."""
    best = np.empty(depth, np.int64)
    for viewer in range(len(scores)):
        for place in range(find_best(scores[viewer], best)):
            chosen[viewer, best[place]] = True


@compiled
def _choose_in_order(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    scores: Floats,
    order: NDArray[np.int32],
    of: Ints,
    starts: Ints,
    title: NDArray[np.int32],
    hides: Mask,
    shut: Ints,
    depth: int,
    chosen: Mask,
) -> None:
    """The same of rows whose order is known: what is open is found from the best on."""
    for viewer in range(len(of)):
        closed, left = np.zeros(scores.shape[1], np.bool_), depth
        for row in range(starts[viewer], starts[viewer + 1]):
            closed[title[row]] |= hides[row]
        for each in shut:
            closed[each] = True
        for each in order[of[viewer]]:
            if left == 0 or np.isnan(scores[of[viewer], each]):
                break
            if not closed[each]:
                chosen[viewer, each] = True
                left -= 1


@compiled
def _marked(chosen: Mask) -> tuple[Ints, Ints]:
    """The marked titles of each viewer as runs, rising."""
    starts = np.zeros(len(chosen) + 1, np.int64)
    for viewer in range(len(chosen)):
        starts[viewer + 1] = starts[viewer] + np.sum(chosen[viewer])
    title, row = np.empty(starts[-1], np.int64), 0
    for viewer in range(len(chosen)):
        for each in range(chosen.shape[1]):
            if chosen[viewer, each]:
                title[row] = each
                row += 1
    return starts, title


@compiled
def _pick(scores: Floats, of: Ints, starts: Ints, title: Ints, picked: Floats) -> None:
    for viewer in range(len(starts) - 1):
        for row in range(starts[viewer], starts[viewer + 1]):
            picked[row] = scores[of[viewer], title[row]]


def ranks_within(starts: Ints, scores: Floats) -> Floats:
    """The rank of each row among its viewer's, 1 is the best; NaN stays NaN. Ties by position.

    `scores` are one a row, or several x rows, each ranked by itself.
    """
    every = np.ascontiguousarray(np.atleast_2d(scores))
    ranks = np.empty_like(every)
    _rank(starts, every, ranks)
    return ranks.reshape(scores.shape)


@compiled
def _rank(starts: Ints, scores: Floats, ranks: Floats) -> None:
    """Counts who stands before each row, for many rows at once: a few hundred are counted sooner than sorted."""
    for viewer in range(len(starts) - 1):
        rows = slice(starts[viewer], starts[viewer + 1])
        for each in range(len(scores)):
            of_viewer, before = scores[each, rows], np.ones(starts[viewer + 1] - starts[viewer], np.int32)
            for place in range(len(of_viewer)):
                score, earlier, later = of_viewer[place], before[:place], before[place + 1 :]
                for row in range(len(earlier)):
                    earlier[row] += np.int32(score > of_viewer[row])
                from_here = of_viewer[place + 1 :]
                for row in range(len(later)):
                    later[row] += np.int32(score >= from_here[row])
            for row in range(len(before)):
                ranks[each, starts[viewer] + row] = np.nan if np.isnan(of_viewer[row]) else before[row]
