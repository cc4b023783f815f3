"""Claims about trees: to the bit they score what LightGBM scores, whatever is in a row or asked together."""

from functools import cache
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest

from marquee.errors import ModelError
from marquee.model.boosted import Node, names_in, trees_of
from marquee.model.histories import Floats
from marquee.model.trees import Trees

RNG = np.random.default_rng(4)
FEATURES = 6
SETTINGS = {"objective": "regression", "num_threads": 1, "verbosity": -1, "seed": 1, "deterministic": True}


def rows_like(count: int, *, unknown: bool) -> Floats:
    """Some columns of few values, so that rows lie on thresholds; some of any."""
    rows = RNG.normal(size=(count, FEATURES)).astype(np.float32)
    rows[:, :2] = RNG.integers(-3, 4, (count, 2))
    if unknown:
        rows[RNG.random(rows.shape) < 0.3] = np.nan
    return rows


@cache
def booster(leaves: int = 15, rounds: int = 30, *, unknown: bool = True) -> lgb.Booster:
    rows = rows_like(3_000, unknown=unknown)
    target = np.nan_to_num(rows[:, 0], nan=2) * np.nan_to_num(rows[:, 2]) + RNG.normal(size=len(rows))
    settings: dict[str, Any] = {**SETTINGS, "num_leaves": leaves, "min_data_in_leaf": 5}
    return lgb.train(settings, lgb.Dataset(rows, target), rounds)


def same(model: lgb.Booster, rows: Floats) -> bool:
    return np.array_equal(
        Trees.of(model.model_to_string()).scores(rows)[0], model.predict(rows, raw_score=True, num_threads=1)
    )


@pytest.mark.parametrize("leaves", [2, 15, 32, 33, 64])
def test_scores_are_those_of_lightgbm_to_the_bit(leaves: int) -> None:
    assert same(booster(leaves), rows_like(1_000, unknown=True))


def test_what_training_never_missed_counts_as_zero_where_it_is_missing() -> None:
    assert same(booster(unknown=False), rows_like(1_000, unknown=True))


def test_no_value_is_too_large_or_too_close_to_a_threshold() -> None:
    model = booster()
    nodes = [node for tree in model.dump_model()["tree_info"] for node in thresholds(tree["tree_structure"])]
    near = np.array([[value] * FEATURES for value in nodes if abs(value) < 1e30], np.float32)
    edges = [near, np.nextafter(near, np.float32(np.inf)), np.nextafter(near, np.float32(-np.inf))]
    extremes = np.array([[value] * FEATURES for value in (np.inf, -np.inf, 3e38, -3e38, 0.0, -0.0, 1e-38, 1e-36)])
    assert same(model, np.concatenate([*edges, extremes.astype(np.float32)]))


def thresholds(node: dict[str, Any]) -> list[float]:
    if "split_feature" not in node:
        return []
    return [node["threshold"], *thresholds(node["left_child"]), *thresholds(node["right_child"])]


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 200])
def test_however_many_rows_are_asked_together_each_scores_the_same(count: int) -> None:
    rows, trees = rows_like(200, unknown=True), Trees.of(booster().model_to_string())
    assert np.array_equal(trees.scores(rows[:count]), trees.scores(rows)[:, :count])
    assert np.array_equal(trees.scores(np.asfortranarray(rows[:count])), trees.scores(rows)[:, :count])


def test_models_asked_together_score_as_each_does_alone() -> None:
    rows, texts = rows_like(200, unknown=True), [booster(leaves).model_to_string() for leaves in (15, 64)]
    alone = [Trees.of(text).scores(rows)[0] for text in texts]
    assert np.array_equal(Trees.of(*texts).scores(rows), alone)


def test_a_tree_that_never_split_adds_its_one_value() -> None:
    rows = rows_like(50, unknown=False)
    flat = lgb.train({**SETTINGS, "min_data_in_leaf": 40}, lgb.Dataset(rows, np.full(50, 3.5)), 2)
    assert same(flat, rows)


def told(node: Node) -> dict[str, Any]:
    """What a split or a leaf says, without what only LightGBM needs."""
    named = ("split_feature", "threshold", "default_left", "missing_type", "internal_count", "leaf_value")
    children = {side: told(node[side]) for side in ("left_child", "right_child") if side in node}
    numbers = {name: node[name] for name in named if name in node}
    if "threshold" in numbers:
        numbers["threshold"] = min(numbers["threshold"], 1e300)  # as `dump_model` has an infinite one
    return numbers | children


@pytest.mark.parametrize("unknown", [True, False])
def test_the_trees_in_its_text_are_those_that_lightgbm_tells_of(unknown: bool) -> None:
    model = booster(unknown=unknown)
    expected = [told(tree["tree_structure"]) for tree in model.dump_model()["tree_info"]]
    assert list(map(told, trees_of(model.model_to_string()))) == expected
    assert names_in(model.model_to_string()) == tuple(model.feature_name())


@pytest.mark.parametrize("broken", ["threshold", "left_child", "decision_type"])
def test_a_text_with_a_hole_is_refused(broken: str) -> None:
    text = "\n".join(line for line in booster().model_to_string().splitlines() if not line.startswith(broken))
    with pytest.raises(ModelError, match="cannot be read"):
        trees_of(text)
