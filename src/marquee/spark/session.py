"""The session: one cluster, as params.yaml names it. Workers see the project's folder and have its environment."""

import os
import sys
import warnings
from collections.abc import Mapping
from types import MappingProxyType

from pyspark.sql import SparkSession

from marquee.params import SparkParams

_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MILLIS",  # as everybody else's tables have it
        # A table that is a folder holds its parts and nothing else: neither checksums nor a mark of success.
        "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
        "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
        # A row may be all that is counted of a title: a batch of ten thousand of them fits nowhere.
        "spark.sql.execution.arrow.maxBytesPerBatch": "32m",
        # A worker's cores are one for each task: no library shall take more.
        "spark.executorEnv.POLARS_MAX_THREADS": "1",
        "spark.executorEnv.OPENBLAS_NUM_THREADS": "1",
        "spark.ui.showConsoleProgress": "false",
    }
)


def session(params: SparkParams) -> SparkSession:
    """The one of this process; begun when first asked for."""
    # Its workers run this very Python, unless the environment names another.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    builder = SparkSession.builder.appName("marquee").master(params.master)
    for key, value in {**_SETTINGS, **params.settings}.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()
