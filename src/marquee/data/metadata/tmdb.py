"""TMDB's two downloads, with their credits: 5,000 movies (JSON in csv) and movies_metadata (Python literals in csv).

Credits are long and only read for the titles that are asked for. Another cut of TMDB is one more `Cut`.
"""

import ast
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from marquee.data.metadata.files import TEXT_KEPT, csv_rows, find
from marquee.data.metadata.table import NAMES, Metadata, details_of
from marquee.data.rejects import Rejects

CAST = 12  # the first billed; the rest are extras
_NEEDED = ("id", "title", "original_title", "release_date", "overview", "genres", "production_countries", "vote_count")
_COUNTRIES = {"United States of America": "United States"}  # as the other catalogues say


_Lists = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Cut:
    movies: str
    credits: str
    credits_key: str
    decoded: Callable[[str], Any]
    keywords: str | None = None  # a file of their own; else a column


FIVE_THOUSAND = Cut("tmdb_5000_movies.csv", "tmdb_5000_credits.csv", "movie_id", json.loads)
ALL = Cut("movies_metadata.csv", "credits.csv", "id", ast.literal_eval, "keywords.csv")


def read(cut: Cut, folder: Path, rejects: Rejects) -> Metadata | None:
    path = find(folder, cut.movies)
    return _Download(cut, path, rejects).metadata() if path else None


class _Download:
    """The files of one cut, and where their broken rows go."""

    def __init__(self, cut: Cut, path: Path, rejects: Rejects) -> None:
        self._cut = cut
        self._folder = path.parent
        self._rejects = rejects
        self._movies: dict[int, tuple[int, dict[str, str]]] = {}
        for key, line, row in self._rows(path, "id", _NEEDED):
            self._movies.setdefault(key, (line, row))

    def metadata(self) -> Metadata:
        rows = [
            (key, name, _year(row), "movie", _number(row["vote_count"]))
            for key, (_, row) in sorted(self._movies.items())
            for name in dict.fromkeys((row["title"].strip(), row["original_title"].strip()))
            if name
        ]
        return Metadata(self._cut.movies, pl.DataFrame(rows, schema=NAMES, orient="row"), self.details)

    def details(self, keys: pl.Series) -> pl.DataFrame:
        wanted = frozenset(keys)
        people = self._side_file(self._cut.credits, self._cut.credits_key, ("cast", "crew"), wanted)
        words = self._side_file(self._cut.keywords, "id", ("keywords",), wanted) if self._cut.keywords else {}
        columns = ("genres", "production_countries", *(() if self._cut.keywords else ("keywords",)))
        rows = []
        for key in sorted(wanted & self._movies.keys()):
            line, row = self._movies[key]
            lists = self._lists(self._cut.movies, line, row, columns)
            rows.append({"key": key, **_told(row), **_listed({**lists, **people.get(key, {}), **words.get(key, {})})})
        return details_of(rows)

    def _side_file(self, name: str, key: str, columns: tuple[str, ...], wanted: frozenset[int]) -> dict[int, _Lists]:
        path = find(self._folder, name)
        rows = self._rows(path, key, (key, *columns)) if path else ()
        return {found: self._lists(name, line, row, columns) for found, line, row in rows if found in wanted}

    def _rows(self, path: Path, key: str, needed: tuple[str, ...]) -> Iterator[tuple[int, int, dict[str, str]]]:
        """Id, line and cells; a row without an id is the rest of one that was broken over two lines."""
        for line, row in csv_rows(path, needed, self._rejects):
            if re.fullmatch(r"\d{1,15}", row[key]) and row.get("title", "-").strip():
                yield int(row[key]), line, row
            else:
                self._rejects.add(path.name, line, "no id or no title", ",".join(row.values())[:TEXT_KEPT])

    def _lists(self, name: str, line: int, row: Mapping[str, str], columns: Iterable[str]) -> _Lists:
        lists = {}
        for column in columns:
            try:
                found = self._cut.decoded(row[column] or "[]")
                lists[column] = [entry for entry in found if entry["name"]]
            except (ValueError, SyntaxError, TypeError, KeyError, RecursionError, MemoryError):
                self._rejects.add(name, line, f"{column} is no list", row[column][:TEXT_KEPT])
        return lists


def _told(row: Mapping[str, str]) -> dict[str, object]:
    poster = row.get("poster_path", "").strip()
    return {
        "year": _year(row),
        "kind": "movie",
        "description": row["overview"].strip() or None,
        "artwork": f"https://image.tmdb.org/t/p/w342{poster}" if poster.startswith("/") else None,
    }


def _listed(lists: _Lists) -> dict[str, list[str]]:
    def names(column: str) -> list[str]:
        return [str(entry["name"]) for entry in lists.get(column, [])]

    return {
        "genres": names("genres"),
        "cast": names("cast")[:CAST],
        "directors": [str(member["name"]) for member in lists.get("crew", []) if member.get("job") == "Director"],
        "countries": [_COUNTRIES.get(name, name) for name in names("production_countries")],
        "keywords": names("keywords"),
    }


def _year(row: Mapping[str, str]) -> int | None:
    year = row["release_date"].strip()[:4]
    return int(year) if year.isdecimal() else None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
