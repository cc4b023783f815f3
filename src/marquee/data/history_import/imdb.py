"""What IMDb hands out: the ratings of a viewer as csv, and lists in the same columns."""

from collections.abc import Sequence
from datetime import UTC, datetime

from marquee.data.history_import.history import Deed, ReadRow, Row, Skip, Sought, moment_of, name_of, stars_of, year_of
from marquee.params import HistoryImportParams

# Spelt in many ways over the years: "TV Mini Series", "tvMiniSeries", "TV Mini-Series".
KINDS = {
    **dict.fromkeys(
        ("movie", "featurefilm", "tvmovie", "video", "short", "tvshort", "documentary", "tvspecial"), "movie"
    ),
    **dict.fromkeys(("tvseries", "tvminiseries"), "series"),
}


def ratings(_: Sequence[Row], __: HistoryImportParams) -> ReadRow:
    return _rating


def _rating(row: Row) -> list[Deed] | Skip:
    told = row["Title Type"].strip()
    kind = KINDS.get("".join(letter for letter in told.lower() if letter.isalpha()))
    if told and not kind:
        return Skip(f"is a {told}")
    if not row["Your Rating"].strip():
        return Skip("no rating")
    name, original = name_of(row["Title"]), row.get("Original Title", "").strip()
    sought = Sought(name, year_of(row["Year"]), kind, also=name_of(original) if original not in ("", name) else None)
    return [Deed(sought, "rated", _date(row["Date Rated"].strip()), stars_of(row["Your Rating"], 10))]


def _date(text: str) -> datetime:
    """ISO, or as exports until 2016 wrote it: "Thu Aug 16 00:00:00 2012"."""
    try:
        return datetime.strptime(text, "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
    except ValueError:
        return moment_of(text)
