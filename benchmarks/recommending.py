"""How long does the model itself take at the Netflix Prize's size, for one viewer and in bulk, and which part of it?

The first run makes the model and keeps it in a folder: 17,770 titles, 3,000,000 ratings of an invented world, every
source as in params.yaml. Its ranker learns from sources that know the answers: that changes what it says, not what it
costs. Beside it in the same run: implicit's `recommend` and LightGBM's `predict` on the same rows. One thread; in bulk
two.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar, cast

import lightgbm as lgb
import numpy as np
import polars as pl
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares

from marquee.data.demo_world import NETFLIX_SCALE, write_demo_world
from marquee.model.asked import now
from marquee.model.candidates import gather
from marquee.model.explain import Explainer
from marquee.model.folder import Contents, load_model, save_model
from marquee.model.histories import Floats, Histories, Ints, histories_of
from marquee.model.interactions import interactions
from marquee.model.lessons import fifth
from marquee.model.live import viewer_of
from marquee.model.ranker import Ranker, fit_ranker
from marquee.model.recommender import TOGETHER, Lister
from marquee.model.retrieval import batches, fit_retriever, restored_retriever, rows_of, together
from marquee.model.sources import Source
from marquee.model.sources.als import Als
from marquee.model.titles import Titles, titles_of
from marquee.params import Params, read_params
from marquee.stages import tables

ROOT = Path(__file__).parent.parent
FOLDER = Path(tempfile.gettempdir()) / "marquee-recommending"
VIEWERS, RATINGS = 16_000, 3_000_000
K, SHOWN = 100, 10
TIMES = 300  # viewers asked about, one by one
BULK = 8_192  # viewers asked about at once: of fewer, what is made once would count

Answer = TypeVar("Answer")
Parts = dict[str, list[float]]  # seconds of each


def params_for(world: Path) -> Params:
    fewer = ["stars.tastes.iterations=4", "lessons.viewers=1000"]
    return read_params(ROOT / "params.yaml", [*fewer, f"source.path={world}", f"catalogue.metadata={world}"])


def make(folder: Path) -> None:
    """Writes a world, fits the recommender's parts on it once, and saves them."""
    world, params = folder / "world", params_for(folder / "world")
    size = {"viewers": VIEWERS, "titles": NETFLIX_SCALE["titles"], "ratings": RATINGS}
    write_demo_world(world, params.demo_world.model_copy(update=size))
    tables.titles(params, folder)
    tables.ratings(params, folder, datetime(2006, 1, 1, tzinfo=UTC))
    told = pl.scan_parquet(folder / "tables" / "ratings.parquet")
    rows = interactions(told, None, params.signals, params.star).collect()
    titles = titles_of(tables.read_titles(folder), rows["title_id"].unique().to_numpy())
    save(folder / "model", histories_of(rows, titles.ids), titles, params)


def save(folder: Path, histories: Histories, titles: Titles, params: Params) -> None:
    retriever = fit_retriever(histories, titles, params, params.seed)
    lesson = fifth(histories, params.lessons, np.random.default_rng(params.seed))
    rows = together(retriever.feature_names, list(rows_of(lesson, retriever, params, params.seed)))
    boosters = fit_ranker(rows, params.ranker, params.seed).texts
    texts = {f"ranker_{number}.txt": text for number, text in enumerate(boosters)}
    arrays = {**retriever.parts(), "histories": histories.arrays()}
    save_model(folder, Contents(arrays, texts, {"titles": titles.frame}, {}))


def opened(folder: Path) -> Lister:
    """The saved parts, their arrays memory-mapped as a service has them."""
    contents, params = load_model(folder), params_for(folder)
    retriever = restored_retriever(contents.arrays, Titles(contents.frames["titles"]), params.sources)
    boosters = tuple(contents.texts[name] for name in sorted(contents.texts) if name.startswith("ranker_"))
    ranker = Ranker(retriever.feature_names, boosters)
    return Lister(params, Histories(**contents.arrays["histories"]), retriever, ranker)


class Timed:
    """Work done by name; how long each took is in `parts`."""

    def __init__(self) -> None:
        self.parts: Parts = {}

    def __call__(self, name: str, work: Callable[[], Answer]) -> Answer:
        began = time.perf_counter()
        answer = work()
        self.parts.setdefault(name, []).append(time.perf_counter() - began)
        return answer


