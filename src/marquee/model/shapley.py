"""Shapley: what each feature of a row adds to the score of a LightGBM model; the same as its `pred_contrib`, sooner.

A leaf's value is shared among the features on the way to it. Where only some features are known, the leaf is reached
with a probability that is a product, one factor a feature: 1 or 0 where it is known, the share of the rows of training
that went this way where it is not. The mean over all orders in which features become known is an integral of that
product (Owen 1972), and a Gauss-Legendre sum has it exactly. It depends on nothing but which of a leaf's few features
say its way: the answers of all such patterns are made once, and looked up.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from marquee.model.boosted import Node, trees_of
from marquee.model.compiled import compiled
from marquee.model.histories import Floats, Ints
from marquee.model.trees import Raw, at_most

_LANES = 32  # rows at once: of fewer, numbers that lie side by side are compared one by one
_KNOWN = 12  # features of a leaf up to which the answers of its patterns are kept: 2 to that power


class _Way(NamedTuple):
    """By which values of a feature a leaf is reached: above one, up to another, or by NaN too."""

    above: np.float32
    up_to: np.float32
    unknown: bool
    share: float  # of the rows of training that went this way


class Shapley:
    """Arrays of ways to leaves: leaf n has the ways starts[n] to starts[n + 1]."""

    def __init__(self, *texts: str) -> None:
        """Of the mean of models as LightGBM writes them."""
        found = (leaf for text in texts for tree in trees_of(text) for leaf in _leaves(tree, {}))
        leaves = [(value / len(texts), ways) for value, ways in found]
        ways = [(feature, *way) for _, found in leaves for feature, way in found.items()]
        feature, above, up_to, unknown, share = zip(*ways, strict=True) if ways else ((), (), (), (), ())
        # Without a sign: what is never below 0 is never counted from the end.
        self._feature, self._unknown = np.array(feature, np.uint32), np.array(unknown, np.bool_)
        self._above, self._up_to = np.array(above, np.float32), np.array(up_to, np.float32)
        self._share, self._values = np.array(share, np.float64), np.array([value for value, _ in leaves])
        counts = np.array([len(found) for _, found in leaves], np.int64)
        self._starts = np.concatenate([[0], np.cumsum(counts)])
        self._quadrature = _quadrature(int(counts.max(initial=1)))
        sizes = np.where(counts <= _KNOWN, counts << np.minimum(counts, _KNOWN), 0)
        self._places = np.concatenate([[0], np.cumsum(sizes)])
        self._table = np.empty(self._places[-1], np.float32)
        _tabulate(self._starts, self._share, self._values, self._quadrature, self._places, self._table)
        likely = [value * float(np.prod([way.share for way in found.values()])) for value, found in leaves]
        self._expected = float(np.sum(likely))

    def contributions(self, rows: Floats) -> Raw:
        """Rows x features, and a last column of what every row begins with; each row sums to its score."""
        added = np.zeros((len(rows), rows.shape[1] + 1))
        added[:, -1] = self._expected
        ways = (self._feature, self._above, self._up_to, self._unknown, self._share, self._starts)
        known = (self._places, self._table)
        _share_out(np.ascontiguousarray(rows), *ways, self._values, self._quadrature, *known, added)
        return added


@compiled
def _share_out(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    rows: Floats,
    feature: NDArray[np.uint32],
    above: Floats,
    up_to: Floats,
    unknown: NDArray[np.bool_],
    share: Raw,
    starts: Ints,
    values: Raw,
    quadrature: Raw,
    places: Ints,
    table: Floats,
    added: Raw,
) -> None:
    columns = np.zeros((rows.shape[1], _LANES), np.float32)
    pattern, own = np.empty(_LANES, np.int32), np.empty(quadrature.shape[2] * 2, np.float32)
    sums = np.empty((_LANES, rows.shape[1]))
    for first in range(0, len(rows), _LANES):
        lanes = min(_LANES, len(rows) - first)
        columns[:, :lanes] = rows[first : first + lanes].T
        sums[:] = 0
        for leaf in range(len(values)):
            begin, ways = starts[leaf], starts[leaf + 1] - starts[leaf]
            of_leaf = slice(begin, begin + ways)
            _tell_ways(columns, feature[of_leaf], above[of_leaf], up_to[of_leaf], unknown[of_leaf], pattern)
            if places[leaf] < places[leaf + 1]:
                for row in range(lanes):
                    at = places[leaf] + np.int64(pattern[row]) * ways
                    for n in range(ways):
                        sums[row, feature[begin + n]] += table[np.uint64(at + n)]
            else:
                for row in range(lanes):
                    _integrate(pattern[row], share[of_leaf], values[leaf], quadrature, own)
                    for n in range(ways):
                        sums[row, feature[begin + n]] += own[n]
        added[first : first + lanes, : sums.shape[1]] += sums[:lanes]


@compiled
def _tell_ways(  # noqa: PLR0913, PLR0917
    columns: Floats,
    feature: NDArray[np.uint32],
    above: Floats,
    up_to: Floats,
    unknown: NDArray[np.bool_],
    pattern: NDArray[np.int32],
) -> None:
    """Of each row, which ways to a leaf it goes: a bit each."""
    pattern[:] = 0
    for n in range(len(feature)):
        of_rows, low, high = columns[feature[n]], above[n], up_to[n]
        bit, no = np.int32(1) << np.int32(n), np.int32(0)
        for row in range(_LANES):
            value = of_rows[row]
            is_this = ((value > low) & (value <= high)) | (unknown[n] & (value != value))  # noqa: PLR0124 - NaN
            pattern[row] |= bit if is_this else no


@compiled
def _tabulate(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    starts: Ints, share: Raw, values: Raw, quadrature: Raw, places: Ints, table: Floats
) -> None:
    for leaf in range(len(values)):
        shares = share[starts[leaf] : starts[leaf + 1]]
        for at in range(places[leaf], places[leaf + 1], max(len(shares), 1)):
            pattern = (at - places[leaf]) // len(shares)
            _integrate(pattern, shares, values[leaf], quadrature, table[at : at + len(shares)])


@compiled
def _integrate(pattern: int, share: Raw, value: float, quadrature: Raw, shared: Floats) -> None:
    """What a leaf gives to each of its features: the mean product of the factors of all others, times its own."""
    ways, points = len(share), (len(share) + 1) // 2
    after = np.ones(ways + 1)
    shared[:] = 0
    for point in range(points):
        t, before = quadrature[0, points - 1, point], quadrature[1, points - 1, point]
        for n in range(ways - 1, -1, -1):
            after[n] = after[n + 1] * (t * ((pattern >> n) & 1) + (1 - t) * share[n])
        for n in range(ways):
            known = (pattern >> n) & 1
            shared[n] += before * after[n + 1] * value * (known - share[n])
            before *= t * known + (1 - t) * share[n]


def _quadrature(ways: int) -> Raw:
    """Points and their weights between 0 and 1: row n has n + 1 points, exact for products of up to 2n + 2 factors."""
    most = max((ways + 1) // 2, 1)
    both = np.zeros((2, most, most))
    for points in range(1, most + 1):
        x, w = np.polynomial.legendre.leggauss(points)
        both[:, points - 1, :points] = (x + 1) / 2, w / 2
    return both


def _leaves(node: Node, ways: Mapping[int, _Way]) -> Iterator[tuple[float, Mapping[int, _Way]]]:
    """Each leaf below a node, with the ways of all features on the way to it."""
    if "split_feature" not in node:
        yield node["leaf_value"], ways
        return
    feature, most, rows = node["split_feature"], at_most(node["threshold"]), node["internal_count"]
    unknown_left = node["default_left"] if node["missing_type"] == "NaN" else node["threshold"] >= 0
    so_far = ways.get(feature, _Way(np.float32(-np.inf), np.float32(np.inf), unknown=True, share=1.0))
    for side, goes, low, high in (
        ("left_child", unknown_left, so_far.above, min(so_far.up_to, most)),
        ("right_child", not unknown_left, max(so_far.above, most), so_far.up_to),
    ):
        share = so_far.share * _count(node[side]) / rows
        yield from _leaves(node[side], {**ways, feature: _Way(low, high, so_far.unknown and goes, share)})


def _count(node: Node) -> int:
    return int(node["internal_count"] if "split_feature" in node else node["leaf_count"])
