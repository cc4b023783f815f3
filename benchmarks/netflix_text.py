"""How fast does Netflix Prize text become Parquet, beside pandas and beside what polars does when nobody checks?

A file of the size of combined_data_1.txt is made up, and a copy of it in which one line in a hundred is broken. Every
way runs in a process of its own, in turns; the best time and the highest memory of the rounds are printed.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from marquee.data import netflix_prize
from marquee.data.ratings import write_ratings
from marquee.data.rejects import Rejects
from marquee.tables import WHEN

Schema = dict[str, pl.DataType | type[pl.DataType]]

RATINGS, TITLES, VIEWERS = 24_053_764, 4_499, 480_189
LARGEST_USER_ID = 2_649_429
SHARES_OF_STARS = (0.046, 0.101, 0.287, 0.336, 0.23)
TIMES_AS_FAST, GIGABYTES, TIMES_AS_SLOW = 5.0, 1.5, 2.0
ROUNDS = 3
NOW = datetime(2006, 1, 1, tzinfo=UTC)


def made_up(folder: Path, ratings: int) -> None:
    """Blocks of a long tail of titles, and the same with faults of all kinds."""
    drawn = np.random.default_rng(7)
    users = np.sort(drawn.choice(np.arange(1, LARGEST_USER_ID + 1, dtype=np.uint32), VIEWERS, replace=False))
    wanted = np.sort(drawn.lognormal(0, 1.3, TITLES))[::-1].cumsum()
    ends = (wanted / wanted[-1] * ratings).round().astype(int)
    days = pl.date_range(date(1999, 11, 11), date(2005, 12, 31), eager=True).cast(pl.String)
    with (folder / "clean.txt").open("wb") as clean, (folder / "dirty.txt").open("wb") as dirty:
        for title_id, size in enumerate(np.diff(ends, prepend=0), 1):
            block = pl.DataFrame(
                {
                    "user_id": drawn.permutation(users[_spread(drawn, size)]).astype(str),
                    "rating": drawn.choice(np.arange(1, 6), size, p=SHARES_OF_STARS),
                    "day": days.gather(drawn.integers(0, len(days), size)),
                }
            )
            for file, rows in ((clean, block), (dirty, _broken(block, drawn))):
                file.write(f"{title_id}:\n".encode())
                rows.write_csv(file, include_header=False)


def _spread(drawn: np.random.Generator, size: int) -> Any:
    """So many different viewers, the busy ones more often."""
    steps = drawn.exponential(1, size + 1).cumsum()
    return ((steps[:-1] / steps[-1]) ** 1.5 * (VIEWERS - size)).astype(int) + np.arange(size)


def _broken(block: pl.DataFrame, drawn: np.random.Generator) -> pl.DataFrame:
    """One line in a hundred: no number, a rating or a day that is none, and the next line's viewer."""
    fault = pl.Series(np.where(drawn.random(block.height) < 0.01, drawn.integers(1, 5, block.height), 0))
    return block.select(
        user_id=pl.when(fault == 1)
        .then(pl.lit("x"))
        .when(fault == 4)
        .then(pl.col("user_id").shift(1))
        .otherwise("user_id"),
        rating=pl.when(fault == 2).then(9).otherwise("rating"),
        day=pl.when(fault == 3).then(pl.lit("2005-02-30")).otherwise("day"),
    )


def by_read_csv(folder: Path) -> Any:
    # Imported before the clock starts, and in this way's process alone: its memory is no other way's.
    return import_module("pandas").read_csv(folder / "clean.txt", names=["user_id", "rating", "rated_at"])


def by_pandas(folder: Path) -> None:
    """What the reader makes of the text: titles on every row, no header lines, typed columns. Nothing is written."""
    lines = by_read_csv(folder)
    header = lines["rating"].isna()
    lines["title_id"] = lines["user_id"].where(header).str.rstrip(":").ffill()
    rows = lines[~header]
    rated_at = import_module("pandas").to_datetime(rows["rated_at"], format="%Y-%m-%d", utc=True)
    types = {"user_id": "uint32", "title_id": "uint16", "rating": "float32"}
    rows.astype(types).assign(rated_at=rated_at)


def by_polars(folder: Path) -> None:
    title = pl.when(pl.col("user_id").str.ends_with(":")).then(pl.col("user_id").str.strip_suffix(":"))
    names = {"user_id": pl.String, "rating": pl.Float32, "day": pl.Date}
    lines = pl.scan_csv(folder / "clean.txt", has_header=False, schema=names, missing_columns="insert", quote_char=None)
    titled = lines.with_columns(title.cast(pl.UInt16).forward_fill().alias("title_id")).drop_nulls("rating")
    titled.cast({"user_id": pl.UInt32}).sink_parquet(folder / "out.parquet")


