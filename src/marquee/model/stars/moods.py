"""Moods: how far a viewer's stars were above what was expected around a moment, and how many they gave that day.

Rows close in time were rated in one sitting, in one mood and by one measure. A moment that is not known is below 0;
whatever depends on it is NaN.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from marquee.model.compiled import compiled
from marquee.model.histories import Floats, Histories, Ints

DAY_MS = 86_400_000
NO_MOMENT = -1

Totals = NDArray[np.float64]


class Mood(NamedTuple):
    """Of one moment. Days are those from the viewer's rows before and after it, and from their first and last."""

    mood_of_1_rows: float
    mood_of_4_rows: float
    mood_of_16_rows: float
    mood_of_0_days: float
    rows_in_0_days: float
    mood_of_7_days: float
    rows_in_7_days: float
    mood_of_60_days: float
    rows_in_60_days: float
    days_since_last: float
    days_to_next: float
    days_since_first: float
    days_to_end: float


@dataclass(frozen=True, eq=False)
class Moods:
    rated: Histories  # rows with stars only
    surprises: Floats  # stars above what is expected, one a row

    def around(self, user: Ints, at: Ints) -> dict[str, Floats]:
        table = np.full((len(Mood._fields), len(user)), np.nan, np.float32)
        totals = np.append(0, np.cumsum(self.surprises, dtype=np.float64))
        _look_around(self.rated.starts, self.rated.at, totals, user, at, table)
        return dict(zip(Mood._fields, table, strict=True))


@compiled
def _look_around(starts: Ints, rated_at: Ints, totals: Totals, user: Ints, at: Ints, table: Floats) -> None:  # noqa: PLR0913, PLR0917
    for pair in range(len(user)):
        if at[pair] >= 0:
            begin, end = starts[user[pair]], starts[user[pair] + 1]
            mood = _mood(rated_at[begin:end], totals[begin : end + 1], at[pair])
            for column, value in enumerate(mood):
                table[column, pair] = value


@compiled
def _mood(rated_at: Ints, totals: Totals, at: int) -> Mood:
    place, rows = _place(rated_at, at), len(rated_at)
    day, week, season = _within(rated_at, at, 0), _within(rated_at, at, 7), _within(rated_at, at, 60)
    return Mood(
        mood_of_1_rows=_mean(totals, place - 1, place + 1),
        mood_of_4_rows=_mean(totals, place - 4, place + 4),
        mood_of_16_rows=_mean(totals, place - 16, place + 16),
        mood_of_0_days=_mean(totals, *day),
        rows_in_0_days=np.float64(day[1] - day[0]),
        mood_of_7_days=_mean(totals, *week),
        rows_in_7_days=np.float64(week[1] - week[0]),
        mood_of_60_days=_mean(totals, *season),
        rows_in_60_days=np.float64(season[1] - season[0]),
        days_since_last=(at - rated_at[place - 1]) / DAY_MS if place > 0 else np.nan,
        days_to_next=(rated_at[place] - at) / DAY_MS if place < rows else np.nan,
        days_since_first=(at - rated_at[0]) / DAY_MS if rows else np.nan,
        days_to_end=(rated_at[rows - 1] - at) / DAY_MS if rows else np.nan,
    )


@compiled
def _within(rated_at: Ints, at: int, days: int) -> tuple[int, int]:
    """The rows of so many days before and after the moment's own."""
    first, end = at // DAY_MS - days, at // DAY_MS + days + 1
    return _place(rated_at, first * DAY_MS), _place(rated_at, end * DAY_MS)


@compiled
def _place(rated_at: Ints, at: int) -> int:
    return int(np.searchsorted(rated_at, at))


@compiled
def _mean(totals: Totals, begin: int, end: int) -> float:
    """The mean surprise of those rows, as if one more had been none."""
    begin, end = max(begin, 0), min(end, len(totals) - 1)
    return float((totals[end] - totals[begin]) / (end - begin + 1))
