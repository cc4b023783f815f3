"""The titles of the demo world: every part of every work, with cast, description and colours, in the order of ids.

What a title looks like to a person is here; what it is to a taste is in tastes.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from marquee.data.demo_world.people import Credits, Troupe, credit_works, found_troupes
from marquee.data.demo_world.words import Culture, Dice, Genre, Words, fill, word_lists
from marquee.data.demo_world.works import Work, Workshop

FIRST_DAY, LAST_DAY = date(1999, 11, 11), date(2005, 12, 31)
DAYS = (LAST_DAY - FIRST_DAY).days
_YEARLESS = 7 / 17_770  # as many years are NULL in the Prize
_LAST_ARRIVAL = DAYS - 45  # so that every title can still be rated


@dataclass(frozen=True)
class Title:
    name: str
    year: int
    year_known: bool
    kind: str
    genres: tuple[str, ...]
    troupe: int
    work: int
    work_name: str
    part: int  # of its work, from 1
    arrival: int  # day on which it came into the catalogue, from FIRST_DAY
    mood: tuple[float, ...]
    cast: tuple[str, ...]
    directors: tuple[str, ...]
    country: str
    maturity: str
    description: str
    keywords: tuple[str, ...]
    artwork: str


@dataclass(frozen=True)
class Catalogue:
    words: Words
    titles: Sequence[Title]  # the title at place p has the id p + 1
    unseen: Sequence[Title]  # never in this catalogue: only the metadata knows them


def invent(count: int, rng: np.random.Generator) -> Catalogue:
    """So many titles, and a few works that the catalogue lacks."""
    words, dice = Words.read(), Dice(rng)
    troupes = found_troupes(words, dice)
    workshop = Workshop(words, troupes, dice)
    works = _made(workshop, count) + [workshop.make(1) for _ in range(1 + count // 12)]
    credited = credit_works([w.years[0] for w in works], [w.troupe for w in works], troupes, words, dice)
    yearless = set(rng.choice(count, size=max(1, round(count * _YEARLESS)), replace=False).tolist())
    titles: list[Title] = []
    for number, (work, credit) in enumerate(zip(works, credited, strict=True)):
        writer = _Writer(words, troupes[work.troupe], work, credit, dice)
        titles += writer.titles(number, [len(titles) + part not in yearless for part in range(len(work.names))])
    order = rng.permutation(count)  # so that the parts of a work do not stand side by side
    return Catalogue(words, [titles[place] for place in order], titles[count:])


def _made(workshop: Workshop, titles: int) -> list[Work]:
    works: list[Work] = []
    while titles:
        works.append(workshop.make(titles))
        titles -= len(works[-1].names)
    return works


class _Writer:
    """Writes the titles of one work."""

    def __init__(self, words: Words, troupe: Troupe, work: Work, credit: Credits, dice: Dice) -> None:
        self._words, self._work, self._credit, self._dice = words, work, credit, dice
        self._genre: Genre = words.genres[work.genres[0]]
        self._culture: Culture = words.cultures[troupe.culture]
        self._lists = word_lists(words, self._genre, self._culture) | {
            "star": credit.cast[:1],
            "second": credit.cast[1:2] or credit.directors[:1],
        }

    def titles(self, number: int, years_known: Sequence[bool]) -> list[Title]:
        work, mood = self._work, self._dice.rng.normal(size=len(self._words.moods))
        arrivals = np.maximum.accumulate([self._arrival(year) for year in work.years]).tolist()
        shared: dict[str, Any] = {
            "kind": work.kind,
            "genres": work.genres,
            "troupe": work.troupe,
            "work": number,
            "work_name": work.name,
            "mood": tuple(mood.tolist()),
            "cast": self._credit.cast,
            "directors": self._credit.directors,
            "country": self._dice.pick(self._culture.countries),
            "maturity": self._maturity(),
            "artwork": self._artwork(),
        }
        parts = zip(work.names, work.years, years_known, arrivals, strict=True)
        return [
            Title(
                name=name,
                year=year,
                year_known=known,
                part=part,
                arrival=arrival,
                description=self._description(part),
                keywords=self._keywords(mood),
                **shared,
            )
            for part, (name, year, known, arrival) in enumerate(parts, start=1)
        ]

    def _arrival(self, year: int) -> int:
        """Old titles are there from the start or come one by one; new ones some months after their year began."""
        throw = float(self._dice.rng.random())
        if year <= FIRST_DAY.year:
            return 0 if throw < 0.45 else int((throw - 0.45) / 0.55 * 0.8 * DAYS)
        begin = (date(year, 1, 1) - FIRST_DAY).days
        return min(begin + 60 + int(400 * throw), _LAST_ARRIVAL - int(60 * throw))

    def _maturity(self) -> str:
        is_series = self._work.kind == "series"
        fitting = [mark for mark in self._genre.maturity if mark.startswith("TV") == is_series]
        return self._dice.pick(fitting or self._genre.maturity)

    def _artwork(self) -> str:
        return f"{self._shade(self._genre.dark)} {self._shade(self._genre.accent)}"

    def _shade(self, colours: Sequence[str]) -> str:
        colour = bytes.fromhex(self._dice.pick(colours)[1:])
        shifted = np.clip(np.frombuffer(colour, np.uint8) + self._dice.rng.integers(-9, 10, size=3), 0, 255)
        return "#" + bytes(shifted.tolist()).hex()

    def _description(self, part: int) -> str:
        story = fill(self._dice.pick(self._genre.stories), self._lists, self._dice)
        if part > 1:
            return f"The story of {self._work.name} goes on. {story}"
        return f"{story} {self._dice.pick(self._words.closings)}" if self._dice.chance(0.4) else story

    def _keywords(self, mood: np.ndarray) -> tuple[str, ...]:
        """Words of the genre, and half the time the mood that is strongest."""
        words = [self._dice.pick(self._genre.keywords) for _ in range(3)]
        strongest = int(np.abs(mood).argmax())
        if self._dice.chance(0.5):
            words.append(self._words.moods[strongest][int(mood[strongest] > 0)])
        return tuple(dict.fromkeys(words))