def by_the_reader(folder: Path) -> None:
    schema: Schema = {"user_id": pl.UInt32, "title_id": pl.UInt16, "rating": pl.Float32, "rated_at": WHEN}
    with Rejects(folder / "rejects.csv") as rejects:
        chunks = (
            chunk.select(*schema).cast({"title_id": pl.UInt16})
            for chunk in netflix_prize.ratings(_alone(folder, "clean"), rejects)
        )
        pl.io.plugins.register_io_source(lambda *_: chunks, schema=schema).sink_parquet(folder / "out.parquet")


def by_the_stage(folder: Path) -> None:
    _stage(folder, "clean")


def by_the_stage_with_faults(folder: Path) -> None:
    _stage(folder, "dirty")


def _stage(folder: Path, name: str) -> None:
    titles = pl.DataFrame({"title_id": pl.int_range(1, TITLES + 1, dtype=pl.UInt16, eager=True)})
    with Rejects(folder / "rejects.csv") as rejects:
        chunks = netflix_prize.ratings(_alone(folder, name), rejects)
        write_ratings(chunks, titles, folder / "out.parquet", rejects, NOW)


def _alone(folder: Path, name: str) -> Path:
    """A folder that holds this file only, under the name it has in the Prize."""
    source = folder / name
    source.mkdir(exist_ok=True)
    if not (source / "combined_data_1.txt").exists():
        (source / "combined_data_1.txt").hardlink_to(folder / f"{name}.txt")
    return source


WAYS: Mapping[str, Callable[[Path], Any]] = {
    "pandas: the same columns, nothing written": by_pandas,
    "pandas.read_csv alone, nothing written": by_read_csv,
    "polars scan to Parquet, unchecked, unsorted": by_polars,
    "Marquee: reader to Parquet": by_the_reader,
    "Marquee: whole stage (checked, once, sorted)": by_the_stage,
    "Marquee: whole stage, 1 % of lines broken": by_the_stage_with_faults,
}


def _measured(way: str, folder: Path) -> tuple[float, float]:
    """Seconds, and gigabytes at the highest."""
    import_module("pandas" if way.startswith("pandas") else "polars")
    started = time.perf_counter()
    WAYS[way](folder)
    return time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def _table(folder: Path, rounds: int, ratings: int) -> None:
    runs = [(way, _in_a_process(_measured, way, folder)) for _ in range(rounds) for way in WAYS]
    seconds = {way: min(time for name, (time, _) in runs if name == way) for way in WAYS}
    memory = {way: max(peak for name, (_, peak) in runs if name == way) for way in WAYS}
    peer, parser, _, reader, stage, faulty = WAYS
    print(f"{'':46}{'seconds':>9}{'M ratings/s':>13}{'peak GB':>9}{'x pandas':>10}")
    for way in WAYS:
        pace = f"{seconds[way]:9.2f}{ratings / seconds[way] / 1e6:13.1f}{memory[way]:9.2f}"
        print(f"{way:46}{pace}{seconds[peer] / seconds[way]:10.1f}")
    print(f"reader to Parquet {seconds[peer] / seconds[reader]:.1f} x pandas (limit {TIMES_AS_FAST}), ", end="")
    print(f"{seconds[parser] / seconds[reader]:.1f} x its read_csv alone; ", end="")
    print(f"highest memory {max(memory[reader], memory[stage]):.2f} GB (limit {GIGABYTES}), ", end="")
    print(f"faults make it {seconds[faulty] / seconds[stage]:.2f} x slower (limit {TIMES_AS_SLOW})")


def _in_a_process(work: Callable[..., Any], *given: object) -> Any:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(work, *given).result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a twelfth of the ratings, one round")
    quick = parser.parse_args().quick
    ratings, rounds = (RATINGS // 12, 1) if quick else (RATINGS, ROUNDS)
    with tempfile.TemporaryDirectory(prefix="netflix-text-") as temporary:
        folder = Path(temporary)
        _in_a_process(made_up, folder, ratings)
        size = (folder / "clean.txt").stat().st_size
        print(f"{ratings:,} ratings of {TITLES:,} titles, {size / 1e6:,.0f} MB of text; best of {rounds}")
        _table(folder, rounds, ratings)


if __name__ == "__main__":
    main()
