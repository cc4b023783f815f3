"""How often is the title that was meant among the first five, and how long does a keystroke take, beside a plain scan?

A catalogue of the Netflix Prize's size, invented, or the table of titles at `--titles`; who is meant is drawn by fame.
The scan is what rapidfuzz does alone: WRatio against every name. One thread. `--quick` draws fewer queries.
"""

import argparse
import os

os.environ.update(OMP_NUM_THREADS="1", POLARS_MAX_THREADS="1")

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from rapidfuzz import process
from rapidfuzz.fuzz import WRatio

from marquee.data.demo_world import at_netflix_scale
from marquee.data.demo_world.catalogue import invent
from marquee.model.search import Index, fit_index
from marquee.model.titles import Titles
from marquee.params import read_params
from marquee.tables import TITLES
from marquee.text import unaccented

PARAMS = read_params(Path(__file__).parent.parent / "params.yaml")
SHOWN, SEED, LIMIT_MS = 5, 1, 20.0
ZIPF = 0.8  # how steeply fame falls

Find = Callable[[str], Collection[int]]


@dataclass(frozen=True)
class Asked:
    query: str
    meant: frozenset[int]  # any of these titles would be right


def invented() -> pl.DataFrame:
    titles = invent(at_netflix_scale(PARAMS.demo_world).titles, np.random.default_rng(PARAMS.demo_world.seed)).titles
    columns = ("name", "year", "kind", "genres", "cast", "directors", "keywords", "maturity", "description")
    told = {column: [getattr(title, column) for title in titles] for column in columns}
    told |= {"countries": [title.country.split(", ") for title in titles], "title_id": list(range(1, len(titles) + 1))}
    types = {column: pl.Int64() if column == "title_id" else TITLES.columns[column] for column in told}
    return TITLES.complete(pl.DataFrame(told, types, strict=False))


class Queries:
    """What people type, by kind; one who wants a title of which there are several of that name may get any."""

    def __init__(self, frame: pl.DataFrame, fame: np.ndarray, count: int) -> None:
        self.rng, self.count, self.fame = np.random.default_rng(SEED), count, fame
        self.frame = frame.with_columns(plain=unaccented(pl.col("name")))
        self.rows: dict[str, set[int]] = {}
        for row, plain in enumerate(self.frame["plain"]):
            self.rows.setdefault(plain, set()).add(row)

    def every_kind(self) -> Mapping[str, Sequence[Asked]]:
        long, dated = pl.col("plain").str.len_chars() >= 6, pl.col("year").is_not_null()
        accented = unaccented(pl.col("name")) != pl.col("name").str.to_lowercase()
        kinds = {
            "name": self._of(pl.lit(True), lambda title: title["name"]),
            "accents left out": self._of(accented, lambda title: title["plain"]),
            "a typo": self._of(long, lambda title: self._typo(title["plain"])),
            "two typos": self._of(long, lambda title: self._typo(self._typo(title["plain"]))),
            "and its year": self._of(dated, lambda title: f"{title['plain']} {title['year']}"),
            "a typo and its year": self._of(
                dated & long, lambda title: f"{self._typo(title['plain'])} {title['year']}"
            ),
            "no spaces": self._of(long, lambda title: title["plain"].replace(" ", "")),
            "a person": self._people(lambda person: person),
            "a person, a typo": self._people(self._typo),
        }
        begun = {
            f"first {n} letters": self._of(long, lambda title, n=n: _begun(title["plain"], n)) for n in (3, 4, 5, 6)
        }
        told = {
            "a genre, a typo": self._told(pl.col("genres").list.join(" ")),
            "description, a typo": self._told(pl.col("description")),
        }
        return kinds | begun | told

    def _drawn(self, among: pl.Expr) -> np.ndarray:
        chance = np.where(self.frame.select(pl.lit(True) & among).to_series().to_numpy(), self.fame, 0)
        return self.rng.choice(len(chance), self.count, p=chance / chance.sum())

    def _of(self, among: pl.Expr, typed: Callable[..., str]) -> list[Asked]:
        titles = [self.frame.row(int(row), named=True) for row in self._drawn(among)]
        return [Asked(typed(title), frozenset(self.rows[title["plain"]])) for title in titles]

    def _people(self, typed: Callable[[str], str]) -> list[Asked]:
        people = [self.frame["cast"][int(row)][0] for row in self._drawn(pl.col("cast").list.len() > 0)]
        with_them = self.frame.with_row_index("row").explode("cast").group_by("cast").agg("row")
        rows = dict(with_them.filter(pl.col("cast").is_in(people)).iter_rows())
        return [Asked(typed(person), frozenset(rows[person])) for person in people]

    def _told(self, text: pl.Expr) -> list[Asked]:
        """A long word of it, mistyped; one who types it wants any title of which it is told."""
        words = unaccented(text.fill_null("")).str.extract_all(r"\p{L}{6,}").list.unique(maintain_order=True)
        told = self.frame.select(words.alias("word")).to_series()
        drawn = [str(self.rng.choice(told[int(row)].to_list())) for row in self._drawn(words.list.len() > 0)]
        with_it = told.to_frame().with_row_index("row").explode("word").group_by("word").agg("row")
        rows = dict(with_it.filter(pl.col("word").is_in(drawn)).iter_rows())
        return [Asked(self._typo(word), frozenset(rows[word])) for word in drawn]

    def _typo(self, text: str) -> str:
        """A letter changed, added, left out or swapped with the next one."""
        place = int(self.rng.choice([place for place, letter in enumerate(text) if letter.isalpha()]))
        before, letter, after = text[:place], text[place], text[place + 1 :]
        other = chr(97 + self.rng.integers(26))
        swapped = after[:1] + letter + after[1:]
        return before + [other + after, other + letter + after, after, swapped][self.rng.integers(4)]


