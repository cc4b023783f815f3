"""Claims about what features add: as LightGBM's own `pred_contrib` has it, and summing to the score."""

import lightgbm as lgb
import numpy as np
import pytest

from marquee.model.shapley import Shapley
from marquee.model.trees import Trees
from tests.model.test_trees import FEATURES, SETTINGS, booster, rows_like


def close(model: lgb.Booster, count: int, *, unknown: bool) -> bool:
    rows = rows_like(count, unknown=unknown)
    expected = model.predict(rows, pred_contrib=True, num_threads=1)
    return np.allclose(Shapley(model.model_to_string()).contributions(rows), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("leaves", [2, 3, 15, 64])
def test_what_features_add_is_what_lightgbm_says(leaves: int) -> None:
    assert close(booster(leaves), 100, unknown=True)


def test_what_training_never_missed_counts_as_zero_where_it_is_missing() -> None:
    assert close(booster(unknown=False), 100, unknown=True)


@pytest.mark.parametrize("count", [1, 15, 16, 17])
def test_however_many_rows_are_asked_together(count: int) -> None:
    assert close(booster(), count, unknown=False)


def test_of_no_row_nothing_is_said() -> None:
    assert Shapley(booster().model_to_string()).contributions(rows_like(0, unknown=False)).shape == (0, FEATURES + 1)


def test_what_features_add_sums_to_the_score() -> None:
    rows = rows_like(100, unknown=True)
    sums = Shapley(booster().model_to_string()).contributions(rows).sum(axis=1)
    np.testing.assert_allclose(sums, Trees.of(booster().model_to_string()).scores(rows)[0], atol=1e-6)


def test_of_several_models_features_add_the_mean_of_what_they_add_in_each() -> None:
    rows, texts = rows_like(20, unknown=True), [booster(leaves).model_to_string() for leaves in (3, 15)]
    each = [Shapley(text).contributions(rows) for text in texts]
    np.testing.assert_allclose(Shapley(*texts).contributions(rows), np.mean(each, axis=0), atol=1e-6)


def test_a_tree_that_never_split_adds_only_to_what_every_row_begins_with() -> None:
    rows = rows_like(50, unknown=False)
    flat = lgb.train({**SETTINGS, "min_data_in_leaf": 40}, lgb.Dataset(rows, np.full(50, 3.5)), 2)
    added = Shapley(flat.model_to_string()).contributions(rows)
    assert (added[:, :-1] == 0).all()
    assert added[:, -1] == pytest.approx(3.5)
