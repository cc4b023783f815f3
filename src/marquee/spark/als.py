"""ALS by Spark's own: the factors of titles, of which `model` makes the same source.

Spark counts confidence from 0 where implicit counts it from 1, and weighs the regularization of a viewer or title by
how much of it there is: it is given such a one that a viewer of usual length is held back as much as here.
"""

from collections.abc import Iterator

import numpy as np
import polars as pl
from pyspark.ml.recommendation import ALS
from pyspark.sql import functions as sql

from marquee.model.histories import Histories
from marquee.model.sources.als import Als
from marquee.params import AlsParams
from marquee.spark.counting import Past, Sums

_LEAST = 1e-3  # confidence above 0: less is none at all to Spark
_LARGEST = 2**31 - 1


def fit_als(past: Past, sums: Sums, params: AlsParams, seed: int) -> Als:
    def told(histories: Histories) -> Iterator[pl.DataFrame]:
        sure = params.alpha * np.abs(histories.strength) - 1
        confidence = np.sign(histories.strength) * np.maximum(sure, _LEAST)
        said = histories.strength != 0
        user_id = np.repeat(histories.user_ids, histories.counts)
        rows = {"user_id": user_id, "title": histories.title, "confidence": confidence.astype(np.float32)}
        yield pl.DataFrame(rows).filter(pl.Series(said))

    rows = past.each(told, "user_id long, title int, confidence float")
    blocks = past.arranged.rdd.getNumPartitions()
    usual = sums.wanted.sum() / max(sums.viewers, 1)
    als = ALS(
        rank=params.factors,
        maxIter=params.iterations,
        regParam=params.regularization / max(float(usual), 1.0),
        implicitPrefs=True,
        alpha=1.0,
        userCol="user",
        itemCol="title",
        ratingCol="confidence",
        seed=seed,
        numUserBlocks=blocks,
        numItemBlocks=blocks,
    )
    fitted = als.fit(rows.withColumn("user", _short("user_id")).drop("user_id"))
    known = pl.DataFrame(pl.from_arrow(fitted.itemFactors.toArrow()))
    factors = np.zeros((len(past.title_ids), params.factors), np.float32)
    factors[known["id"].to_numpy()] = known["features"].list.to_array(params.factors).to_numpy()
    return Als(factors, params.alpha, params.regularization)


def _short(name: str) -> sql.Column:
    """An id in 32 bits, as Spark's ALS needs it; of longer ones two may rarely count as one viewer."""
    user = sql.col(name)
    return sql.when(sql.abs(user) <= _LARGEST, user).otherwise(sql.hash(user)).cast("int")
