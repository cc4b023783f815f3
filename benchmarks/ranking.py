"""How good are the lists, beside every single source of them and beside peers, and what do they cost?

On the five cuts of model/split.py each: NDCG@10, and the paired bootstrap's 95 % interval of the hybrid's lead. The
peers are computed apart from Marquee, in a few lines each, and given the best of a few settings by the answers
themselves. Of the demo world's ratings, or any with `--ratings`; a titles.parquet beside them is read too. A cut is a
process of its own. With `--learn-from` instead, what it costs to learn from some of the viewers only.
"""

import argparse
import resource
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import polars as pl
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares

from marquee.data import handed
from marquee.model import recommender
from marquee.model.asked import histories_for, lists, lists_of_sources, now
from marquee.model.candidates import gather
from marquee.model.histories import Floats, Histories, Ints, histories_of
from marquee.model.interactions import interactions
from marquee.model.recommender import Recommender
from marquee.model.retrieval import batches
from marquee.model.split import Cut, cut
from marquee.model.titles import Titles, titles_of
from marquee.params import Params, read_params
from marquee.quality.evaluate import ALL, HYBRID, evaluate
from marquee.quality.metrics import Asked, accuracy, shown

ROOT = Path(__file__).parent.parent
PARAMS = read_params(ROOT / "params.yaml")
DEMO, QUICK_VIEWERS = ROOT / "data/tables/ratings.parquet", 300
K, SPEED_VIEWERS = 100, 1_000

Peer = Callable[[sp.csr_array, sp.csr_array], Floats]  # what was watched, and by whom we ask -> a score of every title


def popularity(watched: sp.csr_array, asked: sp.csr_array) -> Floats:
    return np.tile(watched.sum(axis=0).astype(np.float32), (asked.shape[0], 1))


def item_knn(watched: sp.csr_array, asked: sp.csr_array, nearest: int, shrinkage: float) -> Floats:
    together = (watched.T @ watched).toarray()
    length = np.sqrt(np.diag(together))
    likeness = together / (np.outer(length, length) + shrinkage + 1e-9)
    np.fill_diagonal(likeness, 0)
    least = np.partition(likeness, -min(nearest, len(length)), axis=0)[-min(nearest, len(length))]
    scores: Floats = asked @ np.where(likeness >= least, likeness, np.float32(0))
    return scores


def ease(watched: sp.csr_array, asked: sp.csr_array, regularization: float) -> Floats:
    gram = (watched.T @ watched).toarray() + regularization * np.eye(watched.shape[1], dtype=np.float32)
    precision = np.linalg.inv(gram)
    weights = -precision / np.diag(precision)
    np.fill_diagonal(weights, 0)
    scores: Floats = asked @ weights
    return scores


def implicit_als(watched: sp.csr_array, asked: sp.csr_array, factors: int, alpha: float) -> Floats:
    """implicit's own `recommend`; a title further down than K scores nothing."""
    settings = {"factors": factors, "regularization": 0.1, "iterations": 15, "random_state": 1, "num_threads": 2}
    model = AlternatingLeastSquares(alpha=alpha, **settings)
    model.fit(sp.csr_matrix(watched), show_progress=False)
    rows, most = np.arange(asked.shape[0]), min(K, asked.shape[1])
    title, score = model.recommend(rows, sp.csr_matrix(asked), N=most, recalculate_user=True)
    scores = np.full(asked.shape, -np.inf, np.float32)
    there = title >= 0
    scores[np.nonzero(there)[0], title[there]] = score[there]
    return scores


PEERS: Mapping[str, tuple[Peer, ...]] = {
    "peer: popularity": (popularity,),
    "peer: item kNN": tuple(
        partial(item_knn, nearest=nearest, shrinkage=shrinkage) for nearest in (50, 200) for shrinkage in (0.0, 20.0)
    ),
    "peer: EASE": tuple(partial(ease, regularization=size) for size in (100.0, 300.0, 1000.0)),
    "peer: implicit ALS": tuple(
        partial(implicit_als, factors=factors, alpha=alpha) for factors in (16, 64) for alpha in (1.0, 10.0)
    ),
}


