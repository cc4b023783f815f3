"""Claims about models that are fitted on the cluster, by the stages themselves.

In their world one title was watched by everybody, and one viewer has watched every title.
"""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose
from pyspark.sql import functions as sql

from marquee.model import recommender
from marquee.model.asked import histories_for, lists, now
from marquee.model.folder import load_model
from marquee.model.histories import Histories, histories_of
from marquee.model.profiles import sums_of_titles
from marquee.model.ranker import Rows, fit_ranker
from marquee.model.recommender import Recommender
from marquee.model.sources.pairs import wanted_by, watched_together
from marquee.model.split import Cut, cut
from marquee.model.titles import titles_of
from marquee.params import Params
from marquee.quality import metrics
from marquee.quality.bootstrap import intervals
from marquee.quality.metrics import Asked, Doubles
from marquee.spark.counting import Past, counts_of, sums_of
from marquee.spark.session import session
from marquee.spark.teaching import some_histories
from marquee.spark.viewers import arranged, table
from marquee.stages import models
from tests.model.conftest import TITLE_COUNT, catalogue
from tests.model.conftest import table as rows_of

EVERYTHING = np.arange(1, TITLE_COUNT + 1)
ROWS = 100


@dataclass(frozen=True)
class Made:
    past: Cut
    here: Recommender
    there: Recommender
    folder: Path


@pytest.fixture(scope="module")
def world(everything: pl.DataFrame) -> pl.DataFrame:
    viewers = everything["user_id"].unique()
    watched_by_all = rows_of([(user, 1, 4.0, 500.0) for user in viewers])
    watches_all = rows_of([(5_000, int(title), 3.0, 300.0 + title) for title in EVERYTHING])
    others = everything.filter(pl.col("title_id") != 1)
    return pl.concat([others, watched_by_all, watches_all]).sort("user_id", "at", maintain_order=True)