def _begun(name: str, letters: int) -> str:
    return name.removeprefix("the ").removeprefix("a ")[:letters]


def measured(find: Find, asked: Sequence[Asked]) -> tuple[float, np.ndarray]:
    """How often one that was meant is among those found, and the milliseconds of each."""
    hits, took = 0, []
    for one in asked:
        begin = time.perf_counter()
        rows = find(one.query)
        took.append((time.perf_counter() - begin) * 1000)
        hits += not one.meant.isdisjoint(rows)
    return hits / len(asked), np.array(took)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--titles", type=Path, help="a table of titles, as Parquet")
    parser.add_argument("--quick", action="store_true")
    told = parser.parse_args()
    frame = pl.read_parquet(told.titles) if told.titles else invented()
    place = np.random.default_rng(SEED).permutation(frame.height)
    fame = (1.0 + place) ** -ZIPF
    begin = time.perf_counter()
    index = fit_index(Titles(frame), fame.astype(np.float32), PARAMS.search)
    fitted = time.perf_counter() - begin
    index.find("a", 1)
    opened = time.perf_counter() - begin - fitted
    size = index.image.nbytes / 1e6
    print(f"{frame.height:,} titles, index of {size:.1f} MB fitted in {fitted:.1f} s, opened in {opened:.2f} s\n")
    compare(index, Queries(frame, fame, 30 if told.quick else 200))


def compare(index: Index, queries: Queries) -> None:
    plain = queries.frame["plain"].to_list()

    def found(query: str) -> Collection[int]:
        return [int(row) for row in index.find(query, SHOWN)[0]]

    def scanned(query: str) -> Collection[int]:
        return [row for _, _, row in process.extract(query.lower(), plain, scorer=WRatio, limit=SHOWN)]

    print(f"what is typed        recall@{SHOWN}   scan    p50 ms  scan    p95 ms  scan")
    for kind, asked in queries.every_kind().items():
        (hits, took), (hits_of_scan, scan) = measured(found, asked), measured(scanned, asked)
        p50, p95 = (f"{np.percentile(took, p):>8.1f}{np.percentile(scan, p):>6.0f}" for p in (50, 95))
        print(f"{kind:<22}{hits:>7.3f}{hits_of_scan:>7.3f}  {p50}  {p95}")
    names = [one.query for one in queries.every_kind()["name"]][:50]
    strokes = [Asked(name[:n], frozenset()) for name in names for n in range(1, len(name) + 1)]
    took = measured(found, strokes)[1]
    p50, p95 = np.percentile(took, (50, 95))
    share = p95 / LIMIT_MS
    print(f"\n{len(took):,} keystrokes: p50 {p50:.1f} ms, p95 {p95:.1f} ms, {share:.0%} of {LIMIT_MS:.0f} ms")


if __name__ == "__main__":
    main()