def watched_by(histories: Histories, titles: Titles) -> sp.csr_array:
    return histories.matrix(np.ones(len(histories.title), np.float32), len(titles))


def table_of(scores: Floats, asked: Histories, titles: Titles) -> pl.DataFrame:
    """LISTS of the K best titles that are not in the history."""
    scores = scores.copy()
    scores[asked.user, asked.title] = -np.inf
    title = np.argsort(-scores, axis=1, kind="stable")[:, :K]
    score = np.take_along_axis(scores, title, axis=1)
    user, place = np.nonzero(np.isfinite(score))
    found = {"user_id": asked.user_ids[user], "title_id": titles.ids[title[user, place]], "score": score[user, place]}
    return pl.DataFrame({**found, "rank": (place + 1).astype(np.uint32)})


def lists_of_peers(past: Cut, asked: Histories, titles: Titles) -> Iterator[tuple[str, pl.DataFrame]]:
    """Each with the setting that does best on these very answers."""
    watched, mine = watched_by(histories_of(past.train, titles.ids), titles), watched_by(asked, titles)
    wanted = Asked.of(past.test, titles.ids)
    for name, settings in PEERS.items():
        tables = [table_of(peer(watched, mine), asked, titles) for peer in settings]
        yield name, max(tables, key=lambda table: float(accuracy(shown(table, wanted), wanted)["ndcg@10"].mean()))


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def speed(whole: Recommender) -> tuple[float, float]:
    """Viewers a second, on the sources only (the K best of each) and with the ranker."""
    some = whole.histories.of(np.arange(SPEED_VIEWERS) % len(whole.histories))
    as_of = now(whole.histories, some)

    def gathered(users: Ints) -> object:
        return gather(whole.sources, some.of(users), as_of[users], K)

    def on_sources() -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(gathered, batches(some)))

    whole.recommend(some.of(np.arange(1)), as_of[:1], K)  # what is made once and kept
    return SPEED_VIEWERS / seconds(on_sources), SPEED_VIEWERS / seconds(lambda: whole.recommend(some, as_of, K))


def measured(name: str, ratings: Path, viewers: int | None) -> tuple[pl.DataFrame, str]:
    """The table of a cut, and what it cost."""
    past, titles, whole, asked, spent = fitted(name, ratings, viewers, PARAMS)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    alone, ranked = speed(whole)
    every = {HYBRID: lists(whole, asked, K), **lists_of_sources(whole, asked, K)}
    every |= lists_of_peers(past, asked, titles)
    cost = (
        f"{name:<10}  fit {spent:6.1f} s, {peak:.2f} GB of {past.train.height:,} ratings, {len(titles):,} titles; "
        f"viewers a second at k={K}: {alone:,.0f} on the sources, {ranked:,.0f} with the ranker"
    )
    return evaluate(past, every, titles, PARAMS.evaluate), cost


def fitted(
    name: str, ratings: Path, viewers: int | None, params: Params
) -> tuple[Cut, Titles, Recommender, Histories, float]:
    """A cut, the model of its past, the histories that are asked about, and the seconds that the fit took."""
    table, known = tables_in(ratings, viewers)
    past, titles = cut(table, name, params.evaluate.seed), titles_of(known, table["title_id"].unique().to_numpy())
    began = time.perf_counter()
    whole = recommender.fit(past.train, titles.frame, params)
    spent = time.perf_counter() - began
    user_ids = past.test["user_id"].unique().sort().cast(pl.Int64).to_numpy()
    asked, _ = histories_for(histories_of(past.histories, titles.ids), user_ids)
    return past, titles, whole, asked, spent


