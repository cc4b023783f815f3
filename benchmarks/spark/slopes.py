"""What does a row cost on Spark, part by part, and does it cost more where there are more rows?

Processor time of the driver, its JVM and its Python workers, so that whoever else uses the machine does not count;
one session, every part at each size, the smallest once before to warm up. `make spark` installs what this needs:

    python benchmarks/spark/slopes.py --rows 0.1,0.2,0.4 --model data/model      in millions; lists of that model

What it comes to at the Netflix Prize's size and far past it stands below: the same seconds a row, times the rows.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import polars as pl
import psutil

from marquee.model.histories import histories_of
from marquee.params import Params, read_params
from marquee.tables import WHEN

T = TypeVar("T")

TITLES, OF_A_VIEWER, SEED = 2_000, 200, 7
NETFLIX, TIMES = 100_480_507, (1, 10, 100, 1_000)  # ratings of the Prize, and how often as many
PARAMS = Path(__file__).parents[2] / "params.yaml"


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rows", default="0.1,0.2,0.4", help="millions of ratings")
    asked.add_argument("--model", type=Path, help="a model folder, of which all lists are made")
    told = asked.parse_args()
    sizes = [int(float(millions) * 1e6) for millions in told.rows.split(",")]
    params = read_params(PARAMS, ["engine=spark", "spark.rows=200000"])
    with tempfile.TemporaryDirectory() as folder:
        list(costs(params, min(sizes), Path(folder) / "warm"))
        spent = {rows: dict(costs(params, rows, Path(folder) / str(rows))) for rows in sizes}
        if told.model:
            tell_lists(params, told.model, Path(folder) / "lists")
        tell(spent)
        tell_sizes(spent[sizes[-1]], sizes[-1], Path(folder) / str(sizes[-1]))


def tell(spent: Mapping[int, Mapping[str, float]]) -> None:
    sizes = sorted(spent)
    print(f"{'processor seconds a million rows':34}" + "".join(f"{rows / 1e6:>9g} M" for rows in sizes) + "     slope")
    for part in spent[sizes[0]]:
        seconds = [spent[rows][part] for rows in sizes]
        slope = np.polyfit(np.log(sizes), np.log(seconds), 1)[0] if len(sizes) > 1 else np.nan
        print(
            f"{part:34}"
            + "".join(f"{s / n * 1e6:11.1f}" for s, n in zip(seconds, sizes, strict=True))
            + f"{slope:10.2f}"
        )


def tell_lists(params: Params, model: Path, to: Path) -> None:
    from marquee.spark.lists import write_lists  # noqa: PLC0415 - a dependency group of its own

    made = [used_by(partial(write_lists, model, 100, params.spark, to)) for _ in range(2)][-1]
    viewers = pl.scan_parquet(to).select(pl.col("user_id").n_unique()).collect().item()
    print(f"lists of {viewers:,} viewers: {made / viewers * 1e3:.1f} processor ms a viewer")


def tell_sizes(spent: Mapping[str, float], rows: int, folder: Path) -> None:
    """Processor hours and gigabytes, should nothing but the number of rows grow."""
    table = sum(part.stat().st_size for part in (folder / "interactions.parquet").iterdir()) / rows
    histories = histories_of(pl.read_parquet(folder / "interactions.parquet"), np.arange(1, TITLES + 1))
    a_row = sum(array.nbytes for array in histories.arrays().values()) / rows
    print(f"bytes a row: {table:.1f} in the table of interactions, {a_row:.1f} in a model's histories")
    print(f"{'':38}" + "".join(f"{f'{times:,} x':>12}" for times in TIMES))
    for part, seconds in spent.items():
        print(f"{part + ', hours':38}" + "".join(f"{seconds / rows * NETFLIX * n / 3600:12,.1f}" for n in TIMES))
    for name, size in (("table, GB", table), ("a model's histories, GB", a_row)):
        print(f"{name:38}" + "".join(f"{size * NETFLIX * n / 1e9:12,.1f}" for n in TIMES))


def costs(params: Params, rows: int, folder: Path) -> Iterator[tuple[str, float]]:
    """Each part with what it took."""
    from marquee.spark.als import fit_als  # noqa: PLC0415 - a dependency group of its own
    from marquee.spark.counting import Past, counts_of, sums_of  # noqa: PLC0415
    from marquee.spark.session import session  # noqa: PLC0415
    from marquee.spark.tables import write_interactions  # noqa: PLC0415
    from marquee.spark.viewers import arranged, table  # noqa: PLC0415

    folder.mkdir()
    ratings(rows).write_parquet(folder / "ratings.parquet")
    spark = session(params.spark)
    write = partial(write_interactions, folder / "ratings.parquet", folder / "none", whole, params, folder)
    yield "interactions", used_by(write)
    everybody = arranged(table(spark, folder / "interactions.parquet"), params.spark.rows).persist()
    yield "whole viewers brought together", used_by(everybody.count)
    past = Past(everybody, whole, np.arange(1, TITLES + 1), params.spark.rows)
    yield "sums of titles", used_by(partial(sums_of, past))
    sums = sums_of(past)
    yield "counts of pairs of titles", used_by(partial(counts_of, past, sums, params.sources, folder / "counts"))
    yield "ALS, 64 factors, 10 iterations", used_by(partial(fit_als, past, sums, params.sources.als, SEED))
    everybody.unpersist()


def used_by(work: Callable[[], object]) -> float:
    """Processor seconds of this process and all it began, also of those that are gone."""
    before = _used()
    work()
    return _used() - before


def _used() -> float:
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    return sum(sum(process.cpu_times()[:4]) for process in processes)


def whole(told: T) -> T:
    return told


def ratings(rows: int) -> pl.DataFrame:
    """Viewers of like length; how often a title is watched falls with its rank, as at Netflix."""
    rng, viewers = np.random.default_rng(SEED), rows // OF_A_VIEWER
    chance = 1 / (20 + np.arange(TITLES))
    titles = [rng.choice(TITLES, OF_A_VIEWER, replace=False, p=chance / chance.sum()) for _ in range(viewers)]
    at = np.sort(rng.integers(0, 2_000, (viewers, OF_A_VIEWER)), axis=1).ravel() * 86_400_000
    told = {
        "user_id": np.repeat(np.arange(1, viewers + 1), OF_A_VIEWER),
        "title_id": 1 + np.concatenate(titles),
        "rating": rng.integers(1, 6, viewers * OF_A_VIEWER).astype(np.float32),
        "rated_at": at,
    }
    return pl.DataFrame(told).cast({"rated_at": WHEN})


if __name__ == "__main__":
    main()