@pytest.fixture(scope="module")
def made(params: Params, world: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Made:
    past, folder = cut(world, "last_fifth", 0), tmp_path_factory.mktemp("models")
    here, there = (_made(params.model_copy(update={"engine": of}), past, folder / of) for of in ("here", "spark"))
    return Made(past, here, there, folder)


def _made(params: Params, past: Cut, into: Path) -> Recommender:
    """The model folder that the stages make, restored."""
    parts = into / "tables" / "interactions.parquet"
    parts.mkdir(parents=True)
    for number, part in enumerate(past.train.iter_slices(3_000)):
        part.write_parquet(parts / f"part-{number}.parquet")
    past.train.clear().write_parquet(into / "tables" / "before_events.parquet")
    catalogue().write_parquet(into / "tables" / "titles.parquet")
    own = params.source.model_copy(update={"format": "own"})
    of = params.model_copy(update={"source": own})
    for stage in (models.retrieve, models.rank, models.stars, models.recommender):
        stage(of, into)
    return recommender.restored(load_model(into / "model"))


def asked(of: Recommender, past: Cut) -> Histories:
    return histories_for(of.histories, past.test["user_id"].unique().sort().cast(pl.Int64).to_numpy())[0]


def test_all_that_sources_know_is_what_they_know_here_but_for_the_factors(made: Made) -> None:
    here, there = made.here.retriever.parts(), made.there.retriever.parts()
    assert here.keys() == there.keys()
    assert made.here.feature_names == made.there.feature_names
    for part in here.keys() - {"als"}:
        for name, array in here[part].items():
            assert_allclose(there[part][name], array, rtol=1e-5, atol=1e-6, err_msg=f"{part}/{name}")


def test_given_the_same_factors_every_candidate_has_the_same_features(made: Made) -> None:
    there, history = made.there.retriever, asked(made.there, made.past)
    here = replace(made.here.retriever, fitted={**made.here.retriever.fitted, "als": there.fitted["als"]})
    as_of = now(made.there.histories, history)
    found, told = here.candidates(history, as_of), there.candidates(history, as_of)
    assert len(found.title) > 1_000
    assert np.array_equal(told.title, found.title)
    names, there_rows = there.describe(told, history, as_of)
    here_rows = here.describe(found, history, as_of)[1]
    ranks = np.array([name.endswith("_rank") for name in names])
    assert_allclose(there_rows[:, ~ranks], here_rows[:, ~ranks], 1e-5, 1e-5)
    # Where two scores differ by less than a sum's last bits, they may change places.
    assert np.isclose(there_rows[:, ranks], here_rows[:, ranks], 1e-5, 1e-5, equal_nan=True).mean() > 1 - 1e-4


def test_given_the_same_factors_and_ranker_lists_are_as_good(made: Made) -> None:
    """Another start of ALS makes another ranker, and in a world of so few viewers that alone is worth some percent."""
    fitted = {**made.there.retriever.fitted, "als": made.here.retriever.fitted["als"]}
    there = replace(made.there, retriever=replace(made.there.retriever, fitted=fitted), ranker=made.here.ranker)
    expected = ndcg(made.here, made.past).mean()
    assert expected > 0.2
    assert ndcg(there, made.past).mean() == pytest.approx(expected, rel=0.01)


def test_lists_are_not_worse_than_those_of_one_machine_beyond_noise(made: Made) -> None:
    here = ndcg_of_draws(made.here, made.folder / "here", made.past)
    there = ndcg_of_draws(made.there, made.folder / "spark", made.past)
    _, high = intervals((there - here)[:, None], draws=2_000, seed=0)
    assert high > 0
    assert there.mean() == pytest.approx(here.mean(), rel=0.03)


def ndcg_of_draws(of: Recommender, folder: Path, past: Cut) -> Doubles:
    """The mean over several rankers: among so few viewers, what a single one draws is worth some percent."""
    taught = load_model(folder / "retrieved" / "everything").arrays["rows"]
    features, labels, counts = (np.asarray(taught[name]) for name in ("features", "labels", "counts"))
    rows = Rows(of.retriever.feature_names, features, labels, counts)
    rankers = [fit_ranker(rows, of.params.ranker, seed) for seed in range(0, 60, 10)]
    told: Doubles = np.mean([ndcg(replace(of, ranker=ranker), past) for ranker in rankers], axis=0)
    return told


def ndcg(of: Recommender, past: Cut) -> Doubles:
    """Of each viewer."""
    told = lists(of, asked(of, past), 10)
    answered = Asked.of(past.test, of.titles.ids)
    return metrics.accuracy(metrics.shown(told, answered), answered)["ndcg@10"]


def test_a_title_of_everybody_and_a_viewer_of_everything_are_counted_as_any(
    params: Params, world: pl.DataFrame, tmp_path: Path
) -> None:
    world.write_parquet(tmp_path / "world.parquet")
    rows = arranged(table(session(params.spark), tmp_path / "world.parquet"), ROWS * 10)
    sizes = [row["count"] for row in rows.groupBy(sql.spark_partition_id()).count().collect()]
    assert len(sizes) > 5
    assert max(sizes) <= 2 * ROWS * 10 + TITLE_COUNT
    histories = histories_of(world, EVERYTHING)
    assert histories.counts.max() == TITLE_COUNT > ROWS
    past = Past(rows, partial(Histories.last, n=1_000), EVERYTHING, ROWS)
    sums = sums_of(past)
    assert np.array_equal(sums.titles.rows, sums_of_titles(histories, TITLE_COUNT).rows)
    assert sums.titles.rows.max() == sums.viewers == len(histories)
    counted = counts_of(past, sums, params.sources, tmp_path / "counts").square("together").toarray()
    assert np.array_equal(counted, watched_together(wanted_by(histories, TITLE_COUNT))(0, TITLE_COUNT))


def test_no_more_viewers_are_drawn_than_asked_for_each_with_their_whole_history(
    params: Params, world: pl.DataFrame, tmp_path: Path
) -> None:
    world.write_parquet(tmp_path / "world.parquet")
    few = params.model_copy(update={"viewers": 20})
    titles = titles_of(catalogue(), EVERYTHING)
    drawn, again = (some_histories(tmp_path / "world.parquet", titles, few, tmp_path) for _ in range(2))
    assert len(drawn) == 20
    assert np.array_equal(drawn.user_ids, again.user_ids)
    whole, strangers = histories_for(histories_of(world, EVERYTHING), drawn.user_ids)
    assert not len(strangers)
    for name in ("starts", "title", "at", "rating"):
        assert np.array_equal(getattr(drawn, name), getattr(whole, name), equal_nan=True)
