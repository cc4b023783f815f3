"""Standing: which rows of a history are likely to carry some titles, and how far these fall without a row."""

import numpy as np
from numpy.typing import NDArray

from marquee.model.best import find_best
from marquee.model.compiled import compiled
from marquee.model.histories import Floats, Histories, Ints


def likeliest(history: Histories, carried: Floats, tries: int) -> Ints:
    """The rows that carry most of any of the titles; not those that the viewer themselves thought little of."""
    rows: Ints = _likeliest(history.strength, history.rating, history.mean_rating[0], carried, tries)
    return rows


@compiled
def _likeliest(strength: Floats, rating: Floats, mean: np.float32, carried: Floats, tries: int) -> Ints:
    little = (strength <= 0) | (rating < np.floor(mean))
    best, sizes = largest(carried, tries, little)
    likely = np.zeros(len(carried), np.bool_)
    for title in range(len(best)):
        for place in range(tries):
            if sizes[title, place] > 0:
                likely[best[title, place]] = True
    return np.flatnonzero(likely)


@compiled
def largest(values: Floats, count: int, shut: NDArray[np.bool_]) -> tuple[Ints, Floats]:
    """Of each column, where its largest values are and what they are, the largest first; 0 where no more are above it.

    Rows that are shut are left out.
    """
    rows, sizes = np.zeros((values.shape[1], count), np.int64), np.zeros((values.shape[1], count), values.dtype)
    for row in range(len(values)):
        if not shut[row]:
            for column in range(values.shape[1]):
                value, place = values[row, column], count
                of_column, there = sizes[column], rows[column]
                while place > 0 and value > of_column[place - 1]:
                    place -= 1
                    if place + 1 < count:
                        of_column[place + 1], there[place + 1] = of_column[place], there[place]
                    of_column[place], there[place] = value, row
    return rows, sizes


@compiled
def best_with(score: Floats, place: Ints, count: int) -> tuple[Ints, Ints]:
    """The places of the best scores and those given, rising; and where among them the given ones are."""
    near, best = np.zeros(len(score), np.bool_), np.empty(min(count, len(score)), np.int64)
    near[place] = True
    for n in range(find_best(score, best)):
        near[best[n]] = True
    number = np.cumsum(near) - 1
    return np.flatnonzero(near), number[place]


@compiled
def falls(before: Floats, after: Floats, here: Ints, felt: np.float32) -> Floats:
    """Rows x titles: the ranks a title falls without the row, if any; its score decides between equals.

    `before` are the scores of titles that stand together, `after` those without each row, and `here` says which of them
    are asked about. Who leads by less than is felt, as a share of what lies between the first and the last, does not
    stand above.
    """
    fallen, clear = np.zeros((len(after), len(here)), np.float32), felt * (np.max(before) - np.min(before))
    for title in range(len(here)):
        own = before[here[title]]
        above = np.sum(before > own)
        for row in range(len(after)):
            left = after[row, here[title]]
            fall = np.sum(after[row] > left + clear) - above
            if fall > 0:
                less = own - left
                fallen[row, title] = np.float32(fall) + less / (1 + 2 * abs(less))
    return fallen
