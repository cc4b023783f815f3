"""Works: what was made - a single movie, a movie with its sequels, or a series of seasons - and what it is called.

A work becomes one title a part. A new way to number parts is one line in NUMBERINGS.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from marquee.data.demo_world.people import Troupe, choose_troupe
from marquee.data.demo_world.words import Dice, Words, fill, word_lists

LAST_YEAR = 2005
_ROMAN = ("I", "II", "III", "IV", "V")
_SERIES_SHARE, _SEQUEL_SHARE, _REMAKE_SHARE = 0.06, 0.05, 0.06
# A third of the titles are of the last six years, as on the Prize's shelves.
_DECADES = ((1915, 1950, 0.06), (1950, 1970, 0.09), (1970, 1985, 0.14), (1985, 1996, 0.26), (1996, 2006, 0.45))


@dataclass(frozen=True)
class Work:
    name: str
    kind: str
    genres: tuple[str, ...]
    troupe: int
    years: tuple[int, ...]  # one a part
    names: tuple[str, ...]  # one a part


NUMBERINGS: Mapping[str, Callable[[str, int, Sequence[str]], str]] = {
    "season": lambda name, part, _: f"{name}: Season {part}",
    "series": lambda name, part, _: f"{name}: Series {part}",
    "volume": lambda name, part, _: f"{name}: Vol. {part}",
    "number": lambda name, part, _: name if part == 1 else f"{name} {part}",
    "roman": lambda name, part, _: name if part == 1 else f"{name} {_ROMAN[part - 1]}",
    "subtitle": lambda name, part, subtitles: name if part == 1 else f"{name}: {subtitles[part - 2]}",
}


class Workshop:
    """Makes works one after another; no two of them share name and year."""

    def __init__(self, words: Words, troupes: Sequence[Troupe], dice: Dice) -> None:
        self._words, self._troupes, self._dice = words, troupes, dice
        self._years_of: dict[str, int] = {}
        self._singles: list[str] = []

    def make(self, at_most: int) -> Work:
        """A work of at most that many parts."""
        kind, parts = self._extent(at_most)
        genres = self._genres(kind)
        first = self._first_year(kind)
        troupe = choose_troupe(self._troupes, genres, first, self._dice)
        if parts == 1 and kind == "movie" and (name := self._remade(first)):
            return Work(name, kind, genres, troupe, (first,), (name,))
        name = self.name(genres[0], self._troupes[troupe])
        self._years_of[name] = first
        years = self._years(first, kind, parts)
        if len(years) == 1 and kind == "movie":
            self._singles.append(name)
        return Work(name, kind, genres, troupe, years, self._part_names(name, kind, len(years)))

    def name(self, genre: str, troupe: Troupe) -> str:
        """A name that no work has yet."""
        lists = word_lists(self._words, self._words.genres[genre], self._words.cultures[troupe.culture])
        name = fill(self._dice.pick(lists["names"]), lists, self._dice)
        while name in self._years_of:
            ending = "" if self._dice.chance(0.9) else f" {self._dice.pick(('in', 'of', 'and', 'from'))} {{place}}"
            name = fill(self._dice.pick(lists["names"]) + ending, lists, self._dice)
        return name

    def _extent(self, at_most: int) -> tuple[str, int]:
        throw = float(self._dice.rng.random())
        if throw < _SERIES_SHARE:
            return "series", min(at_most, 1 + int(self._dice.rng.geometric(0.32)))
        if throw < _SERIES_SHARE + _SEQUEL_SHARE:
            return "movie", min(at_most, 2 + int(3 * self._dice.rng.random() ** 2))
        return "movie", 1

    def _genres(self, kind: str) -> tuple[str, ...]:
        able = {name: g.share for name, g in self._words.genres.items() if kind == "movie" or g.show}
        drawn = [
            self._dice.weighted(list(able), list(able.values())) for _ in range(1 + int(3 * self._dice.rng.random()))
        ]
        return tuple(dict.fromkeys(drawn))

    def _first_year(self, kind: str) -> int:
        decades = _DECADES if kind == "movie" else _DECADES[2:]
        begin, end, _ = self._dice.weighted(decades, [share for *_, share in decades])
        return begin + int((end - begin) * self._dice.rng.random())

    def _years(self, first: int, kind: str, parts: int) -> tuple[int, ...]:
        pause = 1 if kind == "series" else 2 + int(2 * self._dice.rng.random())
        return tuple(year for year in range(first, first + pause * parts, pause) if year <= LAST_YEAR)

    def _part_names(self, name: str, kind: str, parts: int) -> tuple[str, ...]:
        if parts == 1:
            return (name,)
        ways = (
            ("season", "season", "season", "series", "volume") if kind == "series" else ("number", "roman", "subtitle")
        )
        numbered = NUMBERINGS[self._dice.pick(ways)]
        first = int(self._dice.rng.random() * len(self._words.subtitles))
        subtitles = (*self._words.subtitles[first:], *self._words.subtitles[:first])
        return tuple(numbered(name, part, subtitles) for part in range(1, parts + 1))

    def _remade(self, year: int) -> str | None:
        """The name of an old movie that this year's would remake."""
        if not self._singles or not self._dice.chance(_REMAKE_SHARE):
            return None
        name = self._dice.pick(self._singles)
        if self._years_of[name] > year - 12:
            return None
        self._singles.remove(name)  # remade once
        return name
