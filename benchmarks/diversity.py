"""What does a turn of the diversity dial cost? NDCG@10, how unlike the titles of a list are, and time, side by side.

The recommender is fitted on the past of a cut, `live` unless told otherwise, of the demo world or of the ratings named
with --ratings; the same candidates are arranged at each stop of the dial. A stop more is one number in DIALS.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.ranking import DEMO, PARAMS, fitted
from marquee.model.arrange import Lists, arrange
from marquee.model.asked import now
from marquee.model.histories import Histories
from marquee.model.titles import Titles
from marquee.quality.metrics import Asked, accuracy, diversity, shown

DIALS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8)
K = 10


def table_of(lists: Lists, asked: Histories, titles: Titles) -> pl.DataFrame:
    ids = {"user_id": asked.user_ids[lists.user], "title_id": titles.ids[lists.title]}
    return pl.DataFrame(ids | {"rank": lists.rank, "score": lists.score})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ratings", type=Path, default=DEMO, help="user_id, title_id, rating, rated_at")
    parser.add_argument("--cut", choices=PARAMS.evaluate.cuts, default="live")
    given = parser.parse_args()
    past, titles, whole, asked, _ = fitted(given.cut, given.ratings, None, PARAMS)
    wanted = Asked.of(past.test, titles.ids)
    kept = whole.propose(asked, now(whole.histories, asked), []).kept
    print(f"{given.cut}: {len(asked)} viewers, k={K}; unlike: 1 - cosine of two titles' genres")
    print("dial   NDCG@10            unlike   us a viewer")
    plain = None
    for dial in DIALS:
        params = whole.params.arrange.model_copy(update={"diversity": dial})
        begin = time.perf_counter()
        lists = arrange(kept, K, whole.shop, params)
        spent = 1e6 * (time.perf_counter() - begin) / len(asked)
        table = shown(table_of(lists, asked, titles), wanted)
        ndcg = float(np.mean(accuracy(table, wanted)["ndcg@10"]))
        plain = plain or ndcg
        unlike = np.nanmean(diversity(table, titles.genres))
        print(f"{dial:4.2f}   {ndcg:7.4f} {ndcg / plain - 1:+8.1%}   {unlike:6.3f}   {spent:6.0f}")


if __name__ == "__main__":
    main()
