"""What Letterboxd hands out: watched.csv, ratings.csv and diary.csv (reviews.csv is a diary with words)."""

from collections.abc import Sequence

from marquee.data.history_import.history import Deed, ReadRow, Row, Skip, Sought, moment_of, name_of, stars_of, year_of
from marquee.params import HistoryImportParams


def watched(_: Sequence[Row], __: HistoryImportParams) -> ReadRow:
    return lambda row: [_watched(row, row["Date"])]


def ratings(_: Sequence[Row], __: HistoryImportParams) -> ReadRow:
    return lambda row: [_rated(row)] if row["Rating"].strip() else Skip("no rating")


def diary(_: Sequence[Row], __: HistoryImportParams) -> ReadRow:
    return _entry


def _entry(row: Row) -> list[Deed] | Skip:
    watched = _watched(row, row["Watched Date"].strip() or row["Date"])
    return [watched, _rated(row)] if row["Rating"].strip() else [watched]


def _watched(row: Row, day: str) -> Deed:
    again = row.get("Rewatch", "").strip().lower() == "yes"
    return Deed(_sought(row), "rewatched" if again else "watch_finished", moment_of(day))


def _rated(row: Row) -> Deed:
    return Deed(_sought(row), "rated", moment_of(row["Date"]), stars_of(row["Rating"], 5))


def _sought(row: Row) -> Sought:
    return Sought(name_of(row["Name"]), year_of(row["Year"]))
