"""Shapley: what each feature of a row adds to the score of a LightGBM model; the same as its `pred_contrib`, sooner.

A leaf's value is shared among the features on the way to it. Where only some features are known, the leaf is reached
with a probability that is a product, one factor a feature: 1 or 0 where it is known, the share of the rows of training
that went this way where it is not. The mean over all orders in which features become known is an integral of that
product (Owen 1972), and a Gauss-Legendre sum has it exactly.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from marquee.model.boosted import Node, trees_of
from marquee.model.compiled import compiled
from marquee.model.histories import Floats, Ints
from marquee.model.trees import Raw, at_most

_LANES = 16  # rows at once


class _Way(NamedTuple):
    """By which values of a feature a leaf is reached: above one, up to another, or by NaN too."""

    above: np.float32
    up_to: np.float32
    unknown: bool
    share: float  # of the rows of training that went this way


class Shapley:
    """Arrays of ways to leaves: leaf n has the ways starts[n] to starts[n + 1]."""

    def __init__(self, text: str) -> None:
        """Of a model as LightGBM writes it."""
        leaves = [leaf for tree in trees_of(text) for leaf in _leaves(tree, {})]
        ways = [(feature, *way) for _, found in leaves for feature, way in found.items()]
        feature, above, up_to, unknown, share = zip(*ways, strict=True) if ways else ((), (), (), (), ())
        self._feature, self._unknown = np.array(feature, np.int64), np.array(unknown, np.bool_)
        self._above, self._up_to = np.array(above, np.float32), np.array(up_to, np.float32)
        self._share, self._values = np.array(share, np.float64), np.array([value for value, _ in leaves])
        counts = [len(found) for _, found in leaves]
        self._starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self._at, self._weights = _quadrature(max(counts, default=1))
        likely = [value * float(np.prod([way.share for way in found.values()])) for value, found in leaves]
        self._expected = float(np.sum(likely))

    def contributions(self, rows: Floats) -> Raw:
        """Rows x features, and a last column of what every row begins with; each row sums to its score."""
        added = np.zeros((rows.shape[1] + 1, len(rows)))
        added[-1] = self._expected
        columns = np.ascontiguousarray(rows.T)
        ways = (self._feature, self._above, self._up_to, self._unknown, self._share, self._starts)
        _share_out(columns, *ways, self._values, self._at, self._weights, added)
        return added.T


@compiled
def _share_out(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    columns: Floats,
    feature: Ints,
    above: Floats,
    up_to: Floats,
    unknown: NDArray[np.bool_],
    share: Raw,
    starts: Ints,
    values: Raw,
    at: Raw,
    weights: Raw,
    added: Raw,
) -> None:
    most = 2 * at.shape[0] + 1
    block, sums = np.zeros((len(columns), _LANES), np.float32), np.zeros((len(columns), _LANES))
    taken, before, total = np.zeros((most, _LANES)), np.zeros((most + 1, _LANES)), np.zeros((most, _LANES))
    for first in range(0, columns.shape[1], _LANES):
        lanes = min(_LANES, columns.shape[1] - first)
        block[:, :lanes], sums[:] = columns[:, first : first + lanes], 0
        for leaf in range(len(values)):
            begin, ways = starts[leaf], starts[leaf + 1] - starts[leaf]
            for n in range(ways):
                value, low, high, nan = (
                    block[feature[begin + n]],
                    above[begin + n],
                    up_to[begin + n],
                    unknown[begin + n],
                )
                for r in range(_LANES):
                    inside = (value[r] > low) & (value[r] <= high) | (nan & (value[r] != value[r]))
                    taken[n, r] = 1.0 if inside else 0.0
            points = (ways + 1) // 2
            _integrate(taken, share[begin : begin + ways], at[points - 1], weights[points - 1], points, before, total)
            for n in range(ways):
                adds, part, known, guessed = sums[feature[begin + n]], total[n], taken[n], share[begin + n]
                for r in range(_LANES):
                    adds[r] += values[leaf] * part[r] * (known[r] - guessed)
        added[:-1, first : first + lanes] += sums[:, :lanes]


@compiled
def _integrate(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    taken: Raw, share: Raw, at: Raw, weights: Raw, points: int, before: Raw, total: Raw
) -> None:
    """For each way, the mean of the product of the factors of all others."""
    after = np.ones(_LANES)
    total[: len(share)] = 0
    for point in range(points):
        t = at[point]
        before[0], after[:] = weights[point], 1
        for n in range(len(share)):
            here, there, known, guessed = before[n], before[n + 1], taken[n], (1 - t) * share[n]
            for r in range(_LANES):
                there[r] = here[r] * (t * known[r] + guessed)
        for n in range(len(share) - 1, -1, -1):
            here, sums, known, guessed = before[n], total[n], taken[n], (1 - t) * share[n]
            for r in range(_LANES):
                sums[r] += here[r] * after[r]
                after[r] *= t * known[r] + guessed


def _quadrature(ways: int) -> tuple[Raw, Raw]:
    """Points and weights between 0 and 1: row n has n + 1 points, exact for products of up to 2n + 2 factors."""
    most = max((ways + 1) // 2, 1)
    at, weights = np.zeros((most, most)), np.zeros((most, most))
    for points in range(1, most + 1):
        x, w = np.polynomial.legendre.leggauss(points)
        at[points - 1, :points], weights[points - 1, :points] = (x + 1) / 2, w / 2
    return at, weights


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
