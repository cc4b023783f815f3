"""The catalogue: a source's titles joined with all that other catalogues know of them, and how well they were matched.

For each column the most trusted catalogue that knows wins, and what the source knew itself stays. A new catalogue is
a file in metadata/; a new figure of the report is a line in `metrics` and in `markdown`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from marquee.data.matching import Matcher
from marquee.data.matching.names import FULL, forms
from marquee.data.metadata import KNOWN, Metadata, read_metadata
from marquee.data.rejects import Rejects
from marquee.params import CatalogueParams
from marquee.tables import TITLES

_MATCHES = {"row": pl.UInt32, "key": pl.Int64, "confidence": pl.Float32}
_DOUBTFUL = {
    "title_id": pl.UInt64,
    "title": pl.String,
    "year": pl.Int16,
    "candidate": pl.String,
    "candidate_year": pl.Int16,
    "confidence": pl.Float32,
    "source": pl.String,
    "why": pl.String,
}


@dataclass(frozen=True)
class Catalogue:
    """The titles table; how many titles each source knew; the pairs that a person should look at."""

    titles: pl.DataFrame
    rows: int  # of metadata that were read
    matched: Mapping[str, int]
    unmatched: int
    doubtful: pl.DataFrame

    def metrics(self) -> dict[str, object]:
        count = max(self.titles.height, 1)
        return {
            "titles": self.titles.height,
            "matched": {source: round(known / count, 4) for source, known in self.matched.items()},
            "unmatched": self.unmatched,
            "doubtful": self.doubtful.height,
            "known": {column: round(_share_known(self.titles[column]), 4) for column in KNOWN},
        }

    def markdown(self) -> str:
        """The match report, to read."""
        count = max(self.titles.height, 1)
        shares = [f"| {source} | {known:,} | {known / count:.1%} |" for source, known in self.matched.items()]
        known = [f"| {column} | {_share_known(self.titles[column]):.1%} |" for column in KNOWN]
        pairs = [_line(pair) for pair in self.doubtful.sort("confidence", descending=True).iter_rows(named=True)]
        return "\n".join(
            [
                "# Titles and their metadata",
                f"\n{self.titles.height:,} titles, {self.unmatched:,} of them matched by no source.\n",
                *("| source | titles matched | share |", "| --- | ---: | ---: |", *shares),
                *("\n| column | known |", "| --- | ---: |", *known),
                f"\n## {self.doubtful.height:,} doubtful pairs, not used\n",
                *(
                    "| title_id | title | candidate | confidence | source | why |",
                    "| ---: " + "| --- " * 5 + "|",
                    *pairs,
                ),
                "",
            ]
        )


def catalogue(titles: pl.DataFrame, folder: Path, params: CatalogueParams, rejects: Rejects) -> Catalogue:
    """Titles joined with the metadata in a folder."""
    rows = titles.with_row_index("row")
    joined, matched, doubtful = rows, {}, [pl.DataFrame(schema=_DOUBTFUL)]
    some = pl.Series(dtype=pl.UInt32)
    sources = read_metadata(folder, rejects)
    for known in sources:
        matches, unsure = _matches(rows, known, params)
        joined = _filled(joined, matches, known)
        doubtful.append(unsure)
        matched[known.source] = matches.height
        some = pl.concat([some, matches["row"]])
    table = TITLES.check(TITLES.complete(joined.drop("row")))
    read = sum(known.names["key"].n_unique() for known in sources)
    return Catalogue(table, read, matched, titles.height - some.n_unique(), pl.concat(doubtful))


def _matches(rows: pl.DataFrame, known: Metadata, params: CatalogueParams) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The sure matches of a catalogue, one a title; and the pairs that are not sure, with the reason."""
    candidates = Matcher(known.names, params).matches(rows)
    best = candidates.filter((pl.col("rank") == 1) & (pl.col("confidence") >= params.confidence))
    kept = best.join(_claimed_by_another(rows, best), on="row", how="anti")
    unsure = candidates.join(kept, on="row", how="anti").with_columns(
        why=pl.when(pl.col("row").is_in(best["row"].implode()))
        .then(pl.lit("another title is closer"))
        .otherwise(pl.lit("low confidence"))
    )
    return kept.select(*_MATCHES), _listed(rows, unsure, known)


def _claimed_by_another(rows: pl.DataFrame, best: pl.DataFrame) -> pl.DataFrame:
    """Matches to what a better match already took, unless both are seasons or editions of that same title."""
    own = forms(rows.select("row", "name", "year", "kind")).filter(pl.col("form") == FULL)
    claims = best.join(own, on="row").sort("confidence", "row", descending=[True, False])
    first = claims.unique("key", keep="first", maintain_order=True)
    both = claims.join(first, on="key", suffix="_first")
    same_name = (pl.col("core") == pl.col("core_first")) & (pl.col("sequel") == pl.col("sequel_first"))
    seasons = pl.col("instalment").str.contains("^[sv]")
    same_year = (pl.col("year") - pl.col("year_first")).abs().fill_null(0) == 0
    return both.filter(~(same_name & (seasons | same_year))).select("row")


def _listed(rows: pl.DataFrame, unsure: pl.DataFrame, known: Metadata) -> pl.DataFrame:
    names = known.names.unique("key", keep="first", maintain_order=True)
    named = unsure.join(rows.select("row", "title_id", "name", "year"), on="row").join(names, on="key", suffix="_found")
    listed = named.with_columns(
        pl.col("title_id").cast(pl.UInt64),
        pl.lit(known.source).alias("source"),
        title="name",
        candidate="name_found",
        candidate_year="year_found",
    )
    return listed.sort("title_id", "rank").select(*_DOUBTFUL)


def _filled(joined: pl.DataFrame, matches: pl.DataFrame, known: Metadata) -> pl.DataFrame:
    """What the titles did not know so far, filled in."""
    details = matches.join(known.details(matches["key"].unique()), on="key").drop("key", "confidence")
    both = joined.join(details, on="row", how="left", suffix="_told", maintain_order="left")
    return both.with_columns(_first_known(column) for column in KNOWN).select(joined.columns)


def _first_known(column: str) -> pl.Expr:
    own, told = pl.col(column), pl.col(f"{column}_told")
    if isinstance(TITLES.columns[column], pl.List):
        return pl.when(own.list.len() > 0).then(own).otherwise(pl.coalesce(told, own)).alias(column)
    return pl.coalesce(own, told).alias(column)


def _share_known(column: pl.Series) -> float:
    known = column.list.len() > 0 if isinstance(column.dtype, pl.List) else column.is_not_null()
    return float(known.mean() or 0.0)  # type: ignore[arg-type]


def _line(pair: Mapping[str, object]) -> str:
    title, candidate = (
        f"{name} ({year or 'no year'})".replace("|", r"\|")
        for name, year in ((pair["title"], pair["year"]), (pair["candidate"], pair["candidate_year"]))
    )
    return (
        f"| {pair['title_id']} | {title} | {candidate} | {pair['confidence']:.2f} | {pair['source']} | {pair['why']} |"
    )
