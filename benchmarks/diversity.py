"""What does a turn of the diversity dial cost? NDCG@10, how unlike the titles of a list are, and time, side by side.

Lists come from the linear autoencoder's scores alone, over each viewer's last fifth of the demo world (or of the
folder named with --tables, which holds ratings.parquet and titles.parquet). A stop more is one number in DIALS.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import polars as pl

from marquee.model.arrange import Kept, Lists, Scored, Shop, arrange, compact, keep
from marquee.model.candidates import gather
from marquee.model.histories import Histories, histories_of
from marquee.model.interactions import interactions
from marquee.model.sources.autoencoder import fit_autoencoder
from marquee.model.split import last_fifth
from marquee.model.titles import Titles, titles_of
from marquee.params import read_params
from marquee.quality.metrics import Asked, accuracy, diversity, shown

ROOT = Path(__file__).parent.parent
PARAMS = read_params(ROOT / "params.yaml")
DIALS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8)
K = 10
CANDIDATES = 300


def kept_of(histories: Histories, titles: Titles) -> Kept:
    source = fit_autoencoder(histories, len(titles), PARAMS.sources.autoencoder)
    found = gather([source], histories, histories.last_at, CANDIDATES)
    return keep(Scored(found.starts, found.title.astype(np.int32), found.scores[:, 0]), len(titles), [])


def table_of(lists: Lists, histories: Histories, titles: Titles) -> pl.DataFrame:
    ids = {"user_id": histories.user_ids[lists.user], "title_id": titles.ids[lists.title]}
    return pl.DataFrame(ids | {"rank": lists.rank, "score": lists.score})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path, default=ROOT / "data" / "tables")
    folder = parser.parse_args().tables
    ratings = pl.read_parquet(folder / "ratings.parquet")
    titles = titles_of(pl.read_parquet(folder / "titles.parquet"), ratings["title_id"].to_numpy())
    cut = last_fifth(interactions(ratings.lazy(), None, PARAMS.signals, PARAMS.star).collect())
    histories = histories_of(cut.train, titles.ids)
    asked = Asked.of(cut.test, titles.ids)
    kept = kept_of(histories, titles)
    shop = Shop(np.bincount(histories.title, minlength=len(titles)).astype(np.float32), compact(titles.genres, 64, 1))
    print(f"{len(histories)} viewers, {CANDIDATES} candidates each, k={K}")
    print("dial   NDCG@10   unlike   us a viewer")
    for dial in DIALS:
        params = PARAMS.arrange.model_copy(update={"diversity": dial})
        begin = time.perf_counter()
        lists = arrange(kept, K, shop, params)
        spent = 1e6 * (time.perf_counter() - begin) / len(histories)
        table = shown(table_of(lists, histories, titles), asked)
        ndcg, unlike = np.mean(accuracy(table, asked)["ndcg@10"]), np.nanmean(diversity(table, titles.genres))
        print(f"{dial:4.2f}   {ndcg:7.4f}   {unlike:6.3f}   {spent:6.0f}")


if __name__ == "__main__":
    main()
