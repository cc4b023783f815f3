"""Lists for all viewers of a model: the model folder asked on every worker, the lists as partitioned Parquet.

What a worker is told is which viewers; their histories it reads from the folder, mapped into memory. Nothing comes back
but that the parts are written.
"""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from marquee.model.asked import lists
from marquee.model.folder import fingerprint_of, load_model
from marquee.model.histories import Ints
from marquee.model.recommender import Recommender, restored
from marquee.params import SparkParams
from marquee.spark.session import session
from marquee.spark.viewers import batches_of, place

_SCHEMA = "user_id long, title_id long, rank long, score float"
_WEIGHT = 256  # rows of a history that take as long as scoring every title once does


def write_lists(folder: Path, k: int, params: SparkParams, to: Path) -> None:
    """LISTS of everybody whom the model was fitted on; what is at `to` is replaced."""
    model, fingerprint = str(folder.resolve()), fingerprint_of(folder)
    shares = shares_of(_asked(model, fingerprint).histories.counts, params.rows)

    def listed(numbers: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        whole = _asked(model, fingerprint)
        for number in (number for batch in numbers for number in batch.column(0).to_pylist()):
            users = np.arange(shares[number], shares[number + 1])
            yield from batches_of(lists(whole, whole.histories.of(users), k))

    count = len(shares) - 1
    told = session(params).range(0, count, 1, numPartitions=count).mapInArrow(listed, _SCHEMA)
    told.write.mode("overwrite").parquet(place(to))


def shares_of(counts: Ints, rows: int) -> Ints:
    """Where shares of viewers begin, and the end: each about as much work, whoever has a long history."""
    work = np.cumsum(counts + _WEIGHT)
    ends = np.unique(work // rows, return_index=True)[1]
    return np.append(ends, len(counts)).astype(np.int64)


@lru_cache(1)
def _asked(model: str, fingerprint: str) -> Recommender:  # noqa: ARG001 - another model in the folder is asked anew
    """Once in a process of a worker, whatever number of shares it is given."""
    return restored(load_model(Path(model)))
