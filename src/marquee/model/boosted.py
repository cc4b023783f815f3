"""Boosted: the trees in LightGBM's own text, without LightGBM, whose import would take a service seconds and memory.

A node is told as LightGBM's `dump_model` tells it; a test holds the two to one another.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from marquee.errors import ModelError

Node = Mapping[str, Any]  # a leaf, or a split with its two children

_LEFT = 2  # of decision_type: what is missing goes left
_MISSING = ("None", "Zero", "NaN")  # the two bits above it


def trees_of(text: str) -> list[Node]:
    """The root of each tree."""
    try:
        return [_root(dict(_lines(block))) for block in text.split("end of trees", maxsplit=1)[0].split("\nTree=")[1:]]
    except (KeyError, IndexError, ValueError) as error:
        raise ModelError(f"a model's trees cannot be read ({type(error).__name__}: {error}); fit it anew") from error


def names_in(text: str) -> tuple[str, ...]:
    """The features that it learnt from."""
    return tuple(dict(_lines(text.split("\nTree=", maxsplit=1)[0])).get("feature_names", "").split())


def _lines(block: str) -> Iterator[tuple[str, str]]:
    for line in block.splitlines():
        name, is_told, value = line.partition("=")
        if is_told:
            yield name, value


def _root(told: Mapping[str, str]) -> Node:
    if int(told["num_leaves"]) == 1:
        return {"leaf_value": float(told["leaf_value"])}
    columns = {name: told[name].split() for name in _COLUMNS}
    return _node(0, columns)


_COLUMNS = (
    *("split_feature", "threshold", "decision_type", "left_child", "right_child", "internal_count"),
    *("leaf_value", "leaf_count"),
)


def _node(number: int, columns: Mapping[str, list[str]]) -> Node:
    """A split, or, from -1 down, a leaf."""
    if number < 0:
        return {"leaf_value": float(columns["leaf_value"][~number]), "leaf_count": int(columns["leaf_count"][~number])}
    decision = int(columns["decision_type"][number])
    return {
        "split_feature": int(columns["split_feature"][number]),
        "threshold": float(columns["threshold"][number]),
        "default_left": bool(decision & _LEFT),
        "missing_type": _MISSING[decision >> 2 & 3],
        "internal_count": int(columns["internal_count"][number]),
        "left_child": _node(int(columns["left_child"][number]), columns),
        "right_child": _node(int(columns["right_child"][number]), columns),
    }
