"""RecTools' two-stage recommender on some of the same histories, one viewer after another, in this process: ms as JSON.

Run by serve.py with an interpreter that has rectools, lightgbm and scikit-learn: RecTools needs an older numpy than we
do. ALS of as many factors and the popular propose as many candidates as one of our sources each, LightGBM ranks them.
"""

import json
import sys
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
from implicit.als import AlternatingLeastSquares
from lightgbm import LGBMRanker
from rectools import Columns
from rectools.dataset import Dataset
from rectools.model_selection import TimeRangeSplitter
from rectools.models import ImplicitALSWrapperModel, PopularModel
from rectools.models.ranking import CandidateGenerator, CandidateRankingModel, PerUserNegativeSampler, Reranker


class Grouped(Reranker):  # type: ignore[misc]
    """LightGBM's ranker asks how many rows each viewer has."""

    def prepare_fit_kwargs(self, candidates_with_target: pd.DataFrame) -> dict[str, Any]:
        by_user = candidates_with_target.sort_values(Columns.User)
        return {**super().prepare_fit_kwargs(by_user), "group": by_user.groupby(Columns.User).size().to_numpy()}


def fitted(dataset: Dataset, factors: int, depth: int) -> CandidateRankingModel:
    als = ImplicitALSWrapperModel(AlternatingLeastSquares(factors, iterations=5, num_threads=2))
    return CandidateRankingModel(
        candidate_generators=[
            CandidateGenerator(als, depth, keep_ranks=True, keep_scores=True),
            CandidateGenerator(PopularModel(), depth, keep_ranks=True, keep_scores=True),
        ],
        splitter=TimeRangeSplitter("7D", n_splits=1),
        reranker=Grouped(LGBMRanker(n_estimators=200, num_leaves=15, n_jobs=1, verbosity=-1)),
        sampler=PerUserNegativeSampler(n_negatives=20, random_state=1),
    ).fit(dataset)


def main() -> None:
    warnings.simplefilter("ignore")
    path, factors, depth, k, times = sys.argv[1], *map(int, sys.argv[2:])
    rows = np.load(path)
    table = pd.DataFrame(
        {
            Columns.User: rows["user"],
            Columns.Item: rows["title"],
            Columns.Weight: 1.0,
            Columns.Datetime: pd.to_datetime(rows["at"], unit="ms"),
        }
    )
    dataset = Dataset.construct(table)
    model = fitted(dataset, factors, depth)
    asked, took = np.random.default_rng(0).choice(rows["asked"], times + 1), []
    for user_id in asked:
        began = time.perf_counter()
        answer = model.recommend([user_id], dataset, k, filter_viewed=True)
        took.append(1e3 * (time.perf_counter() - began))
        assert len(answer) == k
    print(json.dumps(took[1:]))


if __name__ == "__main__":
    main()
