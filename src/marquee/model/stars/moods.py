"""Moods: how far a viewer's stars were above what was expected around a moment, and how many they gave that day.

Rows close in time were rated in one sitting, in one mood and by one measure. A moment that is not known is below 0;
whatever depends on it is NaN.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from marquee.model.histories import Floats, Histories, Ints

DAY_MS = 86_400_000
NO_MOMENT = -1
ROWS = (1, 4, 16)  # before and after the moment
DAYS = (0, 7, 60)
_SPAN = np.int64(2) ** 43  # more milliseconds than any moment has


@dataclass(frozen=True, eq=False)
class Moods:
    rated: Histories  # rows with stars only
    surprises: Floats  # stars above what is expected, one a row

    def around(self, user: Ints, at: Ints) -> dict[str, Floats]:
        known = at >= 0
        columns = {f"mood_of_{rows}_rows": self._of_rows(user, at, rows)[0] for rows in ROWS}
        for days in DAYS:
            mood, count = self._of_days(user, at, days)
            columns |= {f"mood_of_{days}_days": mood, f"rows_in_{days}_days": count.astype(np.float32)}
        columns |= self._distances(user, at)
        return {name: np.where(known, column, np.nan).astype(np.float32) for name, column in columns.items()}

    def _of_rows(self, user: Ints, at: Ints, rows: int) -> tuple[Floats, Ints]:
        place = np.searchsorted(self._moments, user * _SPAN + at)
        return self._between(user, place - rows, place + rows)

    def _of_days(self, user: Ints, at: Ints, days: int) -> tuple[Floats, Ints]:
        first, after = user * _SPAN + (at // DAY_MS - days) * DAY_MS, user * _SPAN + (at // DAY_MS + days + 1) * DAY_MS
        return self._between(user, np.searchsorted(self._moments, first), np.searchsorted(self._moments, after))

    def _between(self, user: Ints, begin: Ints, end: Ints) -> tuple[Floats, Ints]:
        """The mean surprise of those rows of the viewer, as if one more had been none; and how many they are."""
        begin, end = np.maximum(begin, self.rated.starts[user]), np.minimum(end, self.rated.starts[user + 1])
        count = np.maximum(end - begin, 0)
        total = np.where(count > 0, self._totals[end] - self._totals[np.minimum(begin, end)], 0)
        return (total / (count + 1)).astype(np.float32), count

    def _distances(self, user: Ints, at: Ints) -> dict[str, Floats]:
        """Days from the viewer's rows before and after, and from their first and last."""
        begin, end = self.rated.starts[user], self.rated.starts[user + 1]
        place = np.clip(np.searchsorted(self._moments, user * _SPAN + at), begin, end)
        moments = np.append(self.rated.at, 0).astype(np.float64)
        days = {
            "days_since_last": np.where(place > begin, at - moments[place - 1], np.nan),
            "days_to_next": np.where(place < end, moments[place] - at, np.nan),
            "days_since_first": np.where(end > begin, at - moments[begin], np.nan),
            "days_to_end": np.where(end > begin, moments[end - 1] - at, np.nan),
        }
        return {name: (values / DAY_MS).astype(np.float32) for name, values in days.items()}

    @cached_property
    def _moments(self) -> Ints:
        """Rising: every row's viewer and moment as one number."""
        return self.rated.user * _SPAN + self.rated.at

    @cached_property
    def _totals(self) -> Floats:
        return np.concatenate([[0], np.cumsum(self.surprises, dtype=np.float64)])
