"""How far are predicted stars from those that were given, beside simpler ways and Surprise's SVD++ on the same rows?

Five random folds, each viewer's last fifth, one moment for everybody, and the pairs of a Parquet file with `--pairs`.
Surprise is asked where it is installed; it knows nothing of time. Then the speed of fitting and of answering.
"""

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl

from marquee.model.histories import Floats, Histories, Mask, histories_of
from marquee.model.stars import NO_MOMENT, fit_stars
from marquee.model.stars.measured import Error, by_time, error, fold_rows, last_part, on_rows, random_folds
from marquee.params import StarsParams, read_params
from marquee.tables import WHEN

PARAMS, DEMO = Path("params.yaml"), Path("data/tables/ratings.parquet")
SHARE, SEED, CANDIDATES, QUICK_VIEWERS = 0.2, 0, 300, 300


def histories_in(path: Path, viewers: int | None) -> tuple[Histories, np.ndarray]:
    """Of a table of ratings, or of the one in a folder; also the ids of its titles."""
    ratings = pl.read_parquet(path / "ratings.parquet" if path.is_dir() else path)
    moment = pl.col("rated_at")
    at = moment.cast(WHEN) if ratings["rated_at"].dtype.is_temporal() else (moment * 1000).cast(pl.Int64).cast(WHEN)
    rows = ratings.with_columns(at=at, known_at=at, strength=1.0, label=1.0, hides=True)
    if viewers:
        rows = rows.filter(pl.col("user_id").is_in(rows["user_id"].unique().sort().head(viewers).implode()))
    title_ids = rows["title_id"].unique().sort().to_numpy().astype(np.int64)
    return histories_of(rows, title_ids), title_ids


def by_surprise(histories: Histories, asked: Sequence[Mask]) -> Error:
    surprise, frame = import_module("surprise"), import_module("pandas").DataFrame
    said: list[Floats] = []
    rows = frame({"user": histories.user, "title": histories.title, "rating": histories.rating})
    reader = surprise.Reader(rating_scale=(float(histories.rating.min()), float(histories.rating.max())))
    for mask in asked:
        known = surprise.Dataset.load_from_df(rows[~mask], reader).build_full_trainset()
        model = surprise.SVDpp(random_state=SEED).fit(known)
        pairs = zip(histories.user[mask].tolist(), histories.title[mask].tolist(), strict=True)
        said.append(np.array([model.predict(user, title).est for user, title in pairs], np.float32))
    return error(np.concatenate(said), np.concatenate([histories.rating[mask] for mask in asked]))


def rows_of(histories: Histories, title_ids: np.ndarray, pairs: Path) -> Mask:
    """Which rows are the pairs (user_id, title_id) of a file."""
    table = pl.read_parquet(pairs).select(pl.col("user_id", "title_id").cast(pl.Int64), asked=True)
    known = pl.DataFrame({"user_id": histories.user_ids[histories.user], "title_id": title_ids[histories.title]})
    found = known.join(table.unique(), on=["user_id", "title_id"], how="left", maintain_order="left")
    return found["asked"].fill_null(False).to_numpy()


def tables(
    histories: Histories, title_ids: np.ndarray, params: StarsParams, given: argparse.Namespace
) -> Iterator[tuple[str, Mapping[str, Error]]]:
    size = len(title_ids)
    measured = random_folds(histories, size, params, given.folds, SEED)
    if find_spec("surprise"):
        measured = {**measured, "Surprise SVD++": by_surprise(histories, fold_rows(histories, given.folds, SEED))}
    yield f"{given.folds} random folds", measured
    yield "each viewer's last fifth", last_part(histories, size, params, SHARE, SEED)
    yield "the last fifth of all", by_time(histories, size, params, SHARE, SEED)
    if given.pairs:
        yield str(given.pairs), on_rows(histories, [rows_of(histories, title_ids, given.pairs)], size, params, SEED)


def speed(histories: Histories, size: int, params: StarsParams) -> None:
    began = time.perf_counter()
    stars = fit_stars(histories, size, params, SEED)
    print(f"fit: {time.perf_counter() - began:.1f} s for {len(histories.title):,} ratings")
    rng, many = np.random.default_rng(SEED), 100_000
    pairs = rng.integers(0, len(histories), many), rng.integers(0, size, many), np.full(many, NO_MOMENT)
    stars.predict(histories, *pairs)
    began = time.perf_counter()
    stars.predict(histories, *pairs)
    print(f"bulk: {many / (time.perf_counter() - began):,.0f} pairs a second")
    one, nobody = histories.of(np.array([int(np.argsort(histories.counts)[len(histories) // 2])])), np.zeros(CANDIDATES)
    asked = nobody.astype(np.int64), rng.integers(0, size, CANDIDATES), np.full(CANDIDATES, one.last_at[0])
    began = time.perf_counter()
    for _ in range(20):
        stars.predict(one, *asked)
    print(f"one viewer, {CANDIDATES} titles: {(time.perf_counter() - began) / 20 * 1e3:.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ratings", type=Path, nargs="?", default=DEMO, help="Parquet, or a folder with ratings.parquet")
    parser.add_argument("--pairs", type=Path, help="Parquet with user_id, title_id: rows that are asked, such as probe")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help=f"of the first {QUICK_VIEWERS} viewers, two folds")
    given = parser.parse_args()
    given.folds = 2 if given.quick else given.folds
    histories, title_ids = histories_in(given.ratings, QUICK_VIEWERS if given.quick else None)
    params = read_params(PARAMS).stars
    for name, errors in tables(histories, title_ids, params, given):
        print(f"\n{name}, {next(iter(errors.values())).pairs:,} pairs")
        for way, found in errors.items():
            print(f"  {way:<16} RMSE {found.rmse:.4f}  MAE {found.mae:.4f}", flush=True)
    print()
    speed(histories, len(title_ids), params)


if __name__ == "__main__":
    main()
