"""Plots: the frames behind `dvc plots`. Each is tidy, one point a row; dvc.yaml says how it is drawn."""

from collections.abc import Mapping

import numpy as np
import polars as pl
import scipy.sparse as sp

from marquee.model.histories import Floats
from marquee.model.split import Cut
from marquee.model.titles import Titles
from marquee.quality.bootstrap import mean_of_known
from marquee.quality.metrics import Asked, found_in, genre_mix, pairs_of, shown

GATHERED = "gather"
_STEP = 0.25  # stars of one point of a calibration


def gather_recall(cut: Cut, candidates: Mapping[str, pl.DataFrame], titles: Titles) -> pl.DataFrame:
    """source, depth, recall: the share of wanted titles among the first of each source's list, and of all together.

    What no source proposes no ranker can find: the last row of GATHERED bounds it.
    """
    asked = Asked.of(cut.test, titles.ids)
    depth = max(int(lists["rank"].to_numpy().max(initial=0)) for lists in candidates.values())
    wanted = asked.keys(asked.user, asked.title)
    together = np.full(len(wanted), depth + 1)
    curves = {}
    for name, lists in candidates.items():
        one = shown(lists, asked)
        pair, hit = found_in(asked.keys(one.user, one.title), wanted)
        together[pair[hit]] = np.minimum(together[pair[hit]], one.rank[hit])
        curves[name] = one.rank[hit]
    curves[GATHERED] = together[together <= depth]
    return pl.concat(
        pl.DataFrame(
            {
                "source": name,
                "depth": np.arange(1, depth + 1),
                "recall": np.cumsum(np.bincount(ranks, minlength=depth + 1))[1:] / max(len(wanted), 1),
            }
        )
        for name, ranks in curves.items()
    )


def segment_bars(table: pl.DataFrame) -> pl.DataFrame:
    """cut, segment, list, ndcg: the table of evaluate.py at a glance."""
    main = table.filter(pl.col("metric") == "ndcg@10")
    return main.select("cut", "segment", "list", ndcg="value")


def star_calibration(predicted: Floats, given: Floats) -> pl.DataFrame:
    """predicted, actual, ratings: what was given, on average, where about so many stars were predicted."""
    told = pl.DataFrame({"predicted": predicted, "actual": given}).cast(pl.Float64)
    points = told.group_by(point=(pl.col("predicted") / _STEP).round() * _STEP)
    return points.agg(pl.col("predicted", "actual").mean(), ratings=pl.len()).sort("point").drop("point")


def genre_shares(cut: Cut, lists: pl.DataFrame, titles: Titles) -> pl.DataFrame:
    """genre, of, share: each genre's mean share in what viewers had liked, were shown in ten titles, and wanted."""
    asked = Asked.of(cut.test, titles.ids)
    user, title, _ = pairs_of(cut.histories.filter(pl.col("label") > 0), asked, "histories")
    shape = (len(asked.user_ids), len(titles))
    seen = {
        "past": sp.csr_array((np.ones(len(user)), (user, title)), shape=shape),
        "shown": shown(lists, asked).top(10).matrix(len(titles)),
        "wanted": sp.csr_array((np.ones(len(asked.user)), (asked.user, asked.title)), shape=shape),
    }
    return pl.concat(
        pl.DataFrame(
            {"genre": titles.genre_names, "of": of, "share": mean_of_known(genre_mix(matrix, titles.genres), axis=0)}
        )
        for of, matrix in seen.items()
    )