def learnt(name: str, ratings: Path, viewers: int | None, most: int) -> tuple[float, float]:
    """NDCG@10 of the lists by a model that learnt from at most so many, and the seconds that took."""
    params = PARAMS.model_copy(update={"viewers": most})
    past, titles, whole, asked, spent = fitted(name, ratings, viewers, params)
    wanted = Asked.of(past.test, titles.ids)
    found = accuracy(shown(lists(whole, asked, K), wanted), wanted)["ndcg@10"]
    return float(found[asked.counts > 0].mean()), spent


def show_learnt(ratings: Path, viewers: int | None, cuts: Sequence[str], learn_from: Sequence[int]) -> None:
    print(f"{'NDCG@10':<12}" + "".join(f"{f'{most:,} viewers':>22}" for most in learn_from))
    for name in cuts:
        with ProcessPoolExecutor(1, get_context("spawn")) as process:
            found = [process.submit(learnt, name, ratings, viewers, most).result() for most in learn_from]
        best = found[-1][0]
        told = (f"{value:.4f} {value / best - 1:+6.1%} {spent:4.0f} s" for value, spent in found)
        print(f"{name:<12}" + "".join(f"{each:>22}" for each in told), flush=True)


def tables_in(ratings: Path, viewers: int | None) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Interactions, and titles if they lie beside the ratings."""
    told, beside = handed.ratings(ratings, datetime.now(UTC)), ratings.with_name("titles.parquet")
    if viewers:
        told = told.filter(pl.col("user_id").is_in(told["user_id"].unique().sort().head(viewers).implode()))
    table = interactions(told.lazy(), None, PARAMS.signals, PARAMS.star).collect()
    return table, handed.titles(beside) if beside.exists() else None


def show(table: pl.DataFrame) -> None:
    """Lists by cuts: NDCG@10 and the 95 % interval of the hybrid's lead, in thousandths."""
    main = table.filter((pl.col("metric") == "ndcg@10") & (pl.col("segment") == ALL))
    cuts = main.group_by("cut", maintain_order=True).agg(pl.col("viewers").first()).rows()
    means = main.group_by("list").agg(pl.col("value").mean()).sort("value", descending=True)
    names = [HYBRID, *(name for name in means["list"] if name != HYBRID)]
    cells = {(row["cut"], row["list"]): cell(row) for row in main.iter_rows(named=True)}
    print("\nNDCG@10; beside it how far the hybrid is above, 95 % interval, in thousandths; * not above beyond noise\n")
    print(" " * 20 + "".join(f"{f'{name} ({viewers:,})':<24}" for name, viewers in cuts))
    for name in names:
        print(f"{name:<20}" + "".join(f"{cells.get((cut, name), ''):<24}" for cut, _ in cuts))


def cell(row: Mapping[str, float]) -> str:
    if row["low"] is None:
        return f"{row['value']:.4f}"
    return f"{row['value']:.4f} {1e3 * row['low']:+.0f} to {1e3 * row['high']:+.0f}{'' if row['low'] > 0 else ' *'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ratings", type=Path, default=DEMO, help="user_id, title_id, rating, rated_at")
    parser.add_argument("--quick", action="store_true", help=f"of the first {QUICK_VIEWERS} viewers")
    parser.add_argument("--cuts", nargs="+", choices=PARAMS.evaluate.cuts, default=PARAMS.evaluate.cuts)
    parser.add_argument("--learn-from", type=int, nargs="+", help="viewers at most, the last of them all")
    given = parser.parse_args()
    viewers = QUICK_VIEWERS if given.quick else None
    if given.learn_from:
        show_learnt(given.ratings, viewers, given.cuts, given.learn_from)
        return
    tables, spawn = [], get_context("spawn")
    for name in given.cuts:
        with ProcessPoolExecutor(1, spawn) as process:
            work = process.submit(measured, name, given.ratings, viewers)
            table, cost = work.result()
        print(cost, flush=True)
        tables.append(table)
    show(pl.concat(tables))


if __name__ == "__main__":
    main()
