"""Titles found by name and year in another list of titles, and how sure that is.

Candidates share a core name (exact), or rare runs of letters and nearly the year (near). Each piece of evidence (year,
numbers, kind, spelling) then takes its share off a confidence of 1. New evidence is one expression in `_evidence`.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rapidfuzz.distance import OSA
from rapidfuzz.process import cpdist

from marquee.data.names import LOOSE, OTHER, forms
from marquee.params import CatalogueParams

CANDIDATES = 3  # listed for each wanted title
_GRAM = 4  # letters in a run
_ALPHABET = 40  # bytes fold into so many letters; letters that share a number only add candidates
_RAREST = 8  # runs looked up for each wanted name
_SHARED = 2  # runs that a candidate must share
_COMMON = 30_000  # a run in more names than these tells nothing
_PAIRS = 4_000_000  # looked at in one go: bounds the memory

Numbers = NDArray[np.signedinteger]


class Matcher:
    """A list of names to be found: columns key, name, year, kind, and optionally votes (how many know the title).

    Several rows of one key are its names. Votes decide between titles that nothing else tells apart.
    """

    def __init__(self, names: pl.DataFrame, params: CatalogueParams) -> None:
        votes = pl.col("votes") if "votes" in names.columns else pl.lit(None)
        self._params = params
        self._keys = names.select("key", votes.cast(pl.Float64).alias("votes")).with_row_index("row")
        self._forms = forms(names.with_row_index("row").select("row", "name", "year", "kind"))
        self._near = _NearNames(self._forms.filter(pl.col("form") != LOOSE))

    def matches(self, wanted: pl.DataFrame) -> pl.DataFrame:
        """The best candidates of each wanted title (row, name, year, kind): row, key, confidence, rank."""
        sought = forms(wanted.select("row", "name", "year", "kind"))
        same = sought.join(self._forms, on="core", suffix="_found").with_columns(spelling=pl.lit(1.0))
        exact = self._judged(same)
        settled = exact.filter(pl.col("confidence") >= self._params.confidence)
        unsettled = sought.join(settled, on="row", how="anti").filter(pl.col("form") != LOOSE)
        judged = pl.concat([exact, self._judged(self._near.pairs(unsettled))])
        return _ranked(_best_of_each(judged), self._params.doubtful)

    def _judged(self, pairs: pl.DataFrame) -> pl.DataFrame:
        confident = pairs.select("row", pl.col("row_found"), "year", "year_found", confidence=_confidence())
        likely = confident.filter(pl.col("confidence") >= self._params.doubtful * 0.9)
        return likely.join(self._keys, left_on="row_found", right_on="row").drop("row_found")


def _confidence() -> pl.Expr:
    parts = (pl.col("spelling"), _years(), _numbers(), _kinds(), _wording(), _looseness())
    confidence = parts[0]
    for part in parts[1:]:
        confidence = confidence * part
    return confidence


def _seasonal() -> pl.Expr:
    """A season or volume of a series is younger than the series."""
    series = pl.col("kind").eq_missing("series") | pl.col("kind_found").eq_missing("series")
    return series & ((pl.col("instalment") != "") | (pl.col("instalment_found") != ""))


def _years() -> pl.Expr:
    apart = (pl.col("year") - pl.col("year_found")).abs()
    both_series = (pl.col("kind") == "series") & (pl.col("kind_found") == "series")
    short = pl.col("core").str.len_chars() < 4
    return (
        pl.when(apart.is_null())
        .then(pl.when(short).then(0.88).otherwise(0.94))
        .when(apart == 0)
        .then(1.0)
        .when(apart == 1)
        .then(0.97)
        .when(_seasonal() & (apart <= 15))
        .then(0.96)
        .when(both_series & (apart <= 10))
        .then(0.92)
        .when(apart == 2)
        .then(0.87)
        .when(apart == 3)
        .then(0.8)
        .otherwise(0.5)
    )


def _numbers() -> pl.Expr:
    """Sequels, seasons and volumes: numbers that differ are different titles; a number that is not said may be."""
    sequels, told = _both("sequel"), _both("instalment")
    one_unsaid = (told.list.first() == "") != (told.list.last() == "")
    said = pl.max_horizontal("instalment", "instalment_found")
    wanted_it = pl.col("instalment") != ""
    series = pl.col("kind").eq_missing("series") | pl.col("kind_found").eq_missing("series")
    merged = pl.concat_list(_all_numbers(""), _all_numbers("_found"))
    return (
        pl.when((pl.col("sequel") == pl.col("sequel_found")) & (pl.col("instalment") == pl.col("instalment_found")))
        .then(1.0)
        .when(sequels.list.n_unique().eq(1) & one_unsaid & series & (wanted_it | said.is_in(["s", "s1", "v1"])))
        .then(0.98)
        .when(sequels.list.n_unique().eq(1) & one_unsaid)
        .then(0.85)
        .when(merged.list.n_unique() == 1)
        .then(0.98)
        .when(merged.list.n_unique().eq(2) & merged.list.contains("") & merged.list.contains("1"))
        .then(0.95)
        .otherwise(0.0)
    )


def _both(column: str) -> pl.Expr:
    return pl.concat_list(column, f"{column}_found")


def _all_numbers(side: str) -> pl.Expr:
    told = pl.col(f"instalment{side}").str.replace_all(r"[a-z]", "")
    return (pl.col(f"sequel{side}") + " " + told).str.strip_chars()


def _kinds() -> pl.Expr:
    return (
        pl.when(pl.col("kind") != pl.col("kind_found"))
        .then(0.8)
        .when(pl.col("kind").is_null() & (pl.col("kind_found") == "series"))
        .then(0.92)
        .otherwise(1.0)
    )


def _wording() -> pl.Expr:
    """Articles and ways to count differ: little in a long name, more in a short one. Editions hardly matter."""
    short = pl.col("core").str.len_chars() < 8
    return (
        pl.when(pl.col("whole") == pl.col("whole_found"))
        .then(1.0)
        .when(pl.col("plain") == pl.col("plain_found"))
        .then(0.99)
        .when(short)
        .then(0.92)
        .otherwise(0.98)
    )


def _looseness() -> pl.Expr:
    """Part of a name is a name only in its own year, and rather when it is long."""
    loose = pl.max_horizontal("form", "form_found") == LOOSE
    both = pl.min_horizontal("form", "form_found") == LOOSE
    same_year = (pl.col("year") - pl.col("year_found")).abs() <= 1
    telling = pl.col("core").str.len_chars() >= 8
    return (
        pl.when(both | (loose & ~same_year.fill_null(value=False)))
        .then(0.0)
        .when(loose & telling)
        .then(0.93)
        .when(loose)
        .then(0.87)
        .when(pl.max_horizontal("form", "form_found") == OTHER)
        .then(0.98)
        .otherwise(1.0)
    )


def _best_of_each(judged: pl.DataFrame) -> pl.DataFrame:
    best = judged.sort("row", "confidence", descending=[False, True], nulls_last=True)
    return best.unique(["row", "key"], keep="first", maintain_order=True)


def _ranked(best: pl.DataFrame, doubtful: float) -> pl.DataFrame:
    """Rivals that only a guess tells apart lose confidence; then the best few are numbered."""
    top = pl.col("confidence").max().over("row")
    level = pl.col("confidence") >= top - 0.005
    close = pl.col("confidence") >= top - 0.05
    best_known = pl.col("votes").filter(level).max().over("row")
    known = level & (pl.col("votes") == best_known)
    runner_up = pl.col("votes").filter(level & ~known).max().over("row").fill_null(0)
    decided = (best_known >= 10 * (runner_up + 1)) & (known.sum().over("row") == 1)
    years_open = pl.col("year").is_null() & (pl.col("year_found").filter(close).n_unique().over("row") > 1)
    guess = ((level.sum().over("row") > 1) | years_open) & ~decided.fill_null(value=False)
    behind = level & decided.fill_null(value=False) & ~known.fill_null(value=False)
    doubt = pl.when(guess & close).then(0.85).when(behind).then(0.9).otherwise(1.0)
    return (
        best.with_columns((pl.col("confidence") * doubt).cast(pl.Float32))
        .filter(pl.col("confidence") >= doubtful)
        .sort("row", "confidence", "key", descending=[False, True, False])
        .with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.UInt8).over("row"))
        .filter(pl.col("rank") <= CANDIDATES)
        .select("row", "key", "confidence", "rank")
    )


class _NearNames:
    """Finds names that share rare runs of letters with a wanted one: misspellings survive in the other runs."""

    def __init__(self, found: pl.DataFrame) -> None:
        self._forms = found
        self._years = found["year"].cast(pl.Int64).fill_null(0).to_numpy()
        self._codes, self._owners = _grams(found["core"])
        self._counts = np.bincount(self._codes, minlength=_ALPHABET**_GRAM)

    def pairs(self, sought: pl.DataFrame) -> pl.DataFrame:
        """Pairs of forms with the likeness of their spelling."""
        wanted, found = self._candidates(sought)
        names = self._forms[found].rename(lambda column: f"{column}_found")
        pairs = pl.concat([sought[wanted], names], how="horizontal")
        edits = cpdist(pairs["core"].to_list(), pairs["core_found"].to_list(), scorer=OSA.distance, workers=-1)
        length = pl.max_horizontal(pl.col("core").str.len_chars(), pl.col("core_found").str.len_chars())
        likeness = 1.0 - 1.2 * pl.Series("edits", edits, dtype=pl.Float64) / length
        return pairs.with_columns(spelling=likeness).drop("core_found")

    def _candidates(self, sought: pl.DataFrame) -> tuple[Numbers, Numbers]:
        codes, owners = self._rarest_runs(sought)
        wanted_codes = np.unique(codes)
        needed = np.zeros(len(self._counts), dtype=bool)
        needed[wanted_codes] = True
        held = np.flatnonzero(needed[self._codes])
        held = held[np.argsort(self._codes[held], kind="stable")]
        starts = np.searchsorted(self._codes[held], codes)
        return self._shared(sought, owners, starts, self._counts[codes], self._owners[held])

    def _rarest_runs(self, sought: pl.DataFrame) -> tuple[Numbers, Numbers]:
        codes, owners = _grams(sought["core"])
        counts = self._counts[codes]
        useful = (counts > 0) & (counts <= _COMMON)
        codes, owners, counts = codes[useful], owners[useful], counts[useful]
        order = np.lexsort((counts, owners))
        codes, owners = codes[order], owners[order]
        place = np.arange(len(owners)) - np.searchsorted(owners, owners)
        return codes[place < _RAREST], owners[place < _RAREST]

    def _shared(
        self, sought: pl.DataFrame, owners: Numbers, starts: Numbers, counts: Numbers, held: Numbers
    ) -> tuple[Numbers, Numbers]:
        years = sought["year"].cast(pl.Int64).fill_null(0).to_numpy()
        series = (sought["kind"] == "series").fill_null(value=False).to_numpy()
        wanted_of, found_of = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for part in _parts(owners, counts):
            lengths = counts[part]
            wanted = np.repeat(owners[part], lengths)
            offset = np.arange(len(wanted)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
            found = held[np.repeat(starts[part], lengths) + offset]
            gap = np.abs(years[wanted] - self._years[found])
            near = (gap <= 1) | (gap > 1000) | series[wanted]
            both, shared = np.unique(wanted[near] * len(self._years) + found[near], return_counts=True)
            both = both[shared >= _SHARED]
            wanted_of.append(both // len(self._years))
            found_of.append(both % len(self._years))
        return np.concatenate(wanted_of), np.concatenate(found_of)


def _parts(owners: Numbers, counts: Numbers) -> list[slice]:
    """Runs of whole owners with about _PAIRS pairs each."""
    part = np.cumsum(counts) // _PAIRS
    first_of_owner = np.searchsorted(owners, owners)
    cuts = np.flatnonzero(np.diff(part[first_of_owner], prepend=-1)) if len(owners) else np.zeros(0, np.int64)
    return [slice(start, end) for start, end in zip(cuts, [*cuts[1:], len(owners)], strict=True)]


def _grams(cores: pl.Series) -> tuple[Numbers, Numbers]:
    """Every run of letters as a number, and which name it stands in."""
    padded = cores.to_frame("core").select(pl.lit("^") + pl.col("core") + "$").to_series()
    lengths = padded.str.len_bytes().to_numpy().astype(np.int64)
    letters = np.frombuffer("".join(padded.to_list()).encode(), dtype=np.uint8).astype(np.int32) % _ALPHABET
    runs = np.maximum(lengths - _GRAM + 1, 0)
    owners = np.repeat(np.arange(len(lengths)), runs)
    starts = np.repeat(np.cumsum(lengths) - lengths - np.cumsum(runs) + runs, runs) + np.arange(len(owners))
    codes = np.zeros(len(starts), dtype=np.int32)
    for step in range(_GRAM):
        codes = codes * _ALPHABET + letters[starts + step]
    return codes, owners