def of_sources(timed: Timed, sources: Sequence[Source], histories: Histories, as_of: Ints) -> None:
    for source in sources:
        timed(f"  {source.name}", partial(source.scores, histories, as_of))


def one(timed: Timed, lister: Lister, explainer: Explainer, peers: "Peers", user_id: int) -> None:
    """Everything that one request needs, part by part and then as a whole."""
    history = timed("history", lambda: viewer_of(lister.histories, user_id))
    as_of, retriever = now(lister.histories, lister.histories)[:1], lister.retriever
    of_sources(timed, lister.sources, history, as_of)
    found = timed("sources + gather", lambda: retriever.candidates(history, as_of))
    rows = timed("describe", lambda: lister.describe(found, history, as_of))
    timed("ranker", lambda: lister.score(rows))
    timed("peer: LightGBM's predict", lambda: peers.predicted(rows))
    timed("peer: implicit's recommend", lambda: peers.recommended(history))
    lists = timed("RECOMMEND", lambda: lister.recommend(history, as_of, SHOWN))
    pool = lister.propose(history, as_of, ()).pool
    timed("REASONS", lambda: explainer.reasons(history, lists.title.astype(np.int64), pool, as_of))
    timed.parts.setdefault("rows", []).append(len(rows) / 1e3)


class Peers:
    """The same questions asked of plain libraries."""

    def __init__(self, lister: Lister) -> None:
        self._boosters = [lgb.Booster(model_str=text) for text in lister.ranker.texts]
        factors = cast("Als", lister.retriever.fitted["als"]).title_factors
        self._als = AlternatingLeastSquares(factors.shape[1], lister.params.sources.als.regularization, num_threads=1)
        self._als.item_factors, self._titles = np.array(factors), len(factors)

    def predicted(self, rows: Floats) -> object:
        return [booster.predict(rows, num_threads=1, raw_score=True) for booster in self._boosters]

    def recommended(self, histories: Histories) -> object:
        watched = sp.csr_matrix(histories.matrix(np.ones(len(histories.title), np.float32), self._titles))
        return self._als.recommend(np.arange(len(histories)), watched, N=K, recalculate_user=True)


def in_bulk(lister: Lister, histories: Histories, peers: Peers) -> Iterator[tuple[str, float]]:
    """Viewers a second of each part; the parts on one thread, gathering and the whole on two."""
    as_of, timed = now(lister.histories, histories), Timed()
    for users in batches(histories):
        of_sources(timed, lister.sources, histories.of(users), as_of[users])
    timed("gathered, k=100, two threads", lambda: gathered(lister, histories, as_of))
    timed("recommended, k=100, two threads", lambda: lister.recommend(histories, as_of, K))
    timed("peer: implicit's recommend", lambda: peers.recommended(histories))
    return ((name, len(histories) / sum(seconds)) for name, seconds in timed.parts.items())


def gathered(lister: Lister, histories: Histories, as_of: Ints) -> None:
    def of(users: Ints) -> object:
        return gather(lister.sources, histories.of(users), as_of[users], K)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(of, batches(histories, TOGETHER)))


def show(parts: Mapping[str, Sequence[float]]) -> None:
    print(f"{'one viewer, ms':<34}{'p50':>8}{'p90':>8}{'p99':>8}")
    for name, seconds in parts.items():
        print(f"{name:<34}" + "".join(f"{1e3 * np.percentile(seconds, p):8.2f}" for p in (50, 90, 99)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help=f"where the model is kept, {FOLDER}")
    parser.add_argument("--no-bulk", action="store_true", help="one viewer at a time only")
    given = parser.parse_args()
    if not (given.folder / "model").exists():
        make(given.folder)
    lister = opened(given.folder / "model")
    peers, timed = Peers(lister), Timed()
    explainer = Explainer(lister, lister.params.signals, lister.params.explain)
    some = np.random.default_rng(1).choice(lister.histories.user_ids, TIMES + 1, replace=False)
    one(Timed(), lister, explainer, peers, int(some[0]))  # what is made once and kept
    for user_id in some[1:]:
        one(timed, lister, explainer, peers, int(user_id))
    show(timed.parts)
    if not given.no_bulk:
        users = np.random.default_rng(2).choice(len(lister.histories), BULK, replace=False)
        for name, rate in in_bulk(lister, lister.histories.of(users), peers):
            print(f"{name:<34}{rate:8,.0f} viewers/s")


if __name__ == "__main__":
    main()
