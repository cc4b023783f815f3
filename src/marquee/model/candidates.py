"""Candidates: the best of every source, gathered once for all sources, with what each source said of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from marquee.model.histories import Floats, Histories, Ints, Mask
from marquee.model.sources import Source


@dataclass(frozen=True, eq=False)
class Candidates:
    """One run of rows a viewer, in the order of their histories; titles rising within."""

    sources: tuple[str, ...]  # their names
    starts: Ints  # viewer u has the rows starts[u] to starts[u + 1]
    title: Ints
    scores: Floats  # rows x sources, NaN where a source has no opinion

    @property
    def counts(self) -> Ints:
        return np.diff(self.starts)

    @property
    def user(self) -> Ints:
        return np.repeat(np.arange(len(self.starts) - 1), self.counts)


def gather(
    sources: Sequence[Source], histories: Histories, as_of: Ints, depth: int, allowed: Mask | None = None
) -> Candidates:
    """The `depth` best of each source, without what was seen or refused; `allowed` is a mask of titles."""
    said = [source.scores(histories, as_of) for source in sources]
    closed = hidden(histories, said[0].shape[1])
    if allowed is not None:
        closed |= ~allowed
    chosen = np.zeros_like(closed)
    for scores in said:
        open_scores = np.where(closed | np.isnan(scores), -np.inf, scores)
        best = best_of(open_scores, depth)
        np.put_along_axis(chosen, best, True, axis=1)
        # Where a source has fewer opinions than `depth`, the rest of its best are titles it said nothing of.
        chosen &= ~closed
    user, title = np.nonzero(chosen)
    starts = np.concatenate([[0], np.cumsum(chosen.sum(axis=1))]).astype(np.int64)
    names = tuple(source.name for source in sources)
    return Candidates(names, starts, title, np.stack([scores[user, title] for scores in said], axis=1))


def hidden(histories: Histories, titles: int) -> Mask:
    """Viewers x titles: what each has seen or refused."""
    closed = np.zeros((len(histories), titles), bool)
    closed[histories.user[histories.hides], histories.title[histories.hides]] = True
    return closed


def best_of(scores: Floats, depth: int) -> Ints:
    """The columns of the `depth` largest scores of each row, in no order."""
    if depth >= scores.shape[1]:
        return np.broadcast_to(np.arange(scores.shape[1]), scores.shape)
    # From the front: many equal lowest scores would slow it down several times.
    best: Ints = np.argpartition(-scores, depth - 1, axis=1)[:, :depth]
    return best


def ranks_within(starts: Ints, scores: Floats) -> Floats:
    """The rank of each row among its viewer's, 1 is the best; NaN stays NaN. Ties by position."""
    user = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    order = np.lexsort((-scores, user))
    ranks = np.empty(len(scores), np.float32)
    ranks[order] = np.arange(len(scores)) - starts[:-1][user] + 1
    return np.where(np.isnan(scores), np.float32(np.nan), ranks)
