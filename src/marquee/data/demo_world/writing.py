"""The Prize's own files: movie_titles.csv, combined_data_1.txt and so on, probe.txt and qualifying.txt.

Lines are put together as matrices of bytes, a title at a time: 100 million of them are no work for Python's strings.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marquee.data.demo_world.catalogue import DAYS, FIRST_DAY, Title
from marquee.data.demo_world.tastes import Ints
from marquee.data.demo_world.watches import Fate, Watches
from marquee.progress import progress

_RATINGS_A_FILE = 26_000_000

Bytes = NDArray[np.uint8]


def write_titles(path: Path, titles: Sequence[Title]) -> None:
    lines = (
        f"{number},{title.year if title.year_known else 'NULL'},{title.name}\n"
        for number, title in enumerate(titles, start=1)
    )
    path.write_text("".join(lines), encoding="latin-1", newline="\n")


class RatingsWriter:
    """Writes watches, sorted, as blocks of a title each."""

    def __init__(self, watches: Watches, stars: Ints, user_ids: Ints) -> None:
        self._watches, self._stars = watches, stars
        dates = [(FIRST_DAY + timedelta(days=day)).isoformat() for day in range(DAYS + 1)]
        self._users = _as_bytes([str(user_id) for user_id in user_ids.tolist()])
        self._dates = _as_bytes([f",{date}\n" for date in dates])
        self._stars_and_dates = _as_bytes([f",{star},{date}\n" for date in dates for star in range(1, 6)])

    def write_training(self, folder: Path, titles: int) -> None:
        """combined_data_1.txt, and more where the ratings are too many for one file."""
        ends = np.searchsorted(self._watches.packed, np.arange(titles, dtype=np.uint64) << np.uint64(48))
        files = 1 + (len(self._watches) - 1) // _RATINGS_A_FILE
        first_titles = np.searchsorted(ends, np.arange(files) * len(self._watches) / files).tolist()
        with progress("writing ratings", len(self._watches)) as advance:
            for number, (first, end) in enumerate(pairwise([*first_titles, titles]), start=1):
                blocks = self._blocks(self._watches, range(first, end), self._training_lines, advance)
                _write(folder / f"combined_data_{number}.txt", blocks)

    def write_probe(self, path: Path) -> int:
        probe = self._watches.with_fate(Fate.PROBE)
        _write(path, self._blocks(probe, np.unique(probe.title).tolist(), self._user_lines))
        return len(probe)

    def write_qualifying(self, path: Path) -> Watches:
        """The file; and what it asks for."""
        withheld = self._watches.with_fate(Fate.WITHHELD)
        _write(path, self._blocks(withheld, np.unique(withheld.title).tolist(), self._user_and_date_lines))
        return withheld

    def _blocks(
        self,
        watches: Watches,
        places: Iterable[int],
        lines: Callable[[Watches], bytes],
        advance: Callable[[float], None] = lambda _: None,
    ) -> Iterable[bytes]:
        for place in places:
            of_title = watches.of_title(place)
            advance(len(of_title))
            if text := lines(of_title):
                yield b"%d:\n" % (place + 1) + text

    def _training_lines(self, watches: Watches) -> bytes:
        known = watches[watches.fate != Fate.WITHHELD]
        tails = self._stars_and_dates[5 * known.day + self._stars[known.liking] - 1]
        return _text(np.hstack([self._users[known.viewer], tails]))

    def _user_lines(self, watches: Watches) -> bytes:
        users = self._users[watches.viewer]
        return _text(np.hstack([users, np.full((len(users), 1), ord("\n"), dtype=np.uint8)]))

    def _user_and_date_lines(self, watches: Watches) -> bytes:
        return _text(np.hstack([self._users[watches.viewer], self._dates[watches.day]]))


def _as_bytes(texts: Sequence[str]) -> Bytes:
    """A row of bytes a text, filled up with zeros."""
    rows = np.array(texts, dtype=np.bytes_)
    return rows.view(np.uint8).reshape(len(texts), -1)


def _text(rows: Bytes) -> bytes:
    return bytes(rows[rows != 0].tobytes())


def _write(path: Path, blocks: Iterable[bytes]) -> None:
    with path.open("wb") as file:
        file.writelines(blocks)
