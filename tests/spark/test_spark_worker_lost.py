"""The claim about a machine that is gone; the last of all, for the cluster has one worker less then."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
from polars.testing import assert_frame_equal
from pyspark import SparkContext

from marquee.model.asked import lists
from marquee.model.recommender import Recommender
from marquee.params import Params
from marquee.spark.lists import write_lists
from marquee.spark.session import session
from tests.spark.conftest import Cluster


def test_a_worker_is_lost_in_the_middle_and_everybody_has_one_list(
    params: Params, cluster: Cluster, model: Path, fitted: Recommender, tmp_path: Path
) -> None:
    small, context = params.spark.model_copy(update={"rows": 3_000}), session(params.spark).sparkContext
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(write_lists, model, 10, small, tmp_path / "lists")
        wait_for_a_part(context)
        cluster.lose(cluster.workers[0])
        assert not work.done()
        work.result()
    here = lists(fitted, fitted.histories, 10)
    assert_frame_equal(pl.read_parquet(tmp_path / "lists"), here.cast({"rank": pl.Int64}), abs_tol=1e-6)


def wait_for_a_part(context: SparkContext) -> None:
    """Until a task is done and others are not even begun."""
    tracker, until = context.statusTracker(), time.monotonic() + 120
    while time.monotonic() < until:
        for stage in map(tracker.getStageInfo, tracker.getActiveStageIds()):
            if stage and 1 <= stage.numCompletedTasks < stage.numTasks - stage.numActiveTasks:
                return
        time.sleep(0.01)
    raise TimeoutError("no part was ever made")
