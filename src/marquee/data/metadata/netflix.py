"""Kaggle's netflix_titles.csv, and the same with keywords and artwork, as the demo world writes it."""

import re
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from marquee.data.metadata.files import csv_rows, find
from marquee.data.metadata.table import NAMES, Metadata, details_of, listed
from marquee.data.rejects import Rejects

_KINDS = {"Movie": "movie", "TV Show": "series"}
_NEEDED = ("type", "title", "director", "cast", "country", "release_year", "rating", "listed_in", "description")


def read(folder: Path, rejects: Rejects) -> Metadata | None:
    path = find(folder, "netflix_titles.csv")
    if path is None:
        return None
    rows = []
    for line, row in csv_rows(path, _NEEDED, rejects):
        fault = _fault(row)
        if fault:
            rejects.add(path.name, line, fault, ",".join(row.values()))
        else:
            rows.append({"key": line, "name": row["title"].strip(), **_known(row)})
    details = details_of(rows)
    names = pl.DataFrame(rows, schema={"key": pl.Int64(), "name": pl.String()}).join(details, on="key")
    return Metadata(
        path.name.removesuffix(".gz"),
        names.with_columns(votes=pl.lit(None, pl.Float64)).select(*NAMES),
        lambda keys: details.filter(pl.col("key").is_in(keys.implode())),
    )


def _fault(row: Mapping[str, str]) -> str | None:
    if not row["title"].strip():
        return "no title"
    if row["type"] not in _KINDS:
        return "type is neither Movie nor TV Show"
    return None if re.fullmatch(r"\d{4}", row["release_year"].strip()) else "release_year is no year"


def _known(row: Mapping[str, str]) -> dict[str, object]:
    return {
        "year": int(row["release_year"]),
        "kind": _KINDS[row["type"]],
        "genres": listed(row["listed_in"]),
        "cast": listed(row["cast"]),
        "directors": listed(row["director"]),
        "countries": listed(row["country"]),
        "keywords": listed(row.get("keywords", "")),
        # In a few of Kaggle's rows the duration slipped into this column.
        "maturity": None if row["rating"].endswith("min") else row["rating"].strip() or None,
        "description": row["description"].strip() or None,
        "artwork": row.get("artwork", "").strip() or None,
    }
