"""The exports that can be read, known by their columns and not by their names. A new one is a line in FORMATS."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from marquee.data.history_import import imdb, letterboxd, netflix, trakt
from marquee.data.history_import.files import Sheet, called, read_sheet
from marquee.data.history_import.history import Deed, History, Malformed, ReadRow, Row, Skip
from marquee.errors import SourceError
from marquee.params import HistoryImportParams

PROFILE = "Profile Name"


@dataclass(frozen=True)
class Format:
    name: str
    source: str
    columns: tuple[str, ...]
    reader: Callable[[Sequence[Row], HistoryImportParams], ReadRow]
    assumes: str


_UTC = "times are UTC, as Netflix says"
_SLASHES = "3/4/21 is read month first or day first, whichever keeps the file running from new to old"
_DAYS = "a day is told as its midnight, UTC"
_LETTERBOXD = ("Date", "Name", "Year", "Letterboxd URI")

# Columns that more formats have stand last: the first line that fits is the format.
FORMATS = (
    Format(
        "Netflix viewing activity",
        "netflix_history",
        (PROFILE, "Start Time", "Duration", "Title", "Supplemental Video Type"),
        netflix.viewing_activity,
        _UTC,
    ),
    Format("Netflix ratings", "netflix_history", (PROFILE, "Title Name", "Event Utc Ts"), netflix.ratings, _UTC),
    Format("Letterboxd diary", "letterboxd", (*_LETTERBOXD, "Rating", "Watched Date"), letterboxd.diary, _DAYS),
    Format("Letterboxd ratings", "letterboxd", (*_LETTERBOXD, "Rating"), letterboxd.ratings, _DAYS),
    Format("Letterboxd watched", "letterboxd", _LETTERBOXD, letterboxd.watched, _DAYS),
    Format(
        "IMDb ratings",
        "imdb",
        ("Const", "Your Rating", "Date Rated", "Title", "Title Type", "Year"),
        imdb.ratings,
        _DAYS,
    ),
    Format("Netflix viewing history", "netflix_history", ("Title", "Date"), netflix.viewing_history, _SLASHES),
)
TRAKT = Format("Trakt", "trakt", (), trakt.entries, "times are as Trakt tells them, UTC")


def read_history(file: Path | bytes, params: HistoryImportParams, profile: str | None = None) -> History:
    """Reads any known export; one with several profiles needs the name of one. SourceError for anything else."""
    if isinstance(file, Path) and file.stem.lower().startswith("watchlist"):
        # It has the columns of watched.csv, so nothing but its name says that nothing in it was watched.
        raise SourceError(f"{file}: a watchlist tells what is still to be watched; import watched.csv or diary.csv")
    sheet = read_sheet(file, params.size_limit_bytes)
    form = _format_of(sheet, called(file))
    chosen = _chosen(sheet, profile, called(file))
    others = Counter({"another profile": len(sheet.rows) - len(chosen)})
    return _read(sheet, chosen, form, form.reader(list(chosen.values()), params), others)


def _read(sheet: Sheet, chosen: Mapping[int, Row], form: Format, read_row: ReadRow, others: Counter[str]) -> History:
    deeds: dict[int, list[Deed]] = {}
    skipped, malformed = others.copy(), list(sheet.malformed)
    for line, row in chosen.items():
        try:
            answer = read_row(row)
        except ValueError as error:
            malformed.append(Malformed(line, str(error), sheet.texts[line]))
            continue
        if isinstance(answer, Skip):
            skipped[answer.reason] += 1
        else:
            deeds[line] = answer
    in_order = tuple(sorted(malformed, key=lambda row: row.line))
    return History(form.name, form.source, form.assumes, deeds, +skipped, in_order)


def _format_of(sheet: Sheet, name: str) -> Format:
    if sheet.columns is None:
        timed = any(time in row for row in sheet.rows.values() for time in trakt.TIMES)
        if timed or not (sheet.rows or sheet.malformed):
            return TRAKT
        found = "entries with " + ", ".join(sorted({key for row in sheet.rows.values() for key in row}))
    else:
        columns = set(sheet.columns)
        if form := next((form for form in FORMATS if columns.issuperset(form.columns)), None):
            return form
        found = "columns " + ", ".join(sheet.columns)
    known = "; ".join(f"{form.name} ({', '.join(form.columns)})" for form in FORMATS)
    raise SourceError(
        f"{name}: no history that is known, it has {found}; known are {known}; "
        f"Trakt (a JSON list of entries with one of {', '.join(trakt.TIMES)})"
    )


def _chosen(sheet: Sheet, profile: str | None, name: str) -> Mapping[int, Row]:
    """The rows of one profile; all of them where the format knows none."""
    if sheet.columns is None or PROFILE not in sheet.columns:
        return sheet.rows
    profiles = list(dict.fromkeys(row[PROFILE].strip() for row in sheet.rows.values()))
    wanted = profiles[0] if profile is None and len(profiles) == 1 else (profile or "").strip()
    if profiles and wanted not in profiles:
        raise SourceError(f"{name}: whose history? Choose one of its profiles: {', '.join(profiles)}")
    return {line: row for line, row in sheet.rows.items() if row[PROFILE].strip() == wanted}
