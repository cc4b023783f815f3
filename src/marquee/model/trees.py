"""Trees: the scores of LightGBM models, to the bit their own, in a twentieth of the time.

No row walks down a tree. Each leaf is a bit, and a node that sends a row to the right takes the bits of its left side
away; the first bit that is left is the row's leaf (QuickScorer, Lucchese et al. 2015). Every node is asked, but of many
rows at once and without a jump.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from marquee.model.boosted import Node, trees_of
from marquee.model.compiled import compiled
from marquee.model.histories import Floats, Ints

Raw = NDArray[np.float64]
Bits = NDArray[np.unsignedinteger[Any]]

_LANES = 64  # rows at once
_ZERO = np.float32(1e-35)  # LightGBM reads nothing smaller
# Times a number with one bit, the topmost bits tell which: a de Bruijn sequence. Leaves lie in that order.
_TELLERS = {32: 0x077CB531, 64: 0x03F79D71B4CB0A89}


class _Node(NamedTuple):
    column: int
    threshold: np.float32
    kept: int  # the bits of the leaves that a row may reach that goes to the right


@dataclass(frozen=True, eq=False)
class Trees:
    feature: Ints  # of each column that nodes look at
    unknown: Floats  # what NaN counts as in it
    column: Ints  # of each node
    threshold: Floats
    kept: Bits
    starts: Ints  # tree t has the nodes starts[t] to starts[t + 1]
    leaves: Raw  # trees x places of leaves
    models: Ints  # model m has the trees models[m] to models[m + 1]

    @classmethod
    def of(cls, *texts: str) -> Self:
        """Of models as LightGBM writes them; what their nodes look at is laid out once for all."""
        told = [trees_of(text) for text in texts]
        trees = list(chain.from_iterable(told))
        bits = 32 if max(map(_leaf_count, trees), default=0) <= 32 else 64
        columns: dict[tuple[int, float], int] = {}
        leaves, nodes, starts = np.zeros((len(trees), bits)), [], [0]
        for number, tree in enumerate(trees):
            for leaf, value in enumerate(_leaves(tree)):
                leaves[number, _place(leaf, bits)] = value
            nodes += list(_nodes(tree, 0, columns))
            starts.append(len(nodes))
        feature, unknown = zip(*columns, strict=True) if columns else ((), ())
        column, threshold, kept = zip(*nodes, strict=True) if nodes else ((), (), ())
        every = (1 << bits) - 1
        return cls(
            np.array(feature, np.int64),
            np.array(unknown, np.float32),
            np.array(column, np.int64),
            np.array(threshold, np.float32),
            np.array([mask & every for mask in kept], f"uint{bits}"),
            np.array(starts, np.int64),
            leaves,
            np.cumsum([0, *map(len, told)]),
        )

    def scores(self, rows: Floats) -> Raw:
        """Models x rows: the raw score of each row."""
        bits = self.leaves.shape[1]
        teller, shift = (self.kept.dtype.type(number) for number in (_TELLERS[bits], bits - bits.bit_length() + 1))
        scores = np.empty((len(self.models) - 1, len(rows)))
        nodes, leaves = (self.column, self.threshold, self.kept, self.starts), (self.leaves, self.models)
        _score(np.ascontiguousarray(rows.T), self.feature, self.unknown, *nodes, *leaves, teller, shift, scores)
        return scores


@compiled
def _score(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    features: Floats,
    feature: Ints,
    unknown: Floats,
    column: Ints,
    threshold: Floats,
    kept: Bits,
    starts: Ints,
    leaves: Raw,
    models: Ints,
    teller: np.unsignedinteger[Any],
    shift: np.unsignedinteger[Any],
    scores: Raw,
) -> None:
    columns = np.empty((len(feature), _LANES), np.float32)
    left = np.empty(_LANES, kept.dtype)
    every = ~kept.dtype.type(0)
    for first in range(0, features.shape[1], _LANES):
        lanes = min(_LANES, features.shape[1] - first)
        for c in range(len(feature)):
            of_rows = features[feature[c], first : first + lanes]
            for r in range(lanes):
                value = of_rows[r]
                value = value if abs(value) > _ZERO or np.isnan(value) else np.float32(0)
                columns[c, r] = unknown[c] if np.isnan(value) else value
        for model in range(len(scores)):
            total = np.zeros(_LANES)
            for tree in range(models[model], models[model + 1]):
                left[:] = every
                for node in range(starts[tree], starts[tree + 1]):
                    values, most, mask = columns[column[node]], threshold[node], kept[node]
                    for r in range(_LANES):
                        left[r] &= mask if values[r] > most else every
                for r in range(_LANES):
                    left[r] &= ~left[r] + kept.dtype.type(1)
                    left[r] *= teller
                for r in range(_LANES):
                    total[r] += leaves[tree, left[r] >> shift]
            scores[model, first : first + lanes] = total[:lanes]


def _leaf_count(node: Node) -> int:
    return sum(1 for _ in _leaves(node))


def _leaves(node: Node) -> Iterator[float]:
    """From left to right."""
    if "split_feature" not in node:
        yield node["leaf_value"]
    else:
        yield from _leaves(node["left_child"])
        yield from _leaves(node["right_child"])


def _nodes(node: Node, first: int, columns: dict[tuple[int, float], int]) -> Iterator[_Node]:
    """The nodes of a tree whose leaves begin at bit `first`; a column that is looked at anew gets a number."""
    if "split_feature" not in node:
        return
    left = _leaf_count(node["left_child"])
    unknown = 0.0 if node["missing_type"] == "None" else -np.inf if node["default_left"] else np.inf
    column = columns.setdefault((node["split_feature"], unknown), len(columns))
    yield _Node(column, at_most(node["threshold"]), ~(((1 << left) - 1) << first))
    yield from _nodes(node["left_child"], first, columns)
    yield from _nodes(node["right_child"], first + left, columns)


def at_most(threshold: float) -> np.float32:
    """The largest finite float32 that is no larger: no other lies between the two."""
    near = np.float32(np.clip(threshold, np.finfo(np.float32).min, np.finfo(np.float32).max))
    return near if float(near) <= threshold else np.nextafter(near, np.float32(-np.inf))


def _place(leaf: int, bits: int) -> int:
    return ((_TELLERS[bits] << leaf) & ((1 << bits) - 1)) >> (bits - bits.bit_length() + 1)
