"""How long does importing a viewer's history take? 2,000 rows of each kind of export against 17,770 titles.

The limit is 2 s a file. A tenth of the names is misspelt and another tenth is of titles that nobody made.
"""

import argparse
import csv
import io
import json
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import polars as pl

from marquee.data.history_import import HistoryImport, import_history, read_history
from marquee.params import read_params
from marquee.tables import TITLES

LIMIT_S = 2.0
RUNS = 5
PARAMS = read_params(Path(__file__).parent.parent / "params.yaml")

Title = tuple[str, int, str]  # name, year, kind


def catalogue(size: int, dice: random.Random) -> list[Title]:
    syllables = [
        first + second for first in "bcdfghklmnprstvwz" for second in ("a", "e", "i", "o", "u", "an", "er", "il")
    ]
    words = ["".join(dice.choices(syllables, k=dice.randint(1, 3))).title() for _ in range(6_000)]
    titles: list[Title] = []
    while len(titles) < size:
        name = " ".join(dice.choices(words, k=dice.randint(1, 4)))
        year = dice.randint(1930, 2005)
        kinds = [f"{name}: Season {n}" for n in range(1, dice.randint(2, 6))] if dice.random() < 0.05 else [name]
        titles += [(each, year, "series" if "Season" in each else "movie") for each in kinds]
    return titles[:size]


def watched(titles: Sequence[Title], rows: int, dice: random.Random) -> list[Title]:
    return [_as_written(*dice.choice(titles), dice) for _ in range(rows)]


def _as_written(name: str, year: int, kind: str, dice: random.Random) -> Title:
    chance = dice.random()
    if chance < 0.1 and len(name) > 4:
        slip = dice.randrange(len(name) - 1)
        return name[:slip] + name[slip + 1] + name[slip] + name[slip + 2 :], year, kind
    return (f"Nobody Made {dice.random():.9f}", year, kind) if chance < 0.2 else (name, year, kind)


def _csv(header: str, rows: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([header.split(","), *rows])
    return text.getvalue().encode()


def netflix(titles: Sequence[Title]) -> bytes:
    header = "Profile Name,Start Time,Duration,Attributes,Title,Supplemental Video Type,Device Type,Bookmark"
    names = [f"{name}: Episode {n}" if kind == "series" else name for n, (name, _, kind) in enumerate(titles)]
    day = "2021-03-{:02} 19:22:31"
    return _csv(
        header, [["Ann", day.format(n % 28 + 1), "01:10:00", "", name, "", "TV", ""] for n, name in enumerate(names)]
    )


def letterboxd(titles: Sequence[Title]) -> bytes:
    return _csv("Date,Name,Year,Letterboxd URI,Rating", [["2021-03-14", name, year, "", 4] for name, year, _ in titles])


def imdb(titles: Sequence[Title]) -> bytes:
    kinds = {"movie": "Movie", "series": "TV Series"}
    rows = [["tt1", 8, "2021-03-14", name, name, kinds[kind], year] for name, year, kind in titles]
    return _csv("Const,Your Rating,Date Rated,Title,Original Title,Title Type,Year", rows)


def trakt(titles: Sequence[Title]) -> bytes:
    return json.dumps(
        [{"rated_at": "2014-09-01T09:10:11.000Z", "rating": 9} | _entry(*title) for title in titles]
    ).encode()


def _entry(name: str, year: int, kind: str) -> dict[str, object]:
    show, season, number = name.rpartition(": Season ")
    if kind == "series" and season and number.isdigit():
        return {"season": {"number": int(number)}, "show": {"title": show, "year": year}}
    return {kind.replace("series", "show"): {"title": name, "year": year}}


EXPORTS: tuple[Callable[[Sequence[Title]], bytes], ...] = (netflix, letterboxd, imdb, trakt)


def imported(file: bytes, titles: pl.DataFrame) -> HistoryImport:
    return import_history(read_history(file, PARAMS.history_import), 7, titles, PARAMS.catalogue)


def timed(file: bytes, titles: pl.DataFrame) -> tuple[float, HistoryImport]:
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        result = imported(file, titles)
        seconds.append(time.perf_counter() - start)
    return median(seconds), result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the titles and rows")
    share = 10 if parser.parse_args().quick else 1
    dice = random.Random(7)
    titles = catalogue(17_770 // share, dice)
    names, years, kinds = zip(*titles, strict=True)
    columns = {"title_id": range(1, len(titles) + 1), "name": names, "kind": kinds}
    frame = TITLES.complete(pl.DataFrame(columns).with_columns(year=pl.Series(years, dtype=pl.Int16)))
    rows = watched(titles, 2_000 // share, dice)
    print(f"{len(rows):,} rows against {len(titles):,} titles, the median of {RUNS} runs")
    print(f"{'export':<12}{'seconds':>9}{'limit':>7}{'of limit':>10}{'near misses':>13}  matches")
    for export in EXPORTS:
        seconds, result = timed(export(rows), frame)
        misses = sum(len(miss.lines) for miss in result.near_misses)
        of_limit = seconds / LIMIT_S
        print(f"{export.__name__:<12}{seconds:>9.3f}{LIMIT_S:>7.1f}{of_limit:>10.0%}{misses:>13}  {result.sentence}")


if __name__ == "__main__":
    main()
