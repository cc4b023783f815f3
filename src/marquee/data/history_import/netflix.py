"""What Netflix hands out: ViewingActivity.csv and Ratings.csv of "download your information", and the short
NetflixViewingHistory.csv of the account page."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise

from marquee.data.history_import.episodes import sought_of
from marquee.data.history_import.history import Deed, ReadRow, Row, Skip, moment_of, name_of, stars_of
from marquee.params import HistoryImportParams

_PREVIEWS = ("_hook_", "_clip_", "_backfill", "clip:", "trailer:", "teaser:")
_DURATION = re.compile(r"(\d+):([0-5]?\d):([0-5]?\d)")
_DATE = re.compile(r"(\d{4}|\d\d?)\s*([/.-])\s*(\d\d?)\s*\2\s*(\d{4}|\d\d?)\.?")
_THUMBS = {1: "disliked", 2: "liked", 3: "liked"}  # down, up, two up

Order = Callable[[int, int, int], datetime]


def viewing_activity(_: Sequence[Row], params: HistoryImportParams) -> ReadRow:
    return partial(_view, params)


def ratings(_: Sequence[Row], __: HistoryImportParams) -> ReadRow:
    return _rating


def viewing_history(rows: Sequence[Row], _: HistoryImportParams) -> ReadRow:
    return partial(_day, _order_of([str(row["Date"]) for row in rows]))


def _view(params: HistoryImportParams, row: Row) -> list[Deed] | Skip:
    name = name_of(row["Title"])
    if row["Supplemental Video Type"].strip() or any(preview in name.lower() for preview in _PREVIEWS):
        return Skip("trailer")
    at, played_s = moment_of(row["Start Time"]), _seconds(row["Duration"])
    if played_s < params.glance_s:
        return Skip(f"played for less than {params.glance_s:g} s")
    sought = sought_of(name)
    reached_s = max(played_s, _seconds(row.get("Bookmark") or "0:00:00"))
    enough_s = params.episode_s if sought.kind == "series" else params.movie_s
    return [Deed(sought, "watch_finished" if reached_s >= enough_s else "watch_started", at)]


def _seconds(duration: str) -> int:
    found = _DURATION.fullmatch(duration.strip())
    if not found:
        raise ValueError("the duration is not hours:minutes:seconds")
    hours, minutes, seconds = map(int, found.groups())
    return (hours * 60 + minutes) * 60 + seconds


def _rating(row: Row) -> list[Deed] | Skip:
    """Stars until 2017, thumbs since; a zero takes a rating back."""
    sought, at = sought_of(name_of(row["Title Name"])), moment_of(row["Event Utc Ts"])
    thumbs, stars = (str(row.get(name) or "").strip() for name in ("Thumbs Value", "Star Value"))
    by_thumb = "thumb" in str(row.get("Rating Type") or "").lower() or not stars
    told = thumbs if by_thumb else stars
    if told in ("", "0", "0.0"):
        return Skip("rating taken back")
    if not by_thumb:
        return [Deed(sought, "rated", at, stars_of(stars, 5))]
    if told not in map(str, _THUMBS):
        raise ValueError("the thumb is neither down (1), up (2) nor twice up (3)")
    return [Deed(sought, _THUMBS[int(told)], at)]


def _day(order: Order, row: Row) -> list[Deed] | Skip:
    return [Deed(sought_of(name_of(row["Title"])), "watch_finished", _date(row["Date"], order))]


def _date(text: str, order: Order) -> datetime:
    """Year first as everywhere, day first with dots and dashes; with slashes it depends on the country."""
    found = _DATE.fullmatch(text.strip())
    try:
        if not found:
            raise ValueError(text)
        first, last = found[1], found[4]
        if len(first) == 4:
            return _year_first(int(first), int(found[3]), int(last))
        year = int(last) if len(last) == 4 else 2000 + int(last)
        return (order if found[2] == "/" else _day_first)(int(first), int(found[3]), year)
    except ValueError:
        raise ValueError("the date is unreadable") from None


def _year_first(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


def _month_first(month: int, day: int, year: int) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


def _day_first(day: int, month: int, year: int) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


def _order_of(dates: Sequence[str]) -> Order:
    """The order in which most dates can be read, and the file runs from new to old as Netflix writes it."""

    def wrongs(order: Order) -> tuple[int, int]:
        days = []
        for text in dates:
            try:
                days.append(_date(text, order))
            except ValueError:
                continue
        return len(dates) - len(days), sum(later < earlier for later, earlier in pairwise(days))

    return min((_month_first, _day_first), key=wrongs)
