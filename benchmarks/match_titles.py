"""How fast and how well are 17,770 titles found among a million IMDb-like ones, beside what one would do without?

The names are invented, many are near duplicates, and the wanted ones carry the noise of real lists; truth is known.
A kind of noise more is one line in `_noisy`.
"""

import argparse
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import polars as pl
from rapidfuzz import fuzz, process, utils

from marquee.data.matching import Matcher
from marquee.params import CatalogueParams

PARAMS = CatalogueParams(metadata="", confidence=0.9, doubtful=0.75)
LIMIT_S = 60.0
PEER_SAMPLE = 60


def _invented(*syllables: str) -> str:
    """All the words that the syllables make, one of each."""
    return " ".join("".join(word) for word in product(*(choice.split() for choice in syllables)))


WORDS = {
    "adjective": "Silent Broken Golden Crimson Hidden Last Lost Frozen Burning Secret Wild Hollow Midnight Distant "
    "Gentle Savage Electric Paper Velvet Crooked Restless Second Seven Perfect Blind Sacred Empty Endless Iron Young",
    "noun": "River House Garden Station Letter Orchard Mirror Harbour Winter Soldier Thief Bride Ghost Circus Island "
    "Detective Machine Kingdom Shadow Wolf Café Summer Highway Promise Dancer Stranger Tower Storm Witness Piano Fire "
    "Night Lantern Bridge Heart Rain Game Doctor Sister Ocean Crown Valley Rose Train Hunter Wedding Door Road Planet",
    "place": _invented(
        "Al Bar Cor Dra El Fal Gran Hes Is Jor Kal Lor Mar Nor", "dé ri mon sta ve lo", "via burg ton ne ra s"
    ),
    "name": _invented("Ann Bru Cla Del Es Fe Gre Hu In Jo Ka Lu Mi Na Ot", "ri lé vo ma di", "na ck la ro th x y"),
    "verb": "Loved Forgot Stole Followed Married Saved Betrayed Remembered Invented Lost Met Haunted Painted Buried",
}
PATTERNS = (
    "The {adjective} {noun}",
    "{adjective} {noun}",
    "{noun} of {place}",
    "The {noun} of the {adjective} {noun2}",
    "{name}'s {adjective} {noun}",
    "{name} & {name2}",
    "{name} and the {adjective} {noun}",
    "The {noun} Who {verb} {place}",
    "{place} {noun}: {name}'s {noun2}",
    "A {adjective} {noun} in {place}",
    "{noun} {noun2}",
    "{name} {verb} the {noun}",
    "{place}, {place2}",
    "The {adjective} {noun}s",
    "{noun}: The {adjective} {noun2} of {name}",
)
SUFFIXES = ("", "", "", "", "", "", " 2", " II", " III", " Part 2", ": The Return", " Returns", " 3")
EDITIONS = (": Special Edition", " (Widescreen)", ": Collector's Edition", ": Director's Cut", ": Extended Edition")


def known(count: int, rng: np.random.Generator) -> pl.DataFrame:
    """Names as IMDb would list them: key, name, year, kind, votes."""
    drawn = {word: _drawn(words, count, rng) for word, words in WORDS.items()}
    drawn |= {f"{word}2": _drawn(WORDS[word], count, rng) for word in ("noun", "name", "place")}
    columns = pl.DataFrame(drawn).with_columns(suffix=_drawn_from(SUFFIXES, count, rng))
    spelt = [pl.format(_without_names(p), *(pl.col(field) for field in _fields(p))) for p in PATTERNS]
    pattern = pl.Series(rng.integers(0, len(PATTERNS), count))
    names = columns.with_columns(pattern=pattern).select(
        pl.coalesce(pl.when(pl.col("pattern") == n).then(text) for n, text in enumerate(spelt)) + pl.col("suffix")
    )
    return pl.DataFrame(
        {
            "key": np.arange(count),
            "name": names.to_series(),
            "year": (2022 - rng.gamma(1.6, 16, count)).clip(1915).astype(np.int16),
            "kind": np.where(rng.random(count) < 0.2, "series", "movie"),
            "votes": rng.lognormal(3.5, 2, count).astype(np.int64),
        }
    )


def wanted_of(names: pl.DataFrame, count: int, rng: np.random.Generator) -> pl.DataFrame:
    """Titles that people asked for, the better known the sooner: row, name, year, kind, truth."""
    chance = names["votes"].to_numpy() / names["votes"].sum()
    chosen = names[rng.choice(len(names), count, replace=False, p=chance)].rename({"key": "truth"})
    return _noisy(chosen.drop("votes"), rng).with_row_index("row").with_columns(kind=pl.lit(None, pl.String))


