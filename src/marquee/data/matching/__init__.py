"""Titles found by name and year in another list of titles, and how sure that is.

`names.py` reads names into forms; candidates share a core (exact) or nearly spell it (`near.py`); `evidence.py` says
how sure each pair is; here the best are ranked, and rivals that nothing tells apart lose confidence.
"""

import polars as pl

from marquee.data.matching.evidence import judged
from marquee.data.matching.names import PART, forms
from marquee.data.matching.near import NearNames
from marquee.params import CatalogueParams

__all__ = ["CANDIDATES", "Matcher"]

CANDIDATES = 3  # listed for each wanted title

_AT_ONCE = 2_000  # wanted titles: bounds the memory

_LEVEL = 0.005  # candidates so close are told apart by nothing but their votes
_CLOSE = 0.05  # and so close only by their year, if the year is known
_BETTER_KNOWN = 10  # times as many votes decide between level candidates
_GUESS = 0.85  # what remains of the confidence in a guess


class Matcher:
    """A list of names to be found: columns key, name, year, kind, and optionally votes (how many know the title).

    Several rows of one key are its names.
    """

    def __init__(self, names: pl.DataFrame, params: CatalogueParams) -> None:
        votes = pl.col("votes") if "votes" in names.columns else pl.lit(None)
        self._params = params
        self._keys = names.select("key", votes.cast(pl.Float64).alias("votes")).with_row_index("row")
        self._forms = forms(names.with_row_index("row").select("row", "name", "year", "kind"))
        self._near = NearNames(self._forms.filter(pl.col("form") < PART))

    def matches(self, wanted: pl.DataFrame) -> pl.DataFrame:
        """The best candidates of each wanted title (row, name, year, kind): row, key, confidence, rank."""
        parts = (wanted[start : start + _AT_ONCE] for start in range(0, max(len(wanted), 1), _AT_ONCE))
        return _ranked(pl.concat([self._candidates(part) for part in parts]), self._params.doubtful)

    def _candidates(self, wanted: pl.DataFrame) -> pl.DataFrame:
        sought = forms(wanted.select("row", "name", "year", "kind"))
        found = self._forms.lazy().rename(_found)
        same = sought.lazy().join(found, left_on="core", right_on="core_found")
        exact = self._judged(same.with_columns(edits=pl.lit(0, pl.Int64), core_found="core"))
        settled = exact.filter(pl.col("confidence") >= self._params.confidence)
        unsettled = sought.join(settled, on="row", how="anti").filter(pl.col("form") < PART)
        return _best_of_each(pl.concat([exact, self._judged(self._near.pairs(unsettled).lazy())]))

    def _judged(self, pairs: pl.LazyFrame) -> pl.DataFrame:
        likely = judged(pairs, self._params.doubtful).select("row", "row_found", "year", "year_found", "confidence")
        return (
            likely.collect(engine="streaming").join(self._keys, left_on="row_found", right_on="row").drop("row_found")
        )


def _found(column: str) -> str:
    return f"{column}_found"


def _best_of_each(judged: pl.DataFrame) -> pl.DataFrame:
    """Of the ways in which a key can be meant, the surest."""
    surest_first = judged.sort("confidence", "year_found", descending=True)
    return surest_first.unique(["row", "key"], keep="first", maintain_order=True)


def _ranked(judged: pl.DataFrame, doubtful: float) -> pl.DataFrame:
    return (
        judged.with_columns((pl.col("confidence") * _sureness()).cast(pl.Float32))
        .filter(pl.col("confidence") >= doubtful)
        .sort("row", "confidence", "key", descending=[False, True, False])
        .with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.UInt8).over("row"))
        .filter(pl.col("rank") <= CANDIDATES)
        .select("row", "key", "confidence", "rank")
    )


def _sureness() -> pl.Expr:
    """Level candidates are a guess, and so are those of several years if none is asked for; votes may decide."""
    confidence, votes = pl.col("confidence"), pl.col("votes")
    reach = pl.when(pl.col("year").is_null()).then(_CLOSE).otherwise(_LEVEL)
    rival = confidence >= confidence.max().over("row") - reach
    level = confidence >= confidence.max().over("row") - _LEVEL
    years = pl.col("year_found").filter(rival).n_unique().over("row")
    guess = (level.sum().over("row") > 1) | (pl.col("year").is_null() & (years > 1))
    most = votes.filter(rival).max().over("row")
    second = votes.filter(rival & (votes < most)).max().over("row").fill_null(0)
    best_known = rival & (votes == most).fill_null(value=False)
    decided = (best_known.sum().over("row") == 1) & (most >= _BETTER_KNOWN * (second + 1)).fill_null(value=False)
    return pl.when(guess & ~(decided & best_known)).then(_GUESS).otherwise(1.0)