def _noisy(titles: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    def some(share: float) -> pl.Expr:
        return pl.lit(pl.Series(rng.random(len(titles)) < share))

    name, year = pl.col("name"), pl.col("year")
    series = pl.col("kind") == "series"
    season = pl.Series(rng.integers(1, 6, len(titles)))
    edition = pl.lit(_drawn_from(EDITIONS, len(titles), rng))
    off = pl.lit(pl.Series(rng.choice([-1, 1], len(titles))))
    of_season = series & some(0.8)
    titles = titles.with_columns(
        pl.when(of_season).then(pl.format("{}: Season {}", name, pl.lit(season))).otherwise(name),
        pl.when(of_season).then(year + pl.lit(season) - 1).otherwise(year).cast(pl.Int16).alias("year"),
    )
    slip = pl.concat_str(name.str.slice(0, 5), name.str.slice(6))
    steps = (
        pl.when(some(0.03) & (name.str.len_chars() > 14)).then(slip).otherwise(name),
        pl.when(some(0.1)).then(name.str.replace(" & ", " and ")).otherwise(name),
        pl.when(some(0.1)).then(name.str.replace(" III$", " 3").str.replace(" II$", " 2")).otherwise(name),
        pl.when(some(0.3)).then(name.str.replace(r"^The ([^:]*)", "$1, The")).otherwise(name),
        pl.when(some(0.5)).then(name.str.normalize("NFKD").str.replace_all(r"\p{M}", "")).otherwise(name),
        pl.when(some(0.06) & ~series).then(name + edition).otherwise(name),
        pl.when(some(0.1)).then(name.str.to_lowercase()).otherwise(name),
        pl.when(some(0.1)).then(year + off).otherwise(year).cast(pl.Int16).alias("year"),
        pl.when(some(0.002)).then(None).otherwise(year).alias("year"),
    )
    for step in steps:
        titles = titles.with_columns(step)
    return titles


def _drawn(words: str, count: int, rng: np.random.Generator) -> pl.Series:
    return _drawn_from(tuple(words.split()), count, rng)


def _drawn_from(texts: tuple[str, ...], count: int, rng: np.random.Generator) -> pl.Series:
    return pl.Series(texts)[rng.integers(0, len(texts), count)]


def _fields(pattern: str) -> list[str]:
    return [part.split("}")[0] for part in pattern.split("{")[1:]]


def _without_names(pattern: str) -> str:
    for field in _fields(pattern):
        pattern = pattern.replace(f"{{{field}}}", "{}", 1)
    return pattern


def ours(folder: Path) -> tuple[float, float, float, float]:
    names, wanted = pl.read_parquet(folder / "names.parquet"), pl.read_parquet(folder / "wanted.parquet")
    began = time.perf_counter()
    found = Matcher(names, PARAMS).matches(wanted.drop("truth"))
    seconds = time.perf_counter() - began
    sure = found.filter((pl.col("rank") == 1) & (pl.col("confidence") >= PARAMS.confidence))
    return seconds, *_quality(sure, wanted, names), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def exact_join(folder: Path) -> tuple[float, float, float, float]:
    names, wanted = pl.read_parquet(folder / "names.parquet"), pl.read_parquet(folder / "wanted.parquet")
    began = time.perf_counter()
    found = wanted.join(names, on=["name", "year"]).unique("row", maintain_order=True)
    seconds = time.perf_counter() - began
    return seconds, *_quality(found, wanted, names), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def everything(folder: Path) -> tuple[float, float, float, float]:
    """rapidfuzz over all names; the time of a sample, extrapolated to all wanted titles."""
    names, wanted = pl.read_parquet(folder / "names.parquet"), pl.read_parquet(folder / "wanted.parquet")
    sample = wanted.head(PEER_SAMPLE)
    began = time.perf_counter()
    choices = [utils.default_process(name) for name in names["name"]]
    prepared = time.perf_counter() - began
    best = [
        process.extractOne(utils.default_process(name), choices, scorer=fuzz.ratio, score_cutoff=90)
        for name in sample["name"]
    ]
    searched = time.perf_counter() - began - prepared
    keys = [names["key"][hit[2]] if hit else None for hit in best]
    found = sample.select("row").with_columns(pl.Series("key", keys, dtype=pl.Int64)).drop_nulls()
    seconds = prepared + searched * len(wanted) / len(sample)
    return seconds, *_quality(found, sample, names), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _quality(found: pl.DataFrame, wanted: pl.DataFrame, names: pl.DataFrame) -> tuple[float, float]:
    """Precision of what was found, and recall of what could have been."""
    right = (
        found.select("row", "key")
        .join(wanted.select("row", "truth"), on="row")
        .filter(pl.col("key") == pl.col("truth"))
    )
    possible = wanted.join(names, left_on="truth", right_on="key", how="semi")
    return len(right) / max(len(found), 1), len(right) / len(possible)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100,000 names and 2,000 titles")
    names_count, wanted_count = (100_000, 2_000) if parser.parse_args().quick else (1_000_000, 17_770)
    rng = np.random.default_rng(7)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        names = known(names_count, rng)
        wanted = wanted_of(names, wanted_count, rng)
        absent = wanted["truth"].gather(np.flatnonzero(rng.random(len(wanted)) < 0.1))
        names.filter(~pl.col("key").is_in(absent.implode())).write_parquet(folder / "names.parquet")
        wanted.write_parquet(folder / "wanted.parquet")
        print(f"{wanted_count:,} titles among {names_count:,} names, a tenth of them absent; limit {LIMIT_S:.0f} s")
        print(f"{'':36}{'seconds':>10}{'/ ours':>9}{'precision':>11}{'recall':>8}{'peak GiB':>10}")
        ours_s = 0.0
        for label, run in (
            ("marquee Matcher", ours),
            ("join on exact name and year", exact_join),
            (f"rapidfuzz over all ({PEER_SAMPLE} extrapolated)", everything),
        ):
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
                seconds, precision, recall, peak = alone.submit(run, folder).result()
            ours_s = ours_s or seconds
            print(f"{label:36}{seconds:10,.1f}{seconds / ours_s:9,.2f}{precision:11.3f}{recall:8.3f}{peak:10.2f}")
        print(f"limit / ours: {LIMIT_S / ours_s:.1f}")


if __name__ == "__main__":
    main()
